/* Accepting: limits are checked before anything is kept for a connection. One address is one IPv4 address, or a /64 of
 * IPv6, as every host has a whole one. */
#include "httpd/accept.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"
#include "httpd/log.h"

enum { ACCEPTS_PER_TURN = 64 };

/* A listening socket, and a descriptor in reserve: without any left, a connection can be neither taken nor refused, and
 * the socket would stay readable. */
typedef struct Listener {
	uv_poll_t poll;
	Front *front;
	int fd;
	int reserve;
} Listener;

void peer_release(Front *front, Peer *peer)
{
	if (--peer->connections > 0)
		return;
	g_hash_table_remove(front->peers, peer->name);
	g_free(peer->name);
	g_free(peer);
}

/* The address as text, and the name under which its connections are counted. */
static void describe(const struct sockaddr_storage *from, char *address, gsize size, char *name, gsize name_size)
{
	if (from->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)from;
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, address, (socklen_t)size);
			g_strlcpy(name, address, name_size);
			return;
		}
		inet_ntop(AF_INET6, &in6->sin6_addr, address, (socklen_t)size);
		struct in6_addr net = in6->sin6_addr;
		memset(net.s6_addr + 8, 0, 8);
		inet_ntop(AF_INET6, &net, name, (socklen_t)name_size);
		g_strlcat(name, "/64", name_size);
		return;
	}
	const struct sockaddr_in *in4 = (const void *)from;
	inet_ntop(AF_INET, &in4->sin_addr, address, (socklen_t)size);
	g_strlcpy(name, address, name_size);
}

static void take(Front *front, int fd, const struct sockaddr_storage *from)
{
	char address[INET6_ADDRSTRLEN], name[INET6_ADDRSTRLEN + 4];
	if (from->ss_family != AF_INET && from->ss_family != AF_INET6) {
		fd_close(fd);
		return;
	}
	describe(from, address, sizeof address, name, sizeof name);
	Peer *peer = g_hash_table_lookup(front->peers, name);
	if (front->connection_count >= CONNECTIONS_MAX || (peer && peer->connections >= CONNECTIONS_PER_ADDRESS)) {
		log_warning("a connection from %s is closed: there are %u, %u of them from there", address,
			front->connection_count, peer ? peer->connections : 0);
		fd_close(fd);
		return;
	}
	if (!peer) {
		peer = g_new0(Peer, 1);
		peer->name = g_strdup(name);
		g_hash_table_insert(front->peers, peer->name, peer);
	}
	int one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	connection_adopt(front, fd, peer, address);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	Listener *listener = poll->data;
	(void)status;
	(void)events;
	for (guint i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage from = {0};
		socklen_t length = sizeof from;
		int fd = accept4(listener->fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			take(listener->front, fd, &from);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE) {
			log_warning("no descriptor is left for a connection");
			fd_close(listener->reserve);
			fd_close(accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC));
			listener->reserve = fcntl(listener->fd, F_DUPFD_CLOEXEC, 3);
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

gboolean accept_listen(Front *front, int fd, GError **error)
{
	int listening = 0;
	socklen_t length = sizeof listening;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) < 0 || !listening) {
		error_set(error, ERROR_INVALID, "give the number of an inherited listening socket as --listen-fd",
			"descriptor %d is not a listening socket", fd);
		return FALSE;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	Listener *listener = g_new0(Listener, 1);
	listener->front = front;
	listener->fd = fd;
	listener->reserve = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	listener->poll.data = listener;
	int failed = uv_poll_init(front->loop, &listener->poll, fd);
	if (failed == 0)
		failed = uv_poll_start(&listener->poll, UV_READABLE, on_readable);
	if (failed == 0)
		return TRUE;
	error_set(error, ERROR_FAILED, NULL, "cannot watch descriptor %d: %s", fd, uv_strerror(failed));
	return FALSE;
}
