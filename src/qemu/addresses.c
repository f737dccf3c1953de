/* Addresses of devices.
 *
 * What a guest sees must not change when another device comes or goes, so each address is in the document, and the
 * fixed devices (command.c) are never counted. A new device takes the lowest slot of its bus that is free. */
#include "qemu/addresses.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "qemu/command.h"
#include "qemu/host-devices.h"

static const struct {
	const char *prefix;
	guint first, slots; /* from the first to before slots */
	const char *people; /* what is full */
} buses[] = {
	[QEMU_BUS_PCI] = {"pci", 0, QEMU_PORTS,
			  "PCI Express ports (virtio-blk disks, network cards, devices and shares of the host)"},
	[QEMU_BUS_SCSI] = {"scsi", 0, 64, "SCSI targets"},
	[QEMU_BUS_SATA] = {"sata", 0, 6, "SATA ports"},
	[QEMU_BUS_IDE] = {"ide", 0, 4, "IDE units"},
	[QEMU_BUS_USB] = {"usb", QEMU_USB_TABLET + 1, QEMU_USB_PORTS_MAX + 1, "USB ports"},
};

static const struct {
	const char *name;
	QemuBus bus;
} disk_buses[] = {
	{"virtio-scsi", QEMU_BUS_SCSI},
	{"virtio-blk", QEMU_BUS_PCI},
	{"sata", QEMU_BUS_SATA},
	{"ide", QEMU_BUS_IDE},
};

static const char *const maps[] = {"disks", "cdroms", "nics", "usb", "pci", "shares"};
/* Objects of the document that are a drive each, and take the highest slot that is free: far from where disks come. */
static const char *const drives[] = {"cloud_init", "answers"};

/* What hangs on one bus only, whatever its entry says. */
static const struct {
	const char *map;
	QemuBus bus;
} own_buses[] = {{"nics", QEMU_BUS_PCI}, {"usb", QEMU_BUS_USB}, {"pci", QEMU_BUS_PCI}, {"shares", QEMU_BUS_PCI}};

gboolean qemu_address_parse(const char *text, QemuAddress *ret_address)
{
	for (guint bus = 0; bus < G_N_ELEMENTS(buses); bus++)
		for (guint slot = buses[bus].first; slot < buses[bus].slots; slot++) {
			QemuAddress address = {.bus = (QemuBus)bus, .slot = slot};
			g_autofree char *form = qemu_address_format(address);
			if (g_str_equal(form, text)) {
				*ret_address = address;
				return TRUE;
			}
		}
	return FALSE;
}

char *qemu_address_format(QemuAddress address)
{
	if (address.bus == QEMU_BUS_PCI)
		return g_strdup_printf("pci:%x.%u", 0x10 + address.slot / 8, address.slot % 8);
	return g_strdup_printf("%s:%u", buses[address.bus].prefix, address.slot);
}

static int compare_keys(gconstpointer a, gconstpointer b)
{
	return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *qemu_sorted_keys(json_object *map)
{
	GPtrArray *keys = g_ptr_array_new();
	if (json_object_is_type(map, json_type_object)) {
		json_object_object_foreach (map, key, value) {
			(void)value;
			g_ptr_array_add(keys, key);
		}
	}
	g_ptr_array_sort(keys, compare_keys);
	return keys;
}

/* A map's key may contain dots, so this is not json_get_path(). */
static json_object *device_of(json_object *vm, const char *map, const char *key)
{
	return json_get(json_get(vm, map), key);
}

/* A bus has places up to this one. */
static guint slots_of(json_object *vm, QemuBus bus)
{
	return bus == QEMU_BUS_USB ? qemu_usb_ports(vm) + 1 : buses[bus].slots;
}

static gboolean bus_of(json_object *vm, const char *map, const char *key, QemuBus *ret_bus, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(own_buses); i++)
		if (g_str_equal(own_buses[i].map, map)) {
			*ret_bus = own_buses[i].bus;
			return TRUE;
		}
	const char *name = json_get_str(device_of(vm, map, key), "bus", "");
	gboolean cdrom = g_str_equal(map, "cdroms");
	for (guint i = 0; i < G_N_ELEMENTS(disk_buses); i++)
		if (g_str_equal(disk_buses[i].name, name) && !(cdrom && disk_buses[i].bus == QEMU_BUS_PCI)) {
			*ret_bus = disk_buses[i].bus;
			return TRUE;
		}
	g_autofree char *field = g_strdup_printf("%s.%s.bus", map, key);
	error_set_field(error, ERROR_INVALID, field, NULL, "'%s' is not a bus for %s", name, map);
	return FALSE;
}

