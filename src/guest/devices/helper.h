/* Helpers: the processes beside QEMU that parts of a guest's hardware are made of: the swtpm of its TPM, the virtiofsd
 * of a share, the passt of a network card. When one dies the guest runs on, with that part broken, which is shown. */
#pragma once
#include "guest/vm.h"

/* Follows the helper whose records are in the guest's run directory under that name: "tpm", "share-KEY", "nic-KEY".
 * pidfd: lent; -1: it has ended. */
void helper_watch(Vm *vm, const char *name, int pidfd);
/* Nobody needs to know of its end any more. */
void helper_forget(Vm *vm, const char *name);
/* The same, and has it end (it is about to by itself), and its records go. */
gboolean helper_end(Vm *vm, const char *name, GError **error);
/* Follows those that a former daemon has started. */
void helper_adopt(Vm *vm);
/* Forgets all of them, with the guest's process. */
void helper_release(Vm *vm);

/* From its records: FALSE if it runs, or there was none. *ret_how: how it has ended, and what it said last; caller
 * frees. */
gboolean helper_read_end(Vm *vm, const char *name, char **ret_how);
/* What is broken, as the status has it; NULL: nothing. New reference. */
json_object *helper_describe(Vm *vm);
/* Its places in the document ("tpm", "shares.media"), as the row has it; NULL: none. With the guest's lock held. New
 * reference. */
json_object *helper_list_broken(Vm *vm);
