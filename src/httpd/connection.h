/* One client's connection: bytes in, bytes out, one deadline. What the bytes mean is its protocol's matter. */
#pragma once
#include "httpd/front.h"

/* What one address uses. */
typedef struct Peer {
	char *name;
	guint connections;
	gsize bodies;
} Peer;

typedef struct ConnectionOps {
	/* Takes all the bytes. */
	void (*receive)(Connection *connection, const guint8 *data, gsize length);
	/* The end of a turn of the loop in which connection_wake() was called, before what waits is sent. May be
	 * NULL. */
	void (*flush)(Connection *connection);
	/* Less than WAITING_MAX waits again. */
	void (*drained)(Connection *connection);
	/* The deadline has passed. */
	void (*expired)(Connection *connection);
	/* The client is gone, or was sent away: the last call, frees the protocol's state. */
	void (*closed)(Connection *connection);
} ConnectionOps;

struct Connection {
	const ConnectionOps *ops;
	gpointer state; /* the protocol's */
	Front *front;
	Peer *peer;
	char address[INET6_ADDRSTRLEN];

	/* connection.c's own */
	struct lws *wsi;
	GList link;       /* in front->connections */
	GList flush_link; /* in front->flushes */
	GByteArray *out;  /* what waits; bytes before out_start have left */
	gsize out_start;
	GBytes *body;     /* what waits behind it; NULL: nothing does */
	gsize body_start;
	gint64 deadline_us; /* 0: none */
	gint64 progress_us; /* when something left last, while something waits */
	gboolean flushing, paused, stalled, mute, was_full, finishing, killed, established, patient;
};

/* Takes the socket over. */
void connection_adopt(Front *front, int fd, Peer *peer, const char *address);
/* Queues bytes; they leave at the end of this turn of the loop, as many as the client takes. */
void connection_write(Connection *connection, const void *data, gsize length);
/* The same without a copy of what is large. */
void connection_write_bytes(Connection *connection, GBytes *bytes);
/* Asks for ops->flush(). */
void connection_wake(Connection *connection);
/* Bytes that wait. */
gsize connection_pending(const Connection *connection);
/* Whether more than WAITING_MAX waits: the source is to stop until ops->drained(). */
gboolean connection_is_full(const Connection *connection);
/* Stops and resumes reading from the client. */
void connection_pause(Connection *connection, gboolean pause);
/* Ends after what waits has left; what still comes in is thrown away. */
void connection_finish(Connection *connection);
/* Ends it at the end of this turn of the loop, without what waits. */
void connection_kill(Connection *connection);
/* Seconds from now; 0: none. */
void connection_deadline(Connection *connection, guint seconds);
/* From here on the protocol finds out by itself whether the client lives: one that takes nothing is kept, with what
 * waits for it bounded. */
void connection_be_patient(Connection *connection);
/* Changes the protocol: the old one's state is the caller's matter. */
void connection_set_protocol(Connection *connection, const ConnectionOps *ops, gpointer state);

/* The callback for lws, and what the loop calls each turn and each second. */
int connection_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length);
void connections_flush(Front *front);
void connections_tick(Front *front);
