/* Live changes: bringing the running process to what the document wants.
 *
 * What the process has now is `applied`; what it should have is the document's hardware. Each difference that QEMU can
 * make live is made by a small step, after which `applied` is written anew: so at any moment `applied` is what is
 * true, and an interrupted run is simply repeated. Differences that need a restart are left, and shown as pending. */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/lifecycle.h"
#include "guest/open.h"
#include "net/tap.h"
#include "qemu/command.h"
#include "schema/schema.h"

enum { COMMAND_TIMEOUT_MS = 10000, UNPLUG_TIMEOUT_MS = 15000, IMAGE_DROP_TIMEOUT_MS = 5000 };

typedef struct Live {
	Vm *vm;
	Task *task;
	Qmp *qmp;
	json_object *applied; /* owned */
	json_object *wanted;  /* owned */
} Live;

static gboolean can_plug_disk(json_object *disk)
{
	const char *bus = json_get_str(disk, "bus", "");
	return g_str_equal(bus, "virtio-scsi") || g_str_equal(bus, "virtio-blk");
}

const char *live_when(Vm *vm, const char *path, json_object *before, json_object *after)
{
	g_auto(GStrv) steps = g_strsplit(path, ".", 3);
	json_auto json_object *applied = vm_dup_applied(vm);
	const char *part = steps[0], *key = steps[1], *field = key ? steps[2] : NULL;
	json_object *old = key ? json_get(json_get(before, part), key) : NULL;
	json_object *new = key ? json_get(json_get(after, part), key) : NULL;
	gboolean plugs = key && (!old || !new);

	if (g_str_equal(part, "disks"))
		return (plugs ? can_plug_disk(old ? old : new) : g_strcmp0(field, "size") == 0) ? "now" : "restart";
	if (g_str_equal(part, "nics"))
		return plugs || g_strcmp0(field, "link") == 0 || g_strcmp0(field, "bridge") == 0 ? "now" : "restart";
	if (g_str_equal(part, "cdroms"))
		return !plugs && g_strcmp0(field, "image") == 0 ? "now" : "restart";
	json_auto json_object *hardware = vm_hardware(after);
	json_auto json_object *old_hardware = vm_hardware(before);
	if (!json_get(hardware, part) && !json_get(old_hardware, part))
		return "now";
	return "restart";
}

/* Takes the part's entry over into what is applied, and records it. */
static void record(Live *live, const char *part, const char *key, json_object *value)
{
	json_object *map = json_get(live->applied, part);
	if (value)
		json_set(map, key, json_copy(value));
	else
		json_object_object_del(map, key);
	vm_set_applied(live->vm, live->applied);
}

/* Gives QEMU a descriptor; returns its set's number, or -1. Our copy is closed at once. */
static gint64 add_fd(Live *live, int fd, GError **error)
{
	json_auto json_object *answer =
		fd < 0 ? NULL : qmp_command_fd(live->qmp, "add-fd", NULL, fd, COMMAND_TIMEOUT_MS, error);
	fd_close(fd);
	return answer ? json_get_int(answer, "fdset-id", -1) : -1;
}

static void remove_fdset(Live *live, gint64 set)
{
	json_object *arguments = json_object_new_object();
	json_set_int(arguments, "fdset-id", set);
	qmp_do(live->qmp, "remove-fd", arguments, COMMAND_TIMEOUT_MS, NULL);
}

static gboolean delete_node(Live *live, char kind, const char *key, GError **error)
{
	g_autofree char *node = qemu_node_name(kind, key);
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "node-name", node);
	return qmp_do(live->qmp, "blockdev-del", arguments, COMMAND_TIMEOUT_MS, error);
}

