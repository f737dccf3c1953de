/* Frames: encoding, decoding and the socket underneath.
 *
 * The decoder keeps received bytes until a whole frame is there. It looks at the twelve bytes of the header as soon
 * as it has them, so that a wrong or oversized frame is refused before anything is kept for it. Descriptors are kept
 * beside the bytes as batches, each with the range of stream offsets that its recvmsg() returned; the first frame
 * that begins in this range and states descriptors takes them. A batch in whose range no frame can begin any more is
 * closed. After an error the decoder stays in it: what follows in the stream has no meaning. */
#include "base/frame.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum { RECEIVE_SIZE = 32768, REQUEST_VALUES_MAX = 1024 /* in a request's head */ };

typedef struct Batch {
	guint64 start, end; /* stream offsets of the bytes that it came with */
	guint fd_count;
	int fds[]; /* owned */
} Batch;

struct FrameReader {
	guint8 *data;
	gsize start, end, capacity; /* what is in data[start..end) was not yet decoded */
	guint64 offset;		    /* stream offset of data[start] */
	gboolean kept;		    /* data is a frame's now */
	GQueue batches;
	GError *failure;
};

typedef struct Header {
	guint32 length;
	guint32 stream;
	guint type;
	guint fds;
	guint zero;
} Header;

static gboolean type_has_head(guint type)
{
	return type == FRAME_REQUEST || type == FRAME_RESPONSE || type == FRAME_EVENT;
}

static void put_u32(guint8 *at, guint32 value)
{
	value = GUINT32_TO_LE(value);
	memcpy(at, &value, 4);
}

static guint32 get_u32(const guint8 *at)
{
	guint32 value;
	memcpy(&value, at, 4);
	return GUINT32_FROM_LE(value);
}

Frame *frame_new(FrameType type, guint32 stream)
{
	Frame *frame = g_new0(Frame, 1);
	frame->type = type;
	frame->stream = stream;
	frame->body = g_bytes_new_static("", 0);
	for (guint i = 0; i < FRAME_FDS_MAX; i++)
		frame->fds[i] = -1;
	return frame;
}

void frame_free(Frame *frame)
{
	if (!frame)
		return;
	if (frame->head)
		json_object_put(frame->head);
	g_bytes_unref(frame->body);
	frame_close_fds(frame);
	g_free(frame);
}

void frame_close_fds(Frame *frame)
{
	for (guint i = 0; i < frame->fd_count; i++)
		fd_close(fd_steal(&frame->fds[i]));
}

int frame_steal_fd(Frame *frame, guint index)
{
	return index < frame->fd_count ? fd_steal(&frame->fds[index]) : -1;
}

void frame_add_fd(Frame *frame, int fd)
{
	if (frame->fd_count >= FRAME_FDS_MAX) {
		g_critical("a frame carries at most %d descriptors", FRAME_FDS_MAX);
		fd_close(fd);
		return;
	}
	frame->fds[frame->fd_count++] = fd;
}

/* Those that were not stolen, in their order. */
static guint live_fds(const Frame *frame, int *fds)
{
	guint count = 0;
	for (guint i = 0; i < frame->fd_count; i++)
		if (frame->fds[i] >= 0)
			fds[count++] = frame->fds[i];
	return count;
}

static GBytes *encode(const Frame *frame, gboolean whole, GError **error)
{
	int fds[FRAME_FDS_MAX];
	gsize head_length = 0, body_length = 0, length = 0;
	const char *head = "";
	const void *body = g_bytes_get_data(frame->body, &body_length);
	if (type_has_head(frame->type)) {
		head = "{}";
		head_length = 2;
		if (frame->head_text) {
			head = frame->head_text;
			head_length = strlen(head);
		} else if (frame->head) {
			head = json_object_to_json_string_length(
				frame->head, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &head_length);
		}
		length = 4 + head_length + body_length;
		if (frame->type != FRAME_EVENT && head_length > FRAME_HEAD_MAX) {
			error_set(error, ERROR_TOO_LARGE, NULL, "a head of %zu bytes is over the limit of %d",
				  head_length, FRAME_HEAD_MAX);
			return NULL;
		}
	} else if (frame->type == FRAME_DATA) {
		length = body_length;
	} else if (frame->type == FRAME_CREDIT) {
		length = 4;
	}
	if (length > FRAME_LENGTH_MAX) {
		error_set(error, ERROR_TOO_LARGE, "ask for less at a time",
			  "a message of %zu bytes is over the limit of %d", length, FRAME_LENGTH_MAX);
		return NULL;
	}

	gsize size = FRAME_HEADER_SIZE + length - (whole ? 0 : body_length);
	guint8 *bytes = g_malloc(size);
	put_u32(bytes, (guint32)length);
	put_u32(bytes + 4, frame->stream);
	bytes[8] = (guint8)frame->type;
	bytes[9] = (guint8)live_fds(frame, fds);
	bytes[10] = bytes[11] = 0;
	guint8 *payload = bytes + FRAME_HEADER_SIZE;
	if (frame->type == FRAME_CREDIT) {
		put_u32(payload, frame->credit);
	} else if (frame->type != FRAME_CANCEL) {
		if (type_has_head(frame->type)) {
			put_u32(payload, (guint32)head_length);
			memcpy(payload + 4, head, head_length);
			payload += 4 + head_length;
		}
		if (whole && body_length > 0)
			memcpy(payload, body, body_length);
	}
	return g_bytes_new_take(bytes, size);
}

