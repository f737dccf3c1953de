/* yado remote: other hosts by name, with their tokens and certificates (cli/remotes.h has the file). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/connection.h"
#include "cli/messages/columns.h"
#include "cli/messages/remote.h"
#include "cli/output.h"
#include "cli/person.h"
#include "cli/remotes.h"
#include "cli/secret.h"
#include "schema/schema.h"

static const Column columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "url", .heading = TEXT(m_col_url)},
	{.path = "current", .heading = TEXT(m_col_current)},
	{.path = "fingerprint", .heading = TEXT(m_col_fingerprint), .if_any = TRUE, .may_cut = TRUE},
	{0}};

/* The file, or NULL after printing. */
static json_object *load(Exit *ret_exit)
{
	g_autoptr(GError) error = NULL;
	json_object *remotes = remotes_load(&error);
	if (!remotes)
		*ret_exit = report(error);
	return remotes;
}

static Exit save(json_object *remotes)
{
	g_autoptr(GError) error = NULL;
	return remotes_save(remotes, &error) ? EXIT_DONE : report(error);
}

/* EXIT_MISSING after printing. */
static Exit unknown(const char *name)
{
	g_autoptr(GError) error = NULL;
	error_set(&error, ERROR_NOT_FOUND, T(m_remote_unknown_hint), T(m_remote_unknown), name);
	return report(error);
}

/* What may be shown of an entry; new reference. */
static json_object *view(json_object *remotes, const char *name, json_object *saved)
{
	json_object *shown = json_object_new_object();
	json_set_str(shown, "name", name);
	json_set_str(shown, "url", json_get_str(saved, "url", ""));
	if (json_get(saved, "fingerprint"))
		json_set_str(shown, "fingerprint", json_get_str(saved, "fingerprint", ""));
	json_set_bool(shown, "current", g_strcmp0(json_get_str(remotes, "current", NULL), name) == 0);
	return shown;
}

static Exit list_exec(Cli *cli, Arguments *arguments)
{
	(void)arguments;
	Exit code = EXIT_DONE;
	json_auto json_object *remotes = load(&code);
	if (!remotes)
		return code;
	json_auto json_object *list = json_object_new_object();
	json_object *items = json_object_new_array();
	json_set(list, "items", items);
	json_object_object_foreach(remotes_part(remotes, "remotes"), name, saved)
		json_object_array_add(items, view(remotes, name, saved));
	return output_list(cli, list, NULL, columns, T(m_remote_none));
}

static Exit show_exec(Cli *cli, Arguments *arguments)
{
	const char *name = arguments_word(arguments, 0);
	Exit code = EXIT_DONE;
	json_auto json_object *remotes = load(&code);
	json_object *saved = remotes_find(remotes, name);
	if (!saved)
		return remotes ? unknown(name) : code;
	json_auto json_object *shown = view(remotes, name, saved);
	if (cli->json)
		output_json(shown);
	else
		output_document(shown, NULL, "");
	return EXIT_DONE;
}

/* The token for a new remote: given, or asked for. */
static char *token_for(Cli *cli, GError **error)
{
	g_autoptr(GError) failure = NULL;
	char *token = connection_token(cli, &failure);
	if (failure) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return NULL;
	}
	if (token)
		return token;
	return isatty(STDIN_FILENO) ? secret_ask(T(m_ask_token), error) : secret_read("-", error);
}

/* Whether the remote answers to the token; leaves cli->client connected. */
static Exit try_target(Cli *cli, Target *target, char **ret_user)
{
	g_autoptr(GError) error = NULL;
	cli->client = target_connect(cli, target, &error);
	if (!cli->client)
		return report(error);
	Exit code = EXIT_DONE;
	g_autoptr(Reply) reply = ask(cli, "GET", "/session", NULL, &code);
	if (reply)
		*ret_user = g_strdup(json_get_str(reply->body, "user", "?"));
	return code;
}

/* Has a token made in person: nobody else has to make one and send it here. */
static gboolean make_token(Cli *cli, Target *target, const char *user, const char *password, GError **error)
{
	cli->client = target_connect(cli, target, error);
	if (!cli->client || !person_sign_in(cli, user, password, error))
		return FALSE;
	json_auto json_object *body = json_object_new_object();
	g_autofree char *name = g_strdup_printf("yado on %s", g_get_host_name());
	json_set_str(body, "name", name);
	g_autoptr(Reply) reply = ask_quietly(cli, "POST", "/tokens", body, NULL, 0, error);
	person_sign_out(cli);
	client_free(g_steal_pointer(&cli->client));
	if (!reply)
		return FALSE;
	target->token = g_strdup(json_get_str(reply->body, "secret", ""));
	return TRUE;
}

/* Fills in the token, by whichever way was asked for. */
static gboolean get_token(Cli *cli, const Arguments *arguments, Target *target, GError **error)
{
	const char *user = arguments_get(arguments, "user", NULL),
		   *file = arguments_get(arguments, "password-file", NULL);
	if (!user) {
		target->token = token_for(cli, error);
		return target->token != NULL;
	}
	g_autofree char *prompt = g_strdup_printf(T(m_ask_password_of), user);
	secret_auto char *password = file ? secret_read(file, error) : secret_ask(prompt, error);
	return password && make_token(cli, target, user, password, error);
}

