/* The end of a guest's process: brought about, explained, cleared up after. */
#pragma once
#include "guest/vm.h"
#include "qemu/qmp.h"

/* Says why the process is about to end, so that its end is not taken for a crash. */
void vm_expect_exit(Vm *vm, const char *reason_code, const char *format, ...) G_GNUC_PRINTF(3, 4);
void vm_forget_exit(Vm *vm); /* the end did not come about */
/* Ends the process for good and waits until it is gone; how it ended is recorded by its exit. */
gboolean vm_end_process(Vm *vm, guint timeout_ms, GError **error);
/* The same on somebody's behalf: the reason is "`reason` by `user`". */
gboolean vm_turn_off(Vm *vm, const char *reason_code, const char *reason, const char *user, GError **error);
/* The guest has powered off and QEMU, whose monitor that is, waits to be told to end. */
void vm_end_powered_off(Vm *vm, Qmp *qmp);

/* After the process is gone: reason from its record, state stopped, clean-up, restart if the policy says so. */
void vm_settle_exit(Vm *vm);
/* The same for a process that ended while no daemon ran; at adoption. */
void vm_settle_absent(Vm *vm);
