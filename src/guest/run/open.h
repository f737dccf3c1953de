/* Opening what a guest's QEMU is given: volumes, images, firmware, taps, sockets. */
#pragma once
#include <json-c/json.h>

#include "guest/vm.h"
#include "sandbox/launch.h"

/* One name as in qemu/command.h ("disk:disk0", "qmp"…). Returns a descriptor (caller closes) or -1. */
int vm_open_need(Vm *vm, json_object *document, const char *need, gboolean writable, GError **error);
/* A network card's descriptor: tap, or the socket to its passt, which is started. */
int vm_open_nic(Vm *vm, json_object *document, const char *key, GError **error);
/* The same in two parts, for a QEMU that begins while passt does: of a card of mode "user", *ret_peer (owned) is what
 * vm_start_nic() gives passt; otherwise it is -1. */
int vm_prepare_nic(Vm *vm, json_object *document, const char *key, int *ret_peer, GError **error);
gboolean vm_start_nic(Vm *vm, const char *key, int peer, Launched *ret_launched, GError **error);
/* Ends the passt of a card that was unplugged. */
gboolean vm_close_nic(Vm *vm, const char *key, GError **error);
/* Brings a card's limits about on its tap; one of mode "user" has none. */
gboolean vm_limit_nic(Vm *vm, json_object *document, const char *key, GError **error);
/* The number of a card for its tap's name: its place among all possible ones, "pci:10.3" -> 3. */
guint vm_nic_index(json_object *document, const char *key);
/* Listening socket in the guest's run directory, for QEMU to accept on. */
char *vm_socket_path(Vm *vm, const char *name);
