/* User-mode networking: one passt process per network card, in a cage of its own, joined to QEMU by a socket pair. It
 * runs in the host's network namespace without privileges and does not map its gateway to the host's loopback. */
#pragma once
#include <glib.h>
#include <sys/types.h>

#include "sandbox/launch.h"

/* Starts passt with its records in run_dir (made). *ret_socket is QEMU's end (caller closes after handing it over);
 * when QEMU's end closes, passt ends by itself. */
gboolean passt_start(const char *run_dir, uid_t uid, const char *cgroup, int *ret_socket, Launched *ret_launched,
		     GError **error);
