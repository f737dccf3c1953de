/* Listening sockets, and how many connections each address may have. */
#pragma once
#include "httpd/connection.h"

/* Watches an inherited listening socket. */
gboolean accept_listen(Front *front, int fd, GError **error);
/* Gives back a connection's place. */
void peer_release(Front *front, Peer *peer);
