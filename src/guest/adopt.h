/* Adoption: taking over what a former daemon left running. */
#pragma once
#include "guest/vm.h"

/* Matches the process by pid, start time and boot id, reconnects to its monitor and asks it for its state. A process
 * that ended while no daemon ran gets its reason from its exit record. */
void vm_adopt(Vm *vm);