GBytes *frame_encode(const Frame *frame, GError **error)
{
	return encode(frame, TRUE, error);
}

GBytes *frame_encode_head(const Frame *frame, GError **error)
{
	return encode(frame, FALSE, error);
}

FrameReader *frame_reader_new(void)
{
	FrameReader *reader = g_new0(FrameReader, 1);
	g_queue_init(&reader->batches);
	return reader;
}

static void batch_free(gpointer data)
{
	Batch *batch = data;
	for (guint i = 0; i < batch->fd_count; i++)
		fd_close(batch->fds[i]);
	g_free(batch);
}

void frame_reader_free(FrameReader *reader)
{
	if (!reader)
		return;
	g_queue_clear_full(&reader->batches, batch_free);
	g_clear_error(&reader->failure);
	g_free(reader->data);
	g_free(reader);
}

static Header header_parse(const guint8 *bytes)
{
	return (Header){
		.length = get_u32(bytes),
		.stream = get_u32(bytes + 4),
		.type = bytes[8],
		.fds = bytes[9],
		.zero = bytes[10] | (guint)bytes[11] << 8,
	};
}

/* Everything that can be told before the payload is there. */
static gboolean header_check(const Header *header, GError **error)
{
	if (header->type < FRAME_REQUEST || header->type > FRAME_EVENT)
		error_set(error, ERROR_INVALID, NULL, "unknown type of frame %u", header->type);
	else if (header->zero != 0)
		error_set(error, ERROR_INVALID, NULL, "reserved bytes of a frame's header are not zero");
	else if (header->length > FRAME_LENGTH_MAX)
		error_set(error, ERROR_TOO_LARGE, NULL, "a frame of %u bytes is over the limit of %d", header->length,
			  FRAME_LENGTH_MAX);
	else if (header->fds > FRAME_FDS_MAX)
		error_set(error, ERROR_INVALID, NULL, "a frame with %u descriptors is over the limit of %d",
			  header->fds, FRAME_FDS_MAX);
	else if (header->fds > 0 && !type_has_head(header->type))
		error_set(error, ERROR_INVALID, NULL, "a frame of type %u carries no descriptors", header->type);
	else if (header->stream == 0 && header->type != FRAME_RESPONSE)
		error_set(error, ERROR_INVALID, NULL, "a frame of type %u cannot be on stream 0", header->type);
	else if (header->type == FRAME_CREDIT && header->length != 4)
		error_set(error, ERROR_INVALID, NULL, "a credit of %u bytes instead of 4", header->length);
	else if (header->type == FRAME_CANCEL && header->length != 0)
		error_set(error, ERROR_INVALID, NULL, "a cancel of %u bytes instead of none", header->length);
	else if (type_has_head(header->type) && header->length < 4)
		error_set(error, ERROR_INVALID, NULL, "a frame of %u bytes is too short for its head", header->length);
	else
		return TRUE;
	return FALSE;
}

/* Closes the batches that came with bytes before `offset` only. */
static void drop_batches(FrameReader *reader, guint64 offset)
{
	Batch *batch;
	while ((batch = g_queue_peek_head(&reader->batches)) && batch->end <= offset)
		batch_free(g_queue_pop_head(&reader->batches));
}

/* Room for so many bytes behind those that are held. */
static guint8 *reserve(FrameReader *reader, gsize length)
{
	gsize held = reader->end - reader->start;
	if (reader->capacity - reader->end < length) {
		if (reader->start > 0) {
			memmove(reader->data, reader->data + reader->start, held);
			reader->start = 0;
			reader->end = held;
		}
		if (reader->capacity - held < length) {
			reader->capacity = MAX(held + length, 2 * RECEIVE_SIZE);
			reader->data = g_realloc(reader->data, reader->capacity);
		}
	}
	return reader->data + reader->end;
}

