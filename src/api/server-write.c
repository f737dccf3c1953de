/* What waits to be written to a connection. Frames are queued encoded, and leave in as few sendmsg() as descriptors
 * allow. The bytes queued are bounded twice: past the first bound nothing more is read from the peer or moved from its
 * streams, past the second the connection ends. */
#include "api/server-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum {
	WRITE_MAX = 32 << 20, /* queued bytes past which the connection is closed */
	IOV_COUNT = 32,
};

Write *write_new(GBytes *bytes, GBytes *body)
{
	Write *write = g_new0(Write, 1);
	write->bytes = bytes;
	write->body = body;
	return write;
}

static gsize write_size(const Write *write)
{
	return g_bytes_get_size(write->bytes) + (write->body ? g_bytes_get_size(write->body) : 0);
}

void write_free(gpointer data)
{
	Write *write = data;
	if (!write)
		return;
	g_bytes_unref(write->bytes);
	g_bytes_unref(write->body);
	for (guint i = 0; i < write->fd_count; i++)
		fd_close(write->fds[i]);
	g_free(write);
}

GBytes *encode_error(guint32 stream, const GError *error)
{
	g_autoptr(Frame) frame = frame_new(FRAME_RESPONSE, stream);
	frame->head = json_object_new_object();
	json_set_int(frame->head, "status", error_code_status(error_code(error)));
	json_auto json_object *body = json_object_new_object();
	json_set(body, "error", error_to_json(error));
	char *text = json_dup_text(body);
	g_bytes_unref(frame->body);
	frame->body = g_bytes_new_take(text, strlen(text));
	GBytes *bytes = frame_encode(frame, NULL);
	if (bytes)
		return bytes;
	/* The text of the error alone is over the limit of a frame. */
	g_autoptr(GError) shorter = NULL;
	error_set(&shorter, error_code(error), NULL, "%.1000s…", error->message);
	return encode_error(stream, shorter);
}

GBytes *encode_empty(FrameType type, guint32 stream)
{
	g_autoptr(Frame) frame = frame_new(type, stream);
	return frame_encode(frame, NULL);
}

static void connection_watch(Connection *connection)
{
	GIOCondition condition = 0;
	if (!connection->closing && connection->queued <= WRITE_PAUSE)
		condition |= G_IO_IN;
	if (connection->queued > 0)
		condition |= G_IO_OUT;
	if (condition == connection->condition)
		return;
	if ((condition & G_IO_IN) && !(connection->condition & G_IO_IN) && connection->partial_us)
		connection->partial_us = g_get_monotonic_time();
	connection->condition = condition;
	g_source_modify_unix_fd(connection->source, connection->tag, condition);
}

void connection_queue(Connection *connection, Write *write)
{
	if (connection->queued == 0) {
		connection->write_us = g_get_monotonic_time();
		timer_at(connection->server, connection->write_us + connection->server->progress_us);
	}
	connection->queued += write_size(write);
	g_queue_push_tail(&connection->writes, write);
}

/* What of the bytes is behind the offset, which is counted from their beginning; none of NULL. */
static guint add_vector(struct iovec *vector, GBytes *bytes, gsize offset)
{
	gsize length = 0;
	const char *data = bytes ? g_bytes_get_data(bytes, &length) : NULL;
	if (offset >= length)
		return 0;
	*vector = (struct iovec){(void *)(data + offset), length - offset};
	return 1;
}

static ssize_t send_writes(Connection *connection)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof ((Write *)0)->fds)];
	} control = {0};
	struct iovec vectors[IOV_COUNT];
	struct msghdr message = {.msg_iov = vectors};
	/* Descriptors ride on the first byte of a message, so their frame begins one. */
	for (GList *link = connection->writes.head; link && message.msg_iovlen + 1 < IOV_COUNT; link = link->next) {
		Write *write = link->data;
		if (write->fd_count > 0 && write->offset == 0) {
			if (message.msg_iovlen > 0)
				break;
			gsize size = write->fd_count * sizeof(int);
			message.msg_control = control.bytes;
			message.msg_controllen = CMSG_SPACE(size);
			struct cmsghdr *part = CMSG_FIRSTHDR(&message);
			part->cmsg_level = SOL_SOCKET;
			part->cmsg_type = SCM_RIGHTS;
			part->cmsg_len = CMSG_LEN(size);
			memcpy(CMSG_DATA(part), write->fds, size);
		}
		gsize first = g_bytes_get_size(write->bytes);
		message.msg_iovlen += add_vector(&vectors[message.msg_iovlen], write->bytes, write->offset);
		message.msg_iovlen += add_vector(&vectors[message.msg_iovlen], write->body, write->offset > first ? write->offset - first : 0);
	}
	return sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void drop_written(Connection *connection, gsize sent)
{
	connection->queued -= sent;
	while (sent > 0) {
		Write *write = g_queue_peek_head(&connection->writes);
		gsize step = MIN(sent, write_size(write) - write->offset);
		write->offset += step;
		sent -= step;
		if (write->offset == write_size(write))
			write_free(g_queue_pop_head(&connection->writes));
	}
}

void connection_flush(Connection *connection)
{
	while (connection->fd >= 0 && connection->queued > 0) {
		ssize_t n = send_writes(connection);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			connection_close(connection, g_strerror(errno));
			return;
		}
		drop_written(connection, (gsize)n);
		connection->write_us = g_get_monotonic_time();
		if (connection->starved && connection->queued <= WRITE_PAUSE) {
			connection->starved = FALSE;
			g_autoptr(GList) streams = g_hash_table_get_values(connection->streams);
			for (GList *link = streams; link; link = link->next)
				stream_pump(link->data);
		}
	}
	if (connection->fd < 0)
		return;
	if (connection->queued > WRITE_MAX)
		connection_close(connection, "the peer does not read what it asked for");
	else if (connection->closing && connection->queued == 0)
		connection_close(connection, "after an error");
	else
		connection_watch(connection);
}
