/* yado events: changes as they happen, one line each, or one JSON object a line. */
#include <stdio.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/history.h"
#include "cli/reason.h"

static void print_row(json_object *vm)
{
	g_autofree char *name = format_safe(json_get_str(vm, "name", "?"));
	const char *state = json_get_str(vm, "state", "?");
	g_autofree char *reason = reason_text(vm);
	printf("vm/%" G_GINT64_FORMAT "  %s  %s%s%s  %s\n", json_get_int(vm, "id", 0), name,
		style_on(stdout, style_of_state(state)), state, style_off(stdout), reason);
}

static void print_task(json_object *task)
{
	g_autofree char *what = g_strdup_printf("%s  %s %s  %s", json_get_str(task, "object", "?"),
						json_get_str(task, "kind", "?"), json_get_str(task, "state", "?"),
						json_get_str(task, "step", ""));
	g_autofree char *safe = format_safe(what);
	printf("%s\n", safe);
}

static void print_change(const char *path, json_object *value)
{
	g_autofree char *safe = format_safe(path);
	if (!value)
		printf("%s%s\n", safe, T(m_event_deleted));
	else if (g_str_has_prefix(path, "vm/"))
		print_row(value);
	else if (g_str_has_prefix(path, "task/"))
		print_task(value);
	else
		printf("%s%s\n", safe, T(m_event_changed));
}

/* Changes only: what was there before is what lists are for. */
static gboolean on_event(json_object *event, gpointer data)
{
	Cli *cli = data;
	if (cli->json) {
		printf("%s\n",
			json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		return fflush(stdout) == 0;
	}
	const char *path = json_get_str(event, "path", NULL);
	gboolean reset = json_get(event, "reset") != NULL;
	if (!path && !reset)
		return TRUE;
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *at = g_date_time_format(now, "%H:%M:%S");
	printf("%s%s%s  ", style_on(stdout, STYLE_DIM), at, style_off(stdout));
	if (path)
		print_change(path, json_get(event, "value"));
	else
		printf("%s\n", T(m_event_missed));
	return fflush(stdout) == 0;
}

Exit events_exec(Cli *cli, Arguments *arguments)
{
	const char *prefix = arguments_word(arguments, 0);
	g_autofree char *path = ask_path("/api/v1/events?prefix=", prefix ? prefix : "", NULL);
	if (!prefix)
		path[sizeof "/api/v1/events" - 1] = 0;
	g_autoptr(GError) error = NULL;
	Client *client = ask_client(cli, &error);
	if (client && client_follow(client, path, on_event, cli, &error))
		return EXIT_DONE;
	return report(error);
}
