/* Starting a guest's process. */
#pragma once
#include "guest/vm.h"
#include "task/task.h"

/* Makes the process, and the fact that it is wanted. On failure nothing is left of the process. */
gboolean vm_start_process(Vm *vm, Task *task, GError **error);
