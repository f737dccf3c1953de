/* Shutting a guest down: it is asked, waited for, and at last turned off or left running, as is wanted. */
#pragma once
#include "guest/vm.h"
#include "task/task.h"

/* Of a running guest. The task's arguments "timeout" (seconds), "action" ("stop" or "leave", when that is over) and
 * "node" (with its node) count before the document. On failure it runs on. */
gboolean shutdown_guest(Vm *vm, Task *task, GError **error);
/* With its node: from whatever state it is in, and to the end. Who cannot be asked is turned off. */
gboolean shutdown_with_node(Vm *vm, Task *task, GError **error);