gboolean qemu_device_address(json_object *vm, const char *map, const char *key, QemuAddress *ret_address,
			     GError **error)
{
	const char *text = json_get_str(device_of(vm, map, key), "address", NULL);
	QemuAddress address;
	QemuBus bus;
	if (!bus_of(vm, map, key, &bus, error))
		return FALSE;
	if (!text || !qemu_address_parse(text, &address) || address.bus != bus || address.slot >= slots_of(vm, bus)) {
		g_autofree char *field = g_strdup_printf("%s.%s.address", map, key);
		error_set_field(error, ERROR_INVALID, field, NULL, "'%s' is not an address on that bus",
				text ? text : "(none)");
		return FALSE;
	}
	*ret_address = address;
	return TRUE;
}

static gboolean drive_bus(json_object *vm, const char *name, QemuBus *ret_bus, GError **error)
{
	const char *bus = json_get_str(json_get(vm, name), "bus", "");
	for (guint i = 0; i < G_N_ELEMENTS(disk_buses); i++)
		if (g_str_equal(disk_buses[i].name, bus) && disk_buses[i].bus != QEMU_BUS_PCI) {
			*ret_bus = disk_buses[i].bus;
			return TRUE;
		}
	g_autofree char *field = g_strdup_printf("%s.bus", name);
	error_set_field(error, ERROR_INVALID, field, NULL, "'%s' is not a bus for a drive", bus);
	return FALSE;
}

gboolean qemu_drive_address(json_object *vm, const char *name, QemuAddress *ret_address, GError **error)
{
	const char *text = json_get_str(json_get(vm, name), "address", "");
	QemuAddress address;
	QemuBus bus;
	if (!drive_bus(vm, name, &bus, error))
		return FALSE;
	if (!qemu_address_parse(text, &address) || address.bus != bus) {
		g_autofree char *field = g_strdup_printf("%s.address", name);
		error_set_field(error, ERROR_INVALID, field, NULL, "'%s' is not an address on that bus", text);
		return FALSE;
	}
	*ret_address = address;
	return TRUE;
}

static gboolean mark_drives(json_object *vm, gboolean used[][64], gboolean need_all, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(drives); i++) {
		QemuAddress address;
		if (!json_get(vm, drives[i]) || (!need_all && !qemu_drive_address(vm, drives[i], &address, NULL)))
			continue;
		if (!qemu_drive_address(vm, drives[i], &address, error))
			return FALSE;
		if (used[address.bus][address.slot]) {
			g_autofree char *field = g_strdup_printf("%s.address", drives[i]);
			error_set_field(error, ERROR_INVALID, field, NULL, "another device is at that address");
			return FALSE;
		}
		used[address.bus][address.slot] = TRUE;
	}
	return TRUE;
}

