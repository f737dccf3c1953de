/* Shutting down all guests of the node, as before the machine itself goes down. */
#pragma once
#include "guest/services.h"

extern const TaskKind node_shutdown_kind;

/* timeout_s: no guest may take longer than that; 0: each one's own setting. The task or 0. */
gint64 node_shutdown_submit(Services *services, const char *user, gint64 timeout_s, GError **error);
/* What that would do, guest by guest, as an array of sentences; new reference. */
json_object *node_shutdown_describe(Services *services, gint64 timeout_s);
