/* What other resources ask of the node. */
#pragma once
#include <glib.h>

/* Bytes that could be given to new guests without swapping; 0: not known. */
gint64 node_memory_available(void);
