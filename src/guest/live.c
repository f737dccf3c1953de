/* Live changes: bringing the running process to what the document wants.
 *
 * What the process has now is `applied`; what it should have is the document's hardware. Each difference that QEMU can
 * make live is made by a small step, after which `applied` is written anew. A daemon that died between the two has left
 * a step that `applied` does not know: so each step first looks for what an earlier try left, and an interrupted run is
 * simply repeated. Differences that need a restart are left, and shown as pending. */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/lifecycle.h"
#include "guest/open.h"
#include "net/tap.h"
#include "qemu/command.h"
#include "schema/schema.h"

enum { COMMAND_TIMEOUT_MS = 10000, UNPLUG_TIMEOUT_MS = 15000, TRAY_TRIES = 20 };

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

/* A key may have been taken off and given to another device while the guest still held on to the first. */
static gboolean is_same_device(const char *part, json_object *old, json_object *new)
{
	static const char *const of_disk[] = {"storage", "volume", "bus", NULL};
	static const char *const of_nic[] = {"mac", "mode", "model", NULL};
	gboolean same = TRUE;
	for (const char *const *field = g_str_equal(part, "disks") ? of_disk : of_nic; *field; field++)
		same &= g_strcmp0(json_get_str(old, *field, NULL), json_get_str(new, *field, NULL)) == 0;
	return same;
}

/* A device is compared with what the process has, not with the former document: what still waits from an earlier change
 * is no device that could be adjusted. */
static gboolean is_device_live(const char *part, const char *field, json_object *old, json_object *new)
{
	if (!old && !new)
		return TRUE; /* it never came into the process */
	gboolean same = old && new && is_same_device(part, old, new);
	if (g_str_equal(part, "disks"))
		return same ? g_strcmp0(field, "size") == 0
			    : (!old || can_plug_disk(old)) && (!new || can_plug_disk(new));
	if (g_str_equal(part, "nics"))
		return !same || g_strcmp0(field, "link") == 0 || g_strcmp0(field, "bridge") == 0;
	return old && new && g_strcmp0(field, "image") == 0;
}

const char *live_when(Vm *vm, const char *path, json_object *before, json_object *after)
{
	g_auto(GStrv) steps = g_strsplit(path, ".", 3); /* part, key, field: keys have no dots */
	json_auto json_object *applied = vm_dup_applied(vm);
	json_auto json_object *hardware = vm_hardware(after);
	json_auto json_object *old_hardware = vm_hardware(before);
	const char *part = steps[0], *key = steps[1];

	if (!json_get(hardware, part) && !json_get(old_hardware, part))
		return "now";
	if (!key || (!g_str_equal(part, "disks") && !g_str_equal(part, "nics") && !g_str_equal(part, "cdroms")))
		return json_equal(json_get(applied, part), json_get(hardware, part)) ? "now" : "restart";
	return is_device_live(part, steps[2], json_get(json_get(applied, part), key),
			      json_get(json_get(hardware, part), key))
		       ? "now"
		       : "restart";
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

/* The set that a file node was opened from, as its file name says; -1: there is no such node. */
static gint64 find_fdset(Live *live, const char *file_node)
{
	json_object *arguments = json_object_new_object();
	json_set_bool(arguments, "flat", TRUE);
	json_auto json_object *nodes =
		qmp_command(live->qmp, "query-named-block-nodes", arguments, COMMAND_TIMEOUT_MS, NULL);
	for (size_t i = 0; i < json_get_count(nodes); i++) {
		json_object *node = json_object_array_get_idx(nodes, i);
		const char *file = json_get_str(node, "file", "");
		if (g_str_equal(json_get_str(node, "node-name", ""), file_node) &&
		    g_str_has_prefix(file, "/dev/fdset/"))
			return g_ascii_strtoll(file + strlen("/dev/fdset/"), NULL, 10);
	}
	return -1;
}

/* A node with the descriptor that it was opened from: QEMU must let go of the volume. */
static gboolean delete_node(Live *live, char kind, const char *key, GError **error)
{
	g_autofree char *node = qemu_node_name(kind, key);
	g_autofree char *file_node = qemu_node_name(kind == 'd' ? 'f' : 'm', key);
	gint64 set = find_fdset(live, file_node);
	if (set < 0)
		return TRUE; /* an earlier run came this far */
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "node-name", node);
	if (!qmp_do(live->qmp, "blockdev-del", arguments, COMMAND_TIMEOUT_MS, error))
		return FALSE;
	remove_fdset(live, set);
	return TRUE;
}

