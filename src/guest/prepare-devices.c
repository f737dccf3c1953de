/* Checking the devices of a document that this node's QEMU or kernel may lack. */
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/prepare.h"
#include "qemu/peripherals.h"

static gboolean is_changed(json_object *present, json_object *document, const char *field)
{
	return !present || !json_equal(json_get(present, field), json_get(document, field));
}

static gboolean check_vsock(Services *services, GError **error)
{
	if (access("/dev/vhost-vsock", R_OK | W_OK) == 0)
		return TRUE;
	error_set_field(error, ERROR_INVALID, "vsock", "load it (modprobe vhost_vsock), or leave vsock off",
			"vsock: node %s has no /dev/vhost-vsock, its kernel's part of that device", services->node);
	return FALSE;
}

gboolean prepare_check_devices(Services *services, json_object *present, json_object *document, GError **error)
{
	static const char *const fields[] = {"display", "watchdog", "sound", "vsock"};
	gboolean changed = FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
		changed |= is_changed(present, document, fields[i]);
	/* What is as it was must not keep anybody from changing something else. */
	if (changed && !qemu_check_drivers(document, (const char *const *)services->host->drivers, error))
		return FALSE;
	return !is_changed(present, document, "vsock") || !json_get_bool(document, "vsock", FALSE) ||
	       check_vsock(services, error);
}
