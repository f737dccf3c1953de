/* What is in the CD drives of a running guest. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/live/part.h"
#include "guest/run/needs.h"
#include "qemu/command.h"

enum { TRAY_TRIES = 20 };

static gboolean is_cdrom_live(const char *field, json_object *old, json_object *new)
{
	return old && new && g_strcmp0(field, "image") == 0;
}

static gboolean tray(Live *live, const char *command, const char *device, gboolean force, GError **error)
{
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "id", device);
	if (force)
		json_set_bool(arguments, "force", TRUE);
	return qmp_do(live->qmp, command, arguments, LIVE_TIMEOUT_MS, error);
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
		if (qmp_do(live->qmp, command, arguments, LIVE_TIMEOUT_MS, &local))
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
	gint64 set = live_add_fd(live, need, vm_open_need(live->vm, live->wanted, need, FALSE, error), error);
	if (set < 0)
		return FALSE;
	if (!qmp_do(live->qmp, "blockdev-add", qemu_cdrom_blockdev(live->wanted, key, (int)set), LIVE_TIMEOUT_MS,
		    error)) {
		live_remove_fdset(live, set);
		return FALSE;
	}
	if (with_open_tray(live, device, "blockdev-insert-medium", node, error))
		return TRUE;
	live_delete_node(live, 'c', key, NULL);
	return FALSE;
}

static gboolean apply_cdrom(Live *live, const char *key, json_object *old, json_object *cdrom, GError **error)
{
	if (!old)
		return TRUE; /* a drive comes with the next start */
	json_auto json_object *now = json_copy(old);
	const char *image = json_get_str(cdrom, "image", NULL), *former = json_get_str(now, "image", NULL);
	g_autofree char *device = g_strconcat("cdrom-", key, NULL);

	if (g_strcmp0(image, former) == 0)
		return TRUE;
	task_step(live->task, image ? "%s: inserting %s" : "%s: ejecting%s", key, image ? image : "");
	/* Also from an empty drive: an earlier try may have inserted something. */
	if (!with_open_tray(live, device, "blockdev-remove-medium", NULL, error) ||
	    !live_delete_node(live, 'c', key, error))
		return FALSE;
	if (former) {
		json_object_object_del(now, "image");
		live_record(live, "cdroms", key, now);
	}
	if (image) {
		if (!insert_medium(live, key, device, error))
			return FALSE;
		json_set_str(now, "image", image);
		live_record(live, "cdroms", key, now);
	}
	return tray(live, "blockdev-close-tray", device, FALSE, error);
}

const LivePart live_cdroms = {"cdroms", .map = TRUE, .is_live = is_cdrom_live, .apply = apply_cdrom};
