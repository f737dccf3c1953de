/* What only the daemon knows of a running guest, in its run directory for the next daemon: state, reason, why its end
 * is expected, the latest restarts. */
#pragma once
#include "guest/vm.h"

/* Writes it down; called on each change. */
void vm_remember(Vm *vm);
/* What a former daemon has written since the node's boot; NULL: nothing. New reference. */
json_object *vm_read_remembered(Vm *vm);
/* Takes all of that over but the state, also once more of a guest that was silent the first time; where there is nothing, the reason of the fact "vm-state/ID" (wanted.h). */
void vm_recall(Vm *vm, json_object *memory);
