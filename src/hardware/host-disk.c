/* Whether the host itself has its files on a device: taken away, its programs would wait for their disk for ever.
 *
 * Each block device of the kernel is a link below class/block that leads over the device it is on. */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "hardware/hardware.h"
#include "hardware/sysfs.h"

enum { TABLE_BYTES_MAX = 1 << 22 };

static gboolean has_line(const char *path, const char *one, const char *other)
{
	g_autofree char *text = NULL;
	gsize length = 0;
	return file_read(path, TABLE_BYTES_MAX, &text, &length, NULL) &&
	       (strstr(text, one) || (other && strstr(text, other)));
}

/* What the host does with it, for people; NULL: nothing. Other block devices are made of it (LVM, RAID): they count. */
static char *describe_use(const char *dir, const char *name)
{
	g_autofree char *numbers = sysfs_read(dir, "dev"), *holders_dir = g_build_filename(dir, "holders", NULL);
	g_autoptr(GPtrArray) holders = sysfs_names(holders_dir);
	g_autofree char *by_numbers = g_strdup_printf(" %s ", numbers ? numbers : "-");
	g_autofree char *by_name = g_strdup_printf(" /dev/%s ", name), *swap = g_strdup_printf("/dev/%s ", name);
	if (holders->len > 0)
		return g_strdup_printf("%s is part of %s", name, (const char *)holders->pdata[0]);
	/* A Btrfs is mounted by a number of its own, and names the device. */
	if (has_line("/proc/self/mountinfo", by_numbers, by_name))
		return g_strdup_printf("%s is mounted", name);
	if (has_line("/proc/swaps", swap, NULL))
		return g_strdup_printf("%s is swap space", name);
	return NULL;
}

gboolean host_disk_check(const char *sysfs, const char *device, GError **error)
{
	g_autofree char *dir = g_build_filename(sysfs, "class/block", NULL);
	g_autofree char *part = g_strdup_printf("/%s/", device);
	g_autoptr(GPtrArray) names = sysfs_names(dir);
	for (guint i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];
		g_autofree char *path = g_build_filename(dir, name, NULL), *target = g_file_read_link(path, NULL);
		g_autofree char *use = target && strstr(target, part) ? describe_use(path, name) : NULL;
		if (!use)
			continue;
		error_set(error, ERROR_CONFLICT, "unmount it and take it out of use on the host first",
			  "the host has files of its own on %s: %s", device, use);
		return FALSE;
	}
	return TRUE;
}
