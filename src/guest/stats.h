/* Live statistics of a guest. */
#pragma once
#include "guest/vm.h"

/* Counters since its start, as docs/api.md says; what cannot be known is null. New reference; ERROR_CONFLICT if the
 * guest does not run. */
json_object *vm_stats(Vm *vm, GError **error);
