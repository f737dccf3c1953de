/* yado task: long work, now and before. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/columns.h"
#include "cli/messages/shared.h"
#include "cli/messages/task.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/resource.h"

enum { LIMIT_DEFAULT = 30 };
enum { WAIT_STEP_S = 20 }; /* below the timeout of a request, and the 60 s that the API waits at most */

static const Column columns[] = {
	{.path = "id", .heading = TEXT(m_col_id)},
	{.path = "kind", .heading = TEXT(m_col_kind)},
	{.path = "object", .heading = TEXT(m_col_object)},
	{.path = "state", .heading = TEXT(m_col_state)},
	{.path = "user", .heading = TEXT(m_col_user)},
	{.path = "created", .heading = TEXT(m_col_created)},
	{.path = "step", .heading = TEXT(m_col_step), .if_any = TRUE, .may_cut = TRUE},
	{0}};

static const Option list_options[] = {
	{"object", 0, "PATH", NULL, COMPLETE_NOTHING, TEXT(m_opt_object)},
	{"state", 0, "STATE", NULL, COMPLETE_NOTHING, TEXT(m_opt_task_state)},
	OPTION_FILTER,
	{"limit", 'n', "N", NULL, COMPLETE_NOTHING, TEXT(m_opt_limit)},
	{"ids-only", 'q', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_ids_only)},
	{0}};

static Exit list_exec(Cli *cli, Arguments *arguments)
{
	g_autofree char *object = g_uri_escape_string(arguments_get(arguments, "object", ""), NULL, FALSE);
	g_autofree char *state = g_uri_escape_string(arguments_get(arguments, "state", ""), NULL, FALSE);
	g_autofree char *path = g_strconcat("/tasks?", *object ? "object=" : "", object, *object && *state ? "&" : "",
		*state ? "state=" : "", state, NULL);
	if (g_str_has_suffix(path, "?"))
		path[strlen(path) - 1] = 0;
	gint64 limit = LIMIT_DEFAULT;
	if (!arguments_number(arguments, "limit", 1, 1000, &limit))
		return EXIT_USAGE;
	Exit code = EXIT_DONE;
	g_autofree char *limited = g_strdup_printf("%s%slimit=%d", path, strchr(path, '?') ? "&" : "?", (int)limit);
	g_autofree char *filtered = ask_filtered(limited, arguments_get(arguments, "filter", NULL));
	g_autoptr(Reply) reply = ask(cli, "GET", filtered, NULL, &code);
	if (!reply)
		return code;
	json_object *list = reply->body;
	if (arguments_has(arguments, "ids-only")) {
		output_ids(list, "id");
		return EXIT_DONE;
	}
	return output_list(cli, list, &task_table, columns, T(m_task_none));
}

/* "/tasks/12" + suffix; NULL after printing when it is no number. */
static char *task_path(const Arguments *arguments, guint index, const char *suffix)
{
	gint64 id;
	const char *word = arguments_word(arguments, index);
	if (!g_ascii_string_to_signed(word, 10, 1, G_MAXINT64, &id, NULL)) {
		usage_error(T(m_task_number_hint), T(m_task_number), word);
		return NULL;
	}
	return ask_path("/tasks/", word, suffix);
}

static Exit show_exec(Cli *cli, Arguments *arguments)
{
	g_autofree char *path = task_path(arguments, 0, NULL);
	Exit code = EXIT_USAGE;
	g_autoptr(Reply) reply = path ? ask(cli, "GET", path, NULL, &code) : NULL;
	return reply ? resource_print(cli, reply->body, &task_table) : code;
}

static void print_log_line(json_object *line)
{
	g_autofree char *at = format_time(json_get_str(line, "at", NULL));
	g_autofree char *text = format_safe(json_get_str(line, "text", ""));
	printf("%s%s%s  %s\n", style_on(stdout, STYLE_DIM), at, style_off(stdout), text);
}

typedef struct LogReader {
	Cli *cli;
	char *path;
	gint64 next; /* index of the first line that was not printed */
	Exit code;
	Cli second; /* a connection of its own: the first one is busy with the stream */
} LogReader;

static void print_page(json_object *page, gpointer data)
{
	const LogReader *reader = data;
	json_object *lines = json_get(page, "lines");
	gsize count = json_get_count(lines);
	if (reader->cli->json && (count > 0 || reader->next == 0))
		output_json(page);
	for (gsize i = 0; !reader->cli->json && i < count; i++)
		print_log_line(json_object_array_get_idx(lines, i));
	fflush(stdout);
}

/* Prints what is new; in JSON, the body of the last answer. */
static gboolean print_new_lines(LogReader *reader, Cli *cli)
{
	return progress_read_log(cli, reader->path, &reader->next, print_page, reader, &reader->code) &&
	       !ferror(stdout);
}

