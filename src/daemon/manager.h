/* What yadod tells the service manager that has started it (sd_notify(3)); nothing without one. */
#pragma once
#include "guest/services.h"

/* Serving: from now on the main loop says regularly that it turns (WatchdogSec=), and how many guests run. */
void manager_ready(Services *services);
void manager_stopping(void);
