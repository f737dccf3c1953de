/* Which of the node's CPUs a guest's processors run on, and how much of them the guest may use. */
#pragma once
#include "guest/vm.h"
#include "sandbox/groups.h"

/* Whether this node can give what `cpu` and `numa` of a document ask of it: the pinned CPUs, the kind of core, NUMA
 * nodes, shares and limit, the CPU model and its features, nested virtualization. ERROR_UNSUPPORTED with the field.
 * What is as in `before` (may be NULL) is not checked again; a start checks all. */
gboolean placement_check(Services *services, json_object *before, json_object *document, GError **error);
/* What the guest's control group is bound to. */
CpuBounds placement_bounds(json_object *cpu);
/* Whether a document says where the guest's processors run; and putting the running process's vCPU threads there. */
gboolean placement_is_wanted(json_object *document);
gboolean placement_pin(Vm *vm, Qmp *qmp, json_object *document, GError **error);
