/* Starting guests after a boot of the node, in their order. */
#pragma once
#include "guest/services.h"

typedef struct Autostart Autostart;

/* After a boot of the node: a thread that starts guests with autostart. After a mere restart of the daemon: only what
 * its predecessor had not come to. NULL: there is nothing to start. */
Autostart *autostart_begin(Services *services);
/* Starts no more of them, now or later: somebody wants all guests down. NULL is fine. */
void autostart_abandon(Autostart *autostart);
/* Starts no more of them; a later daemon goes on. NULL is fine. Before tasks_stop(), and free after it. */
void autostart_stop(Autostart *autostart);
void autostart_free(Autostart *autostart);
