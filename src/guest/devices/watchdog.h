/* The guest's watchdog timer ran out. */
#pragma once
#include "guest/vm.h"

/* For the event WATCHDOG, whose data it is; from the monitor thread. */
void watchdog_fired(Vm *vm, json_object *data);
/* Whether the present reason is a reset by the watchdog that came just now: the event RESET follows it. */
gboolean watchdog_has_reset(Vm *vm);
/* The same for what no daemon saw: takes the last event after that time (UTC) as the running guest's reason. */
gboolean watchdog_catch_up(Vm *vm, gint64 after_us);
/* Whether QEMU ended because of it; *ret_reason is the caller's. */
gboolean watchdog_explain_end(Vm *vm, char **ret_reason);
