/* Keeps user-mode networking off the host's loopback. */
#pragma once
#include <glib.h>

/* Programs in the group (a directory of cgroup version 2) and below it cannot connect or send to the host's loopback,
 * whatever address means it. Holds until the group is removed, also when we end; calling it again changes nothing. */
gboolean loopback_deny(const char *group, GError **error);
/* Whether it is a numeric address that the above lets through. */
gboolean loopback_is_far(const char *address);
