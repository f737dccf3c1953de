/* yado doctor: what is wrong or missing on a host. Asked of the daemon, or, when it does not answer on this host, found
 * out by yado-doctor at once: that is when one needs a doctor. */
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/process.h"
#include "cli/ask.h"
#include "cli/connection.h"
#include "cli/doctor.h"
#include "cli/format.h"
#include "cli/messages/doctor.h"
#include "cli/output.h"
#include "cli/relay.h"
#include "cli/wrap.h"

enum { LOOK_MS = 60000, REACH_MS = 10000 };

/* From what needs nothing to what needs something most: the last is what one sees first. */
static const struct {
	const char *name;
	Text shown;
	Style style;
} states[] = {
	{"ok", TEXT(m_state_ok), STYLE_GREEN},		 {"note", TEXT(m_state_note), STYLE_CYAN},
	{"unknown", TEXT(m_state_unknown), STYLE_DIM},	 {"warning", TEXT(m_state_warning), STYLE_YELLOW},
	{"problem", TEXT(m_state_problem), STYLE_RED},
};

const Option doctor_options[] = {
	{"only", 0, "A,B", NULL, COMPLETE_NOTHING, TEXT(m_opt_only)},
	{0}};

/* In the language of this call. */
static const char *text_in(json_object *finding, const char *name)
{
	g_autofree char *name_ja = g_strconcat(name, "_ja", NULL);
	return json_get_str(finding, speak_japanese ? name_ja : name, "");
}

typedef struct Widths {
	guint state, title, screen;
} Widths;

static Widths measure(json_object *checks)
{
	Widths widths = {.screen = isatty(STDOUT_FILENO) ? terminal_width() : 0};
	for (gsize i = 0; i < G_N_ELEMENTS(states); i++)
		widths.state = MAX(widths.state, format_width(text_of(states[i].shown)));
	for (gsize i = 0; i < json_object_array_length(checks); i++) {
		g_autofree char *title = format_safe(text_in(json_object_array_get_idx(checks, i), "title"));
		widths.title = MAX(widths.title, format_width(title));
	}
	return widths;
}

static void print_more(const Widths *widths, Text label, const char *text)
{
	guint label_width = MAX(format_width(T(m_doctor_cost)), format_width(T(m_doctor_remedy)));
	guint column = widths->state + 2 + widths->title + 2;
	if (!*text)
		return;
	printf("%*s%s", (int)column, "", style_on(stdout, STYLE_DIM));
	format_pad(stdout, text_of(label), label_width);
	printf("%s  ", style_off(stdout));
	wrap_print(stdout, text, column + label_width + 2, widths->screen);
}

static void print_finding(const Widths *widths, json_object *finding, gsize state)
{
	static const Text cost = TEXT(m_doctor_cost), remedy = TEXT(m_doctor_remedy);
	g_autofree char *title = format_safe(text_in(finding, "title"));
	fputs(style_on(stdout, states[state].style), stdout);
	format_pad(stdout, text_of(states[state].shown), widths->state);
	printf("%s  ", style_off(stdout));
	format_pad(stdout, title, widths->title);
	fputs("  ", stdout);
	wrap_print(stdout, text_in(finding, "found"), widths->state + 2 + widths->title + 2, widths->screen);
	print_more(widths, cost, text_in(finding, "cost"));
	print_more(widths, remedy, text_in(finding, "remedy"));
}

static void print_all(Cli *cli, json_object *result)
{
	json_object *checks = json_get(result, "checks"), *summary = json_get(result, "summary");
	if (!json_object_is_type(checks, json_type_array))
		return;
	Widths widths = measure(checks);
	int counts[G_N_ELEMENTS(states)];
	for (gsize state = 0; state < G_N_ELEMENTS(states); state++) {
		counts[state] = (int)json_get_int(summary, states[state].name, 0);
		for (gsize i = 0; i < json_object_array_length(checks); i++) {
			json_object *finding = json_object_array_get_idx(checks, i);
			if (strcmp(json_get_str(finding, "state", ""), states[state].name) == 0 &&
			    !(cli->quiet && state == 0))
				print_finding(&widths, finding, state);
		}
	}
	if (cli->quiet)
		return;
	printf("\n%s", style_on(stdout, STYLE_BOLD));
	printf(T(m_doctor_summary), counts[0], counts[1], counts[2], counts[3], counts[4]);
	printf("%s\n", style_off(stdout));
}

