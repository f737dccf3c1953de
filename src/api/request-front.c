/* What a request's head says on front.sock beside what it says everywhere (docs/front.md, "From HTTP to a frame"). The
 * front is not trusted: what it passes on has the form that it promises, or the request is refused. */
#include "api/request.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

enum { SESSION_LENGTH = 43, TOKEN_MAX = 128 };

#define BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

static gboolean is_address(const char *text)
{
	guint8 binary[sizeof(struct in6_addr)];
	return inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1;
}

static gboolean is_session(const char *text)
{
	return strlen(text) == SESSION_LENGTH && strspn(text, BASE64URL) == SESSION_LENGTH;
}

static gboolean is_token(const char *text)
{
	gsize length = strlen(text);
	return length > 0 && length <= TOKEN_MAX && strspn(text, BASE64URL ".") == length;
}

static gboolean is_origin(const char *text)
{
	return g_str_equal(text, "same") || g_str_equal(text, "cross");
}

static const struct Member {
	const char *name;
	gboolean (*is_valid)(const char *text);
	const char *wanted;
} members[] = {
	{"address", is_address, "an IP address"},
	{"session", is_session, "43 characters of base64url"},
	{"token", is_token, "1 to 128 characters of base64url or '.'"},
	{"origin", is_origin, "'same' or 'cross'"},
};

static gboolean refuse(const char *name, const char *wanted, GError **error)
{
	/* The value may be a secret, and stays out of the message. */
	error_set_field(error, ERROR_INVALID, name, NULL, "%s must be %s", name, wanted);
	return FALSE;
}

static gboolean check_texts(json_object *head, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
		json_object *value = json_get(head, members[i].name);
		if (value && (!json_object_is_type(value, json_type_string) ||
			      !members[i].is_valid(json_object_get_string(value))))
			return refuse(members[i].name, members[i].wanted, error);
	}
	return TRUE;
}

gboolean request_parse_front(Request *request, json_object *head, GError **error)
{
	json_object *upgrade = json_get(head, "upgrade");
	if (!check_texts(head, error))
		return FALSE;
	request->address = json_get_str(head, "address", NULL);
	request->session = json_get_str(head, "session", NULL);
	request->token = json_get_str(head, "token", NULL);
	if (!request->address)
		return refuse("address", "there", error);
	if (request->session && request->token) {
		error_set(error, ERROR_INVALID, "send one of them", "a cookie and a token came together");
		return FALSE;
	}
	const char *origin = json_get_str(head, "origin", "");
	request->same_origin = g_str_equal(origin, "same");
	request->cross_origin = g_str_equal(origin, "cross");
	if (upgrade && !json_object_is_type(upgrade, json_type_boolean))
		return refuse("upgrade", "true or false", error);
	request->upgrade = json_get_bool(head, "upgrade", FALSE);
	if (request->upgrade && !g_str_equal(request->method, "GET"))
		return refuse("upgrade", "of a GET", error);
	return TRUE;
}
