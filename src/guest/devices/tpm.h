/* A guest's TPM: one swtpm(8) process in a cage of its own, joined to QEMU by a socket pair, with its state in a
 * volume. */
#pragma once
#include "guest/vm.h"
#include "sandbox/launch.h"

/* Whether this node has swtpm; an error for the field "tpm". */
gboolean tpm_check(GError **error);
/* The end for QEMU (caller closes), and *ret_peer (owned), which tpm_start() gives swtpm; -1 on failure. */
int tpm_prepare(int *ret_peer, GError **error);
/* QEMU, which builds its machine, waits for the answers of what is started here. */
gboolean tpm_start(Vm *vm, int peer, Launched *ret_launched, GError **error);
/* swtpm ends by itself when QEMU has: waits for that, so that nobody kills it while it writes. */
void tpm_wait_end(Vm *vm, guint timeout_ms);
