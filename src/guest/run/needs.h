/* Opening what a guest's QEMU needs: volumes, images, firmware, cards, sockets. */
#pragma once
#include <json-c/json.h>

#include "guest/vm.h"

/* One name as in qemu/command.h ("disk:disk0", "qmp"…). Returns a descriptor (caller closes) or -1. */
int vm_open_need(Vm *vm, json_object *document, const char *need, gboolean writable, GError **error);
/* Where in the guest's run directory QEMU listens under that name; caller frees. */
char *vm_socket_path(Vm *vm, const char *name);
