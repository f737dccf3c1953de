/* USB devices of the host (Linux, Documentation/ABI/testing/sysfs-bus-usb). */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "hardware/hardware.h"
#include "hardware/sysfs.h"

enum { CLASS_HUB = 0x09 };

/* By bDeviceClass (USB-IF, Defined Class Codes); many devices say it of each interface only. */
static const struct {
	guint number;
	const char *name;
} classes[] = {
	{0x01, "audio"},   {0x02, "communication"}, {0x03, "input"},	{0x06, "camera"}, {0x07, "printer"},
	{0x08, "storage"}, {0x0b, "smart card"},    {0x0e, "video"}, {0xe0, "wireless"},
};

static char *device_dir(const char *sysfs, const char *port)
{
	return g_build_filename(sysfs, "bus/usb/devices", port, NULL);
}

static guint read_number(const char *dir, const char *attribute, guint base)
{
	g_autofree char *text = sysfs_read(dir, attribute);
	return text ? (guint)g_ascii_strtoull(text, NULL, base) : 0;
}

/* "usb1" is a root hub, "1-2:1.0" an interface of the device "1-2". */
static gboolean is_device(const char *sysfs, const char *name)
{
	g_autofree char *dir = device_dir(sysfs, name);
	return g_ascii_isdigit(*name) && !strchr(name, ':') && read_number(dir, "bDeviceClass", 16) != CLASS_HUB;
}

static const char *class_of(const char *sysfs, const char *port)
{
	g_autofree char *dir = device_dir(sysfs, port), *interface = g_strdup_printf("%s:1.0", port);
	g_autofree char *first = device_dir(sysfs, interface);
	guint number = read_number(dir, "bDeviceClass", 16);
	if (number == 0)
		number = read_number(first, "bInterfaceClass", 16);
	for (guint i = 0; i < G_N_ELEMENTS(classes); i++)
		if (classes[i].number == number)
			return classes[i].name;
	return "other";
}

static json_object *describe(const char *sysfs, const char *port)
{
	g_autofree char *dir = device_dir(sysfs, port), *interface = g_strdup_printf("%s:1.0", port);
	g_autofree char *first = device_dir(sysfs, interface), *driver = sysfs_link(first, "driver");
	g_autofree char *maker = sysfs_read(dir, "manufacturer"), *product = sysfs_read(dir, "product");
	g_autofree char *serial = sysfs_read(dir, "serial");
	g_autofree char *numbers = g_strdup_printf("%04x:%04x", read_number(dir, "idVendor", 16) & 0xffff,
					      read_number(dir, "idProduct", 16) & 0xffff);
	json_object *json = json_object_new_object();
	json_set_str(json, "name", port);
	json_set_str(json, "bus", "usb");
	json_set_str(json, "device", numbers);
	json_set_str(json, "class", class_of(sysfs, port));
	if (maker || product) {
		g_autofree char *title =
			g_strstrip(g_strdup_printf("%s %s", maker ? maker : "", product ? product : ""));
		json_set_str(json, "title", title);
	}
	if (serial)
		json_set_str(json, "serial", serial);
	if (driver)
		json_set_str(json, "driver", driver);
	return json;
}

json_object *usb_list(const char *sysfs)
{
	g_autofree char *dir = g_build_filename(sysfs, "bus/usb/devices", NULL);
	g_autoptr(GPtrArray) names = sysfs_names(dir);
	json_object *list = json_object_new_array();
	for (guint i = 0; i < names->len; i++)
		if (is_device(sysfs, names->pdata[i]))
			json_object_array_add(list, describe(sysfs, names->pdata[i]));
	return list;
}

char *usb_find(const char *sysfs, json_object *mapping, GError **error)
{
	json_auto json_object *list = usb_list(sysfs);
	const char *name = json_get_str(mapping, "name", ""), *port = NULL;
	for (size_t i = 0; i < json_get_count(list); i++) {
		json_object *device = json_object_array_get_idx(list, i);
		if (!mapping_names(mapping, device))
			continue;
		if (port) {
			error_set(error, ERROR_CONFLICT,
				  "give the mapping the port or the serial number of one of them",
				  "mapping '%s' means more than one USB device: those in port %s and %s", name, port,
				  json_get_str(device, "name", ""));
			return NULL;
		}
		port = json_get_str(device, "name", "");
	}
	if (!port) {
		error_set(error, ERROR_NOT_FOUND, "plug it in; 'yado node devices' shows what there is",
			  "the USB device of mapping '%s' (%s) is not there", name,
			  json_get_str(mapping, "device", ""));
		return NULL;
	}
	return host_disk_check(sysfs, port, error) ? g_strdup(port) : NULL;
}

char *usb_node(const char *sysfs, const char *port)
{
	g_autofree char *dir = device_dir(sysfs, port);
	return g_strdup_printf("/dev/bus/usb/%03u/%03u", read_number(dir, "busnum", 10),
			       read_number(dir, "devnum", 10));
}

gboolean usb_release(const char *sysfs, const char *port, GError **error)
{
	g_autofree char *dir = g_build_filename(sysfs, "bus/usb", NULL),
			*devices = g_build_filename(dir, "devices", NULL);
	g_autofree char *interface = g_strconcat(port, ":", NULL);
	g_autoptr(GPtrArray) names = sysfs_names(devices);
	gboolean ok = TRUE;
	for (guint i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];
		g_autofree char *path = g_build_filename(devices, name, NULL), *driver = sysfs_link(path, "driver");
		if (g_str_has_prefix(name, interface) && !driver)
			ok &= sysfs_write(dir, "drivers_probe", name, ok ? error : NULL);
	}
	return ok;
}
