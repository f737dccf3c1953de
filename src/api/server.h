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
	gboolean front;        /* came by front.sock: who asks must prove it; the members below are the front's word */
	const char *address;   /* of who asks, as text; "" on api.sock */
	const char *session;   /* secret from the cookie; NULL if there is none */
	const char *token;     /* secret of "authorization: bearer"; NULL if there is none */
	gboolean same_origin;  /* the origin header is that of the page's own host */
	gboolean cross_origin; /* there is an origin header, and it is another's */
	gboolean upgrade;      /* a WebSocket asks: the answer may be a stream of events or a console */
	gint64 content_length; /* of a body of bytes that is to follow (docs/front.md); -1: the body is all there */
	const char *user;      /* who asks; "root" on api.sock, else set once that is known */
	gint64 deadline_us;    /* monotonic; a handler must not block past it */
	Stream *stream;        /* for events and data after the response; reference it to keep it; NULL in ServerQuick */
	GError *refusal;       /* owned; what ServerQuick has found out already about who asks; NULL: nothing */
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
 * 64 threads (128 of the front's), which it may hold while it waits. A json_object must stay within one thread at a
 * time (json-c counts references without locks): what the handler leaves to others is theirs alone, or a copy. */
typedef gboolean (*ServerHandler)(Request *request, Response *response, gpointer data, GError **error);

/* Answers at once, in the loop's own thread, what takes only a few microseconds and memory: never a disk, another process, or
 * a lock that is held over such. FALSE, with *response as it was: the handler is asked, in a thread of its own. */
typedef gboolean (*ServerQuick)(Request *request, Response *response, gpointer data);

typedef struct ServerOptions {
	gboolean front;  /* front.sock: its peer is yado-httpd, whose requests need credentials */
	uid_t uid;       /* the only peer that is let in */
	GMainContext *context; /* whose loop serves; NULL: default */
	ServerQuick quick;     /* NULL: everything is the handler's */
} ServerOptions;

/* Binds the path (api.sock 0600; front.sock owned by its uid; replacing a dead socket; ERROR_CONFLICT if somebody answers
 * there) and serves. */
Server *server_new(const char *path, const ServerOptions *options, ServerHandler handler, gpointer data,
		   GError **error);
/* Closes the socket and all connections, and waits for handlers in flight, whose streams are closed by then: a handler
 * that waits for long looks at stream_is_open() between. In the loop's thread, or when the loop no longer runs. */
void server_free(Server *server);

Stream *stream_ref(Stream *stream);
void stream_unref(Stream *stream);
enum { STREAM_QUEUE_MAX = 256 << 10 };
/* From any thread. FALSE once the peer is gone or cancelled, or when it has not taken what was queued and that is more
 * than STREAM_QUEUE_MAX: the stream is then cancelled. One event may go past that bound. */
gboolean stream_send_event(Stream *stream, json_object *event);
/* The same of an object that is serialized already. */
gboolean stream_send_text(Stream *stream, const char *event);
gboolean stream_is_open(Stream *stream);
void stream_close(Stream *stream);
/* Bytes that may be queued before the stream counts as behind; 0 once it is closed. */
gsize stream_room(Stream *stream);
/* Called, from the loop's thread and holding nothing, when what was queued has gone out to less than half of what may
 * be, and once when the stream ends (also if it has ended already, unless the server is gone). One a stream; NULL takes
 * it away (none of its calls runs any more then, so hold no lock that it takes). */
typedef void (*StreamDrained)(Stream *stream, gpointer data);
void stream_set_drained(Stream *stream, StreamDrained drained, gpointer data);
/* Gives up the stream: the peer is told by a cancel, with what was queued dropped. */
void stream_cancel(Stream *stream);
