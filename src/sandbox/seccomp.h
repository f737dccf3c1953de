/* The system call filter of guests and workers, compiled by yadod and handed to yado-launch as bytes. */
#pragma once
#include <glib.h>

typedef enum SeccompKind {
	SECCOMP_NONE,
	SECCOMP_WORKER, /* what only reads and writes descriptors */
	SECCOMP_GUEST,  /* the same, and a socket for the kernel's news of devices, without which libusb does not begin */
	SECCOMP_GUEST_PLACED, /* a guest that chooses the host's NUMA nodes for its memory */
	SECCOMP_SHARE,  /* what serves files as whoever its client says: it makes none that gives its user more rights */
} SeccompKind;

/* An array of struct sock_filter. */
gboolean seccomp_filter(SeccompKind kind, GBytes **ret_bpf, GError **error);
