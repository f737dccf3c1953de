/* Shares: directories of the host inside a guest, by virtio-fs. docs/shares.md, docs/decisions/virtiofs.md. */
#pragma once
#include "guest/vm.h"
#include "sandbox/launch.h"

/* Gives each share of the document without a tag one, and checks those that `present` (may be NULL) does not have. */
void share_complete(json_object *document);
gboolean share_check(Services *services, json_object *present, json_object *document, GError **error);

/* Both ends of a share's connection: the one for QEMU is returned, *ret_peer is for its virtiofsd; -1. */
int share_prepare(Vm *vm, const char *key, int *ret_peer, GError **error);
/* Starts the share's virtiofsd, which ends by itself when QEMU has closed its end. peer is lent. */
gboolean share_start(Vm *vm, json_object *document, const char *key, int peer, Launched *ret_launched, GError **error);
/* Adds to *error what a virtiofsd that has ended has said. */
void share_explain(Vm *vm, json_object *document, GError **error);
/* Shares of a running guest as its status has them, an array; NULL: it has none. New reference. */
json_object *share_describe(Vm *vm);
