/* Which of the node's CPUs a guest's processors run on, and how much of them the guest may use. */
#pragma once
#include "guest/vm.h"
#include "sandbox/groups.h"

/* Whether this node can give what the `cpu` of a document asks of it: the pinned CPUs, the kind of core, shares and limit,
 * the CPU model and its features, nested virtualization. ERROR_UNSUPPORTED with the field. What is as in `present` (may be NULL) is not
 * checked again; a start checks all. */
gboolean placement_check(Services *services, json_object *present, json_object *cpu, GError **error);
/* What the guest's control group is bound to. */
CpuBounds placement_bounds(json_object *cpu);
/* Puts the running process's vCPU threads on the CPUs that `cpu` wants. */
gboolean placement_pin(Vm *vm, Qmp *qmp, json_object *cpu, GError **error);
