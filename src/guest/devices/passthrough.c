/* Devices of the host that a guest is given.
 *
 * A USB device is one descriptor of its node in /dev/bus/usb. A PCI device goes by VFIO, which QEMU 7.2 opens itself:
 * so its view has /dev/vfio/vfio, the node of the device's IOMMU group, which belongs to the guest's uid while it runs,
 * and the device's own directory of sysfs. The kernel pins all memory of such a guest, as the device may write
 * anywhere. */
#include "guest/devices/passthrough.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/devices/mappings.h"
#include "guest/guests.h"
#include "hardware/hardware.h"
#include "hardware/taken.h"
#include "qemu/host-devices.h"

void passthrough_complete(json_object *present, json_object *document)
{
	json_object *usb = json_get(document, "usb");
	/* A controller that is there already stays as it is. */
	if (usb && json_object_object_length(usb) > 0 && !json_get(document, "usb_ports") &&
	    !(present && qemu_has_usb(present)))
		json_set_int(document, "usb_ports", QEMU_USB_PORTS_MAX);
}

static gboolean check_usb(Services *services, const char *key, json_object *device, GError **error)
{
	const char *type = json_get_str(device, "type", "mapping"), *name = json_get_str(device, "mapping", NULL);
	gboolean mapped = g_str_equal(type, "mapping");
	g_autofree char *field = g_strdup_printf("usb.%s.mapping", key);
	if (!mapped && name) {
		error_set_field(error, ERROR_INVALID, field, "leave it out, or leave the type out",
				"%s has no meaning for an emulated %s", field, type);
		return FALSE;
	}
	if (mapped && !name) {
		error_set_field(error, ERROR_INVALID, field,
				"name a mapping of kind 'usb', or say type=tablet, type=mouse or type=keyboard",
				"%s is missing", field);
		return FALSE;
	}
	json_auto json_object *mapping = mapped ? mappings_get(services, name, "usb", field, error) : NULL;
	return !mapped || mapping;
}

/* Addresses of all PCI devices of the guest: those of one IOMMU group go together. */
static GPtrArray *pci_addresses(Services *services, json_object *document, GError **error)
{
	g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
	json_object *map = json_get(document, "pci");
	if (map) {
		json_object_object_foreach (map, key, device) {
			g_autofree char *field = g_strdup_printf("pci.%s.mapping", key);
			json_auto json_object *mapping =
				mappings_get(services, json_get_str(device, "mapping", ""), "pci", field, error);
			if (!mapping)
				return NULL;
			const char *address = json_get_str(mapping, "address", "");
			if (g_ptr_array_find_with_equal_func(addresses, address, g_str_equal, NULL)) {
				error_set_field(error, ERROR_INVALID, field, NULL,
						"%s is a device that the guest has already", field);
				return NULL;
			}
			g_ptr_array_add(addresses, g_strdup(address));
		}
	}
	g_ptr_array_add(addresses, NULL);
	return g_steal_pointer(&addresses);
}

static gboolean check_pci(Services *services, json_object *document, const char *key, int *ret_group, GError **error)
{
	g_autoptr(GPtrArray) mine = pci_addresses(services, document, error);
	json_object *device = json_get(json_get(document, "pci"), key);
	g_autofree char *field = g_strdup_printf("pci.%s.mapping", key);
	g_autoptr(GError) local = NULL;
	if (!mine)
		return FALSE;
	json_auto json_object *mapping =
		mappings_get(services, json_get_str(device, "mapping", ""), "pci", field, error);
	if (!mapping)
		return FALSE;
	if (pci_check(services->sysfs, mapping, (const char *const *)mine->pdata, ret_group, &local))
		return TRUE;
	error_set_field(error, error_code(local), field, error_hint(local), "%s: %s", field, local->message);
	return FALSE;
}

gboolean passthrough_check(Services *services, json_object *present, json_object *document, GError **error)
{
	json_object *usb = json_get(document, "usb"), *pci = json_get(document, "pci");
	if (usb) {
		json_object_object_foreach (usb, key, device)
			if (!json_equal(json_get(json_get(present, "usb"), key), device) &&
			    !check_usb(services, key, device, error))
				return FALSE;
	}
	if (pci) {
		json_object_object_foreach (pci, pci_key, pci_device)
			if (!json_equal(json_get(json_get(present, "pci"), pci_key), pci_device) &&
			    !check_pci(services, document, pci_key, NULL, error))
				return FALSE;
	}
	return TRUE;
}

/* What one guest has of the devices is checked and recorded by one at a time. */
static GMutex taking;

/* The entry that one of the guests but for part.key of this one has, and which is or goes with the device. */
static gboolean is_free(Vm *vm, const char *part, const char *key, json_object *entry, const char *label,
			GError **error)
{
	g_autoptr(GPtrArray) guests = guests_list(vm->services->guests, 0, 0);
	gboolean usb = g_str_equal(part, "usb");
	for (guint i = 0; i < guests->len; i++) {
		Vm *other = g_ptr_array_index(guests, i);
		json_auto json_object *taken = taken_read(other->run_dir);
		json_object *map = json_get(taken, part);
		/* Devices of one group are one guest's. */
		if (!map || (other == vm && !usb))
			continue;
		json_object_object_foreach (map, its_key, theirs) {
			if ((other == vm && g_str_equal(its_key, key)) || !taken_overlaps(part, entry, theirs))
				continue;
			g_autofree char *name = vm_label(other);
			const char *address = json_get_str(theirs, usb ? "port" : "address", "");
			if (usb || g_str_equal(address, json_get_str(entry, "address", "")))
				error_set(error, ERROR_CONFLICT, "take it off there first", "%s has %s already (%s.%s)",
					  name, label, part, its_key);
			else
				error_set(error, ERROR_CONFLICT,
					  "give both to one guest, or put the card into another slot",
					  "%s has PCI device %s, which shares IOMMU group %" G_GINT64_FORMAT " with %s",
					  name, address, json_get_int(entry, "group", -1), label);
			return FALSE;
		}
	}
	return TRUE;
}

