/* List, show, create, set and delete by table. */
#include "cli/resource.h"

#include <stdio.h>

#include "base/json.h"
#include "cli/ask.h"
#include "cli/messages/shared.h"

const char *resource_title(const Resource *resource)
{
	return speak_japanese ? resource->table->title_ja : resource->table->name;
}

Exit resource_print(Cli *cli, json_object *document, const Table *table)
{
	if (cli->json)
		output_json(document);
	else
		output_document(document, table, "");
	return EXIT_DONE;
}

/* "/users/bob"; caller frees. */
static char *path_of(const Resource *resource, const char *name)
{
	g_autofree char *folder = g_strconcat(resource->path, "/", NULL);
	return ask_path(folder, name, NULL);
}

const Option resource_list_options[] = {OPTION_FILTER, {0}};

Exit resource_list_exec(Cli *cli, Arguments *arguments)
{
	const Resource *resource = arguments->command->resource;
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_filtered(resource->path, arguments_get(arguments, "filter", NULL));
	json_auto json_object *list = ask_list(cli, path, &code);
	return list ? output_list(cli, list, resource->table, resource->columns, text_of(resource->none)) : code;
}

Exit resource_show_exec(Cli *cli, Arguments *arguments)
{
	const Resource *resource = arguments->command->resource;
	const char *name = arguments_word(arguments, 0);
	Exit code = EXIT_DONE;
	g_autofree char *path = path_of(resource, name ? name : resource->unnamed);
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, &code);
	return reply ? resource_print(cli, reply->body, resource->table) : code;
}

Exit resource_create_exec(Cli *cli, Arguments *arguments)
{
	const Resource *resource = arguments->command->resource;
	const char *name = arguments_word(arguments, 0);
	json_auto json_object *document = arguments_document(arguments, NULL);
	if (!document)
		return EXIT_USAGE;
	json_set_str(document, "name", name);
	Exit code = EXIT_DONE;
	g_autofree char *done = g_strdup_printf(T(m_object_made), resource_title(resource), name);
	Reply *reply = ask(cli, "POST", resource->path, document, &code);
	return reply ? finish(cli, reply, resource->table, done) : code;
}

/* The document as it is, for the keys of its maps that are taken; NULL if the flags do not need it. */
static json_object *present(Cli *cli, const char *path, Exit *ret_exit)
{
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, ret_exit);
	return reply ? json_object_get(reply->body) : NULL;
}

Exit resource_set_exec(Cli *cli, Arguments *arguments)
{
	const Resource *resource = arguments->command->resource;
	const char *name = arguments_word(arguments, 0);
	if (arguments->flags->len == 0)
		return usage_error(T(m_nothing_to_set_hint), T(m_nothing_to_set));
	Exit code = EXIT_DONE;
	g_autofree char *path = path_of(resource, name);
	json_auto json_object *current = present(cli, path, &code);
	if (!current)
		return code;
	json_auto json_object *patch = arguments_document(arguments, current);
	if (!patch)
		return EXIT_USAGE;
	g_autofree char *done = g_strdup_printf(T(m_object_changed), resource_title(resource), name);
	Reply *reply = ask(cli, "PATCH", path, patch, &code);
	return reply ? finish(cli, reply, resource->table, done) : code;
}

Exit resource_delete_exec(Cli *cli, Arguments *arguments)
{
	const Resource *resource = arguments->command->resource;
	Exit worst = EXIT_DONE;
	for (guint i = 0; i < arguments->words->len; i++) {
		const char *name = arguments_word(arguments, i), *title = resource_title(resource);
		g_autofree char *path = path_of(resource, name);
		g_autofree char *done = g_strdup_printf(T(m_object_deleted), title, name);
		Exit code = EXIT_REFUSED;
		gboolean sure =
			cli->yes || cli->plan || !can_confirm() || confirm(T(m_object_confirm_delete), title, name);
		Reply *reply = sure ? ask(cli, "DELETE", path, NULL, &code) : NULL;
		if (reply)
			code = finish(cli, reply, resource->table, done);
		if (worst == EXIT_DONE)
			worst = code;
	}
	return worst;
}
