/* yado vm question, yado vm answer: what guests that stand still wait for. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/vm.h"
#include "cli/output.h"

static void print_disk(json_object *disk)
{
	g_autofree char *key = format_safe(json_get_str(disk, "disk", "?"));
	g_autofree char *storage = format_safe(json_get_str(disk, "storage", "?"));
	gint64 free_bytes = json_get_int(disk, "free", -1);
	g_autofree char *room = free_bytes < 0 ? g_strdup("?") : units_format_size((guint64)free_bytes);
	gboolean full = strcmp(json_get_str(disk, "problem", ""), "no-space") == 0;
	printf(full ? T(m_question_full) : T(m_question_failed), key, storage, room);
}

static void print_question(json_object *question)
{
	json_object *disks = json_get(question, "disks");
	g_autofree char *name = format_safe(json_get_str(question, "name", "?"));
	const char *since = json_get_str(question, "since", NULL);
	g_autofree char *age = units_format_duration((guint64)MAX(format_age(since), 0));
	printf("%s%s%s (%" G_GINT64_FORMAT ")  ", style_on(stdout, STYLE_BOLD), name, style_off(stdout),
	       json_get_int(question, "vm", 0));
	printf(T(m_question_since), age);
	for (gsize i = 0; i < json_get_count(disks); i++)
		print_disk(json_object_array_get_idx(disks, i));
	printf(T(m_question_answers), name, name);
}

static json_object *ask_question(Cli *cli, const char *id, Exit *ret_exit)
{
	g_autofree char *path = ask_path("/vms/", id, "/question");
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, ret_exit);
	return reply ? json_object_get(reply->body) : NULL;
}

static gboolean asks(json_object *row)
{
	const char *code = json_get_str(row, "reason_code", "");
	return strcmp(code, "no-space") == 0 || strcmp(code, "io-error") == 0;
}

/* Of all guests. One that was answered meanwhile is left out. */
static json_object *ask_all(Cli *cli, Exit *ret_exit)
{
	g_autofree char *path = ask_filtered("/vms", "state:paused");
	json_auto json_object *rows = ask_list(cli, path, ret_exit);
	if (!rows)
		return NULL;
	json_object *list = json_object_new_object(), *items = json_object_new_array(),
		    *paused = json_get(rows, "items");
	json_set(list, "items", items);
	for (gsize i = 0; i < json_get_count(paused); i++) {
		json_object *row = json_object_array_get_idx(paused, i);
		g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, json_get_int(row, "id", 0));
		g_autofree char *one = ask_path("/vms/", id, "/question");
		g_autoptr(Reply) reply = asks(row) ? ask_quietly(cli, "GET", one, NULL, NULL, 0, NULL) : NULL;
		if (reply)
			json_object_array_add(items, json_object_get(reply->body));
	}
	return list;
}

Exit vm_question_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	const char *id = arguments->words->len ? arguments_word(arguments, 0) : NULL;
	json_auto json_object *answer = id ? ask_question(cli, id, &code) : ask_all(cli, &code);
	if (!answer)
		return code;
	if (cli->json) {
		output_json(answer);
		return EXIT_DONE;
	}
	json_object *items = json_get(answer, "items");
	if (id)
		print_question(answer);
	for (gsize i = 0; i < json_get_count(items); i++)
		print_question(json_object_array_get_idx(items, i));
	if (!id && json_get_count(items) == 0)
		puts(T(m_question_none));
	return EXIT_DONE;
}

Exit vm_answer_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	json_auto json_object *body = json_object_new_object();
	json_set_str(body, "answer", arguments_word(arguments, 1));
	g_autofree char *path = ask_path("/vms/", arguments_word(arguments, 0), "/answer");
	Reply *reply = ask(cli, "POST", path, body, &code);
	return reply ? finish(cli, reply, &vm_table, NULL) : code;
}
