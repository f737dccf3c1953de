/* Growing and shrinking a running guest's memory, between what it began with and `memory_max`. */
#pragma once
#include "guest/vm.h"

/* Whether the process that has `applied` can be given the memory that `wanted` says. Hardware both. */
gboolean live_memory_can(Vm *vm, json_object *applied, json_object *wanted);
/* Whether the guest has done by now what it had not when it was asked. */
gboolean live_memory_came(Vm *vm);
