/* USB devices, and what a guest is given of its host: PCI devices. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

enum {
	QEMU_USB_PORTS = 4,      /* of a controller whose document does not say */
	QEMU_USB_PORTS_MAX = 15, /* qemu-xhci's */
	QEMU_USB_TABLET = 1,     /* the port of the tablet that comes with a display */
};

/* Whether the machine has a USB controller: with a graphics card, or for the USB devices that the guest has or had. */
gboolean qemu_has_usb(json_object *vm);
guint qemu_usb_ports(json_object *vm);
json_object *qemu_usb_controller(json_object *vm);
/* device_add: an emulated device, or (fdset >= 0) the host's that is behind that descriptor set. */
json_object *qemu_usb_device(json_object *vm, const char *key, int fdset);
/* Whether the entry is a device of the host. */
gboolean qemu_usb_is_mapped(json_object *vm, const char *key);
/* The entry's member `host` is the address on the host: guest/devices/passthrough.c fills it in, no stored document has
 * it. */
json_object *qemu_pci_device(json_object *vm, const char *key);
/* chardev-add: a connected socket, handed over by "getfd" under the name that is also the chardev's. */
json_object *qemu_share_chardev(const char *fdname);
/* A directory of the host; its chardev is "share-KEY". */
json_object *qemu_share_device(json_object *vm, const char *key);
