/* The states of a guest. */
#include "guest/run/state.h"

#define TO(state) (1u << VM_##state)

static const struct {
	const char *name;
	gboolean alive;
	guint next; /* the states that may follow */
} states[] = {
	/* A process that was found running is taken over without a transition (adopt.c). */
	[VM_STOPPED] = {"stopped", FALSE, TO(STARTING)},
	[VM_STARTING] = {"starting", TRUE, TO(RUNNING) | TO(PAUSED) | TO(STOPPED) | TO(STOPPING) | TO(PANICKED)},
	[VM_RUNNING] = {"running", TRUE, TO(PAUSED) | TO(STOPPING) | TO(STOPPED) | TO(PANICKED) | TO(UNKNOWN)},
	[VM_PAUSED] = {"paused", TRUE, TO(RUNNING) | TO(STOPPING) | TO(STOPPED) | TO(PANICKED) | TO(UNKNOWN)},
	[VM_STOPPING] = {"stopping", TRUE, TO(STOPPED) | TO(RUNNING) | TO(PAUSED) | TO(PANICKED) | TO(UNKNOWN)},
	[VM_PANICKED] = {"panicked", TRUE, TO(STOPPING) | TO(STOPPED) | TO(RUNNING) | TO(PAUSED) | TO(UNKNOWN)},
	[VM_UNKNOWN] = {"unknown", TRUE, TO(RUNNING) | TO(PAUSED) | TO(PANICKED) | TO(STOPPING) | TO(STOPPED)},
};

const char *vm_state_name(VmState state)
{
	return states[state].name;
}

gboolean vm_state_allows(VmState from, VmState to)
{
	return from == to || (states[from].next & (1u << to)) != 0;
}

gboolean vm_state_is_alive(VmState state)
{
	return states[state].alive;
}
