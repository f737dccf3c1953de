/* Control groups, v1 and v2: one per guest below "yado", for limits, accounting, and killing all that is in it.
 * Where a controller is not there (or the tree cannot be written), what needs it says so; guests still run. */
#pragma once
#include <glib.h>

/* Finds the hierarchies and makes our root; root_name is "yado" or, for a checkout, "yado-HASH". */
gboolean cgroup_setup(const char *root_name, GError **error);
gboolean cgroup_make(const char *name, GError **error);
/* Removes an empty group; ERROR_CONFLICT while processes are in it. Absent is fine. */
gboolean cgroup_remove(const char *name, GError **error);
/* SIGKILL to all processes in it, until none is left or the deadline passes. */
gboolean cgroup_kill(const char *name, guint timeout_ms, GError **error);
/* Where a process joins the group's version 1 trees: their files `tasks`; NULL-terminated, caller frees (g_strfreev). */
char **cgroup_tasks_paths(const char *name);
/* The group's directory in the version 2 tree (name "": our root); NULL without one. Caller frees. */
char *cgroup_unified_path(const char *name);
/* CPU time used by all in the group, and memory in use now. FALSE where not accounted. */
gboolean cgroup_read_cpu_usec(const char *name, guint64 *ret_usec);
gboolean cgroup_read_memory(const char *name, guint64 *ret_bytes);
/* "v2", "v1", "hybrid" or "none", and which controllers, for people. */
char *cgroup_describe(void);
