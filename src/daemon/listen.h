/* Listening TCP sockets, by what people write for them. */
#pragma once
#include <glib.h>

/* "8006", "127.0.0.1:8006", "[::1]:8006": a port on all addresses, or one address with a port. The socket, non-blocking
 * and close-on-exec; the caller closes it. ERROR_INVALID for another form, ERROR_CONFLICT if the port is in use. */
int listen_tcp(const char *where, GError **error);
