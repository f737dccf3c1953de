/* Power: start, shutdown, stop, reset, pause, resume. Each is a kind of task on "vm/ID". */
#pragma once
#include "guest/vm.h"
#include "task/task.h"

extern const TaskKind vm_start_kind, vm_shutdown_kind, vm_stop_kind, vm_reset_kind, vm_reboot_kind, vm_pause_kind,
	vm_resume_kind;

/* Submits a task of the kind on the guest; returns its id or 0. args may be NULL (lent). */
gint64 vm_submit(Vm *vm, const TaskKind *kind, const char *user, json_object *args, GError **error);
/* Whether the guest's state allows it; the plan of an action asks this, and the task again. */
gboolean vm_power_allowed(Vm *vm, const TaskKind *kind, GError **error);
