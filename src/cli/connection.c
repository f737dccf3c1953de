/* The connection: to the local socket, or through yado-remote, which the command starts with a socket to it. What is
 * secret goes through that socket, never as an argument or in the environment of the other program. */
#include "cli/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "cli/ask.h"
#include "cli/messages/remote.h"
#include "cli/output.h"
#include "cli/remotes.h"
#include "cli/secret.h"

enum { CONNECT_TIMEOUT_MS = 30000, REMOTE_FD = 3 };

static char *environment_token; /* $YADO_TOKEN */

/* Overwritten where the kernel shows it; the copy is ours alone. */
static char *take_text(char *text)
{
	char *copy = g_strdup(text);
	explicit_bzero(text, strlen(text));
	return copy;
}

void connection_hide_secrets(int argc, char **argv)
{
	char *token = getenv("YADO_TOKEN");
	if (token) {
		environment_token = take_text(token);
		unsetenv("YADO_TOKEN");
	}
	for (int i = 1; i < argc; i++) {
		if (g_str_has_prefix(argv[i], "--token="))
			argv[i] = take_text(argv[i]);
		else if (strcmp(argv[i], "--token") == 0 && i + 1 < argc)
			argv[i + 1] = take_text(argv[i + 1]);
	}
}

void target_clear(Target *target)
{
	g_clear_pointer(&target->url, g_free);
	g_clear_pointer(&target->token, secret_free);
	g_clear_pointer(&target->fingerprint, g_free);
}

static Client *start_remote(GError **error)
{
	int ends[2];
	g_autofree char *program = process_find_program("yado-remote", error);
	if (!program)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		error_set_errno(error, errno, "cannot make a socket");
		return NULL;
	}
	fd_auto int ours = ends[0], theirs = ends[1];
	const char *const argv[] = {program, NULL};
	pid_t pid;
	/* It ends with its socket, and is then waited for by who waits for us. */
	if (!process_spawn(argv, &(ProcessFd){theirs, REMOTE_FD}, 1, &pid, error))
		return NULL;
	return client_open(fd_steal(&ours));
}

/* Tells yado-remote the target; with `probe` the answer tells of the certificate. NULL with the error. */
static Reply *tell_remote(Client *client, const Target *target, gboolean probe, GError **error)
{
	json_auto json_object *body = json_object_new_object();
	json_set_str(body, "url", target->url);
	if (target->token)
		json_set_str(body, "token", target->token);
	if (target->fingerprint)
		json_set_str(body, "fingerprint", target->fingerprint);
	json_set_bool(body, "probe", probe);
	json_set_str(body, "language", speak_japanese ? "ja" : "en");
	return client_request(client, "CONNECT", "/", NULL, body, NULL, 0, CONNECT_TIMEOUT_MS, error);
}

/* "ab:cd:…", as browsers and openssl show it. */
static char *with_colons(const char *fingerprint)
{
	GString *text = g_string_new(NULL);
	for (gsize i = 0; fingerprint[i]; i++) {
		if (i > 0 && i % 2 == 0)
			g_string_append_c(text, ':');
		g_string_append_c(text, g_ascii_toupper(fingerprint[i]));
	}
	return g_string_free(text, FALSE);
}

/* Whether an unknown certificate is to be taken; FALSE with the error. */
static gboolean ask_about(Cli *cli, const Target *target, json_object *seen, GError **error)
{
	g_autofree char *shown = with_colons(json_get_str(seen, "fingerprint", ""));
	if (!cli->silent && !cli->yes && can_confirm()) {
		fprintf(stderr, T(m_certificate_unknown), target->url, json_get_str(seen, "problem", "?"), shown);
		if (confirm("%s", T(m_certificate_confirm)))
			return TRUE;
		error_set(error, ERROR_FORBIDDEN, NULL, "%s", T(m_certificate_declined));
		return FALSE;
	}
	error_set(error, ERROR_FORBIDDEN, T(m_certificate_hint), T(m_certificate_untrusted), target->url, shown);
	return FALSE;
}

