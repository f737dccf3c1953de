/* USB devices of a running guest: plugged in and taken off. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/devices/passthrough.h"
#include "guest/live/part.h"
#include "qemu/command.h"
#include "qemu/host-devices.h"

static gboolean is_same_usb(json_object *old, json_object *new)
{
	static const char *const members[] = {"type", "mapping", "address", NULL};
	return old && new && live_is_same(members, old, new);
}

static gboolean is_usb_live(const char *field, json_object *old, json_object *new)
{
	(void)field, (void)old, (void)new;
	return TRUE;
}

/* pcie.0 takes no device later: a guest that was started without the controller gets it with its next start. */
static gboolean has_controller(Vm *vm, json_object *applied, json_object *wanted)
{
	(void)vm;
	return qemu_has_usb(applied) && qemu_usb_ports(applied) == qemu_usb_ports(wanted);
}

/* QEMU keeps the descriptor of a device that it was started with, beside the copy that the device itself has closed:
 * with it a guest that has broken out would still reach what was taken off. */
static gboolean drop_fdsets(Live *live, const char *key, GError **error)
{
	g_autofree char *need = g_strconcat("usb:", key, NULL);
	return live_drop_fdsets(live, need, error);
}

static gboolean remove_usb(Live *live, const char *key, json_object *old, json_object *wanted, GError **error)
{
	if (is_same_usb(old, wanted))
		return TRUE;
	if (!live_unplug(live, "usb-", key, error) || !drop_fdsets(live, key, error))
		return FALSE;
	passthrough_return_usb(live->vm, key);
	live_record(live, "usb", key, NULL);
	return TRUE;
}

static gboolean apply_usb(Live *live, const char *key, json_object *old, json_object *wanted, GError **error)
{
	gint64 set = -1;
	if (old || !has_controller(live->vm, live->applied, live->wanted))
		return TRUE;
	if (live_has_device(live, "usb-", key, FALSE)) {
		live_record(live, "usb", key, wanted);
		return TRUE;
	}
	task_step(live->task, "plugging %s in", key);
	if (qemu_usb_is_mapped(live->wanted, key)) {
		g_autofree char *need = g_strconcat("usb:", key, NULL);
		set = live_add_fd(live, need, passthrough_open_usb(live->vm, live->wanted, key, error), error);
		if (set < 0) {
			passthrough_return_usb(live->vm, key);
			return FALSE;
		}
	}
	gboolean added =
		qmp_do(live->qmp, "device_add", qemu_usb_device(live->wanted, key, (int)set), LIVE_TIMEOUT_MS, error);
	/* The device has a copy of its own. */
	if (set >= 0)
		live_remove_fdset(live, set);
	if (!added) {
		passthrough_return_usb(live->vm, key);
		return FALSE;
	}
	live_record(live, "usb", key, wanted);
	return TRUE;
}

const LivePart live_usb = {"usb",
			   .map = TRUE,
			   .is_live = is_usb_live,
			   .can_hold = has_controller,
			   .remove = remove_usb,
			   .apply = apply_usb};
