/* The server side of the frame protocol: listens on a Unix socket, keeps connections and their streams, and calls one
 * handler per request on a bounded pool of threads. Routing and resources are above it (api/route.h). */
#pragma once
#include <glib.h>
#include <json-c/json.h>
#include <sys/types.h>

#include "base/frame.h"

typedef struct Server Server;
typedef struct Stream Stream;

/* One request; valid during the handler. */
typedef struct Request {
	const char *method;    /* "GET" */
	char *path;            /* decoded path without query, "/api/v1/vms/100" */
	GHashTable *query;     /* decoded name -> value */
	json_object *headers;  /* lower-case names; may be NULL */
	GBytes *body;
	Frame *frame;          /* for frame_steal_fd() */
	uid_t peer_uid;
	const char *user;      /* who asks, "root" on api.sock */
	gint64 deadline_us;    /* monotonic; a handler must not block past it */
	Stream *stream;        /* for events and data after the response; reference it to keep it */
} Request;

typedef struct Response {
	int status;
	json_object *head;     /* extra members of the head ("etag", "task"); owned; may be NULL */
	GBytes *body;          /* owned; may be NULL */
	int fds[4];            /* owned; -1 where none */
	guint fd_count;
	gboolean keep_stream;  /* the stream stays open for events after the response */
} Response;

/* Fills *response (zeroed, fds -1), or returns FALSE with an error, which becomes the response. Runs in one of at most
 * 64 threads, which it may hold while it waits. A json_object must stay within one thread at a time (json-c counts
 * references without locks): what the handler leaves to others is theirs alone, or a copy. */
typedef gboolean (*ServerHandler)(Request *request, Response *response, gpointer data, GError **error);

/* Binds the path (0600, replacing a dead socket; ERROR_CONFLICT if somebody answers there) and serves on `context`'s
 * loop (NULL: default). Only peers with uid 0 are let in. */
Server *server_new(const char *path, GMainContext *context, ServerHandler handler, gpointer data, GError **error);
/* Closes the socket and all connections, and waits for handlers in flight, whose streams are closed by then: a handler
 * that waits for long looks at stream_is_open() between. In the loop's thread, or when the loop no longer runs. */
void server_free(Server *server);

Stream *stream_ref(Stream *stream);
void stream_unref(Stream *stream);
/* From any thread. FALSE once the peer is gone or cancelled, or when it has not taken what was queued (256 KiB): the
 * stream is then cancelled. */
gboolean stream_send_event(Stream *stream, json_object *event);
gboolean stream_is_open(Stream *stream);
void stream_close(Stream *stream);