static gboolean plug_disk(Live *live, const char *key, json_object *disk, GError **error)
{
	g_autofree char *need = g_strconcat("disk:", key, NULL);
	task_step(live->task, "plugging %s in", key);
	gint64 set = add_fd(live, vm_open_need(live->vm, live->wanted, need, TRUE, error), error);
	if (set < 0)
		return FALSE;
	if (!qmp_do(live->qmp, "blockdev-add", qemu_disk_blockdev(live->wanted, key, (int)set), COMMAND_TIMEOUT_MS,
		    error)) {
		remove_fdset(live, set);
		return FALSE;
	}
	if (!qmp_do(live->qmp, "device_add", qemu_disk_device(live->wanted, key), COMMAND_TIMEOUT_MS, error)) {
		delete_node(live, 'd', key, NULL);
		remove_fdset(live, set);
		return FALSE;
	}
	record(live, "disks", key, disk);
	return TRUE;
}

/* The guest must let go of the device; one that ignores the request keeps it, and the change stays pending. */
static gboolean unplug(Live *live, const char *prefix, const char *key, GError **error)
{
	g_autofree char *device = g_strconcat(prefix, key, NULL);
	json_object *arguments = json_object_new_object();
	g_autoptr(GError) local = NULL;

	json_set_str(arguments, "id", device);
	task_step(live->task, "unplugging %s", key);
	guint64 mark = qmp_event_mark(live->qmp);
	if (!qmp_do(live->qmp, "device_del", arguments, COMMAND_TIMEOUT_MS, error))
		return FALSE;
	json_auto json_object *gone =
		qmp_wait_event(live->qmp, mark, "DEVICE_DELETED", device, UNPLUG_TIMEOUT_MS, &local);
	if (gone)
		return TRUE;
	if (error_code(local) == ERROR_TIMEOUT)
		error_set(error, ERROR_TIMEOUT, "release it inside the guest and try again, or reboot the guest",
			  "the guest did not let go of %s within %d s; it stays until the guest restarts", key,
			  UNPLUG_TIMEOUT_MS / 1000);
	else
		g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static gboolean unplug_disk(Live *live, const char *key, GError **error)
{
	if (!unplug(live, "disk-", key, error) || !delete_node(live, 'd', key, error))
		return FALSE;
	record(live, "disks", key, NULL);
	return TRUE;
}

static gboolean grow_disk(Live *live, const char *key, json_object *disk, GError **error)
{
	json_object *now = json_get(json_get(live->applied, "disks"), key);
	gint64 size = json_get_int(disk, "size", 0);
	if (size == json_get_int(now, "size", 0))
		return TRUE;
	g_autofree char *node = qemu_node_name('d', key);
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "node-name", node);
	json_set_int(arguments, "size", size);
	task_step(live->task, "growing %s", key);
	if (!qmp_do(live->qmp, "block_resize", arguments, COMMAND_TIMEOUT_MS, error) ||
	    !volume_set_size(&live->vm->services->storage, json_get_str(disk, "storage", ""),
			     json_get_str(disk, "volume", ""), (guint64)size, error))
		return FALSE;
	json_auto json_object *grown = json_copy(now);
	json_set_int(grown, "size", size);
	record(live, "disks", key, grown);
	return TRUE;
}

/* QEMU has one "getfd" name space: the name is used up by netdev_add. */
static gboolean plug_nic(Live *live, const char *key, json_object *nic, GError **error)
{
	g_autofree char *fdname = g_strconcat("nic-", key, NULL);
	task_step(live->task, "plugging %s in", key);
	fd_auto int fd = vm_open_nic(live->vm, live->wanted, key, error);
	if (fd < 0)
		return FALSE;
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "fdname", fdname);
	json_auto json_object *taken =
		qmp_command_fd(live->qmp, "getfd", arguments, fd, COMMAND_TIMEOUT_MS, error);
	if (!taken || !qmp_do(live->qmp, "netdev_add", qemu_nic_netdev(live->wanted, key, fdname), COMMAND_TIMEOUT_MS,
			      error))
		return FALSE;
	if (!qmp_do(live->qmp, "device_add", qemu_nic_device(live->wanted, key), COMMAND_TIMEOUT_MS, error)) {
		g_autofree char *netdev = g_strconcat("net-", key, NULL);
		json_object *undo = json_object_new_object();
		json_set_str(undo, "id", netdev);
		qmp_do(live->qmp, "netdev_del", undo, COMMAND_TIMEOUT_MS, NULL);
		return FALSE;
	}
	json_auto json_object *plugged = json_copy(nic);
	json_set_bool(plugged, "link", TRUE); /* the next step sees to the link */
	record(live, "nics", key, plugged);
	return TRUE;
}

