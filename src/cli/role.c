/* yado role: sets of privileges, to be granted to users. */
#include <stdio.h>

#include "base/json.h"
#include "cli/ask.h"
#include "cli/messages/columns.h"
#include "cli/messages/role.h"
#include "cli/resource.h"

static const Column columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "builtin", .heading = TEXT(m_col_builtin)},
	{.path = "privileges", .heading = TEXT(m_col_privileges), .may_cut = TRUE},
	{0}};

static const Column privilege_columns[] = {
	{.path = "name", .heading = TEXT(m_col_privilege)},
	{.path = "help", .heading = TEXT(m_col_meaning)},
	{0}};

const Resource role_resource = {"/roles", &role_table, columns, TEXT(m_role_none), NULL};

/* What can be granted, as the daemon knows it, in the reader's language. */
static Exit privileges_exec(Cli *cli, Arguments *arguments)
{
	(void)arguments;
	Exit code = EXIT_DONE;
	g_autoptr(Reply) reply = ask(cli, "GET", "/privileges", NULL, &code);
	if (!reply)
		return code;
	json_object *items = json_get(reply->body, "items");
	for (gsize i = 0;
	     !cli->json && json_object_is_type(items, json_type_array) && i < json_object_array_length(items); i++) {
		json_object *item = json_object_array_get_idx(items, i);
		const char *japanese = json_get_str(item, "help_ja", NULL);
		if (speak_japanese && japanese)
			json_set_str(item, "help", japanese);
	}
	return output_list(cli, reply->body, NULL, privilege_columns, T(m_role_none));
}

#define ONE .usage = "NAME", .min_words = 1, .max_words = 1, .resource = &role_resource

const Command role_commands[] = {
	{.name = "list", .alias = "ls", .help = TEXT(m_role_list_help), .resource = &role_resource,
	 .options = resource_list_options, .exec = resource_list_exec},
	{.name = "show", ONE, .help = TEXT(m_role_show_help), .complete = COMPLETE_ROLE, .exec = resource_show_exec},
	{.name = "create", ONE, .help = TEXT(m_role_create_help), .table = &role_table, .mode = FLAGS_CREATE,
	 .named = TRUE, .changes = TRUE, .exec = resource_create_exec},
	{.name = "set", ONE, .help = TEXT(m_role_set_help), .complete = COMPLETE_ROLE, .table = &role_table,
	 .mode = FLAGS_CHANGE, .changes = TRUE, .exec = resource_set_exec},
	{.name = "delete", .alias = "rm", .usage = "NAME…", .help = TEXT(m_role_delete_help), .min_words = 1,
	 .max_words = G_MAXUINT, .complete = COMPLETE_ROLE, .resource = &role_resource, .changes = TRUE,
	 .exec = resource_delete_exec},
	{.name = "privileges", .help = TEXT(m_role_privileges_help), .exec = privileges_exec},
	{0}};
