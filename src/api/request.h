/* A frame of type request, checked and taken apart into the fields of a Request (api/server.h). */
#pragma once
#include <glib.h>

#include "api/server.h"

enum {
	REQUEST_PATH_MAX = 8192,
	REQUEST_QUERY_MAX = 64, /* parameters */
	REQUEST_HEADERS_MAX = 64,
	REQUEST_DEADLINE_DEFAULT_MS = 60 * 1000,
	REQUEST_DEADLINE_MAX_MS = 15 * 60 * 1000,
};

/* "a=1&b=x%20y" -> table of decoded name -> decoded value, both UTF-8 without control characters. '+' is a space, as
 * HTML forms and most HTTP libraries write it. A name without '=' has an empty value. ERROR_INVALID, with the field,
 * for a name given twice. `text` may be NULL. */
GHashTable *query_parse(const char *text, GError **error);

/* Fills method, path, query, headers, body and deadline_us from the frame, which must outlive the request; with `front`
 * set also what only the front's word is (docs/front.md), checked.
 * request_clear() frees what was filled, also after a failure. */
gboolean request_parse(Request *request, Frame *frame, GError **error);
void request_clear(Request *request);
/* That last part alone; `head` must outlive the request. */
gboolean request_parse_front(Request *request, json_object *head, GError **error);