/* Records that the guest has the device, unless another one has. Takes over entry; NULL: it could not be described. */
static gboolean claim(Vm *vm, const char *part, const char *key, json_object *entry, GError **error)
{
	json_auto json_object *owned = entry;
	if (!entry)
		return FALSE;
	gboolean usb = g_str_equal(part, "usb");
	g_autofree char *label = g_strdup_printf(usb ? "the USB device in port %s" : "PCI device %s",
						 json_get_str(entry, usb ? "port" : "address", ""));
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&taking);
	if (!is_free(vm, part, key, entry, label, error))
		return FALSE;
	json_auto json_object *taken = taken_read(vm->run_dir);
	if (!json_get(taken, part))
		json_set(taken, part, json_object_new_object());
	json_set(json_get(taken, part), key, json_object_get(entry));
	if (taken_write(vm->run_dir, taken, error))
		return TRUE;
	g_prefix_error(error, "cannot record that the guest has %s: ", label);
	return FALSE;
}

/* A failure is said, and not tried again. */
static void give_back(Services *services, const char *run_dir, const char *part, const char *key, json_object *entry)
{
	g_autoptr(GError) error = NULL;
	if (!taken_return(services->sysfs, part, entry, &error))
		g_warning("%s: the host does not have %s.%s (%s) back: %s", run_dir, part, key,
			  json_get_str(entry, g_str_equal(part, "usb") ? "port" : "address", ""), error->message);
}

int passthrough_open_usb(Vm *vm, json_object *document, const char *key, GError **error)
{
	const char *name = json_get_str(json_get(json_get(document, "usb"), key), "mapping", "");
	json_auto json_object *mapping = mappings_get(vm->services, name, "usb", key, error);
	json_object *entry = mapping ? taken_describe_usb(vm->services->sysfs, mapping, error) : NULL;
	g_autofree char *node = g_strdup(json_get_str(entry, "node", ""));
	if (!claim(vm, "usb", key, entry, error))
		return -1;
	int fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		error_set_errno(error, errno, "cannot open '%s'", node);
		passthrough_return_usb(vm, key);
	}
	return fd;
}

void passthrough_return_usb(Vm *vm, const char *key)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&taking);
	g_autoptr(GError) error = NULL;
	json_auto json_object *taken = taken_read(vm->run_dir);
	json_object *usb = json_get(taken, "usb"), *entry = json_get(usb, key);
	if (!entry)
		return;
	give_back(vm->services, vm->run_dir, "usb", key, entry);
	json_object_object_del(usb, key);
	if (!taken_write(vm->run_dir, taken, &error))
		g_warning("%s: %s", vm->run_dir, error->message);
}

static gboolean begin_pci(Vm *vm, json_object *document, const char *key, uid_t uid, Launch *launch, GError **error)
{
	const char *sysfs = vm->services->sysfs;
	json_object *device = json_get(json_get(document, "pci"), key);
	const char *name = json_get_str(device, "mapping", "");
	int group = -1;
	if (!check_pci(vm->services, document, key, &group, error))
		return FALSE;
	json_auto json_object *mapping = mappings_get(vm->services, name, "pci", key, error);
	const char *address = json_get_str(mapping, "address", "");
	if (!mapping || !claim(vm, "pci", key, taken_describe_pci(sysfs, address, group), error) ||
	    !pci_take(sysfs, address, error))
		return FALSE;
	g_autofree char *node = pci_group_node(group), *dir = g_build_filename(sysfs, "bus/pci/devices", address, NULL);
	if (chown(node, uid, (gid_t)-1) < 0) {
		error_set_errno(error, errno, "cannot give '%s' to the guest", node);
		return FALSE;
	}
	launch_bind(launch, node, TRUE);
	launch_bind(launch, dir, FALSE);
	json_set_str(device, "host", address);
	return TRUE;
}

gboolean passthrough_begin(Vm *vm, json_object *document, uid_t uid, Launch *launch, GError **error)
{
	json_object *pci = json_get(document, "pci");
	if (!pci || json_object_object_length(pci) == 0)
		return TRUE;
	json_object_object_foreach (pci, key, device) {
		(void)device;
		if (!begin_pci(vm, document, key, uid, launch, error))
			return FALSE;
	}
	launch_bind(launch, "/dev/vfio/vfio", TRUE);
	launch_lock_memory(launch);
	return TRUE;
}

void passthrough_end(Services *services, const char *run_dir)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&taking);
	json_auto json_object *taken = taken_read(run_dir), *nothing = json_object_new_object();
	json_object_object_foreach (taken, part, map) {
		json_object_object_foreach (map, key, entry)
			give_back(services, run_dir, part, key, entry);
	}
	taken_write(run_dir, nothing, NULL);
}