/* A drive without an address on its bus gets one; a document that does not fit stays as it was. */
static gboolean assign_drives(json_object *vm, gboolean used[][64], GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(drives); i++) {
		QemuAddress address;
		if (!json_get(vm, drives[i]) || qemu_drive_address(vm, drives[i], &address, NULL))
			continue;
		if (!drive_bus(vm, drives[i], &address.bus, error))
			return FALSE;
		guint above = buses[address.bus].slots;
		while (above > 0 && used[address.bus][above - 1])
			above--;
		if (above == 0) {
			g_autofree char *field = g_strdup_printf("%s.bus", drives[i]);
			error_set_field(error, ERROR_INVALID, field, "remove a device, or use another bus",
					"no room for the drive: all %u %s are taken", buses[address.bus].slots,
					buses[address.bus].people);
			return FALSE;
		}
		address.slot = above - 1;
		used[address.bus][address.slot] = TRUE;
		g_autofree char *text = qemu_address_format(address);
		json_set_str(json_get(vm, drives[i]), "address", text);
	}
	return TRUE;
}

/* Marks the addresses that are there; `used` is indexed by bus and slot. */
static gboolean mark_used(json_object *vm, gboolean used[][64], gboolean need_all, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(maps); i++) {
		g_autoptr(GPtrArray) keys = qemu_sorted_keys(json_get(vm, maps[i]));
		for (guint j = 0; j < keys->len; j++) {
			const char *key = keys->pdata[j];
			QemuAddress address;
			if (!need_all && !json_get(device_of(vm, maps[i], key), "address"))
				continue;
			if (!qemu_device_address(vm, maps[i], key, &address, error))
				return FALSE;
			if (used[address.bus][address.slot]) {
				g_autofree char *field = g_strdup_printf("%s.%s.address", maps[i], key);
				error_set_field(error, ERROR_INVALID, field, NULL, "another device is at that address");
				return FALSE;
			}
			used[address.bus][address.slot] = TRUE;
		}
	}
	return mark_drives(vm, used, need_all, error);
}

gboolean qemu_check_addresses(json_object *vm, GError **error)
{
	gboolean used[G_N_ELEMENTS(buses)][64] = {0};
	return mark_used(vm, used, TRUE, error);
}

/* Finds the slot for one device, or fails naming what is full. */
static gboolean find_free(json_object *vm, const char *map, const char *key, gboolean used[][64],
			  QemuAddress *ret_address, GError **error)
{
	QemuAddress address = {0};
	if (!bus_of(vm, map, key, &address.bus, error))
		return FALSE;
	guint first = buses[address.bus].first, slots = slots_of(vm, address.bus);
	address.slot = first;
	while (address.slot < slots && used[address.bus][address.slot])
		address.slot++;
	if (address.slot == slots) {
		g_autofree char *field = g_strdup_printf("%s.%s", map, key);
		error_set_field(error, ERROR_INVALID, field, "remove a device, or use another bus",
				"no room for '%s': all %u %s are taken", key, slots - first, buses[address.bus].people);
		return FALSE;
	}
	*ret_address = address;
	return TRUE;
}

gboolean qemu_assign_addresses(json_object *vm, GError **error)
{
	gboolean used[G_N_ELEMENTS(buses)][64] = {0};
	/* First all are found, then written: a document that does not fit stays as it was. */
	g_autoptr(GPtrArray) devices = g_ptr_array_new();
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(QemuAddress));

	if (!mark_used(vm, used, FALSE, error))
		return FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(maps); i++) {
		g_autoptr(GPtrArray) keys = qemu_sorted_keys(json_get(vm, maps[i]));
		for (guint j = 0; j < keys->len; j++) {
			json_object *device = device_of(vm, maps[i], keys->pdata[j]);
			QemuAddress address;
			if (json_get(device, "address"))
				continue;
			if (!find_free(vm, maps[i], keys->pdata[j], used, &address, error))
				return FALSE;
			used[address.bus][address.slot] = TRUE;
			g_ptr_array_add(devices, device);
			g_array_append_val(found, address);
		}
	}
	if (!assign_drives(vm, used, error))
		return FALSE;
	for (guint i = 0; i < devices->len; i++) {
		g_autofree char *text = qemu_address_format(g_array_index(found, QemuAddress, i));
		json_set_str(devices->pdata[i], "address", text);
	}
	return TRUE;
}
