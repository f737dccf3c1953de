/* What is behind a guest's network cards on the host: a tap on a bridge, with its limits, or a passt. */
#pragma once
#include <json-c/json.h>

#include "guest/vm.h"
#include "sandbox/launch.h"

/* A card's descriptor for QEMU (caller closes): its tap, or its socket to a passt, which is started; -1: error. */
int nic_open(Vm *vm, json_object *document, const char *key, GError **error);
/* The same in two parts, for a QEMU that begins while passt does: of a card of mode "user", *ret_peer (owned) is what
 * nic_start() gives passt; otherwise it is left as it was. */
int nic_prepare(Vm *vm, json_object *document, const char *key, int *ret_peer, GError **error);
gboolean nic_start(Vm *vm, const char *key, int peer, Launched *ret_launched, GError **error);
/* Ends the passt of a card that was unplugged. */
gboolean nic_close(Vm *vm, const char *key, GError **error);
/* Brings a card's limits about on its tap; one of mode "user" has none. */
gboolean nic_limit(Vm *vm, json_object *document, const char *key, GError **error);
/* The number of a card for its tap's name: its place among all possible ones, "pci:10.3" -> 3. */
guint nic_index(json_object *document, const char *key);
