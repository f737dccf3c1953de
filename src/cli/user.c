/* yado user: who may sign in, and what is granted to them. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/messages/columns.h"
#include "cli/messages/files.h"
#include "cli/messages/shared.h"
#include "cli/messages/user.h"
#include "cli/person.h"
#include "cli/resource.h"
#include "cli/secret.h"

static const Column columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "full_name", .heading = TEXT(m_col_full_name), .if_any = TRUE, .may_cut = TRUE},
	{.path = "enabled", .heading = TEXT(m_col_enabled)},
	{.path = "created", .heading = TEXT(m_col_created)},
	{0}};

const Resource user_resource = {"/users", &user_table, columns, TEXT(m_user_none), NULL};

static const Option create_options[] = {
	{"password-file", 0, "FILE", NULL, COMPLETE_FILE, TEXT(m_opt_password_file)},
	{"generate-password", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_generate_password)},
	{"no-password", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_no_password)},
	{0}};

static const Option password_options[] = {
	{"password-file", 0, "FILE", NULL, COMPLETE_FILE, TEXT(m_opt_password_file)},
	{"generate-password", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_generate_password)},
	{"current-file", 0, "FILE", NULL, COMPLETE_FILE, TEXT(m_opt_current_file)},
	{0}};

/* The new password by the options, or asked for; NULL with an error. */
static char *new_password(const Arguments *arguments, GError **error)
{
	const char *file = arguments_get(arguments, "password-file", NULL);
	if (arguments_has(arguments, "generate-password"))
		return secret_generate();
	return file ? secret_read(file, error) : secret_ask_twice(T(m_ask_password), T(m_ask_password_again), error);
}

static gboolean set_password(Cli *cli, const char *name, const char *current, const char *password, GError **error)
{
	json_auto json_object *body = json_object_new_object();
	if (current)
		json_set_str(body, "current", current);
	json_set_str(body, "password", password);
	g_autofree char *path = ask_path("/users/", name, "/password");
	g_autoptr(Reply) reply = ask_quietly(cli, "POST", path, body, NULL, 0, error);
	return reply != NULL;
}

/* A generated password is shown this once. */
static void tell_generated(Cli *cli, const Arguments *arguments, const char *name, const char *password)
{
	if (!arguments_has(arguments, "generate-password"))
		return;
	if (cli->json) {
		json_auto json_object *answer = json_object_new_object();
		json_set_str(answer, "name", name);
		json_set_str(answer, "password", password);
		output_json(answer);
	} else if (cli->quiet) {
		printf("%s\n", password);
	} else {
		printf(T(m_password_is), name, password);
	}
}

static gboolean both_ways(const Arguments *arguments)
{
	return arguments_has(arguments, "password-file") + arguments_has(arguments, "generate-password") +
		       arguments_has(arguments, "no-password") > 1;
}

/* Makes the user, then sets the password, which was asked for before anything was made. */
static Exit create_exec(Cli *cli, Arguments *arguments)
{
	const char *name = arguments_word(arguments, 0);
	if (both_ways(arguments))
		return usage_error(NULL, T(m_password_one_way));
	json_auto json_object *document = arguments_document(arguments, NULL);
	if (!document)
		return EXIT_USAGE;
	json_set_str(document, "name", name);
	secret_auto char *password = NULL;
	g_autoptr(GError) error = NULL;
	gboolean without = cli->plan || arguments_has(arguments, "no-password");
	if (!without && !(password = new_password(arguments, &error)))
		return report(error);
	Exit code = EXIT_DONE;
	g_autofree char *done = g_strdup_printf(T(m_object_made), resource_title(&user_resource), name);
	Reply *reply = ask(cli, "POST", "/users", document, &code);
	if (!reply)
		return code;
	if (without)
		return finish(cli, reply, &user_table, done);
	reply_free(reply);
	if (!set_password(cli, name, NULL, password, &error)) {
		code = report(error);
		fprintf(stderr, T(m_user_without_password), name, name);
		return code;
	}
	if (!cli->quiet && !cli->json)
		printf("%s\n", done);
	tell_generated(cli, arguments, name, password);
	return EXIT_DONE;
}

