/* The front decides nothing, but passes only what has one meaning: a target is refused rather than normalized, and a
 * credential of another form is not passed at all. */
#include "httpd/translate.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

enum { TARGET_MAX = 8192, USER_AGENT_MAX = 255, TOKEN_MAX = 128, SESSION_LENGTH = 43, VALUE_MAX = 255 };

static gboolean refuse(Refusal *refusal, int status, ErrorCode code, const char *message, const char *hint)
{
	*refusal = (Refusal){status, code, message, hint};
	return FALSE;
}

/* The character at `at`, with an escape taken as what it means; 0 if the escape is broken. */
static guchar decode_at(const char *at, gsize *ret_length)
{
	*ret_length = 1;
	if (*at != '%')
		return (guchar)*at;
	if (!g_ascii_isxdigit(at[1]) || !g_ascii_isxdigit(at[2]))
		return 0;
	*ret_length = 3;
	return (guchar)(g_ascii_xdigit_value(at[1]) << 4 | g_ascii_xdigit_value(at[2]));
}

static gboolean check_target(const char *target, Refusal *refusal)
{
	gsize length = strlen(target), step;
	if (length > TARGET_MAX)
		return refuse(refusal, 414, ERROR_TOO_LARGE, "the path and query are too long", NULL);
	for (const char *c = target; *c; c++)
		if ((guchar)*c <= 0x20 || (guchar)*c >= 0x7f || strchr("\"#<>\\^`{|}", *c))
			return refuse(
				refusal, 400, ERROR_INVALID, "the path has a character that is to be escaped", NULL);
	/* Each step of the path, decoded: its first two characters and how many there are tell "." and "..". */
	const char *end = strchrnul(target, '?');
	for (const char *at = target; at < end;) {
		at++; /* the slash */
		guint dots = 0, count = 0;
		while (at < end && *at != '/') {
			guchar c = decode_at(at, &step);
			if (c < 0x20 || c == 0x7f || c == '/' || c == '\\')
				return refuse(refusal, 400, ERROR_INVALID,
					"the path has a broken escape, or one that no path needs", NULL);
			dots += c == '.';
			count++;
			at += step;
		}
		if (count > 0 && count <= 2 && dots == count)
			return refuse(refusal, 400, ERROR_INVALID, "the path has . or .. as a step", NULL);
		if (count == 0 && at < end)
			return refuse(refusal, 400, ERROR_INVALID, "the path has //", NULL);
	}
	for (const char *at = end; *at; at += step)
		if (decode_at(at, &step) == 0)
			return refuse(refusal, 400, ERROR_INVALID, "the query has a broken escape", NULL);
	return TRUE;
}

/* A name or an address, with a port or without (RFC 3986 §3.2.2), for what names hosts have. */
static gboolean is_host(const char *host)
{
	gsize length = 0;
	if (host[0] == '[') {
		length = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
		if (length < 3 || host[length++] != ']')
			return FALSE;
	} else {
		while (g_ascii_isalnum(host[length]) || host[length] == '.' || host[length] == '-' ||
			host[length] == '_')
			length++;
		if (length == 0)
			return FALSE;
	}
	if (length > 255)
		return FALSE;
	if (host[length] == '\0')
		return TRUE;
	gsize digits = strspn(host + length + 1, "0123456789");
	return host[length] == ':' && digits >= 1 && digits <= 5 && host[length + 1 + digits] == '\0';
}

/* Without the port that https has anyhow. */
static gsize host_length(const char *host)
{
	gsize length = strlen(host);
	return length > 4 && strcmp(host + length - 4, ":443") == 0 ? length - 4 : length;
}

static gboolean is_same_origin(const char *origin, const char *host)
{
	static const char scheme[] = "https://";
	if (strncmp(origin, scheme, sizeof scheme - 1) != 0)
		return FALSE;
	origin += sizeof scheme - 1;
	gsize length = host_length(host);
	return length > 0 && host_length(origin) == length && g_ascii_strncasecmp(origin, host, length) == 0;
}

static gboolean is_secret(const char *text, gsize max, gboolean dots)
{
	gsize length = 0;
	while (g_ascii_isalnum(text[length]) || text[length] == '-' || text[length] == '_' ||
		(dots && text[length] == '.'))
		length++;
	return text[length] == '\0' && length >= 1 && length <= max;
}

/* The token of `authorization: Bearer TOKEN`; NULL if it is of another form. */
static const char *bearer(const char *authorization)
{
	if (g_ascii_strncasecmp(authorization, "bearer ", 7) != 0)
		return NULL;
	const char *token = authorization + 7;
	while (*token == ' ')
		token++;
	return is_secret(token, TOKEN_MAX, TRUE) ? token : NULL;
}

