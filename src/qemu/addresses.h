/* Where devices sit in the guest's hardware: the slots of each bus, and the text form in the document. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

typedef enum QemuBus { QEMU_BUS_PCI, QEMU_BUS_SCSI, QEMU_BUS_SATA, QEMU_BUS_IDE, QEMU_BUS_USB } QemuBus;

typedef struct QemuAddress {
	QemuBus bus;
	guint slot; /* PCI: number of the root port; SCSI: target; SATA and IDE: unit; USB: port, from 1 */
} QemuAddress;

enum { QEMU_PORTS = 16 }; /* root ports, at pcie.0 10.0 to 11.7 */

/* Of a document's "pci:10.3", "scsi:4", "sata:0", "ide:1". FALSE if it is none of these. */
gboolean qemu_address_parse(const char *text, QemuAddress *ret_address);
char *qemu_address_format(QemuAddress address);

/* Keys of a map in the order in which devices are made and addresses given: digits count as numbers ("disk2" before
 * "disk10"). Borrowed strings; free with g_ptr_array_unref(). map may be NULL. */
GPtrArray *qemu_sorted_keys(json_object *map);

/* The address of one device ("disks", "cdroms", "nics", "usb", "pci", "shares"), checked to be on the bus that the
 * device is on. */
gboolean qemu_device_address(json_object *vm, const char *map, const char *key, QemuAddress *ret_address,
			     GError **error);
/* The same of an object that is a drive itself: "cloud_init", "answers". */
gboolean qemu_drive_address(json_object *vm, const char *name, QemuAddress *ret_address, GError **error);
/* That each device has an address of its own. */
gboolean qemu_check_addresses(json_object *vm, GError **error);
