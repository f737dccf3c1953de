/* GET /events: what there is, and then what changes. */
#pragma once
#include "guest/services.h"

/* Hooks into the store, the guests, the tasks and access; after all of them have begun. */
void events_start(Services *services);
void events_stop(Services *services);
