/* Network cards of a running guest: plugged in, taken off, moved to another bridge, link up and down. */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/devices/helper.h"
#include "guest/devices/nic.h"
#include "guest/live/part.h"
#include "net/shape.h"
#include "net/tap.h"
#include "qemu/command.h"

static gboolean is_same_nic(json_object *old, json_object *new)
{
	static const char *const members[] = {"mac", "mode", "model", NULL};
	return old && new && live_is_same(members, old, new);
}

static gboolean is_nic_live(const char *field, json_object *old, json_object *new)
{
	return !is_same_nic(old, new) || g_strcmp0(field, "link") == 0 || g_strcmp0(field, "bridge") == 0 ||
	       (field && g_str_has_prefix(field, "limit_"));
}

/* Its end of the cable closes with it, and so passt ends. */
static gboolean delete_netdev(Live *live, const char *key, GError **error)
{
	g_autofree char *netdev = g_strconcat("net-", key, NULL), *helper = g_strconcat("nic-", key, NULL);
	helper_forget(live->vm, helper);
	json_object *arguments = json_object_new_object();
	g_autoptr(GError) local = NULL;
	json_set_str(arguments, "id", netdev);
	/* An earlier run may have come this far. */
	if (!qmp_do(live->qmp, "netdev_del", arguments, LIVE_TIMEOUT_MS, &local) &&
	    !strstr(local->message, "not found")) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	gboolean known = json_get(json_get(live->applied, "nics"), key) != NULL;
	shape_end(live->vm->services->run_dir, live->vm->id, nic_index(known ? live->applied : live->wanted, key));
	return nic_close(live->vm, key, error);
}

/* All of them at once: each is a part of how the others are brought about. */
static gboolean limit_nic(Live *live, const char *key, json_object *now, json_object *nic, GError **error)
{
	static const char *const fields[] = {"limit_receive", "limit_receive_burst", "limit_send", "limit_send_burst"};
	gboolean differs = FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
		json_object *value = json_get(nic, fields[i]);
		if (json_equal(json_get(now, fields[i]), value))
			continue;
		differs = TRUE;
		if (value)
			json_set(now, fields[i], json_copy(value));
		else
			json_object_object_del(now, fields[i]);
	}
	if (!differs)
		return TRUE;
	task_step(live->task, "limiting %s", key);
	if (!nic_limit(live->vm, live->wanted, key, error))
		return FALSE;
	live_record(live, "nics", key, now);
	return TRUE;
}

/* QEMU has one "getfd" name space: the name is used up by netdev_add. */
static gboolean plug_nic(Live *live, const char *key, json_object *nic, GError **error)
{
	g_autofree char *fdname = g_strconcat("nic-", key, NULL);
	json_auto json_object *plugged = json_copy(nic);
	json_set_bool(plugged, "link", TRUE); /* the next step sees to the link */
	if (live_has_device(live, "nic-", key, FALSE)) {
		live_record(live, "nics", key, plugged);
		return TRUE;
	}
	if (!delete_netdev(live, key, error))
		return FALSE;
	task_step(live->task, "plugging %s in", key);
	fd_auto int fd = nic_open(live->vm, live->wanted, key, error);
	if (fd < 0)
		return FALSE;
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "fdname", fdname);
	json_auto json_object *taken =
		qmp_command_fd(live->qmp, "getfd", arguments, fd, LIVE_TIMEOUT_MS, error);
	if (!taken) {
		nic_close(live->vm, key, NULL);
		return FALSE;
	}
	if (!qmp_do(live->qmp, "netdev_add", qemu_nic_netdev(live->wanted, key, fdname), LIVE_TIMEOUT_MS, error)) {
		json_object *undo = json_object_new_object();
		json_set_str(undo, "fdname", fdname);
		qmp_do(live->qmp, "closefd", undo, LIVE_TIMEOUT_MS, NULL);
		nic_close(live->vm, key, NULL);
		return FALSE;
	}
	json_object *device = qemu_nic_device(live->wanted, key);
	json_object_object_del(device, "bootindex");
	if (!qmp_do(live->qmp, "device_add", device, LIVE_TIMEOUT_MS, error)) {
		delete_netdev(live, key, NULL);
		return FALSE;
	}
	live_record(live, "nics", key, plugged);
	return TRUE;
}

static gboolean remove_nic(Live *live, const char *key, json_object *old, json_object *wanted, GError **error)
{
	if (is_same_nic(old, wanted))
		return TRUE;
	if (!live_unplug(live, "nic-", key, error) || !delete_netdev(live, key, error))
		return FALSE;
	live_record(live, "nics", key, NULL);
	return TRUE;
}

static gboolean adjust_nic(Live *live, const char *key, json_object *nic, GError **error)
{
	json_auto json_object *now = json_copy(json_get(json_get(live->applied, "nics"), key));
	gboolean link = json_get_bool(nic, "link", TRUE);
	const char *bridge = json_get_str(nic, "bridge", NULL);

	if (bridge && g_strcmp0(bridge, json_get_str(now, "bridge", NULL)) != 0) {
		task_step(live->task, "moving %s to bridge %s", key, bridge);
		if (!tap_set_bridge(live->vm->id, nic_index(live->wanted, key), bridge, error))
			return FALSE;
		json_set_str(now, "bridge", bridge);
		live_record(live, "nics", key, now);
	}
	if (link != json_get_bool(now, "link", TRUE)) {
		g_autofree char *device = g_strconcat("nic-", key, NULL);
		json_object *arguments = json_object_new_object();
		json_set_str(arguments, "name", device);
		json_set_bool(arguments, "up", link);
		task_step(live->task, "%s: link %s", key, link ? "up" : "down");
		if (!qmp_do(live->qmp, "set_link", arguments, LIVE_TIMEOUT_MS, error))
			return FALSE;
		json_set_bool(now, "link", link);
		live_record(live, "nics", key, now);
	}
	return limit_nic(live, key, now, nic, error);
}

static gboolean apply_nic(Live *live, const char *key, json_object *old, json_object *nic, GError **error)
{
	if (old && !is_same_nic(old, nic))
		return TRUE; /* the guest has not let go of the other one */
	return (old || plug_nic(live, key, nic, error)) && adjust_nic(live, key, nic, error);
}

const LivePart live_nics = {"nics", .map = TRUE, .is_live = is_nic_live, .remove = remove_nic, .apply = apply_nic};