/* unknown: the answer if QEMU cannot be asked. */
static gboolean has_device(Live *live, const char *prefix, const char *key, gboolean unknown)
{
	g_autofree char *device = g_strconcat(prefix, key, NULL);
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "path", "/machine/peripheral");
	json_auto json_object *list = qmp_command(live->qmp, "qom-list", arguments, COMMAND_TIMEOUT_MS, NULL);
	for (size_t i = 0; i < json_get_count(list); i++)
		if (g_str_equal(json_get_str(json_object_array_get_idx(list, i), "name", ""), device))
			return TRUE;
	return list ? FALSE : unknown;
}

static gboolean plug_disk(Live *live, const char *key, json_object *disk, GError **error)
{
	g_autofree char *need = g_strconcat("disk:", key, NULL);
	if (has_device(live, "disk-", key, FALSE)) {
		record(live, "disks", key, disk);
		return TRUE;
	}
	if (!delete_node(live, 'd', key, error))
		return FALSE;
	task_step(live->task, "plugging %s in", key);
	gint64 set = add_fd(live, vm_open_need(live->vm, live->wanted, need, TRUE, error), error);
	if (set < 0)
		return FALSE;
	if (!qmp_do(live->qmp, "blockdev-add", qemu_disk_blockdev(live->wanted, key, (int)set), COMMAND_TIMEOUT_MS,
		    error)) {
		remove_fdset(live, set);
		return FALSE;
	}
	json_object *device = qemu_disk_device(live->wanted, key);
	json_object_object_del(device, "bootindex"); /* the others have theirs, and the order counts at the next start */
	if (!qmp_do(live->qmp, "device_add", device, COMMAND_TIMEOUT_MS, error)) {
		delete_node(live, 'd', key, NULL);
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
	gboolean asked = qmp_do(live->qmp, "device_del", arguments, COMMAND_TIMEOUT_MS, &local);
	/* The guest may have let go of it after an earlier request had timed out. (After one that was taken it is the event
	 * that counts: the device is out of the list before its end, and keeps its node until then.) */
	if (!asked && !has_device(live, prefix, key, TRUE))
		return TRUE;
	/* QEMU takes no second request while it waits for the guest's answer to the first. */
	if (!asked && !strstr(local->message, "already in the process of unplug")) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	g_clear_error(&local);
	json_auto json_object *gone =
		qmp_wait_event(live->qmp, mark, "DEVICE_DELETED", device, UNPLUG_TIMEOUT_MS, &local);
	if (gone)
		return TRUE;
	if (error_code(local) == ERROR_TIMEOUT)
		error_set(error, ERROR_TIMEOUT, "release it inside the guest, or reboot the guest",
			  "the guest did not let go of %s within %d s; it goes when the guest releases it or restarts",
			  key, UNPLUG_TIMEOUT_MS / 1000);
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

gboolean live_grow_disk(Vm *vm, Task *task, const char *key, guint64 size, GError **error)
{
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, error);
	json_auto json_object *applied = vm_dup_applied(vm);
	json_object *disk = json_get(json_get(applied, "disks"), key);
	if (!qmp)
		return FALSE;
	g_autofree char *node = qemu_node_name('d', key);
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "node-name", node);
	json_set_int(arguments, "size", (gint64)size);
	task_step(task, "growing %s", key);
	if (!qmp_do(qmp, "block_resize", arguments, COMMAND_TIMEOUT_MS, error) ||
	    !volume_set_size(&vm->services->storage, json_get_str(disk, "storage", ""),
			     json_get_str(disk, "volume", ""), size, error)) {
		g_prefix_error(error, "cannot grow %s: ", key);
		return FALSE;
	}
	json_set_int(disk, "size", (gint64)size);
	vm_set_applied(vm, applied);
	return TRUE;
}

/* A volume may be larger than what the process was told, after a restore for instance. */
static gboolean grow_disk(Live *live, const char *key, json_object *disk, GError **error)
{
	json_object *now = json_get(json_get(live->applied, "disks"), key);
	gint64 size = json_get_int(disk, "size", 0);
	if (size <= json_get_int(now, "size", 0))
		return TRUE;
	if (!live_grow_disk(live->vm, live->task, key, (guint64)size, error))
		return FALSE;
	json_set_int(now, "size", size);
	return TRUE;
}

