/* Adoption: taking over what a former daemon left running. */
#pragma once
#include "guest/vm.h"

/* Matches the process by pid, start time and boot id, reconnects to its monitor and asks it for its state. A process
 * that ended while no daemon ran gets its reason from its exit record and its last events. Before tasks_start(). */
void vm_adopt(Vm *vm);
/* Asks a QEMU whose monitor was silent once more, over a new connection if need be; while it stays silent, again
 * later. */
void vm_regain(Vm *vm);
/* Ends processes in run directories of guests that have no document. After all guests were adopted. */
void adopt_strays(Services *services);
