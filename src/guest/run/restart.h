/* Restarting a guest that has crashed or panicked, as its document says ("restart"). */
#pragma once
#include "guest/vm.h"
#include "task/task.h"

/* Whether it is to be restarted now, which counts from here on. *ret_limit: the words to add to the reason where it was
 * restarted too often; else NULL. Caller frees. */
gboolean restart_decide(Vm *vm, char **ret_limit);
/* Submits the task of that kind. Before tasks_start() too: then the task waits for it. */
void restart_submit(Vm *vm, const TaskKind *kind, const char *cause);
