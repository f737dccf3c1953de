/* Listening sockets for the front: opened here, since it has no network of its own and may need a port below 1024. */
#include "daemon/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"

enum { BACKLOG = 1024 };

/* Takes "ADDRESS:PORT" apart; the address is NULL where only a port was given. */
static gboolean split(const char *where, char **ret_address, char **ret_port, GError **error)
{
	const char *colon = strrchr(where, ':');
	g_autofree char *address = colon ? g_strndup(where, (gsize)(colon - where)) : NULL;
	const char *port = colon ? colon + 1 : where;
	gsize length = address ? strlen(address) : 0;
	gboolean good = g_ascii_string_to_unsigned(port, 10, 1, 65535, NULL, NULL);
	if (address && length >= 2 && address[0] == '[' && address[length - 1] == ']') {
		address[length - 1] = '\0';
		memmove(address, address + 1, length - 1);
	} else if (address && (length == 0 || strchr(address, ':'))) {
		good = FALSE;
	}
	if (!good) {
		error_set(error, ERROR_INVALID, "a port (8006), or an address with a port (127.0.0.1:8006, [::1]:8006)",
			  "'%s' is not where a server can listen", where);
		return FALSE;
	}
	*ret_address = g_steal_pointer(&address);
	*ret_port = g_strdup(port);
	return TRUE;
}

int listen_tcp(const char *where, GError **error)
{
	g_autofree char *address = NULL, *port = NULL;
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	if (!split(where, &address, &port, error))
		return -1;
	/* Without an address: the IPv6 wildcard takes IPv4 too; where there is no IPv6, the one of IPv4. */
	int result = getaddrinfo(address ? address : "::", port, &hints, &found);
	if (result != 0) {
		error_set(error, ERROR_INVALID, "give it as a number: 127.0.0.1, [::1]", "cannot listen at '%s': %s",
			  where, gai_strerror(result));
		return -1;
	}
	int one = 1, zero = 0;
	fd_auto int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 && !address && errno == EAFNOSUPPORT) {
		freeaddrinfo(found);
		g_autofree char *old = g_strconcat("0.0.0.0:", port, NULL);
		return listen_tcp(old, error);
	}
	if (fd >= 0 && found->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, address ? &one : &zero, sizeof one);
	gboolean listening = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
			     bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
	int failure = errno;
	freeaddrinfo(found);
	if (listening)
		return fd_steal(&fd);
	if (failure == EADDRINUSE)
		error_set(error, ERROR_CONFLICT, "end what listens there ('ss -ltnp' shows it), or choose another port",
			  "cannot listen at '%s': the port is in use", where);
	else
		error_set_errno(error, failure, "cannot listen at '%s'", where);
	return -1;
}
