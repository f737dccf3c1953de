/* USB devices, PCI devices and directories of the host, as QEMU's JSON arguments. Device ids are "usb-KEY",
 * "pci-KEY" and "share-KEY". */
#include "qemu/host-devices.h"

#include "base/json.h"
#include "qemu/addresses.h"
#include "qemu/peripherals.h"

static const struct {
	const char *type, *driver;
} usb_types[] = {
	{"tablet", "usb-tablet"},
	{"mouse", "usb-mouse"},
	{"keyboard", "usb-kbd"},
	{"mapping", "usb-host"},
};

static json_object *device_of(json_object *vm, const char *map, const char *key)
{
	return json_get(json_get(vm, map), key);
}

static gboolean has_display(json_object *vm)
{
	return !g_str_equal(json_get_str(vm, "display", "vga"), "none");
}

gboolean qemu_has_usb(json_object *vm)
{
	json_object *usb = json_get(vm, "usb");
	/* The first USB device fixes the ports, and the controller stays when the last one is taken off. */
	return has_display(vm) || json_get(vm, "usb_ports") ||
	       (json_object_is_type(usb, json_type_object) && json_object_object_length(usb) > 0);
}

guint qemu_usb_ports(json_object *vm)
{
	return (guint)CLAMP(json_get_int(vm, "usb_ports", QEMU_USB_PORTS), QEMU_USB_PORTS, QEMU_USB_PORTS_MAX);
}

json_object *qemu_usb_controller(json_object *vm)
{
	json_object *json = qemu_fixed_device("qemu-xhci", "usb", "7.0");
	if (qemu_usb_ports(vm) != QEMU_USB_PORTS) {
		/* The same ports once for USB 2 and once for USB 3. */
		json_set_int(json, "p2", qemu_usb_ports(vm));
		json_set_int(json, "p3", qemu_usb_ports(vm));
	}
	return json;
}

gboolean qemu_usb_is_mapped(json_object *vm, const char *key)
{
	return g_str_equal(json_get_str(device_of(vm, "usb", key), "type", "mapping"), "mapping");
}

json_object *qemu_usb_device(json_object *vm, const char *key, int fdset)
{
	json_object *json = json_object_new_object();
	const char *type = json_get_str(device_of(vm, "usb", key), "type", "mapping"), *driver = "";
	QemuAddress address = {0};
	qemu_device_address(vm, "usb", key, &address, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(usb_types); i++)
		if (g_str_equal(usb_types[i].type, type))
			driver = usb_types[i].driver;
	g_autofree char *id = g_strconcat("usb-", key, NULL), *port = g_strdup_printf("%u", address.slot);
	json_set_str(json, "driver", driver);
	json_set_str(json, "id", id);
	json_set_str(json, "bus", "usb.0");
	json_set_str(json, "port", port);
	if (fdset >= 0) {
		g_autofree char *path = g_strdup_printf("/dev/fdset/%d", fdset);
		json_set_str(json, "hostdevice", path);
	}
	return json;
}

json_object *qemu_pci_device(json_object *vm, const char *key)
{
	json_object *json = json_object_new_object();
	const char *host = json_get_str(device_of(vm, "pci", key), "host", "0000:00:00.0");
	QemuAddress address = {0};
	qemu_device_address(vm, "pci", key, &address, NULL);
	g_autofree char *id = g_strconcat("pci-", key, NULL), *bus = g_strdup_printf("port%u", address.slot);
	g_autofree char *sysfs = g_strconcat("/sys/bus/pci/devices/", host, NULL);
	json_set_str(json, "driver", "vfio-pci");
	json_set_str(json, "id", id);
	json_set_str(json, "bus", bus);
	json_set_str(json, "sysfsdev", sysfs);
	return json;
}

json_object *qemu_share_chardev(const char *fdname)
{
	json_object *json = json_object_new_object(), *backend = json_object_new_object(),
		    *data = json_object_new_object();
	json_object *address = json_object_new_object(), *name = json_object_new_object();
	json_set_str(name, "str", fdname);
	json_set_str(address, "type", "fd");
	json_set(address, "data", name);
	json_set(data, "addr", address);
	json_set_bool(data, "server", FALSE);
	json_set_str(backend, "type", "socket");
	json_set(backend, "data", data);
	json_set_str(json, "id", fdname);
	json_set(json, "backend", backend);
	return json;
}

json_object *qemu_share_device(json_object *vm, const char *key)
{
	json_object *json = json_object_new_object();
	QemuAddress address = {0};
	qemu_device_address(vm, "shares", key, &address, NULL);
	g_autofree char *id = g_strconcat("share-", key, NULL), *bus = g_strdup_printf("port%u", address.slot);
	json_set_str(json, "driver", "vhost-user-fs-pci");
	json_set_str(json, "id", id);
	json_set_str(json, "bus", bus);
	json_set_str(json, "chardev", id);
	json_set_str(json, "tag", json_get_str(device_of(vm, "shares", key), "tag", ""));
	return json;
}
