/* Asking the daemon, and telling what went wrong. */
#include "cli/ask.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/connection.h"
#include "cli/format.h"
#include "cli/messages/shared.h"
#include "cli/output.h"
#include "cli/progress.h"

static Exit exit_of(const GError *error)
{
	switch (error_code(error)) {
	case ERROR_NOT_FOUND:
		return EXIT_MISSING;
	case ERROR_CONFLICT:
	case ERROR_EXISTS:
	case ERROR_STALE:
		return EXIT_CONFLICT;
	case ERROR_UNAVAILABLE:
		return EXIT_UNREACHABLE;
	case ERROR_TIMEOUT:
	case ERROR_CANCELLED:
		return EXIT_TIMED_OUT;
	default:
		return EXIT_REFUSED;
	}
}

/* "disks.disk0.size" is given by --disk, "cpu.cores" by --cpu-cores, "cloud_init.nics.nic0.address" by
 * --cloud-init-nic. */
static char *join_flag(const Table *table, const char *path)
{
	g_auto(GStrv) steps = g_strsplit(path, ".", -1);
	g_autoptr(GString) flag = g_string_new("-"), sofar = g_string_new(NULL);
	for (char **step = steps; *step; step++) {
		g_string_append_printf(sofar, "%s%s", sofar->len ? "." : "", *step);
		const Field *field = schema_find(table, sofar->str);
		gboolean map = field && field->type == FIELD_MAP;
		g_string_append_printf(flag, "-%s", map ? field->singular : *step);
		if (map)
			break;
	}
	return g_strdelimit(g_strdup(flag->str), "_", '-');
}

static const Command *running;

void ask_for(const Command *command)
{
	running = command;
}

static gboolean is_option(const Option *option, const char *name)
{
	while (option && option->name && !g_str_equal(option->name, name))
		option++;
	return option && option->name;
}

char *flag_of_field(const char *path)
{
	g_autofree char *name = g_strdelimit(g_strdup(path), "_", '-');
	/* A command without fields of its own does something with a guest, which has them by 'yado vm set'. */
	const Table *table = running && running->table ? running->table : &vm_table;
	const Field *field = schema_find(table, path);
	if (running && is_option(running->options, name))
		return g_strconcat("--", name, NULL);
	return field && !(field->flags & FIELD_READONLY) ? join_flag(table, path) : NULL;
}

/* What to do about a refusal that comes without a hint of its own. */
static const char *usual_hint(const GError *error)
{
	switch (error_code(error)) {
	case ERROR_UNAUTHORIZED:
		return T(m_unauthorized_hint);
	case ERROR_FORBIDDEN:
		return T(m_forbidden_hint);
	case ERROR_TOO_MANY:
		return T(m_too_many_hint);
	default:
		return NULL;
	}
}

Exit report(const GError *error)
{
	g_autofree char *message = format_safe(error->message);
	fprintf(stderr, "%syado:%s %s", style_on(stderr, STYLE_RED), style_off(stderr), message);
	const char *field = error_field(error);
	g_autofree char *flag = field ? flag_of_field(field) : NULL;
	if (flag && !strstr(message, flag))
		fprintf(stderr, " (%s)", flag);
	fputc('\n', stderr);
	const char *next = error_hint(error) ? error_hint(error) : usual_hint(error);
	g_autofree char *hint = next ? format_safe(next) : NULL;
	if (hint)
		fprintf(stderr, "  → %s\n", hint);
	return exit_of(error);
}

Client *ask_client(Cli *cli, GError **error)
{
	if (!cli->client)
		cli->client = connection_open(cli, error);
	return cli->client;
}

char *ask_path(const char *prefix, const char *id, const char *suffix)
{
	g_autofree char *escaped = g_uri_escape_string(id, NULL, FALSE);
	return g_strconcat(prefix, escaped, suffix, NULL);
}

char *ask_filtered(const char *path, const char *filter)
{
	g_autofree char *escaped = filter && *filter ? g_uri_escape_string(filter, NULL, FALSE) : NULL;
	return g_strconcat(path, !escaped ? "" : strchr(path, '?') ? "&filter=" : "?filter=", escaped, NULL);
}

/* A command may send several requests: each has a key of its own, the same when the command is run again. */
static void add_key(Cli *cli, json_object *headers)
{
	g_autofree char *next = g_strdup_printf("%s.%u", cli->idempotency_key, cli->posts + 1);
	json_set_str(headers, "idempotency-key", cli->posts++ ? next : cli->idempotency_key);
}

