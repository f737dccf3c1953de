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

/* Makes the process, and the fact that it is wanted (start.c). On failure nothing is left of the process. */
gboolean vm_start_process(Vm *vm, Task *task, GError **error);
/* Follows a process: its exit and its monitor's events (watch.c). The guest's pid, start_time and pidfd are set. */
gboolean vm_connect_monitor(Vm *vm, guint timeout_ms, GError **error);
/* The guest's monitor, connected anew if it was lost; new reference. */
Qmp *vm_reach_monitor(Vm *vm, guint timeout_ms, GError **error);
void vm_watch_exit(Vm *vm);
/* QEMU's monitor is silent, the guest's state unknown: asks again after a while, until it answers or the process ends. */
void vm_watch_silence(Vm *vm);
/* Says why the process is about to end, so that its end is not taken for a crash. */
void vm_expect_exit(Vm *vm, const char *reason_code, const char *format, ...) G_GNUC_PRINTF(3, 4);
void vm_forget_exit(Vm *vm); /* the end did not come about */
/* Ends the process for good and waits until it is gone (watch.c); how it ended is recorded by its exit. */
gboolean vm_end_process(Vm *vm, guint timeout_ms, GError **error);
/* Asks QEMU what the state is and takes it over (after events, and at adoption). */
void vm_query_state(Vm *vm);
/* The present state is as old as that (UTC), since it came about before anybody saw it. */
void vm_set_since(Vm *vm, gint64 since_us);
/* Closes handles without touching the process. */
void vm_release_process(Vm *vm);
/* After the process is gone: reason from its record, state stopped, clean-up, restart if the policy says so. */
void vm_settle_exit(Vm *vm);
/* The same for a process that ended while no daemon ran; at adoption. */
void vm_settle_absent(Vm *vm);

/* What the guest should be doing, and why it last stopped: a fact that survives everything ("vm-state/ID"). */
gboolean vm_want(Vm *vm, gboolean running, const char *user, GError **error);
gboolean vm_is_wanted(Vm *vm);
/* Writes the present reason into that fact; takes the former one from it. */
void vm_record_reason(Vm *vm, gboolean wanted);
/* The same with a reason that is about to become the present one. */
void vm_record_end(Vm *vm, gboolean wanted, const char *code, const char *reason, gint64 since_us);
void vm_recall_reason(Vm *vm);
