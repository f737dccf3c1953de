/* Who a guest is on the host: its user ids, facts that are never used again. */
#pragma once
#include <sys/types.h>

#include "guest/vm.h"

/* The uid that the guest's QEMU runs as. 0 with an error. */
uid_t identity_vm_uid(Vm *vm, GError **error);
/* The uid of the helper process of one network card; allocated when it is first asked for. */
uid_t identity_nic_uid(Vm *vm, const char *nic, GError **error);
/* The same of the process of its TPM, which owns the volume with the TPM's state. */
uid_t identity_tpm_uid(Vm *vm, GError **error);
/* Adds the fact of a new guest to the batch that creates it. */
gboolean identity_create(Services *services, Batch *batch, gint64 vm, GError **error);
