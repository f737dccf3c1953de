/* A socket's two directions. What the worker does not take at once waits here (never more than one piece of what the
 * client sent, as its reader is paused), what the client does not take is not read from the socket. */
#include "httpd/bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

enum { PIECE = 64 << 10 };

struct Bulk {
	uv_poll_t *poll; /* freed by the loop after it is closed */
	int fd;
	const BulkOps *ops;
	gpointer data;
	GByteArray *out;
	gboolean reads, paused, finishing, lost;
};

static void on_closed(uv_handle_t *handle)
{
	g_free(handle);
}

void bulk_free(Bulk *bulk)
{
	if (!bulk)
		return;
	uv_poll_stop(bulk->poll);
	uv_close((uv_handle_t *)bulk->poll, on_closed);
	fd_close(bulk->fd);
	g_byte_array_unref(bulk->out);
	g_free(bulk);
}

static void send_out(Bulk *bulk)
{
	gsize sent = 0;
	while (sent < bulk->out->len && !bulk->lost) {
		ssize_t n = send(bulk->fd, bulk->out->data + sent, bulk->out->len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			sent += (gsize)n;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			bulk->lost = TRUE;
	}
	g_byte_array_remove_range(bulk->out, 0, bulk->lost ? bulk->out->len : (guint)sent);
	if (bulk->out->len == 0 && bulk->finishing && !bulk->lost)
		shutdown(bulk->fd, SHUT_WR);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(Bulk *bulk)
{
	int events = (bulk->reads && !bulk->paused ? UV_READABLE : 0) | (bulk->out->len > 0 ? UV_WRITABLE : 0);
	if (events)
		uv_poll_start(bulk->poll, events, on_poll);
	else
		uv_poll_stop(bulk->poll);
}

static void end(Bulk *bulk)
{
	bulk->reads = FALSE;
	watch(bulk);
	bulk->ops->ended(bulk->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	Bulk *bulk = poll->data;
	if (status < 0) {
		bulk->lost = TRUE;
		g_byte_array_set_size(bulk->out, 0);
		end(bulk);
		return;
	}
	if ((events & UV_WRITABLE) && bulk->out->len > 0) {
		send_out(bulk);
		watch(bulk);
		if (bulk->out->len == 0)
			bulk->ops->taken(bulk->data);
		return; /* what is there to be read is told again */
	}
	if (!(events & UV_READABLE) || !bulk->reads || bulk->paused)
		return;
	static guint8 piece[PIECE];
	ssize_t n = recv(bulk->fd, piece, sizeof piece, MSG_DONTWAIT);
	if (n > 0)
		bulk->ops->data(bulk->data, piece, (gsize)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		end(bulk);
}

Bulk *bulk_new(Front *front, int fd, gboolean reads, const BulkOps *ops, gpointer data)
{
	uv_poll_t *poll = g_new0(uv_poll_t, 1);
	if (uv_poll_init(front->loop, poll, fd) != 0) {
		g_free(poll);
		fd_close(fd);
		return NULL;
	}
	Bulk *bulk = g_new0(Bulk, 1);
	bulk->poll = poll;
	poll->data = bulk;
	bulk->fd = fd;
	bulk->ops = ops;
	bulk->data = data;
	bulk->reads = reads;
	bulk->out = g_byte_array_new();
	watch(bulk);
	return bulk;
}

gboolean bulk_write(Bulk *bulk, const void *bytes, gsize length)
{
	if (bulk->lost)
		return TRUE;
	g_byte_array_append(bulk->out, bytes, (guint)length);
	send_out(bulk);
	watch(bulk);
	return bulk->out->len == 0;
}

void bulk_finish(Bulk *bulk)
{
	bulk->finishing = TRUE;
	send_out(bulk);
}

void bulk_pause(Bulk *bulk, gboolean pause)
{
	if (bulk->paused == pause)
		return;
	bulk->paused = pause;
	watch(bulk);
}