/* Bytes that were put there, with their descriptors. */
static void take(FrameReader *reader, gsize length, const int *fds, guint fd_count)
{
	gsize held = reader->end - reader->start;
	guint64 first = reader->offset + held;
	if (reader->failure)
		length = 0;
	reader->end += length;
	if (fd_count == 0)
		return;
	Batch *batch = g_malloc(sizeof *batch + fd_count * sizeof(int));
	batch->start = first;
	batch->end = first + length;
	batch->fd_count = fd_count;
	memcpy(batch->fds, fds, fd_count * sizeof(int));
	/* In the middle of a frame descriptors have no meaning: no frame begins in these bytes. */
	guint64 frame_end = reader->offset + FRAME_HEADER_SIZE;
	if (reader->end - reader->start >= FRAME_HEADER_SIZE)
		frame_end += get_u32(reader->data + reader->start);
	if (length == 0 || (held > 0 && batch->end <= frame_end))
		batch_free(batch);
	else
		g_queue_push_tail(&reader->batches, batch);
}

void frame_reader_feed(FrameReader *reader, const guint8 *data, gsize length, const int *fds, guint fd_count)
{
	if (length > 0)
		memcpy(reserve(reader, length), data, length);
	take(reader, length, fds, fd_count);
}

/* How much to receive at once: of a large frame no more than belongs to it, so that its bytes can stay where they
 * are. */
static gsize receive_size(const FrameReader *reader)
{
	gsize held = reader->end - reader->start;
	if (held < FRAME_HEADER_SIZE || reader->failure)
		return RECEIVE_SIZE;
	Header header = header_parse(reader->data + reader->start);
	gsize size = FRAME_HEADER_SIZE + (gsize)header.length;
	return header_check(&header, NULL) && size > held + RECEIVE_SIZE ? size - held : RECEIVE_SIZE;
}

static gboolean take_fds(FrameReader *reader, guint count, Frame *frame, GError **error)
{
	if (count == 0)
		return TRUE;
	drop_batches(reader, reader->offset);
	Batch *batch = g_queue_peek_head(&reader->batches);
	guint there = batch && batch->start <= reader->offset ? batch->fd_count : 0;
	if (there < count) {
		error_set(error, ERROR_INVALID, NULL, "a frame states %u descriptors and came with %u", count, there);
		return FALSE;
	}
	for (guint i = 0; i < count; i++)
		frame_add_fd(frame, fd_steal(&batch->fds[i]));
	batch_free(g_queue_pop_head(&reader->batches)); /* the surplus */
	return TRUE;
}

/* Of a large frame that is alone in the buffer the body keeps that; of others it is a copy. */
static void take_body(Frame *frame, FrameReader *reader, const guint8 *body, gsize length)
{
	g_bytes_unref(frame->body);
	gboolean alone = body + length == reader->data + reader->end;
	if (!alone || length < RECEIVE_SIZE) {
		frame->body = g_bytes_new(body, length);
		return;
	}
	frame->body = g_bytes_new_with_free_func(body, length, g_free, reader->data);
	reader->kept = TRUE;
}

static gboolean parse_payload(Frame *frame, FrameReader *reader, const guint8 *payload, gsize length, GError **error)
{
	if (frame->type == FRAME_CREDIT) {
		frame->credit = get_u32(payload);
	} else if (frame->type == FRAME_DATA) {
		take_body(frame, reader, payload, length);
	} else if (type_has_head(frame->type)) {
		guint32 head_length = get_u32(payload);
		if (head_length > length - 4) {
			error_set(error, ERROR_INVALID, NULL, "a head of %u bytes in a frame of %zu", head_length,
				  length);
			return FALSE;
		}
		if (frame->type != FRAME_EVENT && head_length > FRAME_HEAD_MAX) {
			error_set(error, ERROR_TOO_LARGE, NULL, "a head of %u bytes is over the limit of %d",
				  head_length, FRAME_HEAD_MAX);
			return FALSE;
		}
		GError *why = NULL;
		gsize values_max = frame->type == FRAME_REQUEST ? REQUEST_VALUES_MAX : G_MAXSIZE;
		frame->head = json_parse_bounded((const char *)payload + 4, head_length, values_max, &why);
		if (!frame->head) {
			g_propagate_prefixed_error(error, why, "the head of a frame is refused: ");
			return FALSE;
		}
		if (!json_object_is_type(frame->head, json_type_object)) {
			error_set(error, ERROR_INVALID, NULL, "the head of a frame is not a JSON object");
			return FALSE;
		}
		if (length > 4 + (gsize)head_length)
			take_body(frame, reader, payload + 4 + head_length, length - 4 - head_length);
	}
	return TRUE;
}

