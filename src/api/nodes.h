/* What other resources ask of the node. */
#pragma once
#include <json-c/json.h>

#include "api/route.h"

/* Bytes that could be given to new guests without swapping; 0: not known. */
gint64 node_memory_available(void);
/* What stays as it is while the daemon runs: GET /nodes without what is measured. New reference. */
json_object *node_describe(Services *services);
/* Whether the call's first argument names this node. ERROR_NOT_FOUND. */
gboolean node_check(const Call *call, GError **error);
