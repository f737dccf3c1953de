/* The head of an HTTP request, from HTTP/1.1 text or HTTP/2 fields: what it says, checked strictly. Pure. */
#pragma once
#include "base/error.h"

/* Why a request is refused; texts are static. */
typedef struct Refusal {
	int status;
	ErrorCode code;
	const char *message;
	const char *hint; /* may be NULL */
} Refusal;

typedef enum HeaderName {
	HEADER_HOST,
	HEADER_CONTENT_TYPE,
	HEADER_CONTENT_ENCODING,
	HEADER_AUTHORIZATION,
	HEADER_ORIGIN,
	HEADER_IF_MATCH,
	HEADER_IF_NONE_MATCH,
	HEADER_ACCEPT_ENCODING,
	HEADER_IDEMPOTENCY_KEY,
	HEADER_CSRF_TOKEN,
	HEADER_RANGE,
	HEADER_UPLOAD_OFFSET,
	HEADER_USER_AGENT,
	HEADER_ACCEPT_LANGUAGE,
	HEADER_WEBSOCKET_KEY,
	HEADER_WEBSOCKET_VERSION,
	HEADER_COUNT,
} HeaderName;

/* Strings lie one after another in `text`; an offset of 0 is a missing one. Use head_get() and the like. */
typedef struct Head {
	GString *text;
	guint32 method, target, session;
	guint32 headers[HEADER_COUNT];
	guint header_count;
	gsize size; /* of names and values */
	guint64 content_length;
	gboolean has_content_length;
	gboolean http2;
	gboolean http10;
	gboolean close;   /* the connection is not to be kept */
	gboolean expects; /* 100-continue */
	gboolean upgrade; /* "upgrade: websocket" */
	gboolean connection_upgrade;
	gboolean offers_binary; /* the WebSocket subprotocol */
} Head;

void head_init(Head *head);
void head_reset(Head *head); /* for the next request */
void head_clear(Head *head);

const char *head_method(const Head *head);
const char *head_target(const Head *head);
const char *head_session(const Head *head);              /* of the cookie; NULL if there is none */
const char *head_get(const Head *head, HeaderName name); /* NULL if it is missing */

/* Looks for the end of an HTTP/1.1 head in `data`, of which the first *scanned bytes were looked at before. Returns its
 * length with the empty line; 0 if there is more to come; -1 if it is refused already: a line feed or carriage return
 * of its own, a NUL, or more than HEAD_MAX bytes. */
gssize head_find_end(const char *data, gsize length, gsize *scanned, Refusal *refusal);
/* Parses a whole head (RFC 9112, without anything that it only tolerates). */
gboolean head_parse(Head *head, const char *data, gsize length, Refusal *refusal);

/* For HTTP/2, whose library has checked the characters: one field at a time, then head_finish(). */
gboolean head_add_pseudo(Head *head, const char *name, const char *value, gsize length, Refusal *refusal);
gboolean head_add(Head *head, const char *name, gsize name_length, const char *value, gsize length, Refusal *refusal);
gboolean head_finish(Head *head, Refusal *refusal);
