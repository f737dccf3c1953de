/* "Enter the firmware's set-up at the next start, once": a fact of the guest ("vm-firmware-setup/ID") from the request
 * until a start has used it up. */
#pragma once
#include "guest/vm.h"

/* Reads the facts into the guests; at the daemon's start. */
gboolean firmware_setup_load(Services *services, GError **error);
/* Whether the guest's firmware can be entered at all; an error says why not. */
gboolean firmware_setup_check(Vm *vm, GError **error);
/* Makes the request, or takes it back. */
gboolean firmware_setup_request(Vm *vm, gboolean wanted, const char *user, GError **error);
gboolean firmware_setup_is_wanted(Vm *vm);
/* For a start that shall enter it: the document that QEMU is started from. UEFI is asked by its variables, and the
 * document stays as it is; BIOS waits for the key that opens its boot menu. Without a request the document alone. New
 * reference. */
json_object *firmware_setup_prepare(Vm *vm, json_object *document, GError **error);
/* The guest runs: the request is used up. */
void firmware_setup_done(Vm *vm, const char *user);
