/* /healthz. */
#pragma once
#include "guest/services.h"

/* Waits for a look that is under way; after server_free(), while what it looks at is still there. */
void health_stop(void);
