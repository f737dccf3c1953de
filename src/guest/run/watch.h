/* Following a guest's process: its end, its monitor, and what it does by itself. */
#pragma once
#include "guest/vm.h"

/* Connects to the monitor of the process that the guest has (pid, start_time and pidfd are set), and follows its
 * events. */
gboolean vm_connect_monitor(Vm *vm, guint timeout_ms, GError **error);
/* The guest's monitor, connected anew if it was lost; new reference. */
Qmp *vm_reach_monitor(Vm *vm, guint timeout_ms, GError **error);
/* Follows the process's end from now on, and asks for its state. */
void vm_watch_exit(Vm *vm);
/* QEMU's monitor is silent, the guest's state unknown: asks again after a while, until it answers or the process
 * ends. */
void vm_watch_silence(Vm *vm);
/* Asks QEMU what the state is and takes it over (after events, and at adoption). */
void vm_query_state(Vm *vm);
/* Whether a task is at work on the guest. */
gboolean vm_is_claimed(Vm *vm);
/* Closes handles without touching the process. */
void vm_release_process(Vm *vm);
