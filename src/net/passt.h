/* User-mode networking: one passt process per network card, in a cage of its own, joined to QEMU by a socket pair. It
 * runs in the host's network namespace without privileges and does not map its gateway to the host's loopback. */
#pragma once
#include <glib.h>
#include <sys/types.h>

#include "sandbox/launch.h"

/* Starts passt with its records in run_dir (made). `socket` (lent) is its end of a socketpair(2) of streams whose other
 * end is QEMU's; when that closes, passt ends by itself. What QEMU sends before passt runs waits in the socket. */
gboolean passt_start(const char *run_dir, uid_t uid, const char *cgroup, int socket, Launched *ret_launched,
		     GError **error);
