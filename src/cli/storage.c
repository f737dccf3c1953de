/* yado storage: where volumes are kept. */
#include <stdio.h>

#include "base/json.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/columns.h"
#include "cli/messages/shared.h"
#include "cli/messages/storage.h"
#include "cli/resource.h"

static const Column columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "kind", .heading = TEXT(m_col_kind)},
	{.path = "path", .heading = TEXT(m_col_path), .may_cut = TRUE},
	{.path = "space.free", .heading = TEXT(m_col_free), .as = &as_bytes},
	{.path = "space.total", .heading = TEXT(m_col_total), .as = &as_bytes},
	{.path = "usable", .heading = TEXT(m_col_usable)},
	{.path = "problem", .heading = TEXT(m_col_problem), .if_any = TRUE, .may_cut = TRUE},
	{0}};

static const Column volume_columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "vm", .heading = TEXT(m_col_vm)},
	{.path = "format", .heading = TEXT(m_col_format)},
	{.path = "size", .heading = TEXT(m_col_size)},
	{.path = "attached", .heading = TEXT(m_col_attached)},
	{.path = "role", .heading = TEXT(m_col_role), .extra = TRUE},
	{0}};

const Resource storage_resource = {"/storages", &storage_table, columns, TEXT(m_storage_none), NULL};

static Exit volumes_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/storages/", arguments_word(arguments, 0), "/volumes");
	json_auto json_object *list = ask_list(cli, path, &code);
	return list ? output_list(cli, list, &volume_table, volume_columns, T(m_volume_none)) : code;
}

static Exit show_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/storages/", arguments_word(arguments, 0), NULL);
	json_auto json_object *storage = ask_to_show(cli, path, &code);
	if (!storage)
		return code;
	g_autoptr(Pairs) pairs = pairs_new();
	static const struct {
		const char *path;
		Text label;
		const Field *as;
	} lines[] = {
		{"name", TEXT(m_label_name), NULL},
		{"kind", TEXT(m_label_kind), NULL},
		{"path", TEXT(m_label_path), NULL},
		{"node", TEXT(m_node), NULL},
		{"space.total", TEXT(m_label_total), &as_bytes},
		{"space.free", TEXT(m_label_free), &as_bytes},
		{"usable", TEXT(m_label_usable), NULL},
		{"problem", TEXT(m_label_problem), NULL},
		{"description", TEXT(m_description), NULL},
	};
	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		json_object *value = json_get_path(storage, lines[i].path);
		g_autofree char *text = value ? format_value(value, lines[i].as) : NULL;
		if (g_strcmp0(text, "-") != 0)
			pairs_add(pairs, text_of(lines[i].label), text);
	}
	pairs_print(pairs, "");
	return EXIT_DONE;
}

static Exit delete_exec(Cli *cli, Arguments *arguments)
{
	const char *name = arguments_word(arguments, 0);
	if (!cli->yes && !cli->plan && can_confirm() && !confirm(T(m_storage_confirm_delete), name))
		return EXIT_REFUSED;
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/storages/", name, NULL);
	g_autofree char *done = g_strdup_printf(T(m_storage_deleted), name);
	Reply *reply = ask(cli, "DELETE", path, NULL, &code);
	return reply ? finish(cli, reply, &storage_table, done) : code;
}

static Exit delete_volume_exec(Cli *cli, Arguments *arguments)
{
	const char *volume = arguments_word(arguments, 1);
	if (!cli->yes && !cli->plan && can_confirm() && !confirm(T(m_volume_confirm_delete), volume))
		return EXIT_REFUSED;
	Exit code = EXIT_DONE;
	g_autofree char *volumes = ask_path("/storages/", arguments_word(arguments, 0), "/volumes/");
	g_autofree char *path = ask_path(volumes, volume, NULL);
	Reply *reply = ask(cli, "DELETE", path, NULL, &code);
	return reply ? finish(cli, reply, &volume_table, NULL) : code;
}

#define ONE .usage = "NAME", .min_words = 1, .max_words = 1

const Command storage_commands[] =
	{{.name = "list",
	  .alias = "ls",
	  .help = TEXT(m_storage_list_help),
	  .resource = &storage_resource,
	  .options = resource_list_options,
	  .exec = resource_list_exec},
	 {.name = "show", ONE, .help = TEXT(m_storage_show_help), .complete = COMPLETE_STORAGE, .exec = show_exec},
	 {.name = "volumes",
	  ONE,
	  .help = TEXT(m_storage_volumes_help),
	  .complete = COMPLETE_STORAGE,
	  .exec = volumes_exec},
	 {.name = "create",
	  ONE,
	  .help = TEXT(m_storage_create_help),
	  .resource = &storage_resource,
	  .table = &storage_table,
	  .mode = FLAGS_CREATE,
	  .named = TRUE,
	  .changes = TRUE,
	  .exec = resource_create_exec},
	 {.name = "set",
	  ONE,
	  .help = TEXT(m_storage_set_help),
	  .complete = COMPLETE_STORAGE,
	  .resource = &storage_resource,
	  .table = &storage_table,
	  .mode = FLAGS_CHANGE,
	  .changes = TRUE,
	  .exec = resource_set_exec},
	 {.name = "delete",
	  .alias = "rm",
	  ONE,
	  .help = TEXT(m_storage_delete_help),
	  .complete = COMPLETE_STORAGE,
	  .changes = TRUE,
	  .exec = delete_exec},
	 {.name = "delete-volume",
	  .usage = "NAME VOLUME",
	  .help = TEXT(m_storage_delete_volume_help),
	  .min_words = 2,
	  .max_words = 2,
	  .complete = COMPLETE_STORAGE,
	  .changes = TRUE,
	  .exec = delete_volume_exec},
	 {0}};
