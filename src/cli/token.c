/* yado token, yado session: by what users get in beside the page's sign-in, and who is signed in. */
#include <stdio.h>

#include "base/json.h"
#include "cli/ask.h"
#include "cli/messages/columns.h"
#include "cli/messages/token.h"
#include "cli/resource.h"

static const Column token_columns[] = {
	{.path = "id", .heading = TEXT(m_col_id)},
	{.path = "user", .heading = TEXT(m_col_user)},
	{.path = "name", .heading = TEXT(m_col_name), .may_cut = TRUE},
	{.path = "created", .heading = TEXT(m_col_created)},
	{.path = "expires", .heading = TEXT(m_col_expires)},
	{.path = "last_used", .heading = TEXT(m_col_last_used), .if_any = TRUE},
	{0}};

static const Column session_columns[] = {
	{.path = "id", .heading = TEXT(m_col_id)},
	{.path = "user", .heading = TEXT(m_col_user)},
	{.path = "address", .heading = TEXT(m_col_address)},
	{.path = "created", .heading = TEXT(m_col_created)},
	{.path = "last_used", .heading = TEXT(m_col_last_used)},
	{.path = "expires", .heading = TEXT(m_col_expires)},
	{.path = "agent", .heading = TEXT(m_col_agent), .extra = TRUE},
	{0}};

const Resource token_resource = {"/tokens", &token_table, token_columns, TEXT(m_token_none), NULL};
const Resource session_resource = {"/sessions", &session_table, session_columns, TEXT(m_session_none), NULL};

/* The secret comes this once: it alone goes to stdout, so that a script can take it. */
static Exit create_exec(Cli *cli, Arguments *arguments)
{
	const char *name = arguments_word(arguments, 0);
	json_auto json_object *document = arguments_document(arguments, NULL);
	if (!document)
		return EXIT_USAGE;
	json_set_str(document, "name", name);
	Exit code = EXIT_DONE;
	Reply *reply = ask(cli, "POST", "/tokens", document, &code);
	if (!reply)
		return code;
	if (cli->plan || cli->json)
		return finish(cli, reply, &token_table, NULL);
	if (!cli->quiet)
		fprintf(stderr, T(m_token_made), name, json_get_str(reply->body, "id", "?"));
	printf("%s\n", json_get_str(reply->body, "secret", ""));
	reply_free(reply);
	return EXIT_DONE;
}

const Command token_commands[] = {
	{.name = "list", .alias = "ls", .help = TEXT(m_token_list_help), .resource = &token_resource,
	 .options = resource_list_options, .exec = resource_list_exec},
	{.name = "create", .usage = "NAME", .help = TEXT(m_token_create_help), .min_words = 1, .max_words = 1,
	 .table = &token_table, .mode = FLAGS_CREATE, .named = TRUE, .changes = TRUE, .exec = create_exec},
	{.name = "delete", .alias = "rm", .usage = "ID…", .help = TEXT(m_token_delete_help), .min_words = 1,
	 .max_words = G_MAXUINT, .complete = COMPLETE_TOKEN, .resource = &token_resource, .changes = TRUE,
	 .exec = resource_delete_exec},
	{0}};

const Command session_commands[] = {
	{.name = "list", .alias = "ls", .help = TEXT(m_session_list_help), .resource = &session_resource,
	 .options = resource_list_options, .exec = resource_list_exec},
	{.name = "revoke", .usage = "ID…", .help = TEXT(m_session_revoke_help), .min_words = 1, .max_words = G_MAXUINT,
	 .complete = COMPLETE_SESSION, .resource = &session_resource, .changes = TRUE, .exec = resource_delete_exec},
	{0}};