gboolean doctor_reaches(Cli *cli, GError **error)
{
	Client *client = ask_client(cli, error);
	g_autoptr(Reply) reply =
		client ? client_request(client, "GET", "/api/v1/session", NULL, NULL, NULL, 0, REACH_MS, error) : NULL;
	return reply != NULL;
}

gboolean doctor_stands_in(Cli *cli, const GError *error, char **ret_run)
{
	g_autofree char *socket = connection_socket(cli);
	ErrorCode code = error_code(error);
	if (!socket || (code != ERROR_UNAVAILABLE && code != ERROR_TIMEOUT))
		return FALSE;
	g_autofree char *message = g_strdup_printf(T(m_doctor_local), socket);
	g_autofree char *safe = format_safe(message);
	if (!cli->quiet)
		fprintf(stderr, "yado: %s\n", safe);
	*ret_run = g_path_get_dirname(socket);
	return TRUE;
}

char *doctor_program(GError **error)
{
	g_autoptr(GError) absent = NULL;
	if (geteuid() != 0) {
		error_set(error, ERROR_FORBIDDEN, T(m_doctor_needs_root), "%s", T(m_doctor_not_root));
		return NULL;
	}
	char *program = process_find_program("yado-doctor", &absent);
	if (!program)
		error_set(error, ERROR_NOT_FOUND, T(m_doctor_not_here), "%s", absent->message);
	return program;
}

/* New reference. */
static json_object *look_here(const char *run, const char *only, GError **error)
{
	g_autofree char *program = doctor_program(error);
	g_autofree char *output = NULL;
	const char *const argv[] = {program, "--run", run, only ? "--only" : NULL, only, NULL};
	if (!program || !process_run(argv, LOOK_MS, &output, error))
		return NULL;
	json_object *result = json_parse(output, strlen(g_strchomp(output)), NULL);
	const char *unknown = json_get_str(result, "unknown", NULL);
	if (result && !unknown)
		return result;
	if (unknown)
		error_set(error, ERROR_INVALID, json_get_str(result, "known", NULL), T(m_doctor_unknown_check),
			  unknown);
	else
		error_set(error, ERROR_FAILED, NULL, "%s", T(m_doctor_failed));
	json_clear(&result);
	return NULL;
}

static json_object *ask_daemon(Cli *cli, const char *node, const char *only, GError **error)
{
	g_autofree char *escaped = only ? g_uri_escape_string(only, NULL, FALSE) : NULL;
	g_autofree char *query = escaped ? g_strconcat("/doctor?only=", escaped, NULL) : g_strdup("/doctor");
	g_autofree char *path = ask_path("/nodes/", node ? node : "self", query);
	g_autoptr(Reply) reply =
		doctor_reaches(cli, error) ? ask_quietly(cli, "GET", path, NULL, NULL, 0, error) : NULL;
	return reply ? json_object_get(reply->body) : NULL;
}

Exit doctor_exec(Cli *cli, Arguments *arguments)
{
	const char *only = arguments_get(arguments, "only", NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *run = NULL;
	json_auto json_object *result = ask_daemon(cli, arguments_word(arguments, 0), only, &error);
	if (!result && doctor_stands_in(cli, error, &run)) {
		g_clear_error(&error);
		result = look_here(run, only, &error);
	}
	if (!result)
		return report(error);
	if (cli->json)
		output_json(result);
	else
		print_all(cli, result);
	return json_get_int(json_get(result, "summary"), "problem", 0) > 0 ? EXIT_REFUSED : EXIT_DONE;
}