Client *target_connect(Cli *cli, Target *target, GError **error)
{
	g_autoptr(Client) client = start_remote(error);
	if (!client)
		return NULL;
	gboolean probe = !target->fingerprint;
	g_autoptr(Reply) reply = tell_remote(client, target, probe, error);
	if (!reply)
		return NULL;
	g_free(target->url);
	target->url = g_strdup(json_get_str(reply->body, "url", ""));
	if (!probe || json_get_bool(reply->body, "trusted", FALSE))
		return g_steal_pointer(&client);
	if (!ask_about(cli, target, reply->body, error))
		return NULL;
	target->fingerprint = g_strdup(json_get_str(reply->body, "fingerprint", NULL));
	g_autoptr(Reply) again = tell_remote(client, target, FALSE, error);
	return again ? g_steal_pointer(&client) : NULL;
}

char *connection_token(Cli *cli, GError **error)
{
	if (cli->token)
		return g_strdup(cli->token);
	if (cli->token_file)
		return secret_read(cli->token_file, error);
	return g_strdup(environment_token);
}

/* A certificate that was taken before for this URL, with or without a name. */
static void find_pin(json_object *remotes, Target *target)
{
	const char *pin = json_get_str(json_get(remotes, "certificates"), target->url, NULL);
	target->fingerprint = g_strdup(pin);
}

static gboolean resolve(Cli *cli, const char *remote, json_object *remotes, Target *target, GError **error)
{
	g_autoptr(GError) failure = NULL;
	target->token = connection_token(cli, &failure);
	if (failure) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	if (strstr(remote, "://")) {
		target->url = remotes_url(remote);
		find_pin(remotes, target);
	} else {
		json_object *saved = remotes_find(remotes, remote);
		if (!saved) {
			error_set(error, ERROR_NOT_FOUND, T(m_remote_unknown_hint), T(m_remote_unknown), remote);
			return FALSE;
		}
		target->url = g_strdup(json_get_str(saved, "url", ""));
		target->fingerprint = g_strdup(json_get_str(saved, "fingerprint", NULL));
		if (!target->token)
			target->token = g_strdup(json_get_str(saved, "token", NULL));
	}
	if (cli->fingerprint) {
		g_free(target->fingerprint);
		target->fingerprint = g_strdup(cli->fingerprint);
	}
	if (!target->token) {
		error_set(error, ERROR_UNAUTHORIZED, T(m_token_missing_hint), T(m_token_missing), remote);
		return FALSE;
	}
	return TRUE;
}

static Client *open_remote(Cli *cli, const char *remote, json_object *remotes, GError **error)
{
	Target target = {0};
	g_autoptr(Client) client = NULL;
	if (resolve(cli, remote, remotes, &target, error)) {
		gboolean was_pinned = target.fingerprint != NULL;
		client = target_connect(cli, &target, error);
		/* What was taken once is known the next time. */
		if (client && !was_pinned && target.fingerprint) {
			json_set_str(remotes_part(remotes, "certificates"), target.url, target.fingerprint);
			g_autoptr(GError) unsaved = NULL;
			if (!remotes_save(remotes, &unsaved))
				report(unsaved);
		}
	}
	target_clear(&target);
	return g_steal_pointer(&client);
}

/* The remote that the command speaks with, or the socket: one is NULL. Both are the remotes' or the caller's. */
static gboolean choose(Cli *cli, json_object **ret_remotes, const char **ret_remote, const char **ret_socket,
		       GError **error)
{
	const char *socket = cli->socket, *remote = cli->remote;
	*ret_remotes = NULL;
	if (!socket && !remote) {
		remote = g_getenv("YADO_REMOTE");
		socket = g_getenv("YADO_SOCKET");
		remote = remote && *remote ? remote : NULL;
		socket = socket && *socket ? socket : NULL;
	}
	if (!socket || remote) {
		*ret_remotes = remotes_load(error);
		if (!*ret_remotes)
			return FALSE;
		if (!remote)
			remote = json_get_str(*ret_remotes, "current", NULL);
		if (remote && strcmp(remote, "none") == 0)
			remote = NULL;
	}
	*ret_remote = remote;
	*ret_socket = remote ? NULL : socket ? socket : "/run/yado/api.sock";
	return TRUE;
}

Client *connection_open(Cli *cli, GError **error)
{
	json_auto json_object *remotes = NULL;
	const char *remote, *socket;
	if (!choose(cli, &remotes, &remote, &socket, error))
		return NULL;
	return remote ? open_remote(cli, remote, remotes, error) : client_connect(socket, error);
}

char *connection_socket(Cli *cli)
{
	json_auto json_object *remotes = NULL;
	const char *remote, *socket;
	return choose(cli, &remotes, &remote, &socket, NULL) ? g_strdup(socket) : NULL;
}