static gboolean check_credentials(const Head *head, Refusal *refusal)
{
	const char *session = head_session(head), *authorization = head_get(head, HEADER_AUTHORIZATION);
	if (session && authorization)
		return refuse(refusal, 400, ERROR_INVALID, "a request has a session or a token, not both", NULL);
	if (session && (strlen(session) != SESSION_LENGTH || !is_secret(session, SESSION_LENGTH, FALSE)))
		return refuse(refusal, 401, ERROR_UNAUTHORIZED, "the cookie is not one of a session", "sign in again");
	if (authorization && !bearer(authorization))
		return refuse(refusal, 401, ERROR_UNAUTHORIZED, "the authorization is not a token",
			"send 'authorization: Bearer TOKEN'");
	return TRUE;
}

gboolean translate_check(const Head *head, Refusal *refusal)
{
	if (!is_host(head_get(head, HEADER_HOST)))
		return refuse(refusal, 400, ERROR_INVALID, "the host is not a name or an address", NULL);
	return check_target(head_target(head), refusal) && check_credentials(head, refusal);
}

Destination translate_destination(const Head *head)
{
	const char *target = head_target(head);
	gsize length = strcspn(target, "?");
	if (g_str_has_prefix(target, "/api/") || (length == 8 && memcmp(target, "/healthz", 8) == 0) ||
		(length == 8 && memcmp(target, "/metrics", 8) == 0))
		return DESTINATION_API;
	return DESTINATION_PAGE;
}

gboolean translate_has_credentials(const Head *head)
{
	return head->session || head->headers[HEADER_AUTHORIZATION];
}

gboolean translate_is_bulk(const Head *head)
{
	const char *type = head_get(head, HEADER_CONTENT_TYPE);
	if (!type)
		return FALSE;
	gsize length = strcspn(type, "; \t");
	return length == 24 && g_ascii_strncasecmp(type, "application/octet-stream", 24) == 0;
}

/* A value that is cut stays valid UTF-8, and one that never was is left out: the head is JSON. */
static void pass(json_object *headers, const char *name, const char *value, gsize max)
{
	const char *end;
	gsize length = strnlen(value, max);
	if (!g_utf8_validate(value, (gssize)length, &end) && length < max)
		return;
	json_object_object_add(headers, name, json_object_new_string_len(value, (int)(end - value)));
}

/* "\"43\"" -> "43"; "*" and what is not quoted stay. */
static void pass_if_match(json_object *headers, const char *value)
{
	gsize length = strlen(value);
	if (length >= 2 && value[0] == '"' && value[length - 1] == '"') {
		g_autofree char *bare = g_strndup(value + 1, length - 2);
		pass(headers, "if-match", bare, VALUE_MAX);
	} else {
		pass(headers, "if-match", value, VALUE_MAX);
	}
}

static const struct {
	HeaderName header;
	const char *name;
} passed_headers[] = {
	{HEADER_IDEMPOTENCY_KEY, "idempotency-key"},
	{HEADER_CSRF_TOKEN, "x-csrf-token"},
	{HEADER_RANGE, "range"},
	{HEADER_UPLOAD_OFFSET, "upload-offset"},
	{HEADER_ACCEPT_LANGUAGE, "accept-language"},
};

/* Waiting for a task is the one request that is meant to take long (docs/protocol.md: the longest deadline). */
static gboolean is_wait(const char *target)
{
	gsize length = strcspn(target, "?");
	return length > 5 && memcmp(target + length - 5, "/wait", 5) == 0;
}

json_object *translate_request(const Head *head, const char *address, Refusal *refusal)
{
	const char *origin = head_get(head, HEADER_ORIGIN), *agent = head_get(head, HEADER_USER_AGENT);
	const char *authorization = head_get(head, HEADER_AUTHORIZATION), *target = head_target(head);
	json_auto json_object *headers = json_object_new_object();
	if (head_get(head, HEADER_IF_MATCH))
		pass_if_match(headers, head_get(head, HEADER_IF_MATCH));
	for (guint i = 0; i < G_N_ELEMENTS(passed_headers); i++) {
		const char *value = head_get(head, passed_headers[i].header);
		if (!value)
			continue;
		if (strlen(value) > VALUE_MAX) {
			refuse(refusal, 400, ERROR_INVALID, "a header's value is too long", NULL);
			return NULL;
		}
		pass(headers, passed_headers[i].name, value, VALUE_MAX);
	}
	if (agent)
		pass(headers, "user-agent", agent, USER_AGENT_MAX);

	json_object *json = json_object_new_object();
	json_set_str(json, "method", head_method(head));
	json_set_str(json, "path", target);
	json_set_str(json, "address", address);
	if (head->session)
		json_set_str(json, "session", head_session(head));
	if (authorization)
		json_set_str(json, "token", bearer(authorization));
	if (origin)
		json_set_str(json, "origin", is_same_origin(origin, head_get(head, HEADER_HOST)) ? "same" : "cross");
	if (is_wait(target))
		json_set_int(json, "deadline_ms", 900000);
	if (json_object_object_length(headers) > 0)
		json_set(json, "headers", g_steal_pointer(&headers));
	return json;
}

