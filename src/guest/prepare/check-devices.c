/* Checking the devices of a document that this node's QEMU or kernel may lack. */
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/prepare/prepare.h"
#include "qemu/peripherals.h"

static gboolean is_changed(json_object *present, json_object *document, const char *field)
{
	return !present || !json_equal(json_get(present, field), json_get(document, field));
}

static gboolean check_vsock(Services *services, GError **error)
{
	if (access("/dev/vhost-vsock", R_OK | W_OK) == 0)
		return TRUE;
	return error_refuse(error, ERROR_INVALID, "vsock", "load it (modprobe vhost_vsock), or leave vsock off",
			    "vsock: node %s has no /dev/vhost-vsock, its kernel's part of that device", services->node);
}

/* A card's limits are those of its tap. */
static gboolean check_nic_limits(const char *key, json_object *nic, GError **error)
{
	static const char *const limits[] = {"limit_receive", "limit_send"};
	gboolean on_bridge = g_str_equal(json_get_str(nic, "mode", "user"), "bridge");
	for (guint i = 0; i < G_N_ELEMENTS(limits); i++) {
		g_autofree char *burst = g_strconcat(limits[i], "_burst", NULL);
		const char *field = json_get(nic, limits[i]) ? limits[i] : json_get(nic, burst) ? burst : NULL;
		g_autofree char *path = field ? g_strdup_printf("nics.%s.%s", key, field) : NULL;
		if (!field)
			continue;
		if (!on_bridge)
			return error_refuse(error, ERROR_INVALID, path, "use mode 'bridge'",
					    "%s: in mode 'user' the host's own connections carry the guest's traffic, "
					    "which nothing there can hold back", path);
		if (field == burst)
			return error_refuse(error, ERROR_INVALID, path, "give the limit that it goes beyond",
					    "%s has no meaning without the limit itself", path);
	}
	return TRUE;
}

/* Who chooses an action only would take the guest for watched. "reset" is what the field is left at. */
static gboolean check_watchdog(json_object *present, json_object *document, GError **error)
{
	json_object *watchdog = json_get(document, "watchdog");
	const char *action = json_get_str(watchdog, "action", "reset");
	const char *former = json_get_str(json_get(present, "watchdog"), "action", "reset");
	if (!g_str_equal(json_get_str(watchdog, "model", "none"), "none") || g_str_equal(action, "reset") ||
	    g_str_equal(action, former))
		return TRUE;
	return error_refuse(error, ERROR_INVALID, "watchdog.action",
			    "choose the device as well: watchdog.model 'i6300esb'",
			    "watchdog.action has no meaning without a watchdog");
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
	json_object *nics = json_get(document, "nics");
	if (nics) {
		json_object_object_foreach (nics, key, nic)
			if (!check_nic_limits(key, nic, error))
				return FALSE;
	}
	if (!check_watchdog(present, document, error))
		return FALSE;
	return !is_changed(present, document, "vsock") || !json_get_bool(document, "vsock", FALSE) ||
	       check_vsock(services, error);
}
