/* In which control groups processes are: each guest in one of its own, workers in ours. */
#pragma once
#include <glib.h>

#include "sandbox/launch.h"

/* Decides it once, before other threads use this. instance is "yado" or, for a checkout, "yado-HASH". Without success
 * workers have no groups, and neither have guests where there is no systemd. */
gboolean groups_setup(const char *instance, GError **error);
/* How guests are grouped, for people; caller frees. */
char *groups_describe(void);

/* The name of a guest's group, for cgroup.h; caller frees. */
char *groups_guest(gint64 id);
/* The scope that such a group is, or NULL. */
const char *groups_scope(const char *group);
/* Puts what is launched into the guest's group, which is made. title: for people, "VM 100 'web'". */
gboolean groups_begin(const char *group, const char *title, Launch *launch, GError **error);
/* Ends all that is left in it, and has it removed. Absent is fine. */
gboolean groups_end(const char *group, guint timeout_ms, GError **error);
