/* Devices of the host that a guest is given, by their mappings: docs/passthrough.md. */
#pragma once
#include "guest/vm.h"
#include "sandbox/launch.h"

/* Writes down how many ports the USB controller has, with the first device that needs one. */
void passthrough_complete(json_object *present, json_object *document);
/* That each USB and PCI device of the document that `present` (may be NULL) does not have is one that it can be
 * given. */
gboolean passthrough_check(Services *services, json_object *present, json_object *document, GError **error);

/* The node of the host's USB device, for reading and writing; -1: it is not there, or a guest has it. From then on it
 * is this guest's. */
int passthrough_open_usb(Vm *vm, json_object *document, const char *key, GError **error);
/* QEMU has let go of it: it is the host's again. */
void passthrough_return_usb(Vm *vm, const char *key);
/* Makes the PCI devices ready for the guest's QEMU, which runs as uid: each changes to the driver vfio-pci, its group's
 * node belongs to uid and is in the view. Writes into the document where each is (qemu/host-devices.h). */
gboolean passthrough_begin(Vm *vm, json_object *document, uid_t uid, Launch *launch, GError **error);
/* After the guest's end, or a start that failed: the host has all that the guest took back, wherever its mappings lead
 * now. */
void passthrough_end(Services *services, const char *run_dir);
