/* The node's memory: how much there is, how much of it guests may use up, and KSM. */
#pragma once
#include "guest/services.h"

typedef struct NodeMemory {
	gint64 total, available; /* bytes; the latter could be given to new guests */
} NodeMemory;
/* root: "", or where a test has its own /proc and /sys. */
gboolean node_memory_read(const char *root, NodeMemory *ret_memory);
/* KSM and huge pages as they are, into a node's memory. */
void node_memory_describe_host(const char *root, json_object *memory);

/* The setting, and what there is; new reference. *ret_rev: of the setting, 0 while nobody has changed it. */
json_object *node_memory_describe(Services *services, gint64 *ret_rev, GError **error);
/* The setting as a patch changes it, checked against what the kernel can. */
json_object *node_memory_plan(Services *services, json_object *patch, GError **error);
/* Commits it and brings it about. The new revision; 0: error. */
gint64 node_memory_change(Services *services, json_object *setting, gint64 expected_rev, const char *user,
			  GError **error);
/* Brings about what is set, after the node's start. */
void node_memory_apply(Services *services);
/* The part of memory in use above which guests are asked for theirs, in percent. */
guint node_memory_balloon_at(Services *services);
