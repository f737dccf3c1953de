/* Limits of a disk's requests and bytes (QEMU's docs/throttle.txt: leaky buckets, with a second one for bursts).
 *
 * They are those of the disk's own device, not of a throttle node below it: such a node would stand between the device
 * and the image and have to be taken along by all that changes the chain, and the device's can be changed while it runs
 * just as well. They are set over QMP before the guest runs, since a -device has no options for them. */
#include "qemu/throttle.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

static const char prefix[] = "limit_", burst[] = "_burst", seconds[] = "limit_burst_seconds";

static const struct {
	const char *field, *qemu;
} limits[] = {
	{"limit_iops", "iops"},		      {"limit_read_iops", "iops_rd"},	 {"limit_write_iops", "iops_wr"},
	{"limit_bandwidth", "bps"},	      {"limit_read_bandwidth", "bps_rd"}, {"limit_write_bandwidth", "bps_wr"},
};
enum { KINDS = 3 }; /* all, read, write of each */

static gint64 value_of(json_object *disk, const char *field, const char *suffix)
{
	g_autofree char *name = g_strconcat(field, suffix, NULL);
	return json_get_int(disk, name, 0);
}

gboolean qemu_is_disk_limit(const char *field)
{
	return field && g_str_has_prefix(field, prefix);
}

gboolean qemu_disk_is_limited(json_object *disk)
{
	for (guint i = 0; i < G_N_ELEMENTS(limits); i++)
		if (value_of(disk, limits[i].field, ""))
			return TRUE;
	return FALSE;
}

json_object *qemu_disk_throttle(json_object *vm, const char *key)
{
	json_object *disk = json_get(json_get(vm, "disks"), key), *json = json_object_new_object();
	gint64 length = json_get_int(disk, seconds, 1);
	/* Of a virtio disk the image is that of a device within the device. */
	gboolean within = g_str_equal(json_get_str(disk, "bus", ""), "virtio-blk");
	g_autofree char *id = g_strdup_printf("/machine/peripheral/disk-%s%s", key, within ? "/virtio-backend" : "");
	json_set_str(json, "id", id);
	for (guint i = 0; i < G_N_ELEMENTS(limits); i++) {
		gint64 most = value_of(disk, limits[i].field, burst);
		g_autofree char *max = g_strconcat(limits[i].qemu, "_max", NULL);
		g_autofree char *max_length = g_strconcat(max, "_length", NULL);
		json_set_int(json, limits[i].qemu, value_of(disk, limits[i].field, ""));
		/* A former burst stays unless it is taken off. */
		json_set_int(json, max, most);
		if (most)
			json_set_int(json, max_length, length);
	}
	return json;
}

static gboolean refuse(GError **error, const char *key, const char *field, const char *suffix, const char *hint,
		       const char *reason)
{
	g_autofree char *path = g_strconcat("disks.", key, ".", field, suffix, NULL);
	error_set_field(error, ERROR_INVALID, path, hint, "%s %s", path, reason);
	return FALSE;
}

gboolean qemu_check_throttle(const char *key, json_object *disk, GError **error)
{
	gboolean has_burst = FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(limits); i++) {
		gint64 rate = value_of(disk, limits[i].field, ""), most = value_of(disk, limits[i].field, burst);
		has_burst |= most > 0;
		if (most && !rate)
			return refuse(error, key, limits[i].field, burst, "give the limit that it goes beyond",
				      "has no meaning without the limit itself");
		if (most && most < rate)
			return refuse(error, key, limits[i].field, burst, NULL, "must be at least the limit itself");
		if (rate && i % KINDS && value_of(disk, limits[i - i % KINDS].field, ""))
			return refuse(error, key, limits[i].field, "",
				      "limit either all, or reads and writes by themselves",
				      "cannot stand beside a limit of reads and writes together");
	}
	if (!has_burst && json_get(disk, seconds))
		return refuse(error, key, seconds, "", "give a burst's limit, or unset it",
			      "has no meaning without a burst");
	return TRUE;
}
