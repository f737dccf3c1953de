/* Requests over HTTPS, one after another on a connection that is kept. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "remote/control.h"
#include "remote/peer.h"

typedef struct Http Http;

typedef struct HttpCall HttpCall;
struct HttpCall {
	const char *method, *path;
	json_object *headers; /* strings; may be NULL */
	const char *body;     /* JSON; NULL: none */
	int file;             /* else the body is `length` bytes of this descriptor from `offset` on; -1: none */
	gint64 offset, length;
	guint timeout_ms; /* 0: as long as bytes go either way */
	/* Called as bytes of the file go out; may be NULL. */
	void (*sent)(gint64 count, gpointer data);
	/* Takes an answer that is a file (application/octet-stream): `begin` once with its length, then `take`. FALSE
	 * ends the call. NULL: such an answer is kept like any other. */
	gboolean (*begin)(gint64 length, gpointer data);
	gboolean (*take)(const void *bytes, gsize length, gpointer data);
	gpointer data;
	/* What came back: */
	int status;
	char *etag;         /* without its quotes; may be NULL */
	GByteArray *answer; /* at most 1 MiB */
};
void http_call_clear(HttpCall *call);

/* Requests end early when the command no longer waits for them. Both outlive it. */
Http *http_new(Peer *peer, Control *control);
void http_free(Http *http);
/* FALSE: no answer. ERROR_UNAVAILABLE: could not connect, or lost; ERROR_FORBIDDEN: the certificate; ERROR_TIMEOUT;
 * ERROR_CANCELLED: nobody waits any more. An answer of whatever status is TRUE. */
gboolean http_perform(Http *http, HttpCall *call, GError **error);
