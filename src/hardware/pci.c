/* PCI devices of the host, and handing one to a guest by VFIO (Linux, Documentation/driver-api/vfio.rst).
 *
 * The unit of isolation is the IOMMU group: devices of one group can reach each other past the IOMMU, so a guest gets
 * all of a group or nothing. Bridges of the group stay with the host: they do nothing by themselves. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/process.h"
#include "hardware/hardware.h"
#include "hardware/sysfs.h"

enum { MODPROBE_TIMEOUT_MS = 30000 };

static const char vfio_driver[] = "vfio-pci";

/* By the highest byte of the class code (PCI Code and ID Assignment Specification). */
static const char *const classes[] = {
	[0x00] = "other", [0x01] = "storage", [0x02] = "network", [0x03] = "display", [0x04] = "multimedia",
	[0x05] = "memory", [0x06] = "bridge", [0x07] = "communication", [0x08] = "system", [0x09] = "input",
	[0x0a] = "docking station", [0x0b] = "processor", [0x0c] = "serial bus", [0x0d] = "wireless",
	[0x0e] = "intelligent controller", [0x0f] = "satellite", [0x10] = "encryption", [0x11] = "signal processing",
	[0x12] = "accelerator",
};

static char *devices_dir(const char *sysfs)
{
	return g_build_filename(sysfs, "bus/pci/devices", NULL);
}

static char *device_dir(const char *sysfs, const char *address)
{
	return g_build_filename(sysfs, "bus/pci/devices", address, NULL);
}

static guint read_hex(const char *dir, const char *attribute)
{
	g_autofree char *text = sysfs_read(dir, attribute);
	return text ? (guint)g_ascii_strtoull(text, NULL, 16) : 0;
}

static json_object *describe(const char *sysfs, const char *address)
{
	g_autofree char *dir = device_dir(sysfs, address), *driver = sysfs_link(dir, "driver");
	g_autofree char *group = sysfs_link(dir, "iommu_group");
	g_autofree char *numbers =
		g_strdup_printf("%04x:%04x", read_hex(dir, "vendor") & 0xffff, read_hex(dir, "device") & 0xffff);
	guint class = read_hex(dir, "class") >> 16;
	json_object *json = json_object_new_object();
	json_set_str(json, "name", address);
	json_set_str(json, "bus", "pci");
	json_set_str(json, "device", numbers);
	json_set_str(json, "class", class < G_N_ELEMENTS(classes) ? classes[class] : classes[0]);
	if (driver)
		json_set_str(json, "driver", driver);
	if (group)
		json_set_int(json, "group", g_ascii_strtoll(group, NULL, 10));
	return json;
}

json_object *pci_list(const char *sysfs)
{
	g_autofree char *dir = devices_dir(sysfs);
	g_autoptr(GPtrArray) names = sysfs_names(dir);
	json_object *list = json_object_new_array();
	for (guint i = 0; i < names->len; i++)
		json_object_array_add(list, describe(sysfs, names->pdata[i]));
	return list;
}

gboolean pci_check_iommu(const char *sysfs, GError **error)
{
	g_autofree char *dir = g_build_filename(sysfs, "kernel/iommu_groups", NULL);
	g_autoptr(GPtrArray) groups = sysfs_names(dir);
	if (groups->len > 0)
		return TRUE;
	error_set(error, ERROR_UNSUPPORTED,
		  "switch VT-d or AMD-Vi on in the host's firmware, on Intel add intel_iommu=on to its kernel's "
		  "command line, and boot it anew",
		  "the host has no IOMMU that is switched on, without which a PCI device could write into all of its "
		  "memory");
	return FALSE;
}

static gboolean is_bridge(json_object *device)
{
	return g_str_equal(json_get_str(device, "class", ""), "bridge");
}

/* What else is in the group must not be the host's. */
static gboolean check_group(const char *sysfs, const char *address, gint64 group, const char *const *mine,
			    GError **error)
{
	g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, group);
	g_autofree char *dir = g_build_filename(sysfs, "kernel/iommu_groups", number, "devices", NULL);
	g_autoptr(GPtrArray) names = sysfs_names(dir);
	for (guint i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];
		json_auto json_object *other = describe(sysfs, name);
		const char *driver = json_get_str(other, "driver", NULL);
		if (g_str_equal(name, address) || (mine && g_strv_contains(mine, name)) || is_bridge(other) ||
		    !driver || g_str_equal(driver, vfio_driver))
			continue;
		error_set(error, ERROR_CONFLICT, "give the guest that device too, or put the card into another slot",
			  "PCI device %s shares IOMMU group %s with %s, which the host uses (driver %s)", address,
			  number, name, driver);
		return FALSE;
	}
	return TRUE;
}