static int fail(FrameReader *reader, GError **error)
{
	if (error)
		*error = g_error_copy(reader->failure);
	g_queue_clear_full(&reader->batches, batch_free);
	reader->start = reader->end = 0;
	return -1;
}

int frame_reader_next(FrameReader *reader, Frame **ret_frame, GError **error)
{
	if (reader->failure)
		return fail(reader, error);
	gsize held = reader->end - reader->start;
	if (held < FRAME_HEADER_SIZE) {
		if (held == 0) {
			reader->start = reader->end = 0;
			drop_batches(reader, reader->offset);
			if (reader->capacity > 2 * RECEIVE_SIZE) {
				g_clear_pointer(&reader->data, g_free);
				reader->capacity = 0;
			}
		}
		return 0;
	}
	const guint8 *bytes = reader->data + reader->start;
	Header header = header_parse(bytes);
	if (!header_check(&header, &reader->failure))
		return fail(reader, error);
	gsize size = FRAME_HEADER_SIZE + (gsize)header.length;
	if (held < size)
		return 0;

	g_autoptr(Frame) frame = frame_new((FrameType)header.type, header.stream);
	frame->length = header.length;
	if (!take_fds(reader, header.fds, frame, &reader->failure) ||
	    !parse_payload(frame, reader, bytes + FRAME_HEADER_SIZE, header.length, &reader->failure))
		return fail(reader, error);
	reader->start += size;
	reader->offset += size;
	if (reader->kept) {
		reader->data = NULL;
		reader->start = reader->end = reader->capacity = 0;
		reader->kept = FALSE;
	}
	drop_batches(reader, reader->offset);
	*ret_frame = g_steal_pointer(&frame);
	return 1;
}

gboolean frame_reader_is_partial(const FrameReader *reader)
{
	return reader->end > reader->start;
}

int frame_receive(int socket, FrameReader *reader)
{
	gsize room = receive_size(reader);
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FRAME_FDS_MAX * sizeof(int))];
	} control;
	struct iovec vector = {reserve(reader, room), room};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof control.bytes};
	ssize_t n;
	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;

	int fds[FRAME_FDS_MAX];
	guint fd_count = 0;
	for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		/* The kernel closes those for which there was no room. */
		guint count = (guint)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds + fd_count, CMSG_DATA(part), count * sizeof(int));
		fd_count += count;
	}
	take(reader, (gsize)n, fds, fd_count);
	if (n == 0) {
		errno = 0;
		return -1;
	}
	return 1;
}

gboolean frame_send(int socket, const Frame *frame, guint timeout_ms, GError **error)
{
	g_autoptr(GBytes) encoded = frame_encode(frame, error);
	if (!encoded)
		return FALSE;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FRAME_FDS_MAX * sizeof(int))];
	} control = {0};
	int fds[FRAME_FDS_MAX];
	guint fd_count = live_fds(frame, fds);
	gsize length;
	const guint8 *bytes = g_bytes_get_data(encoded, &length);
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	for (gsize sent = 0; sent < length;) {
		struct iovec vector = {(void *)(bytes + sent), length - sent};
		struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
		if (sent == 0 && fd_count > 0) {
			message.msg_control = control.bytes;
			message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
			struct cmsghdr *part = CMSG_FIRSTHDR(&message);
			part->cmsg_level = SOL_SOCKET;
			part->cmsg_type = SCM_RIGHTS;
			part->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
			memcpy(CMSG_DATA(part), fds, fd_count * sizeof(int));
		}
		ssize_t n = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			sent += (gsize)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN) {
			error_set_errno(error, errno, "cannot send a frame");
			return FALSE;
		}
		gint64 left = deadline - g_get_monotonic_time();
		struct pollfd ready = {.fd = socket, .events = POLLOUT};
		if (left <= 0 || (poll(&ready, 1, (int)MIN(left / 1000 + 1, G_MAXINT)) < 0 && errno != EINTR)) {
			error_set(error, ERROR_TIMEOUT, NULL, "a frame could not be sent within %u ms", timeout_ms);
			return FALSE;
		}
	}
	return TRUE;
}
