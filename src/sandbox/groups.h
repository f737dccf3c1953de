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
gboolean groups_begin(const char *group, const char *title, const CpuBounds *cpu, Launch *launch, GError **error);
/* Bounds what is in it from now on; groups_bound_cpu(): whether this node can. */
gboolean groups_set_cpu(const char *group, const CpuBounds *cpu, GError **error);
gboolean groups_bound_cpu(void);
/* Ends all that is left in it, and has it removed. Absent is fine. */
gboolean groups_end(const char *group, guint timeout_ms, GError **error);
