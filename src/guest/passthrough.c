/* Devices of the host that a guest is given.
 *
 * A USB device is one descriptor of its node in /dev/bus/usb. A PCI device goes by VFIO, which QEMU 7.2 opens itself: so
 * its view has /dev/vfio/vfio, the node of the device's IOMMU group, which belongs to the guest's uid while it runs, and
 * the device's own directory of sysfs. The kernel pins all memory of such a guest, as the device may write anywhere. */
#include "guest/passthrough.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/mappings.h"
#include "hardware/hardware.h"
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
				error_set_field(error, ERROR_INVALID, field, NULL, "%s is a device that the guest has already",
						field);
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
	json_auto json_object *mapping = mappings_get(services, json_get_str(device, "mapping", ""), "pci", field, error);
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

static gboolean has_mapping(json_object *map, const char *name)
{
	if (!map)
		return FALSE;
	json_object_object_foreach (map, key, device) {
		(void)key;
		if (g_strcmp0(json_get_str(device, "mapping", NULL), name) == 0)
			return TRUE;
	}
	return FALSE;
}

/* A device is in one guest at a time. */
static gboolean check_free(Vm *vm, const char *part, const char *name, GError **error)
{
	g_autoptr(GPtrArray) guests = guests_list(vm->services->guests, 0, 0);
	for (guint i = 0; i < guests->len; i++) {
		Vm *other = g_ptr_array_index(guests, i);
		if (other == vm || !vm_state_is_alive(vm_get_state(other)))
			continue;
		json_auto json_object *applied = vm_dup_applied(other);
		if (!has_mapping(json_get(applied, part), name))
			continue;
		g_autofree char *label = vm_label(other);
		error_set(error, ERROR_CONFLICT, "take it off that guest first", "%s has the device of mapping '%s'", label,
			  name);
		return FALSE;
	}
	return TRUE;
}

int passthrough_open_usb(Vm *vm, json_object *document, const char *key, GError **error)
{
	const char *name = json_get_str(json_get(json_get(document, "usb"), key), "mapping", "");
	json_auto json_object *mapping = mappings_get(vm->services, name, "usb", key, error);
	g_autofree char *node = mapping ? usb_find(vm->services->sysfs, mapping, error) : NULL;
	if (!node || !check_free(vm, "usb", name, error))
		return -1;
	int fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		error_set_errno(error, errno, "cannot open '%s'", node);
	return fd;
}

static char *group_node(int group)
{
	return g_strdup_printf("/dev/vfio/%d", group);
}

static gboolean begin_pci(Vm *vm, json_object *document, const char *key, uid_t uid, Launch *launch, GError **error)
{
	json_object *device = json_get(json_get(document, "pci"), key);
	const char *name = json_get_str(device, "mapping", "");
	int group = -1;
	if (!check_pci(vm->services, document, key, &group, error) || !check_free(vm, "pci", name, error))
		return FALSE;
	json_auto json_object *mapping = mappings_get(vm->services, name, "pci", key, error);
	const char *address = json_get_str(mapping, "address", "");
	if (!mapping || !pci_take(vm->services->sysfs, address, error))
		return FALSE;
	g_autofree char *node = group_node(group), *dir = g_build_filename(vm->services->sysfs, "bus/pci/devices", address, NULL);
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

void passthrough_end(Vm *vm, json_object *hardware)
{
	json_object *pci = json_get(hardware, "pci");
	if (!pci)
		return;
	json_object_object_foreach (pci, key, device) {
		g_autoptr(GError) error = NULL;
		int group = -1;
		json_auto json_object *mapping =
			mappings_get(vm->services, json_get_str(device, "mapping", ""), "pci", key, &error);
		if (mapping && pci_check(vm->services->sysfs, mapping, NULL, &group, NULL)) {
			g_autofree char *node = group_node(group);
			if (chown(node, 0, (gid_t)-1) < 0)
				g_warning("cannot take '%s' back: %s", node, g_strerror(errno));
		}
		if (!mapping || !pci_release(vm->services->sysfs, json_get_str(mapping, "address", ""), &error))
			g_warning("the host does not have the PCI device %s of VM %" G_GINT64_FORMAT " back: %s", key, vm->id,
				  error->message);
	}
}
