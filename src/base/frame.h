/* Frames: the protocol between yadod and its clients over a Unix socket (docs/protocol.md is the specification).
 *
 * This file is the codec and the socket; it keeps no streams. A frame is a 12-byte little-endian header
 *   u32 length (of what follows the header), u32 stream, u8 type, u8 fds (descriptors that come with it), u16 zero
 * and `length` bytes. The payload of a request, response or event is u32 head length, the head (a JSON object), and
 * the body (whatever the head says; JSON unless stated). Data is raw bytes; credit is a u32 number of bytes; cancel is
 * empty. Descriptors ride on the first byte of their frame's header; surplus ones are closed. Only a response may be on
 * stream 0: it speaks of the connection as a whole, which ends with it. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

enum {
	FRAME_HEADER_SIZE = 12,
	FRAME_LENGTH_MAX = 1 << 20, /* a list longer than that is paged by its handler */
	FRAME_HEAD_MAX = 64 << 10,   /* of a request or response; an event may fill its frame */
	FRAME_FDS_MAX = 16,
	FRAME_STREAMS_MAX = 256,      /* open streams of one connection */
	FRAME_CREDIT_INITIAL = 65536, /* payload bytes of data and events that each side may send on a new stream */
	FRAME_CREDIT_MAX = 16 << 20,  /* what may be granted ahead */
};

typedef enum FrameType {
	FRAME_REQUEST = 1,
	FRAME_RESPONSE = 2,
	FRAME_DATA = 3,   /* empty: the end of the sender's data */
	FRAME_CREDIT = 4,
	FRAME_CANCEL = 5, /* either side gives the stream up */
	FRAME_EVENT = 6,
} FrameType;

typedef struct Frame {
	FrameType type;
	guint32 stream;
	json_object *head; /* request, response, event */
	const char *head_text; /* to send instead: the same, serialized; lent */
	GBytes *body;      /* after the head, or the data; may be empty, never NULL */
	guint32 credit;
	guint32 length;    /* of the payload as it was received: what data and events cost in credit */
	guint fd_count;
	int fds[FRAME_FDS_MAX]; /* owned; -1 once stolen */
} Frame;

Frame *frame_new(FrameType type, guint32 stream);
void frame_free(Frame *frame); /* closes descriptors that were not stolen */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Frame, frame_free)
int frame_steal_fd(Frame *frame, guint index); /* -1 if there is none */
void frame_add_fd(Frame *frame, int fd);       /* takes over the descriptor */
void frame_close_fds(Frame *frame);            /* those that were not stolen */

/* Serializes (header and payload); ERROR_TOO_LARGE past FRAME_LENGTH_MAX. */
GBytes *frame_encode(const Frame *frame, GError **error);
/* The same up to the body, which is to follow: a large one need not be copied. */
GBytes *frame_encode_head(const Frame *frame, GError **error);

/* Incremental decoder for one connection, for blocking and non-blocking use alike. */
typedef struct FrameReader FrameReader;
FrameReader *frame_reader_new(void);
void frame_reader_free(FrameReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FrameReader, frame_reader_free)
/* Gives the bytes of one recvmsg() and the descriptors that came with them (ownership moves in any case). The kernel
 * ends a read after the message that carried descriptors but puts earlier bytes before it (unix(7)), so they go to the
 * first frame that begins in these bytes and states any. Call frame_reader_next() until 0 before feeding more. */
void frame_reader_feed(FrameReader *reader, const guint8 *data, gsize length, const int *fds, guint fd_count);
/* 1: *ret_frame is the next frame; 0: more bytes are needed; -1: protocol error, the connection is to be closed.
 * Pure: decides only by what was fed. */
int frame_reader_next(FrameReader *reader, Frame **ret_frame, GError **error);

/* TRUE in the middle of a frame. */
gboolean frame_reader_is_partial(const FrameReader *reader);

/* One recvmsg() into the reader; a large frame's body is received where it stays. 1: something came; 0: would block;
 * -1: end or error (errno 0 at the end). */
int frame_receive(int socket, FrameReader *reader);
/* Sends all of it, blocking up to the deadline; descriptors on the first byte. */
gboolean frame_send(int socket, const Frame *frame, guint timeout_ms, GError **error);
