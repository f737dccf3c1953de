/* Adoption: taking over what a former daemon left running. */
#pragma once
#include "guest/vm.h"
#include "sandbox/launch.h"

/* Matches the process by pid, start time and boot id, reconnects to its monitor and asks it for its state. A process
 * that ended while no daemon ran gets its reason from its exit record and its last events. Before tasks_start(). */
void vm_adopt(Vm *vm);
/* Asks a QEMU whose monitor was silent once more, over a new connection if need be; while it stays silent, again
 * later. */
void vm_regain(Vm *vm);
/* Ends processes in run directories of guests that have no document. After all guests were adopted. */
void adopt_strays(Services *services);

/* Of a process that has ended: waits until its launcher has written how; after that, it writes nothing more. FALSE if
 * there is no such record. */
gboolean adopt_read_exit(const char *run_dir, LaunchRecord *ret_record);
/* The same for QEMU and for what ran beside it (passt): nothing appears in the run directory from then on, so that it
 * can be removed. */
void adopt_wait_launchers(const char *run_dir);

/* Writes down beside the process what only the daemon knows of it: state, reason, why its end is expected, the latest
 * restarts. Called on each change. */
void vm_remember(Vm *vm);
/* Time (UTC) and data of the last event of that name in what QEMU wrote, later than after_us; 0: none. `member` (may be
 * NULL) must be true in its data. ret_data (may be NULL): new reference. */
gint64 vm_find_event(Vm *vm, const char *name, const char *member, gint64 after_us, json_object **ret_data);
