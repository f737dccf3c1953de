/* The other side's address and credentials. */
#include "remote/peer.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "remote/words.h"

enum { PORT_DEFAULT = 8006, TOKEN_MAX = 128 };

void peer_clear(Peer *peer)
{
	g_clear_pointer(&peer->url, g_free);
	g_clear_pointer(&peer->host, g_free);
	g_clear_pointer(&peer->authority, g_free);
	if (peer->token)
		explicit_bzero(peer->token, strlen(peer->token));
	g_clear_pointer(&peer->token, g_free);
	trust_clear(&peer->trust);
}

static gboolean take_url(Peer *peer, const char *text, GError **error)
{
	g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
	const char *path = uri ? g_uri_get_path(uri) : NULL;
	if (!uri || g_strcmp0(g_uri_get_scheme(uri), "https") != 0 || !g_uri_get_host(uri) || !*g_uri_get_host(uri) ||
		g_uri_get_userinfo(uri) || g_uri_get_query(uri) || g_uri_get_fragment(uri) ||
		(*path && strcmp(path, "/") != 0)) {
		error_set(error, ERROR_INVALID, SAY("write it as https://host:8006", "https://ホスト:8006 と書いてください"),
			  SAY("'%s' is not the address of a remote host", "'%s' はリモートホストのアドレスではありません"), text);
		return FALSE;
	}
	peer->host = g_strdup(g_uri_get_host(uri));
	peer->port = g_uri_get_port(uri) > 0 ? g_uri_get_port(uri) : PORT_DEFAULT;
	gboolean brackets = strchr(peer->host, ':') != NULL;
	peer->authority = g_strdup_printf(brackets ? "[%s]:%d" : "%s:%d", peer->host, peer->port);
	peer->url = g_strconcat("https://", peer->authority, NULL);
	peer->trust.host = g_strdup(peer->host);
	return TRUE;
}

static gboolean check_token(const char *token)
{
	gsize length = strlen(token);
	if (length == 0 || length > TOKEN_MAX)
		return FALSE;
	for (const char *c = token; *c; c++)
		if (!g_ascii_isalnum(*c) && *c != '.' && *c != '-' && *c != '_')
			return FALSE;
	return TRUE;
}

gboolean peer_configure(Peer *peer, json_object *from, GError **error)
{
	peer_clear(peer);
	const char *token = json_get_str(from, "token", NULL), *pin = json_get_str(from, "fingerprint", NULL);
	if (!take_url(peer, json_get_str(from, "url", ""), error))
		return FALSE;
	if (token && !check_token(token)) {
		error_set(error, ERROR_INVALID,
			  SAY("it is what 'yado token create' printed, one line",
			      "'yado token create' が表示した1行です"),
			  "%s", SAY("the token is not well-formed", "トークンの形式が正しくありません"));
		return FALSE;
	}
	peer->token = g_strdup(token);
	peer->trust.fingerprint = pin ? trust_parse_fingerprint(pin) : NULL;
	if (pin && !peer->trust.fingerprint) {
		error_set(error, ERROR_INVALID,
			  SAY("it has 64 hexadecimal digits, with or without colons",
			      "64桁の16進数です（コロンは任意）"),
			  SAY("'%s' is not the SHA-256 fingerprint of a certificate",
			      "'%s' は証明書のSHA-256ではありません"),
			  pin);
		return FALSE;
	}
	return TRUE;
}

json_object *peer_error_body(const Peer *peer, int status, const char *message)
{
	static const struct {
		int status;
		ErrorCode code;
	} codes[] = {
		{400, ERROR_INVALID}, {401, ERROR_UNAUTHORIZED}, {403, ERROR_FORBIDDEN}, {404, ERROR_NOT_FOUND},
		{405, ERROR_METHOD}, {409, ERROR_CONFLICT}, {412, ERROR_STALE}, {413, ERROR_TOO_LARGE},
		{422, ERROR_UNSUPPORTED}, {429, ERROR_TOO_MANY}, {499, ERROR_CANCELLED}, {503, ERROR_UNAVAILABLE},
		{504, ERROR_TIMEOUT}, {507, ERROR_NO_SPACE},
	};
	ErrorCode code = ERROR_FAILED;
	for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
		if (codes[i].status == status)
			code = codes[i].code;
	g_autoptr(GError) error = NULL;
	if (message && *message)
		error_set(&error, code, NULL, "%s", message);
	else
		error_set(&error, code, NULL, "'%s' answered with status %d and gave no reason", peer->authority,
			  status);
	json_object *body = json_object_new_object();
	json_set(body, "error", error_to_json(error));
	return body;
}
