/* What QEMU's second monitor has written into the launcher's log: every event, with its time, for whoever was not there
 * when it came (docs/decisions/event-memory.md). */
#pragma once
#include "guest/vm.h"

/* Time (UTC) and data of the last event of that name, later than after_us; 0: none. `member` (may be NULL) must be true
 * in its data. ret_data (may be NULL): new reference. */
gint64 vm_find_event(Vm *vm, const char *name, const char *member, gint64 after_us, json_object **ret_data);