static gboolean unplug_nic(Live *live, const char *key, GError **error)
{
	g_autofree char *netdev = g_strconcat("net-", key, NULL);
	json_object *arguments = json_object_new_object();
	if (!unplug(live, "nic-", key, error)) {
		json_object_put(arguments);
		return FALSE;
	}
	json_set_str(arguments, "id", netdev);
	if (!qmp_do(live->qmp, "netdev_del", arguments, COMMAND_TIMEOUT_MS, error) ||
	    !vm_close_nic(live->vm, key, error))
		return FALSE;
	record(live, "nics", key, NULL);
	return TRUE;
}

static gboolean adjust_nic(Live *live, const char *key, json_object *nic, GError **error)
{
	json_auto json_object *now = json_copy(json_get(json_get(live->applied, "nics"), key));
	gboolean link = json_get_bool(nic, "link", TRUE);
	const char *bridge = json_get_str(nic, "bridge", NULL);

	if (bridge && g_strcmp0(bridge, json_get_str(now, "bridge", NULL)) != 0) {
		task_step(live->task, "moving %s to bridge %s", key, bridge);
		if (!tap_set_bridge(live->vm->id, vm_nic_index(live->wanted, key), bridge, error))
			return FALSE;
		json_set_str(now, "bridge", bridge);
		record(live, "nics", key, now);
	}
	if (link != json_get_bool(now, "link", TRUE)) {
		g_autofree char *device = g_strconcat("nic-", key, NULL);
		json_object *arguments = json_object_new_object();
		json_set_str(arguments, "name", device);
		json_set_bool(arguments, "up", link);
		task_step(live->task, "%s: link %s", key, link ? "up" : "down");
		if (!qmp_do(live->qmp, "set_link", arguments, COMMAND_TIMEOUT_MS, error))
			return FALSE;
		json_set_bool(now, "link", link);
		record(live, "nics", key, now);
	}
	return TRUE;
}

static gboolean tray(Live *live, const char *command, const char *device, gboolean force, GError **error)
{
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "id", device);
	if (force)
		json_set_bool(arguments, "force", TRUE);
	return qmp_do(live->qmp, command, arguments, COMMAND_TIMEOUT_MS, error);
}

static gboolean change_medium(Live *live, const char *key, json_object *cdrom, GError **error)
{
	json_auto json_object *now = json_copy(json_get(json_get(live->applied, "cdroms"), key));
	const char *image = json_get_str(cdrom, "image", NULL), *old = json_get_str(now, "image", NULL);
	g_autofree char *device = g_strconcat("cdrom-", key, NULL);

	if (g_strcmp0(image, old) == 0)
		return TRUE;
	task_step(live->task, image ? "%s: inserting %s" : "%s: ejecting%s", key, image ? image : "");
	if (!tray(live, "blockdev-open-tray", device, TRUE, error))
		return FALSE;
	if (old && (!tray(live, "blockdev-remove-medium", device, FALSE, error) ||
		    !delete_node(live, 'c', key, error)))
		return FALSE;
	json_object_object_del(now, "image");
	record(live, "cdroms", key, now);
	if (image) {
		g_autofree char *need = g_strconcat("cdrom:", key, NULL);
		g_autofree char *node = qemu_node_name('c', key);
		gint64 set = add_fd(live, vm_open_need(live->vm, live->wanted, need, FALSE, error), error);
		if (set < 0 || !qmp_do(live->qmp, "blockdev-add", qemu_cdrom_blockdev(live->wanted, key, (int)set),
				       COMMAND_TIMEOUT_MS, error))
			return FALSE;
		json_object *arguments = json_object_new_object();
		json_set_str(arguments, "id", device);
		json_set_str(arguments, "node-name", node);
		if (!qmp_do(live->qmp, "blockdev-insert-medium", arguments, COMMAND_TIMEOUT_MS, error))
			return FALSE;
		json_set_str(now, "image", image);
		record(live, "cdroms", key, now);
	}
	return tray(live, "blockdev-close-tray", device, FALSE, error);
}

