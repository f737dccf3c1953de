/* What plugging and unplugging is made of: descriptors, block nodes, devices. */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/live/live.h"
#include "guest/live/part.h"
#include "qemu/command.h"

enum { UNPLUG_TIMEOUT_MS = 10000, UNPLUG_NEXT_MS = 1000 };

void live_record(Live *live, const char *part, const char *key, json_object *value)
{
	json_object *map = live->applied;
	const char *member = part;
	if (key) {
		if (!json_get(map, part))
			json_set(map, part, json_object_new_object());
		map = json_get(map, part);
		member = key;
	}
	if (value)
		json_set(map, member, json_copy(value));
	else
		json_object_object_del(map, member);
	vm_set_applied(live->vm, live->applied);
}

gboolean live_is_same(const char *const *members, json_object *old, json_object *new)
{
	for (const char *const *member = members; *member; member++)
		if (g_strcmp0(json_get_str(old, *member, NULL), json_get_str(new, *member, NULL)) != 0)
			return FALSE;
	return TRUE;
}

void live_remove_fdset(Live *live, gint64 set)
{
	json_object *arguments = json_object_new_object();
	json_set_int(arguments, "fdset-id", set);
	qmp_do(live->qmp, "remove-fd", arguments, LIVE_TIMEOUT_MS, NULL);
}

gboolean live_drop_fdsets(Live *live, const char *need, GError **error)
{
	json_auto json_object *sets = qmp_command(live->qmp, "query-fdsets", NULL, LIVE_TIMEOUT_MS, error);
	for (size_t i = 0; i < json_get_count(sets); i++) {
		json_object *set = json_object_array_get_idx(sets, i);
		json_object *first = json_object_array_get_idx(json_get(set, "fds"), 0);
		if (g_str_equal(json_get_str(first, "opaque", ""), need))
			live_remove_fdset(live, json_get_int(set, "fdset-id", -1));
	}
	return sets != NULL;
}

gint64 live_add_fd(Live *live, const char *need, int fd, GError **error)
{
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "opaque", need);
	json_auto json_object *answer = NULL;
	if (fd >= 0 && live_drop_fdsets(live, need, error))
		answer = qmp_command_fd(live->qmp, "add-fd", json_object_get(arguments), fd, LIVE_TIMEOUT_MS, error);
	json_object_put(arguments);
	fd_close(fd);
	return answer ? json_get_int(answer, "fdset-id", -1) : -1;
}

/* The set that a file node was opened from, as its file name says; -1: there is no such node. */
static gint64 find_fdset(Live *live, const char *file_node)
{
	json_object *arguments = json_object_new_object();
	json_set_bool(arguments, "flat", TRUE);
	json_auto json_object *nodes =
		qmp_command(live->qmp, "query-named-block-nodes", arguments, LIVE_TIMEOUT_MS, NULL);
	for (size_t i = 0; i < json_get_count(nodes); i++) {
		json_object *node = json_object_array_get_idx(nodes, i);
		const char *file = json_get_str(node, "file", "");
		if (g_str_equal(json_get_str(node, "node-name", ""), file_node) &&
		    g_str_has_prefix(file, "/dev/fdset/"))
			return g_ascii_strtoll(file + strlen("/dev/fdset/"), NULL, 10);
	}
	return -1;
}

gboolean live_delete_node(Live *live, char kind, const char *key, GError **error)
{
	g_autofree char *node = qemu_node_name(kind, key);
	g_autofree char *file_node = qemu_node_name(kind == 'd' ? 'f' : 'm', key);
	gint64 set = find_fdset(live, file_node);
	if (set < 0)
		return TRUE; /* an earlier run came this far */
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "node-name", node);
	if (!qmp_do(live->qmp, "blockdev-del", arguments, LIVE_TIMEOUT_MS, error))
		return FALSE;
	live_remove_fdset(live, set);
	return TRUE;
}

gboolean live_has_device(Live *live, const char *prefix, const char *key, gboolean unknown)
{
	g_autofree char *device = g_strconcat(prefix, key, NULL);
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "path", "/machine/peripheral");
	json_auto json_object *list = qmp_command(live->qmp, "qom-list", arguments, LIVE_TIMEOUT_MS, NULL);
	for (size_t i = 0; i < json_get_count(list); i++)
		if (g_str_equal(json_get_str(json_object_array_get_idx(list, i), "name", ""), device))
			return TRUE;
	return list ? FALSE : unknown;
}

gboolean live_unplug(Live *live, const char *prefix, const char *key, GError **error)
{
	g_autofree char *device = g_strconcat(prefix, key, NULL);
	json_object *arguments = json_object_new_object();
	g_autoptr(GError) local = NULL;

	json_set_str(arguments, "id", device);
	task_step(live->task, "unplugging %s", key);
	guint64 mark = qmp_event_mark(live->qmp);
	gboolean asked = qmp_do(live->qmp, "device_del", arguments, LIVE_TIMEOUT_MS, &local);
	/* The guest may have let go of it after an earlier request had timed out. (After one that was taken it is the
	 * event that counts: the device is out of the list before its end, and keeps its node until then.) */
	if (!asked && !live_has_device(live, prefix, key, TRUE))
		return TRUE;
	/* QEMU takes no second request while it waits for the guest's answer to the first. */
	if (!asked && !strstr(local->message, "already in the process of unplug")) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	g_clear_error(&local);
	/* A guest that ignores one request ignores the next ones too: of several devices, the first alone is waited for
	 * that long. */
	json_auto json_object *gone = qmp_wait_event(live->qmp, mark, "DEVICE_DELETED", device,
						     live->ignored ? UNPLUG_NEXT_MS : UNPLUG_TIMEOUT_MS, &local);
	/* The event may be among so many that it was forgotten before this thread had its turn. */
	if (gone || (error_code(local) == ERROR_TIMEOUT && !live_has_device(live, prefix, key, TRUE)))
		return TRUE;
	live->ignored |= error_code(local) == ERROR_TIMEOUT;
	if (error_code(local) == ERROR_TIMEOUT)
		error_set(error, ERROR_TIMEOUT, "release it inside the guest, or reboot the guest",
			  "the guest did not let go of %s in time; it goes when the guest releases it or restarts",
			  key);
	else
		g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

gboolean live_device_went(Vm *vm)
{
	static const char *const parts[][2] = {
		{"disks", "disk-"}, {"nics", "nic-"}, {"usb", "usb-"}, {"shares", "share-"}};
	json_auto json_object *applied = vm_dup_applied(vm);
	g_autoptr(Qmp) qmp = applied ? vm_ref_qmp(vm, NULL) : NULL;
	if (!qmp)
		return FALSE;
	Live live = {.vm = vm, .qmp = qmp};
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		json_object *map = json_get(applied, parts[i][0]);
		if (!map)
			continue;
		json_object_object_foreach (map, key, entry) {
			(void)entry;
			if (!live_has_device(&live, parts[i][1], key, TRUE))
				return TRUE;
		}
	}
	return FALSE;
}