/* Its end of the cable closes with it, and so passt ends. */
static gboolean delete_netdev(Live *live, const char *key, GError **error)
{
	g_autofree char *netdev = g_strconcat("net-", key, NULL);
	json_object *arguments = json_object_new_object();
	g_autoptr(GError) local = NULL;
	json_set_str(arguments, "id", netdev);
	/* An earlier run may have come this far. */
	if (!qmp_do(live->qmp, "netdev_del", arguments, COMMAND_TIMEOUT_MS, &local) &&
	    !strstr(local->message, "not found")) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	return vm_close_nic(live->vm, key, error);
}

/* QEMU has one "getfd" name space: the name is used up by netdev_add. */
static gboolean plug_nic(Live *live, const char *key, json_object *nic, GError **error)
{
	g_autofree char *fdname = g_strconcat("nic-", key, NULL);
	json_auto json_object *plugged = json_copy(nic);
	json_set_bool(plugged, "link", TRUE); /* the next step sees to the link */
	if (has_device(live, "nic-", key, FALSE)) {
		record(live, "nics", key, plugged);
		return TRUE;
	}
	if (!delete_netdev(live, key, error))
		return FALSE;
	task_step(live->task, "plugging %s in", key);
	fd_auto int fd = vm_open_nic(live->vm, live->wanted, key, error);
	if (fd < 0)
		return FALSE;
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "fdname", fdname);
	json_auto json_object *taken =
		qmp_command_fd(live->qmp, "getfd", arguments, fd, COMMAND_TIMEOUT_MS, error);
	if (!taken) {
		vm_close_nic(live->vm, key, NULL);
		return FALSE;
	}
	if (!qmp_do(live->qmp, "netdev_add", qemu_nic_netdev(live->wanted, key, fdname), COMMAND_TIMEOUT_MS, error)) {
		json_object *undo = json_object_new_object();
		json_set_str(undo, "fdname", fdname);
		qmp_do(live->qmp, "closefd", undo, COMMAND_TIMEOUT_MS, NULL);
		vm_close_nic(live->vm, key, NULL);
		return FALSE;
	}
	json_object *device = qemu_nic_device(live->wanted, key);
	json_object_object_del(device, "bootindex");
	if (!qmp_do(live->qmp, "device_add", device, COMMAND_TIMEOUT_MS, error)) {
		delete_netdev(live, key, NULL);
		return FALSE;
	}
	record(live, "nics", key, plugged);
	return TRUE;
}

