/* Requests: the checks between a frame and a handler. Everything that is refused here is answered with 400 on the
 * request's own stream; the connection lives on. */
#include "api/request.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

static gboolean is_plain_text(const char *text)
{
	if (!g_utf8_validate(text, -1, NULL))
		return FALSE;
	for (const char *p = text; *p; p++)
		if ((guchar)*p < 0x20 || *p == 0x7f)
			return FALSE;
	return TRUE;
}

/* g_uri_unescape_segment() refuses broken escapes and an escaped NUL. */
static char *decode(const char *start, const char *end)
{
	g_autofree char *piece = g_strndup(start, (gsize)(end - start));
	g_autofree char *decoded = g_uri_unescape_string(g_strdelimit(piece, "+", ' '), NULL);
	return decoded && is_plain_text(decoded) ? g_steal_pointer(&decoded) : NULL;
}

GHashTable *query_parse(const char *text, GError **error)
{
	g_autoptr(GHashTable) query = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	for (const char *piece = text ? text : ""; *piece;) {
		const char *end = strchrnul(piece, '&');
		const char *equals = memchr(piece, '=', (gsize)(end - piece));
		if (end > piece) {
			g_autofree char *name = decode(piece, equals ? equals : end);
			g_autofree char *value = equals ? decode(equals + 1, end) : g_strdup("");
			if (!name || !*name || !value) {
				g_autofree char *shown = g_utf8_make_valid(piece, MIN(end - piece, 64));
				error_set(error, ERROR_INVALID, "encode it as %XX of its UTF-8 bytes",
					  "query parameter '%s' is not well-formed", shown);
				return NULL;
			}
			if (g_hash_table_contains(query, name)) {
				error_set_field(error, ERROR_INVALID, name, "give it once",
						"query parameter '%s' is given twice", name);
				return NULL;
			}
			if (g_hash_table_size(query) >= REQUEST_QUERY_MAX) {
				error_set(error, ERROR_INVALID, NULL, "more than %d query parameters", REQUEST_QUERY_MAX);
				return NULL;
			}
			g_hash_table_insert(query, g_steal_pointer(&name), g_steal_pointer(&value));
		}
		piece = *end ? end + 1 : end;
	}
	return g_steal_pointer(&query);
}

static gboolean check_method(const char *method)
{
	gsize length = method ? strlen(method) : 0;
	return length > 0 && length <= 16 && strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == length;
}

static gboolean check_headers(json_object *headers, GError **error)
{
	if (!headers)
		return TRUE;
	if (!json_object_is_type(headers, json_type_object) || json_object_object_length(headers) > REQUEST_HEADERS_MAX) {
		error_set_field(error, ERROR_INVALID, "headers", NULL,
				"headers must be an object of at most %d strings", REQUEST_HEADERS_MAX);
		return FALSE;
	}
	json_object_object_foreach (headers, name, value) {
		gboolean lower = *name != 0;
		for (const char *p = name; *p; p++)
			lower &= g_ascii_islower(*p) || g_ascii_isdigit(*p) || *p == '-';
		if (!lower || !json_object_is_type(value, json_type_string)) {
			error_set_field(error, ERROR_INVALID, "headers",
					"names are of lower-case letters, digits and '-'; values are strings",
					"header '%s' is not well-formed", name);
			return FALSE;
		}
	}
	return TRUE;
}

/* Of a body that does not come in the frame (docs/front.md, "Bodies of bytes"). */
static gboolean check_length(Request *request, json_object *head, GError **error)
{
	static const gint64 most = (gint64)1 << 46;
	json_object *length = json_get(head, "content_length");
	request->content_length = json_get_int(head, "content_length", -1);
	if (length && (!json_object_is_type(length, json_type_int) || request->content_length < 0 ||
		       request->content_length > most)) {
		error_set_field(error, ERROR_INVALID, "content_length", NULL,
				"content_length must be a number of bytes up to 2^46");
		return FALSE;
	}
	if (length && g_bytes_get_size(request->body) > 0) {
		error_set_field(error, ERROR_INVALID, "content_length", NULL,
				"a body is either in the frame or follows, not both");
		return FALSE;
	}
	return TRUE;
}

gboolean request_parse(Request *request, Frame *frame, GError **error)
{
	request->frame = frame;
	request->body = g_bytes_ref(frame->body);
	request->method = json_get_str(frame->head, "method", NULL);
	if (!check_method(request->method)) {
		error_set_field(error, ERROR_INVALID, "method", "GET, POST, PATCH, PUT or DELETE",
				"the request's method is missing or not well-formed");
		return FALSE;
	}
	const char *target = json_get_str(frame->head, "path", NULL);
	if (!target || target[0] != '/' || strlen(target) > REQUEST_PATH_MAX) {
		error_set_field(error, ERROR_INVALID, "path", NULL,
				"the request's path must begin with '/' and have at most %d bytes", REQUEST_PATH_MAX);
		return FALSE;
	}
	const char *mark = strchrnul(target, '?');
	g_autofree char *encoded = g_strndup(target, (gsize)(mark - target));
	/* An escaped '/' could pass for a step of the path. */
	request->path = g_uri_unescape_string(encoded, "/");
	if (!request->path || !is_plain_text(request->path)) {
		error_set_field(error, ERROR_INVALID, "path", "encode it as %XX of its UTF-8 bytes; '/' cannot be part of a name",
				"the request's path is not well-formed");
		return FALSE;
	}
	request->query = query_parse(*mark ? mark + 1 : NULL, error);
	if (!request->query)
		return FALSE;
	request->headers = json_get(frame->head, "headers");
	if (!check_headers(request->headers, error))
		return FALSE;
	json_object *deadline = json_get(frame->head, "deadline_ms");
	gint64 deadline_ms = json_get_int(frame->head, "deadline_ms", REQUEST_DEADLINE_DEFAULT_MS);
	if (deadline_ms < 1 || (deadline && !json_object_is_type(deadline, json_type_int))) {
		error_set_field(error, ERROR_INVALID, "deadline_ms", NULL, "deadline_ms must be a number from 1");
		return FALSE;
	}
	request->deadline_us = g_get_monotonic_time() + MIN(deadline_ms, REQUEST_DEADLINE_MAX_MS) * 1000;
	request->address = "";
	return check_length(request, frame->head, error) && (!request->front || request_parse_front(request, frame->head, error));
}

void request_clear(Request *request)
{
	g_clear_pointer(&request->path, g_free);
	g_clear_pointer(&request->query, g_hash_table_unref);
	g_clear_pointer(&request->body, g_bytes_unref);
	g_clear_error(&request->refusal);
}
