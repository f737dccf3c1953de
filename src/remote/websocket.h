/* One WebSocket from its opening to its end, with one descriptor served beside it, both under the user's control. */
#pragma once
#include <glib.h>
#include <libwebsockets.h>

#include "remote/peer.h"

typedef struct WebSocket WebSocket;

typedef struct WebSocketUse {
	const char *subprotocol; /* may be NULL */
	gboolean holds_fd;       /* until websocket_hold_fd() lets it go */
	void (*opened)(WebSocket *socket); /* the other side has taken it; before any `received` */
	/* A piece of a message; `final`: its last one. */
	void (*received)(WebSocket *socket, const guint8 *bytes, gsize length, gboolean final);
	void (*sent)(WebSocket *socket);   /* all that was given to websocket_send() is on its way */
	/* FALSE at its end. Also called while it is held, once its other end has been closed: what is left in it is
	 * bounded. */
	gboolean (*fd_readable)(WebSocket *socket);
	void (*fd_writable)(WebSocket *socket);
} WebSocketUse;

struct WebSocket {
	const WebSocketUse *use;
	Peer *peer;
	const char *path;
	gboolean authorize; /* sends the token; else the path has a ticket */
	int fd;             /* lent; -1: none */
	gpointer data;
	/* What is known at its end: */
	gboolean is_open;   /* `opened` was called */
	int close_code;     /* 0: the connection ended without one */
	char *close_reason; /* may be NULL */
	/* websocket.c's own: */
	struct lws_context *context;
	struct lws *wire, *local;
	GByteArray *out; /* LWS_PRE bytes, then the message */
	int end_code;    /* 0: goes on */
	gboolean established, pinged, owes_sign, over, abandoned, wants_fd, holds_fd, holds_wire, wire_held;
	char *failure;
	int refused; /* HTTP status in place of a WebSocket */
};

/* Until it has ended. FALSE if it was never open: the error says why, as a request's answer would. */
gboolean websocket_run(WebSocket *socket, GError **error);
void websocket_clear(WebSocket *socket);

/* As binary messages of at most 32 KiB. */
void websocket_send(WebSocket *socket, const void *bytes, gsize length);
gboolean websocket_is_sending(const WebSocket *socket);
/* reads no more from the network; what was read still comes */
void websocket_hold(WebSocket *socket, gboolean hold);
void websocket_hold_fd(WebSocket *socket, gboolean hold); /* reads no more from the descriptor */
void websocket_want_fd(WebSocket *socket);                /* fd_writable once it can be written */
void websocket_end(WebSocket *socket, int code);          /* closes it, after what is being sent */
void websocket_abandon(WebSocket *socket);                /* nobody is there any more: ends at once */