static gboolean unplug_nic(Live *live, const char *key, GError **error)
{
	if (!unplug(live, "nic-", key, error) || !delete_netdev(live, key, error))
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

/* A guest that looks at its drive at that moment closes the tray again: then once more. */
static gboolean with_open_tray(Live *live, const char *device, const char *command, const char *node, GError **error)
{
	for (guint try = 1;; try++) {
		g_autoptr(GError) local = NULL;
		json_object *arguments = json_object_new_object();
		json_set_str(arguments, "id", device);
		if (node)
			json_set_str(arguments, "node-name", node);
		if (!tray(live, "blockdev-open-tray", device, TRUE, error)) {
			json_object_put(arguments);
			return FALSE;
		}
		if (qmp_do(live->qmp, command, arguments, COMMAND_TIMEOUT_MS, &local))
			return TRUE;
		if (try == TRAY_TRIES || !strstr(local->message, "not open")) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
	}
}

static gboolean insert_medium(Live *live, const char *key, const char *device, GError **error)
{
	g_autofree char *need = g_strconcat("cdrom:", key, NULL);
	g_autofree char *node = qemu_node_name('c', key);
	gint64 set = add_fd(live, vm_open_need(live->vm, live->wanted, need, FALSE, error), error);
	if (set < 0)
		return FALSE;
	if (!qmp_do(live->qmp, "blockdev-add", qemu_cdrom_blockdev(live->wanted, key, (int)set), COMMAND_TIMEOUT_MS,
		    error)) {
		remove_fdset(live, set);
		return FALSE;
	}
	if (with_open_tray(live, device, "blockdev-insert-medium", node, error))
		return TRUE;
	delete_node(live, 'c', key, NULL);
	return FALSE;
}

static gboolean change_medium(Live *live, const char *key, json_object *cdrom, GError **error)
{
	json_auto json_object *now = json_copy(json_get(json_get(live->applied, "cdroms"), key));
	const char *image = json_get_str(cdrom, "image", NULL), *old = json_get_str(now, "image", NULL);
	g_autofree char *device = g_strconcat("cdrom-", key, NULL);

	if (g_strcmp0(image, old) == 0)
		return TRUE;
	task_step(live->task, image ? "%s: inserting %s" : "%s: ejecting%s", key, image ? image : "");
	/* Also from an empty drive: an earlier try may have inserted something. */
	if (!with_open_tray(live, device, "blockdev-remove-medium", NULL, error) || !delete_node(live, 'c', key, error))
		return FALSE;
	if (old) {
		json_object_object_del(now, "image");
		record(live, "cdroms", key, now);
	}
	if (image) {
		if (!insert_medium(live, key, device, error))
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

/* One thing that the guest refuses keeps back no other: the first error is kept, the rest is logged. */
static void collect(Live *live, GError *failure, GError **ret_first)
{
	if (!failure)
		return;
	task_log(live->task, "%s", failure->message);
	if (*ret_first)
		g_error_free(failure);
	else
		*ret_first = failure;
}

/* Whether the process has a device that the document does not want there. */
static gboolean is_unwanted(Live *live, const char *part, const char *key)
{
	json_object *wanted = json_get(json_get(live->wanted, part), key);
	return !wanted || !is_same_device(part, json_get(json_get(live->applied, part), key), wanted);
}

static void apply_removals(Live *live, GError **ret_first)
{
	g_autoptr(GPtrArray) disks = keys_of(json_get(live->applied, "disks"));
	for (guint i = 0; i < disks->len; i++) {
		const char *key = g_ptr_array_index(disks, i);
		json_object *old = json_get(json_get(live->applied, "disks"), key);
		GError *failure = NULL;
		if (is_unwanted(live, "disks", key) && can_plug_disk(old))
			unplug_disk(live, key, &failure);
		collect(live, failure, ret_first);
	}
	g_autoptr(GPtrArray) nics = keys_of(json_get(live->applied, "nics"));
	for (guint i = 0; i < nics->len; i++) {
		const char *key = g_ptr_array_index(nics, i);
		GError *failure = NULL;
		if (is_unwanted(live, "nics", key))
			unplug_nic(live, key, &failure);
		collect(live, failure, ret_first);
	}
}

static gboolean apply_disk(Live *live, const char *key, json_object *disk, GError **error)
{
	if (json_get(json_get(live->applied, "disks"), key))
		return is_unwanted(live, "disks", key) || grow_disk(live, key, disk, error);
	return !can_plug_disk(disk) || plug_disk(live, key, disk, error);
}

static gboolean apply_nic(Live *live, const char *key, json_object *nic, GError **error)
{
	if (!json_get(json_get(live->applied, "nics"), key) && !plug_nic(live, key, nic, error))
		return FALSE;
	return is_unwanted(live, "nics", key) || adjust_nic(live, key, nic, error);
}

static void apply_additions(Live *live, GError **ret_first)
{
	json_object *disks = json_get(live->wanted, "disks"), *nics = json_get(live->wanted, "nics");
	json_object *cdroms = json_get(live->wanted, "cdroms");
	GError *failure = NULL;
	json_object_object_foreach (disks, key, disk) {
		apply_disk(live, key, disk, &failure);
		collect(live, g_steal_pointer(&failure), ret_first);
	}
	json_object_object_foreach (nics, nic_key, nic) {
		apply_nic(live, nic_key, nic, &failure);
		collect(live, g_steal_pointer(&failure), ret_first);
	}
	json_object_object_foreach (cdroms, cdrom_key, cdrom) {
		if (!json_get(json_get(live->applied, "cdroms"), cdrom_key))
			continue;
		change_medium(live, cdrom_key, cdrom, &failure);
		collect(live, g_steal_pointer(&failure), ret_first);
	}
}

gboolean live_waits(Vm *vm)
{
	json_auto json_object *document = vm_dup_document(vm, NULL);
	json_auto json_object *pending = vm_pending(vm);
	for (size_t i = 0; i < json_get_count(pending); i++) {
		const char *path = json_get_str(json_object_array_get_idx(pending, i), "path", "");
		if (g_str_equal(live_when(vm, path, document, document), "now"))
			return TRUE;
	}
	return FALSE;
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
	GError *first = NULL;
	apply_removals(&live, &first);
	apply_additions(&live, &first);
	json_auto json_object *pending = vm_pending(vm);
	if (json_get_count(pending) > 0)
		task_log(task, "%zu change(s) wait for the guest's next start", json_get_count(pending));
	if (!first)
		return TRUE;
	g_propagate_prefixed_error(error, first, "the change is saved, but not in effect yet: ");
	return FALSE;
}
