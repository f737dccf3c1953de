/* The states of a guest and the transitions between them, as data. */
#pragma once
#include <glib.h>

typedef enum VmState {
	VM_STOPPED,
	VM_STARTING,
	VM_RUNNING,
	VM_PAUSED,   /* by a person, or by an I/O error (the reason says which) */
	VM_STOPPING, /* asked to shut down, or being turned off */
	VM_PANICKED, /* the guest's kernel gave up; memory is still there to look at */
	VM_UNKNOWN,  /* the process lives, but its monitor does not answer */
} VmState;

const char *vm_state_name(VmState state);
gboolean vm_state_allows(VmState from, VmState to);
/* Whether a QEMU process exists in that state. */
gboolean vm_state_is_alive(VmState state);
