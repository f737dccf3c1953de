/* The guest's watchdog timer ran out.
 *
 * What is done then QEMU itself does (`-action watchdog=`, watchdog-set-action), so it happens also while no daemon
 * runs. All that is left to do here is to say so. A pause is found by asking for the state (watch.c), as any other. */
#include "guest/devices/watchdog.h"

#include <string.h>

#include "base/json.h"
#include "guest/guests.h"
#include "guest/run/events.h"

enum { RESET_AFTER_S = 2 };

/* The event's words for what QEMU does, and ours. */
static const struct {
	const char *action, *reason;
} actions[] = {
	{"reset", "the watchdog ran out: the guest was reset"},
	{"shutdown", "the watchdog ran out: the guest was asked to shut down"},
	{"poweroff", "the watchdog ran out: the power was turned off"},
	{"inject-nmi", "the watchdog ran out: the guest was interrupted (NMI)"},
	{"none", "the watchdog ran out; nothing was done"},
};

static const char *reason_of(json_object *data)
{
	const char *action = json_get_str(data, "action", "");
	for (guint i = 0; i < G_N_ELEMENTS(actions); i++)
		if (g_str_equal(actions[i].action, action))
			return actions[i].reason;
	return NULL;
}

static void react(Vm *vm, gpointer reason)
{
	if (vm_get_state(vm) == VM_RUNNING)
		vm_set_state(vm, VM_RUNNING, "watchdog", "%s", (const char *)reason);
}

void watchdog_fired(Vm *vm, json_object *data)
{
	const char *reason = reason_of(data);
	if (reason)
		guests_react(vm->services->guests, vm_ref(vm), react, (gpointer)reason);
}

gboolean watchdog_has_reset(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return g_str_equal(vm->reason_code, "watchdog") &&
	       g_get_real_time() - vm->since_us < RESET_AFTER_S * G_USEC_PER_SEC;
}

gboolean watchdog_catch_up(Vm *vm, gint64 after_us)
{
	json_auto json_object *data = NULL;
	gint64 at = vm_find_event(vm, "WATCHDOG", NULL, after_us, &data);
	const char *reason = at ? reason_of(data) : NULL;
	if (!reason)
		return FALSE;
	vm_set_state(vm, VM_RUNNING, "watchdog", "%s", reason);
	vm_set_since(vm, at);
	return TRUE;
}

gboolean watchdog_explain_end(Vm *vm, char **ret_reason)
{
	json_auto json_object *data = NULL;
	vm_find_event(vm, "WATCHDOG", NULL, 0, &data);
	if (!g_str_equal(json_get_str(data, "action", ""), "poweroff"))
		return FALSE;
	*ret_reason = g_strdup(reason_of(data));
	return TRUE;
}