static Exit keep(json_object *remotes, const char *name, const Target *target)
{
	json_object *entry = json_object_new_object();
	json_set_str(entry, "url", target->url);
	json_set_str(entry, "token", target->token);
	if (target->fingerprint)
		json_set_str(entry, "fingerprint", target->fingerprint);
	json_set(remotes_part(remotes, "remotes"), name, entry);
	return save(remotes);
}

static Exit add_exec(Cli *cli, Arguments *arguments)
{
	const char *name = arguments_word(arguments, 0), *why = schema_check_key(name);
	if (why || strcmp(name, "none") == 0)
		return usage_error(NULL, T(m_remote_name), name);
	if (arguments_has(arguments, "password-file") && !arguments_has(arguments, "user"))
		return usage_error(NULL, "%s", T(m_remote_password_alone));
	Exit code = EXIT_DONE;
	json_auto json_object *remotes = load(&code);
	if (!remotes)
		return code;
	g_autoptr(GError) error = NULL;
	if (remotes_find(remotes, name)) {
		error_set(&error, ERROR_EXISTS, T(m_remote_exists_hint), T(m_remote_exists), name);
		return report(error);
	}
	Target target = {.url = remotes_url(arguments_word(arguments, 1)), .fingerprint = g_strdup(cli->fingerprint)};
	g_autofree char *user = NULL;
	code = get_token(cli, arguments, &target, &error) ? try_target(cli, &target, &user) : report(error);
	if (code == EXIT_DONE)
		code = keep(remotes, name, &target);
	if (code == EXIT_DONE && !cli->quiet)
		printf(T(m_remote_added), name, user, name);
	target_clear(&target);
	return code;
}

/* The certificate was renewed there: the new one is shown and asked about like that of a new remote. */
static Exit trust_exec(Cli *cli, Arguments *arguments)
{
	const char *name = arguments_word(arguments, 0);
	Exit code = EXIT_DONE;
	json_auto json_object *remotes = load(&code);
	json_object *saved = remotes_find(remotes, name);
	if (!saved)
		return remotes ? unknown(name) : code;
	Target target = {
		.url = g_strdup(json_get_str(saved, "url", "")),
		.token = g_strdup(json_get_str(saved, "token", NULL)),
		.fingerprint = g_strdup(cli->fingerprint),
	};
	g_autofree char *user = NULL;
	code = try_target(cli, &target, &user);
	if (code == EXIT_DONE)
		code = keep(remotes, name, &target);
	if (code == EXIT_DONE && !cli->quiet)
		printf(T(m_remote_trusted), name);
	target_clear(&target);
	return code;
}

static Exit remove_exec(Cli *cli, Arguments *arguments)
{
	const char *name = arguments_word(arguments, 0);
	Exit code = EXIT_DONE;
	json_auto json_object *remotes = load(&code);
	if (!remotes_find(remotes, name))
		return remotes ? unknown(name) : code;
	json_object_object_del(remotes_part(remotes, "remotes"), name);
	if (g_strcmp0(json_get_str(remotes, "current", NULL), name) == 0)
		json_object_object_del(remotes, "current");
	code = save(remotes);
	if (code == EXIT_DONE && !cli->quiet)
		printf(T(m_remote_removed), name);
	return code;
}

static Exit use_exec(Cli *cli, Arguments *arguments)
{
	const char *name = arguments_word(arguments, 0);
	gboolean none = strcmp(name, "none") == 0;
	Exit code = EXIT_DONE;
	json_auto json_object *remotes = load(&code);
	if (!remotes || (!none && !remotes_find(remotes, name)))
		return remotes ? unknown(name) : code;
	if (none)
		json_object_object_del(remotes, "current");
	else
		json_set_str(remotes, "current", name);
	code = save(remotes);
	if (code == EXIT_DONE && !cli->quiet)
		printf(none ? T(m_remote_used_none) : T(m_remote_used), name);
	return code;
}

static const Option add_options[] = {
	{"user", 0, "NAME", NULL, COMPLETE_NOTHING, TEXT(m_opt_remote_user)},
	{"password-file", 0, "FILE", NULL, COMPLETE_FILE, TEXT(m_opt_remote_password)},
	{0}};

#define ONE .usage = "NAME", .min_words = 1, .max_words = 1, .complete = COMPLETE_REMOTE

const Command remote_commands[] = {
	{.name = "list", .alias = "ls", .help = TEXT(m_remote_list_help), .exec = list_exec},
	{.name = "show", ONE, .help = TEXT(m_remote_show_help), .exec = show_exec},
	{.name = "add", .usage = "NAME URL", .help = TEXT(m_remote_add_help), .min_words = 2, .max_words = 2,
	 .options = add_options, .exec = add_exec},
	{.name = "use", .usage = "NAME|none", .help = TEXT(m_remote_use_help), .min_words = 1, .max_words = 1,
	 .complete = COMPLETE_REMOTE, .exec = use_exec},
	{.name = "trust", ONE, .help = TEXT(m_remote_trust_help), .exec = trust_exec},
	{.name = "remove", .alias = "rm", ONE, .help = TEXT(m_remote_remove_help), .exec = remove_exec},
	{0}};
