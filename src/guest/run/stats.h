/* Live statistics of a guest. */
#pragma once
#include "guest/vm.h"

/* Counters since its start, as docs/api.md says; what cannot be known is null. New reference; ERROR_CONFLICT if the
 * guest does not run. */
json_object *vm_stats(Vm *vm, GError **error);
/* The parts of it for who asks about many guests: what the host knows of it, with the cards' counters as far as they
 * are known without asking now (those of user-mode cards are as old as the agent's last report, a minute at most);
 * NULL if it does not run. And what only QEMU knows, which may not answer. */
json_object *vm_stats_of_host(Vm *vm);
json_object *vm_stats_of_disks(Vm *vm, guint timeout_ms, GError **error);

/* Of its processes, since they began, and now; FALSE where that cannot be known. */
gboolean vm_read_cpu(Vm *vm, guint64 *ret_usec);
gboolean vm_read_memory(Vm *vm, guint64 *ret_bytes);
