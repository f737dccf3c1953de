/* What the parts of yado-httpd share, and the bounds of docs/front.md. */
#pragma once
#include <glib.h>
#include <libwebsockets.h>
#include <uv.h>

enum {
	CONNECTIONS_MAX = 4096,
	CONNECTIONS_PER_ADDRESS = 256,
	HEAD_MAX = 16 << 10, /* bytes of a request's head */
	HEADERS_MAX = 64,
	BODY_MAX = 992 << 10,          /* of JSON: with its head it is one frame */
	BODY_ANONYMOUS_MAX = 64 << 10, /* of a request without credentials: only signing in has a use for one */
	BODIES_MAX = 64 << 20,         /* of all bodies that are being collected */
	BODIES_PER_ADDRESS = 16 << 20,
	ANSWERS_MAX = 128 << 20, /* of all that waits for slow clients; above it new requests are told to come later */
	WAITING_MAX = 256 << 10, /* that waits for one slow client before its source is not read any more */
	HANDSHAKE_SECONDS = 10,
	HEAD_SECONDS = 10,
	BODY_SECONDS = 30, /* without a byte, in either direction */
	IDLE_SECONDS = 60,
	ANSWER_SECONDS = 960, /* beyond the longest deadline that yadod knows */
	LINGER_SECONDS = 2,   /* for the last answer to be read before the connection is closed */
	HTTP2_STREAMS_MAX = 100,
	HTTP2_RESETS_MAX = 200, /* in HTTP2_RESETS_SECONDS */
	HTTP2_RESETS_SECONDS = 10,
	MESSAGE_MAX = 64 << 10, /* of a WebSocket, from a client */
	PING_SECONDS = 30,
};

typedef struct Backend Backend;
typedef struct Connection Connection;
typedef struct Page Page;
typedef struct Tls Tls;

typedef struct Front {
	uv_loop_t *loop;
	struct lws_context *lws;
	struct lws_vhost *vhost;
	Tls *tls;
	Backend *backend;
	Page *page;
	GHashTable *peers; /* text of an address (of a /64 of IPv6) -> Peer */
	GQueue connections;
	guint connection_count;
	Connection *adopting; /* while lws makes its side of it */
	GQueue flushes;       /* connections with something to send at the end of this turn of the loop */
	gsize bodies;         /* collected bytes of requests */
	gsize answers;        /* bytes that wait for clients */
} Front;

/* The loop's time in microseconds: of this turn, without a system call. */
static inline gint64 front_now(const Front *front)
{
	return (gint64)uv_now(front->loop) * 1000;
}