Reply *ask_quietly(Cli *cli, const char *method, const char *path, json_object *body, const int *fds, guint fd_count,
	GError **error)
{
	Client *client = ask_client(cli, error);
	if (!client)
		return NULL;
	gboolean change = strcmp(method, "GET") != 0;
	json_auto json_object *headers = json_object_new_object();
	if (change && cli->if_rev)
		json_set_str(headers, "if-match", cli->if_rev);
	if (cli->csrf)
		json_set_str(headers, "x-csrf-token", cli->csrf);
	if (cli->idempotency_key && strcmp(method, "POST") == 0)
		add_key(cli, headers);
	g_autofree char *full = g_strconcat("/api/v1", path,
		change && cli->plan ? (strchr(path, '?') ? "&plan=1" : "?plan=1") : "", NULL);
	return client_request(client, method, full, headers, body, fds, fd_count, ASK_TIMEOUT_MS, error);
}

Reply *ask(Cli *cli, const char *method, const char *path, json_object *body, Exit *ret_exit)
{
	g_autoptr(GError) error = NULL;
	Reply *reply = ask_quietly(cli, method, path, body, NULL, 0, &error);
	if (!reply)
		*ret_exit = report(error);
	return reply;
}

json_object *ask_to_show(Cli *cli, const char *path, Exit *ret_exit)
{
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, ret_exit);
	if (reply && !cli->json)
		return json_object_get(reply->body);
	if (reply) {
		output_json(reply->body);
		*ret_exit = EXIT_DONE;
	}
	return NULL;
}

json_object *ask_list(Cli *cli, const char *path, Exit *ret_exit)
{
	json_auto json_object *all = json_object_new_object();
	json_object *items = json_object_new_array();
	json_set(all, "items", items);
	g_autofree char *after = NULL;
	do {
		g_autofree char *escaped = after ? g_uri_escape_string(after, NULL, FALSE) : NULL;
		g_autofree char *page = g_strconcat(path, strchr(path, '?') ? "&" : "?", "limit=1000",
			escaped ? "&after=" : NULL, escaped, NULL);
		g_autoptr(Reply) reply = ask(cli, "GET", page, NULL, ret_exit);
		if (!reply)
			return NULL;
		json_object *part = json_get(reply->body, "items");
		gsize count = json_object_is_type(part, json_type_array) ? json_object_array_length(part) : 0;
		for (gsize i = 0; i < count; i++)
			json_object_array_add(items, json_object_get(json_object_array_get_idx(part, i)));
		json_object *next = json_get(reply->body, "next");
		g_autofree char *former = g_steal_pointer(&after);
		/* A page without items, or the same place again, would go on for ever. */
		if (next && count > 0 && g_strcmp0(json_object_get_string(next), former) != 0)
			after = g_strdup(json_object_get_string(next));
	} while (after);
	return json_object_get(all);
}

static gint64 task_of(const Reply *reply)
{
	gint64 task = json_get_int(reply->head, "task", 0);
	return task ? task : json_get_int(reply->body, "task", 0);
}

/* A change of several objects answers with several tasks. */
static Exit follow_all(Cli *cli, json_object *tasks)
{
	Exit worst = EXIT_DONE;
	for (gsize i = 0; i < json_object_array_length(tasks); i++) {
		Exit code = progress_follow(cli, json_object_get_int64(json_object_array_get_idx(tasks, i)), NULL);
		if (worst == EXIT_DONE)
			worst = code;
	}
	return worst;
}

Exit finish(Cli *cli, Reply *owned, const Table *table, const char *done)
{
	g_autoptr(Reply) reply = owned;
	json_object *plan = json_get(reply->body, "plan");
	if (cli->plan && plan) {
		if (!cli->json)
			return plan_print(plan, table);
		output_json(reply->body);
		json_object *refused = json_get(plan, "refused");
		return json_object_is_type(refused, json_type_array) && json_object_array_length(refused) > 0
			       ? EXIT_REFUSED
			       : EXIT_DONE;
	}
	gint64 task = reply->status == 202 ? task_of(reply) : 0;
	json_object *tasks = json_get(reply->body, "tasks");
	if (!cli->no_wait && json_object_is_type(tasks, json_type_array) && json_object_array_length(tasks) > 0) {
		Exit code = follow_all(cli, tasks);
		if (cli->json)
			output_json(reply->body);
		else if (code == EXIT_DONE && done && !cli->quiet)
			printf("%s\n", done);
		return code;
	}
	if (task && !cli->no_wait) {
		json_auto json_object *ended = NULL;
		Exit code = progress_follow(cli, task, &ended);
		if (cli->json && ended)
			output_json(ended);
		return code;
	}
	if (cli->json) {
		if (reply->body)
			output_json(reply->body);
	} else if (task) {
		if (cli->quiet)
			printf("%" G_GINT64_FORMAT "\n", task);
		else
			printf(T(m_task_goes_on), task, task);
	} else if (done && !cli->quiet) {
		printf("%s\n", done);
	}
	return EXIT_DONE;
}
