/* Bytes between descriptors, with back-pressure: a side is read only when what it sent before has been taken. */
#include "cli/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 65536 };

gboolean relay_flush(int fd, GByteArray *pending)
{
	while (pending->len > 0) {
		ssize_t n = send(fd, pending->data, pending->len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		g_byte_array_remove_range(pending, 0, (guint)n);
	}
	return TRUE;
}

/* Reads once; FALSE at the end or on failure. */
static gboolean fill(int fd, GByteArray *pending)
{
	g_autofree guint8 *chunk = g_malloc(CHUNK);
	ssize_t n = recv(fd, chunk, CHUNK, MSG_DONTWAIT);
	if (n > 0)
		g_byte_array_append(pending, chunk, (guint)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

void relay_sockets(int a, int b)
{
	g_autoptr(GByteArray) to_a = g_byte_array_new(), to_b = g_byte_array_new();
	for (;;) {
		struct pollfd ends[2] = {
			{.fd = a, .events = (short)((to_b->len == 0 ? POLLIN : 0) | (to_a->len > 0 ? POLLOUT : 0))},
			{.fd = b, .events = (short)((to_a->len == 0 ? POLLIN : 0) | (to_b->len > 0 ? POLLOUT : 0))},
		};
		/* A closed end reports itself without being asked: it is left out while nothing can be done with it. */
		for (guint i = 0; i < 2; i++)
			if (!ends[i].events)
				ends[i].fd = -1;
		if (poll(ends, 2, -1) < 0 && errno != EINTR)
			return;
		if (ends[0].revents && to_b->len == 0 && !fill(a, to_b))
			return;
		if (ends[1].revents && to_a->len == 0 && !fill(b, to_a))
			return;
		if (!relay_flush(a, to_a) || !relay_flush(b, to_b))
			return;
	}
}