/* An event only says that there is something: the lines are read by number, so that none is missed or seen twice. */
static gboolean on_event(json_object *event, gpointer data)
{
	LogReader *reader = data;
	json_object *task = json_get(event, "task");
	return print_new_lines(reader, &reader->second) && !(task && progress_has_ended(task));
}

static const Option log_options[] = {
	{"follow", 'f', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_follow)},
	{0}};

static Exit log_exec(Cli *cli, Arguments *arguments)
{
	g_autofree char *path = task_path(arguments, 0, "/log");
	if (!path)
		return EXIT_USAGE;
	LogReader reader = {.cli = cli, .path = path, .second = *cli};
	reader.second.client = NULL;
	if (!print_new_lines(&reader, cli) || !arguments_has(arguments, "follow"))
		return reader.code;
	g_autoptr(GError) error = NULL;
	g_autofree char *stream = ask_path("/api/v1/tasks/", arguments_word(arguments, 0), "/follow");
	if (!client_follow(cli->client, stream, on_event, &reader, &error) && reader.code == EXIT_DONE)
		reader.code = report(error);
	if (reader.code == EXIT_DONE)
		print_new_lines(&reader, &reader.second);
	client_free(reader.second.client);
	return reader.code;
}

static const Option wait_options[] = {
	{"timeout", 0, "SECONDS", NULL, COMPLETE_NOTHING, TEXT(m_opt_wait_timeout)},
	{0}};

/* Until the task has ended or the time is over. */
static Exit wait_until(Cli *cli, const char *path, gint64 deadline_us)
{
	for (;;) {
		gint64 left_s = (deadline_us - g_get_monotonic_time() + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC;
		g_autofree char *wait = g_strdup_printf("%s?timeout=%d", path, (int)CLAMP(left_s, 0, WAIT_STEP_S));
		Exit code = EXIT_DONE;
		g_autoptr(Reply) reply = ask(cli, "GET", wait, NULL, &code);
		if (!reply)
			return code;
		if (progress_has_ended(reply->body)) {
			if (cli->json)
				output_json(reply->body);
			return progress_outcome(cli, reply->body);
		}
		if (g_get_monotonic_time() >= deadline_us) {
			fprintf(stderr, T(m_task_still_runs), json_get_int(reply->body, "id", 0));
			return EXIT_TIMED_OUT;
		}
	}
}

static Exit wait_exec(Cli *cli, Arguments *arguments)
{
	gint64 timeout = 0;
	if (!arguments_number(arguments, "timeout", 0, 31536000, &timeout))
		return EXIT_USAGE;
	gint64 deadline = g_get_monotonic_time() + timeout * G_USEC_PER_SEC;
	Exit worst = EXIT_DONE;
	for (guint i = 0; i < arguments->words->len; i++) {
		g_autofree char *path = task_path(arguments, i, "/wait");
		if (!path)
			return EXIT_USAGE;
		Exit code;
		if (arguments_has(arguments, "timeout")) {
			code = wait_until(cli, path, deadline);
		} else {
			json_auto json_object *task = NULL;
			code = progress_follow(cli, g_ascii_strtoll(arguments_word(arguments, i), NULL, 10), &task);
			if (cli->json && task)
				output_json(task);
		}
		if (worst == EXIT_DONE)
			worst = code;
	}
	return worst;
}

static Exit cancel_exec(Cli *cli, Arguments *arguments)
{
	Exit worst = EXIT_DONE;
	for (guint i = 0; i < arguments->words->len; i++) {
		g_autofree char *path = task_path(arguments, i, "/cancel");
		if (!path)
			return EXIT_USAGE;
		Exit code = EXIT_DONE;
		g_autoptr(Reply) reply = ask(cli, "POST", path, NULL, &code);
		if (reply && cli->json && reply->body)
			output_json(reply->body);
		else if (reply && !cli->quiet)
			printf(T(m_task_cancel_asked), arguments_word(arguments, i));
		if (worst == EXIT_DONE)
			worst = code;
	}
	return worst;
}

#define MANY .usage = "N…", .min_words = 1, .max_words = G_MAXUINT, .complete = COMPLETE_TASK

const Command task_commands[] = {
	{.name = "list", .alias = "ls", .help = TEXT(m_task_list_help), .options = list_options, .exec = list_exec},
	{.name = "show", .usage = "N", .help = TEXT(m_task_show_help), .min_words = 1, .max_words = 1,
	 .complete = COMPLETE_TASK, .exec = show_exec},
	{.name = "log", .usage = "N", .help = TEXT(m_task_log_help), .min_words = 1, .max_words = 1,
	 .complete = COMPLETE_TASK, .options = log_options, .exec = log_exec},
	{.name = "wait", MANY, .help = TEXT(m_task_wait_help), .options = wait_options, .exec = wait_exec},
	{.name = "cancel", MANY, .help = TEXT(m_task_cancel_help), .exec = cancel_exec},
	{0}};