void fields_add(Fields *fields, const char *name, const char *value)
{
	if (fields->count < FIELDS_MAX)
		fields->items[fields->count++] = (Field){name, value};
}

/* No Strict-Transport-Security: with a self-made certificate it would lock people out of the host's other services. */
void fields_add_security(Fields *fields, gboolean page)
{
	fields_add(fields, "content-security-policy",
		page ? "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src "
		       "'self'; "
		       "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
		       "'none'"
		     : "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
	fields_add(fields, "x-content-type-options", "nosniff");
	fields_add(fields, "x-frame-options", "DENY");
	fields_add(fields, "referrer-policy", "no-referrer");
	fields_add(fields, "cross-origin-opener-policy", "same-origin");
	fields_add(fields, "cross-origin-resource-policy", "same-origin");
	if (!page)
		fields_add(fields, "cache-control", "no-store");
}

static const char *const passed_answers[] = {
	"set-cookie",
	"content-disposition",
	"location",
	"retry-after",
	"accept-ranges",
	"content-range",
	"upload-offset",
	"idempotency-replayed",
};

/* A value that would end the line is not passed, whoever made it. */
static const char *clean_value(json_object *headers, const char *name)
{
	json_object *value = json_get(headers, name);
	if (!value || !json_object_is_type(value, json_type_string))
		return NULL;
	const char *text = json_object_get_string(value);
	if (strlen(text) != (gsize)json_object_get_string_len(value))
		return NULL;
	for (const char *c = text; *c; c++)
		if ((guchar)*c < 0x20 || *c == 0x7f)
			return NULL;
	return text;
}

void fields_add_response(Fields *fields, json_object *head, gboolean has_body)
{
	json_object *headers = json_get(head, "headers");
	gint64 task = json_get_int(head, "task", -1);
	const char *etag = clean_value(head, "etag");
	const char *type = headers ? clean_value(headers, "content-type") : NULL;
	if (type || has_body)
		fields_add(fields, "content-type", type ? type : "application/json");
	if (etag && strlen(etag) + sizeof "\"\"" <= sizeof fields->etag && !strchr(etag, '"')) {
		snprintf(fields->etag, sizeof fields->etag, "\"%s\"", etag);
		fields_add(fields, "etag", fields->etag);
	}
	for (guint i = 0; headers && i < G_N_ELEMENTS(passed_answers); i++) {
		const char *value = clean_value(headers, passed_answers[i]);
		if (value)
			fields_add(fields, passed_answers[i], value);
	}
	if (task >= 0 && !(headers && clean_value(headers, "location"))) {
		snprintf(fields->location, sizeof fields->location, "/api/v1/tasks/%" G_GINT64_FORMAT, task);
		fields_add(fields, "location", fields->location);
	}
}

int translate_status(json_object *head)
{
	gint64 status = json_get_int(head, "status", 0);
	return status >= 200 && status <= 599 ? (int)status : 502;
}

const char *status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {
		{101, "Switching Protocols"},
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{204, "No Content"},
		{206, "Partial Content"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{411, "Length Required"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{415, "Unsupported Media Type"},
		{416, "Range Not Satisfiable"},
		{417, "Expectation Failed"},
		{422, "Unprocessable Content"},
		{426, "Upgrade Required"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{499, "Cancelled"},
		{500, "Internal Server Error"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
		{507, "Insufficient Storage"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Status";
}

gboolean answer_is_empty(int status)
{
	return status == 204 || status == 304;
}

char *refusal_body(const Refusal *refusal)
{
	GError *error = NULL;
	error_set(&error, refusal->code, refusal->hint, "%s", refusal->message);
	json_auto json_object *json = json_object_new_object();
	json_set(json, "error", error_to_json(error));
	g_error_free(error);
	return json_dup_text(json);
}
