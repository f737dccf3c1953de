/* The QEMU guest agent: whether it answers, what it says of the guest's addresses, and a clean shutdown. */
#pragma once
#include "guest/vm.h"

enum { AGENT_TIMEOUT_MS = 5000 };

/* Asks QEMU whether the guest has the agent's port open: connects and asks the agent, or forgets it. Does not wait for
 * that. */
void agent_look(Vm *vm);
void agent_disconnect(Vm *vm);
/* Its connection; new reference. ERROR_UNAVAILABLE if the agent is not connected. */
Qmp *agent_ref(Vm *vm, GError **error);
/* Asks for the guest's network cards and addresses again. */
gboolean agent_refresh(Vm *vm, guint timeout_ms, GError **error);
/* Asks the guest to power off. TRUE once the agent has taken the request. */
gboolean agent_shutdown(Vm *vm, GError **error);
/* {"state":"none"|"waiting"|"connected","version":…}; new reference. */
json_object *agent_describe(Vm *vm);
/* Addresses beside loopback and link-local: [{"nic","mac","address"}…]; new reference. */
json_object *agent_addresses(Vm *vm);
/* Traffic of the card with that MAC as the guest counted it then (monotonic). */
gboolean agent_read_counters(Vm *vm, const char *mac, guint64 *ret_rx_bytes, guint64 *ret_tx_bytes, gint64 *ret_at_us);