/* The password of who asks, by the option or asked for. */
static char *own_password(const Arguments *arguments, GError **error)
{
	const char *file = arguments_get(arguments, "current-file", NULL);
	return file ? secret_read(file, error) : secret_ask(T(m_ask_current_password), error);
}

/* Signs in with the own password, which also is what changing it needs, sets the new one and signs out. */
static gboolean set_in_person(Cli *cli, const Arguments *arguments, const char *self, const char *name,
	const char *password, GError **error)
{
	secret_auto char *current = own_password(arguments, error);
	if (!current || !person_sign_in(cli, self, current, error))
		return FALSE;
	gboolean done = set_password(cli, name, strcmp(name, self) == 0 ? current : NULL, password, error);
	person_sign_out(cli);
	return done;
}

/* On this host one is root, who sets anybody's; on another, whom the token belongs to. */
static Exit password_exec(Cli *cli, Arguments *arguments)
{
	if (both_ways(arguments))
		return usage_error(NULL, T(m_password_one_way));
	Exit code = EXIT_DONE;
	g_autoptr(Reply) who = ask(cli, "GET", "/session", NULL, &code);
	if (!who)
		return code;
	gboolean local = strcmp(json_get_str(who->body, "kind", ""), "socket") == 0;
	const char *self = json_get_str(who->body, "user", ""), *name = arguments_word(arguments, 0);
	if (!name && local)
		return usage_error(NULL, T(m_missing_word), "password", "NAME");
	if (!name)
		name = self;
	g_autoptr(GError) error = NULL;
	secret_auto char *password = new_password(arguments, &error);
	if (!password || !(local ? set_password(cli, name, NULL, password, &error)
				 : set_in_person(cli, arguments, self, name, password, &error)))
		return report(error);
	if (!cli->quiet && !cli->json)
		printf(T(m_password_set), name);
	tell_generated(cli, arguments, name, password);
	return EXIT_DONE;
}

/* Who one is to the daemon: oneself, by which credential, with which rights. */
Exit whoami_exec(Cli *cli, Arguments *arguments)
{
	(void)arguments;
	Exit code = EXIT_DONE;
	g_autoptr(Reply) reply = ask(cli, "GET", "/session", NULL, &code);
	if (!reply || cli->json)
		return reply ? resource_print(cli, reply->body, &session_table) : code;
	/* For people: a line for each path; the rules for passwords are of 'yado access show'. */
	json_auto json_object *shown = json_copy(reply->body);
	json_object *rights = json_get(reply->body, "rights"), *paths = json_object_new_object();
	for (gsize i = 0; json_object_is_type(rights, json_type_array) && i < json_object_array_length(rights); i++) {
		json_object *right = json_object_array_get_idx(rights, i);
		json_set(paths, json_get_str(right, "path", ""), json_copy(json_get(right, "privileges")));
	}
	json_set(shown, "rights", paths);
	json_object_object_del(shown, "password_rules");
	return resource_print(cli, shown, &session_table);
}

#define ONE .usage = "NAME", .min_words = 1, .max_words = 1, .resource = &user_resource

const Command user_commands[] = {
	{.name = "list", .alias = "ls", .help = TEXT(m_user_list_help), .resource = &user_resource,
	 .options = resource_list_options, .exec = resource_list_exec},
	{.name = "show", ONE, .help = TEXT(m_user_show_help), .complete = COMPLETE_USER, .exec = resource_show_exec},
	{.name = "create", ONE, .help = TEXT(m_user_create_help), .options = create_options, .table = &user_table,
	 .mode = FLAGS_CREATE, .named = TRUE, .changes = TRUE, .exec = create_exec},
	{.name = "set", ONE, .help = TEXT(m_user_set_help), .complete = COMPLETE_USER, .table = &user_table,
	 .mode = FLAGS_CHANGE, .changes = TRUE, .exec = resource_set_exec},
	{.name = "delete", .alias = "rm", .usage = "NAME…", .help = TEXT(m_user_delete_help), .min_words = 1,
	 .max_words = G_MAXUINT, .complete = COMPLETE_USER, .resource = &user_resource, .changes = TRUE,
	 .exec = resource_delete_exec},
	{.name = "password", .usage = "[NAME]", .help = TEXT(m_user_password_help), .max_words = 1,
	 .complete = COMPLETE_USER, .options = password_options, .exec = password_exec},
	{0}};
