/* Disks of a running guest: plugged in, taken off, grown. */
#include "base/error.h"
#include "base/json.h"
#include "guest/live/live.h"
#include "guest/live/part.h"
#include "guest/resources/throttle.h"
#include "guest/run/needs.h"
#include "qemu/command.h"
#include "qemu/throttle.h"

static gboolean can_plug_disk(json_object *disk)
{
	const char *bus = json_get_str(disk, "bus", "");
	return g_str_equal(bus, "virtio-scsi") || g_str_equal(bus, "virtio-blk");
}

static gboolean is_same_disk(json_object *old, json_object *new)
{
	static const char *const members[] = {"storage", "volume", "bus", NULL};
	return old && new && live_is_same(members, old, new);
}

/* What still waits from an earlier change is no device that could be adjusted. */
static gboolean is_disk_live(const char *field, json_object *old, json_object *new)
{
	if (is_same_disk(old, new))
		return g_strcmp0(field, "size") == 0 || qemu_is_disk_limit(field);
	return (!old || can_plug_disk(old)) && (!new || can_plug_disk(new));
}

static gboolean plug_disk(Live *live, const char *key, json_object *disk, GError **error)
{
	g_autofree char *need = g_strconcat("disk:", key, NULL);
	if (live_has_device(live, "disk-", key, FALSE)) {
		if (!throttle_disk(live->qmp, live->wanted, key, error))
			return FALSE;
		live_record(live, "disks", key, disk);
		return TRUE;
	}
	if (!live_delete_node(live, 'd', key, error))
		return FALSE;
	task_step(live->task, "plugging %s in", key);
	gint64 set = live_add_fd(live, need, vm_open_need(live->vm, live->wanted, need, TRUE, error), error);
	if (set < 0)
		return FALSE;
	if (!qmp_do(live->qmp, "blockdev-add", qemu_disk_blockdev(live->wanted, key, (int)set), LIVE_TIMEOUT_MS,
		    error)) {
		live_remove_fdset(live, set);
		return FALSE;
	}
	json_object *device = qemu_disk_device(live->wanted, key);
	/* the others have theirs, and the order counts at the next start */
	json_object_object_del(device, "bootindex");
	if (!qmp_do(live->qmp, "device_add", device, LIVE_TIMEOUT_MS, error)) {
		live_delete_node(live, 'd', key, NULL);
		return FALSE;
	}
	if (qemu_disk_is_limited(disk) && !throttle_disk(live->qmp, live->wanted, key, error))
		return FALSE; /* the next run finds it plugged, and not limited yet */
	live_record(live, "disks", key, disk);
	return TRUE;
}

/* What it may move; compared as it is in the documents. */
static gboolean limit_disk(Live *live, const char *key, json_object *now, json_object *disk, GError **error)
{
	gboolean differs = FALSE;
	json_auto json_object *limited = json_copy(now);
	json_object_object_foreach (now, old_field, old_value) {
		(void)old_value;
		if (qemu_is_disk_limit(old_field) && !json_get(disk, old_field)) {
			json_object_object_del(limited, old_field);
			differs = TRUE;
		}
	}
	json_object_object_foreach (disk, field, value) {
		if (!qemu_is_disk_limit(field) || json_equal(json_get(now, field), value))
			continue;
		json_set(limited, field, json_copy(value));
		differs = TRUE;
	}
	if (!differs)
		return TRUE;
	task_step(live->task, "limiting %s", key);
	if (!throttle_disk(live->qmp, live->wanted, key, error))
		return FALSE;
	live_record(live, "disks", key, limited);
	return TRUE;
}

static gboolean remove_disk(Live *live, const char *key, json_object *old, json_object *wanted, GError **error)
{
	if (is_same_disk(old, wanted) || !can_plug_disk(old))
		return TRUE;
	if (!live_unplug(live, "disk-", key, error) || !live_delete_node(live, 'd', key, error))
		return FALSE;
	live_record(live, "disks", key, NULL);
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
	if (!qmp_do(qmp, "block_resize", arguments, LIVE_TIMEOUT_MS, error) ||
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
static gboolean grow_disk(Live *live, const char *key, json_object *now, json_object *disk, GError **error)
{
	gint64 size = json_get_int(disk, "size", 0);
	if (size <= json_get_int(now, "size", 0))
		return TRUE;
	if (!live_grow_disk(live->vm, live->task, key, (guint64)size, error))
		return FALSE;
	json_set_int(now, "size", size);
	return TRUE;
}

static gboolean apply_disk(Live *live, const char *key, json_object *old, json_object *disk, GError **error)
{
	if (old)
		return !is_same_disk(old, disk) ||
		       (grow_disk(live, key, old, disk, error) && limit_disk(live, key, old, disk, error));
	return !can_plug_disk(disk) || plug_disk(live, key, disk, error);
}

const LivePart live_disks = {"disks", .map = TRUE, .is_live = is_disk_live, .remove = remove_disk, .apply = apply_disk};
