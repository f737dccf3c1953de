/* The system call filter of guests and workers, compiled by yadod and handed to yado-launch as bytes. */
#pragma once
#include <glib.h>

/* An array of struct sock_filter. */
gboolean seccomp_worker_filter(GBytes **ret_bpf, GError **error);