/* A copy of the keys, since the steps change the map. */
static GPtrArray *keys_of(json_object *map)
{
	GPtrArray *keys = g_ptr_array_new_with_free_func(g_free);
	if (map) {
		json_object_object_foreach (map, key, value) {
			(void)value;
			g_ptr_array_add(keys, g_strdup(key));
		}
	}
	return keys;
}

static gboolean apply_removals(Live *live, GError **error)
{
	g_autoptr(GPtrArray) disks = keys_of(json_get(live->applied, "disks"));
	for (guint i = 0; i < disks->len; i++) {
		const char *key = g_ptr_array_index(disks, i);
		json_object *old = json_get(json_get(live->applied, "disks"), key);
		if (!json_get(json_get(live->wanted, "disks"), key) && can_plug_disk(old) &&
		    !unplug_disk(live, key, error))
			return FALSE;
	}
	g_autoptr(GPtrArray) nics = keys_of(json_get(live->applied, "nics"));
	for (guint i = 0; i < nics->len; i++) {
		const char *key = g_ptr_array_index(nics, i);
		if (!json_get(json_get(live->wanted, "nics"), key) && !unplug_nic(live, key, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean apply_additions(Live *live, GError **error)
{
	json_object *disks = json_get(live->wanted, "disks"), *nics = json_get(live->wanted, "nics");
	json_object_object_foreach (disks, key, disk) {
		gboolean there = json_get(json_get(live->applied, "disks"), key) != NULL;
		if (there ? !grow_disk(live, key, disk, error)
			  : can_plug_disk(disk) && !plug_disk(live, key, disk, error))
			return FALSE;
	}
	json_object_object_foreach (nics, nic_key, nic) {
		if (!json_get(json_get(live->applied, "nics"), nic_key) && !plug_nic(live, nic_key, nic, error))
			return FALSE;
		if (!adjust_nic(live, nic_key, nic, error))
			return FALSE;
	}
	json_object *cdroms = json_get(live->wanted, "cdroms");
	json_object_object_foreach (cdroms, cdrom_key, cdrom)
		if (json_get(json_get(live->applied, "cdroms"), cdrom_key) &&
		    !change_medium(live, cdrom_key, cdrom, error))
			return FALSE;
	return TRUE;
}

gboolean live_apply(Vm *vm, Task *task, GError **error)
{
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, error);
	if (!qmp)
		return FALSE;
	json_auto json_object *document = vm_dup_document(vm, NULL);
	json_auto json_object *applied = vm_dup_applied(vm);
	json_auto json_object *wanted = vm_hardware(document);
	/* The command's builders also look at the name. */
	json_set_str(wanted, "name", json_get_str(document, "name", ""));
	if (!applied) {
		error_set(error, ERROR_CONFLICT, "reboot it", "it is not known which hardware the running process has");
		return FALSE;
	}
	Live live = {vm, task, qmp, applied, wanted};
	if (!apply_removals(&live, error) || !apply_additions(&live, error))
		return FALSE;
	json_auto json_object *pending = vm_pending(vm);
	if (json_object_array_length(pending) > 0)
		task_log(task, "%zu change(s) wait for the guest's next start", json_object_array_length(pending));
	return TRUE;
}
