/* What the parts of the server know of each other; api/server.c tells how they work together. Everything here belongs
 * to the loop's thread unless it says otherwise. */
#pragma once
#include "api/server.h"

struct stat;

enum {
	CONNECTIONS_MAX = 64,
	FRONT_CONNECTIONS_MAX = 16, /* on front.sock */
	JOBS_MAX = 4096,
	WRITE_PAUSE = 1 << 20, /* queued bytes past which nothing more is read or moved from streams */
};

/* Where threads leave things for the loop; outlives the server while somebody holds a stream. */
typedef struct Inbox {
	gatomicrefcount refs;
	GMutex lock;
	GSource *wake;
	gboolean woken, closed;
	GQueue jobs;	/* finished */
	GQueue streams; /* with something to do; referenced */
	GCond quiet;	/* a call of `drained` has returned */
} Inbox;

typedef struct Write {
	GBytes *bytes;
	GBytes *body; /* goes out behind them; NULL: nothing does */
	gsize offset; /* of both */
	guint fd_count;
	int fds[G_N_ELEMENTS(((Response *)0)->fds)]; /* owned */
} Write;

typedef struct Connection {
	guint refs; /* the server's table and one for each job */
	Server *server;
	GSource *source;
	gpointer tag;
	GIOCondition condition;
	int fd; /* -1 once closed */
	uid_t uid;
	FrameReader *reader;
	GHashTable *streams; /* id -> Stream, referenced */
	guint32 last_stream;
	guint jobs;
	GQueue writes;
	gsize queued;	   /* bytes in writes */
	gint64 write_us;   /* last progress of writing */
	gint64 partial_us; /* last byte of an unfinished frame; 0 between frames */
	gboolean starved;  /* a stream waits for room in writes */
	gboolean closing;  /* as soon as writes are out */
} Connection;

typedef enum StreamState {
	STREAM_OPEN,
	STREAM_ENDING,	/* stream_close() was called; what is queued still goes out */
	STREAM_OVERRUN, /* the peer did not keep up; it is to be cancelled */
	STREAM_CLOSED,
} StreamState;

struct Stream {
	gatomicrefcount refs;
	Inbox *inbox;
	guint32 id;
	/* the loop's */
	Connection *connection; /* NULL once ended */
	gint64 credit;
	gint64 deadline_us; /* 0 after the response */
	gboolean responded;
	/* under the inbox's lock */
	StreamState state;
	GQueue events; /* GBytes, encoded */
	gsize queued;
	gboolean touched;
	StreamDrained drained; /* NULL: nobody wants to know */
	gpointer drained_data;
	GThread *draining; /* in a call of it; NULL: none is */
};

/* The loop's, then a thread's from the pool, then the loop's again. */
typedef struct Job {
	Connection *connection; /* referenced; not the thread's to touch */
	Stream *stream;
	Frame *frame;
	Request request;
	Write *answer; /* NULL: nobody wanted one */
	gboolean keep_stream;
} Job;

struct Server {
	char *path;
	dev_t device;
	ino_t inode;
	int fd;
	GSource *listener;
	gpointer listener_tag;
	gint64 accept_us;   /* accepting pauses until then; 0: it does not */
	gint64 progress_us; /* how long a peer may leave a frame unfinished, or what is written to it unread */
	GSource *timer;
	GMainContext *context;
	GThreadPool *pool;
	Inbox *inbox;
	GHashTable *connections; /* set */
	guint jobs;
	ServerOptions options; /* the context is ours as `context` */
	ServerHandler handler;
	gpointer data;
};

/* server-loop.c */
GSource *loop_source_new(GMainContext *context, void (*callback)(gpointer), gpointer data);
void loop_source_free(GSource *source);
/* Has the timer fire then, or earlier. */
void timer_at(Server *server, gint64 at_us);

/* server-socket.c: the listening socket and what identifies its file. */
int server_bind(const char *path, const ServerOptions *options, struct stat *ret_info, GError **error);

/* server-write.c; encoding is free of state, and so for any thread. */
Write *write_new(GBytes *bytes, GBytes *body); /* takes both; body may be NULL */
void write_free(gpointer write);
GBytes *encode_error(guint32 stream, const GError *error);
GBytes *encode_empty(FrameType type, guint32 stream);
/* Takes the write, and only queues it; connection_flush() follows. */
void connection_queue(Connection *connection, Write *write);
/* Writes what the socket takes; may close the connection. */
void connection_flush(Connection *connection);

/* connection.c */
void connection_add(Server *server, int fd, uid_t uid);
void connection_unref(Connection *connection);
void connection_close(Connection *connection, const char *why);
/* Ends what is late on this connection; the time of its next deadline or -1. The caller holds a reference. */
gint64 connection_expire(Connection *connection, gint64 now);

/* stream.c */
Stream *stream_new(Connection *connection, guint32 id);
/* Moves events to the connection as far as credit and room allow. A frame may overdraw the credit that is left. */
void stream_pump(Stream *stream);
/* The stream is over for both sides. */
void stream_end(Stream *stream);
/* Tells who wanted to know that the stream has ended, once. */
void stream_tell_end(Stream *stream);
/* Any thread; under the inbox's lock. */
void inbox_wake_locked(Inbox *inbox);
void inbox_unref(Inbox *inbox); /* any thread */

/* server-job.c */
/* The answer to what needs no thread; NULL: it needs one. */
Write *job_answer_now(Server *server, Request *request, guint32 stream);
void job_run(gpointer job, gpointer server); /* in a thread of the pool */
void job_finish(Job *job);
void job_free(gpointer job);