gboolean pci_check(const char *sysfs, json_object *mapping, const char *const *mine, int *ret_group, GError **error)
{
	const char *address = json_get_str(mapping, "address", ""), *id = json_get_str(mapping, "device", "");
	if (!pci_check_iommu(sysfs, error))
		return FALSE;
	json_auto json_object *device = describe(sysfs, address);
	const char *found = json_get_str(device, "device", "");
	gint64 group = json_get_int(device, "group", -1);
	if (g_str_equal(found, "0000:0000")) {
		error_set(error, ERROR_NOT_FOUND, "'yado node devices' shows what there is",
			  "there is no PCI device at %s", address);
		return FALSE;
	}
	if (!g_str_equal(found, id)) {
		error_set(error, ERROR_CONFLICT,
			  "if that is the one to be given to guests, change the mapping's device",
			  "the PCI device at %s is %s now, not %s: the cards of the host have changed", address, found,
			  id);
		return FALSE;
	}
	if (is_bridge(device)) {
		error_set(error, ERROR_UNSUPPORTED, NULL,
			  "the PCI device at %s is a bridge, which cannot be given to a guest", address);
		return FALSE;
	}
	if (group < 0) {
		error_set(error, ERROR_UNSUPPORTED, NULL, "the PCI device at %s is in no IOMMU group", address);
		return FALSE;
	}
	if (!host_disk_check(sysfs, address, error) || !check_group(sysfs, address, group, mine, error))
		return FALSE;
	if (ret_group)
		*ret_group = (int)group;
	return TRUE;
}

/* Has a driver looked for anew: that of the override, or the one that the kernel knows for such a device. */
static gboolean rebind(const char *sysfs, const char *address, const char *override, GError **error)
{
	g_autofree char *dir = device_dir(sysfs, address), *bus = g_build_filename(sysfs, "bus/pci", NULL);
	g_autofree char *driver = sysfs_link(dir, "driver");
	g_autofree char *text = g_strconcat(override, "\n", NULL);
	return sysfs_write(dir, "driver_override", text, error) &&
	       (!driver || sysfs_write(dir, "driver/unbind", address, error)) &&
	       sysfs_write(bus, "drivers_probe", address, error);
}

gboolean pci_is_free(const char *sysfs, const char *address)
{
	g_autofree char *dir = device_dir(sysfs, address), *driver = sysfs_link(dir, "driver");
	return g_strcmp0(driver, vfio_driver) == 0;
}

char *pci_group_node(int group)
{
	return g_strdup_printf("/dev/vfio/%d", group);
}

/* The kernel loads a driver for a device that appears, not for one that is to have another driver. */
static void load_vfio(const char *sysfs)
{
	static const char *const argv[] = {"/sbin/modprobe", vfio_driver, NULL};
	g_autofree char *dir = g_build_filename(sysfs, "bus/pci/drivers", vfio_driver, NULL), *output = NULL;
	g_autoptr(GError) error = NULL;
	if (!g_file_test(dir, G_FILE_TEST_IS_DIR) && !process_run(argv, MODPROBE_TIMEOUT_MS, &output, &error))
		g_warning("modprobe %s: %s", vfio_driver, error->message);
}

gboolean pci_take(const char *sysfs, const char *address, GError **error)
{
	if (pci_is_free(sysfs, address))
		return TRUE;
	load_vfio(sysfs);
	if (!rebind(sysfs, address, vfio_driver, error))
		return FALSE;
	if (pci_is_free(sysfs, address))
		return TRUE;
	error_set(error, ERROR_FAILED, "load the module vfio-pci (modprobe vfio-pci); 'dmesg' may say more",
		  "the driver vfio-pci did not take PCI device %s", address);
	return FALSE;
}

gboolean pci_release(const char *sysfs, const char *address, GError **error)
{
	g_autofree char *dir = device_dir(sysfs, address), *override = sysfs_read(dir, "driver_override");
	/* One that the host's administrator has bound to vfio-pci for good has no override of ours; one that was taken
	 * half-way has, whatever driver it has now. */
	return g_strcmp0(override, vfio_driver) != 0 || rebind(sysfs, address, "", error);
}
