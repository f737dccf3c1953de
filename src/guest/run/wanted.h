/* What a guest should be doing, and why it last stopped: a fact that survives everything ("vm-state/ID"). */
#pragma once
#include "guest/vm.h"

gboolean vm_want(Vm *vm, gboolean running, const char *user, GError **error);
gboolean vm_is_wanted(Vm *vm);
/* Writes the present reason into that fact; takes the former one from it. */
void vm_record_reason(Vm *vm, gboolean wanted);
void vm_recall_reason(Vm *vm);
/* The same as vm_record_reason() with a reason that is about to become the present one. since_us: UTC. */
void vm_record_end(Vm *vm, gboolean wanted, const char *code, const char *reason, gint64 since_us);
