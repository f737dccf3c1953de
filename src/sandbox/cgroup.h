/* Control groups, v1 and v2: for limits, accounting, and killing all that is in one. Who is in which: groups.h.
 * Where a controller is not there (or the tree cannot be written), what needs it says so; guests still run. */
#pragma once
#include <glib.h>

/* Finds the hierarchies and makes our root; root_name is "yado" or, for a checkout, "yado-HASH". */
gboolean cgroup_setup(const char *root_name, GError **error);
/* The same where version 2 is all there is and our root is a group that we were given ("/system.slice/yadod.service").
 * No controllers are enabled below it: what is in it itself would be in the way, now or when it is started anew. */
gboolean cgroup_setup_delegated(const char *group, GError **error);
/* Whether the machine has version 2 alone, and the group of this process there ("/user.slice"); caller frees. */
gboolean cgroup_is_unified(void);
char *cgroup_read_own(GError **error);

/* Names of groups are below our root ("vm-100"), or begin with '/' and are below that of version 2. */
gboolean cgroup_make(const char *name, GError **error);
/* Removes an empty group; ERROR_CONFLICT while processes are in it. Absent is fine. */
gboolean cgroup_remove(const char *name, GError **error);
/* SIGKILL to all processes in it, until none is left or the deadline passes. */
gboolean cgroup_kill(const char *name, guint timeout_ms, GError **error);
/* Where a process joins the group's version 1 trees: their files `tasks`; NULL-terminated, caller frees (g_strfreev). */
char **cgroup_tasks_paths(const char *name);
/* The group's directory in the version 2 tree (name "": our root); NULL without one. Caller frees. */
char *cgroup_unified_path(const char *name);
/* How much of the node's CPUs all in a group may use together. */
typedef struct CpuBounds {
	guint weight; /* 1 to 10000, against other groups; 100 is what a group has */
	guint limit;  /* percent of one CPU; 0: none */
} CpuBounds;
/* FALSE with ERROR_UNSUPPORTED where there is no controller for it, unless the bounds are those of any group. */
gboolean cgroup_set_cpu(const char *name, const CpuBounds *bounds, GError **error);
gboolean cgroup_bounds_cpu(void);
/* CPU time used by all in the group, and memory in use now. FALSE where not accounted. */
gboolean cgroup_read_cpu_usec(const char *name, guint64 *ret_usec);
gboolean cgroup_read_memory(const char *name, guint64 *ret_bytes);
/* "v2", "v1", "hybrid" or "none", and which controllers, for people. */
char *cgroup_describe(void);
