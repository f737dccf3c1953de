/* The PCI and USB devices of the host, as the kernel shows them in sysfs, and the mappings that name them.
 *
 * `sysfs` is where that is mounted ("/sys"; a tree made up in tests). A device is an object with the members of the
 * table `device`. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* Arrays; empty where the host has no such bus. New references. */
json_object *pci_list(const char *sysfs);
json_object *usb_list(const char *sysfs); /* without hubs */

/* That the host has nothing mounted from a disk that is, or is behind, the device (a PCI address or a USB port). */
gboolean host_disk_check(const char *sysfs, const char *device, GError **error);

/* Whether the host has an IOMMU that is switched on: without one a device could write into all of the host's memory. */
gboolean pci_check_iommu(const char *sysfs, GError **error);
/* That the device of a mapping is there, is the one that was meant, and that all of its IOMMU group may go to a guest:
 * `mine` (NULL-terminated, may be NULL) are addresses that go to the same one. *ret_group may be NULL. */
gboolean pci_check(const char *sysfs, json_object *mapping, const char *const *mine, int *ret_group, GError **error);
/* Whether it is bound to vfio-pci already. */
gboolean pci_is_free(const char *sysfs, const char *address);
/* The node of an IOMMU group; caller frees. */
char *pci_group_node(int group);
/* Takes the device away from its driver and gives it to vfio-pci; pci_release() has the host's drivers look at it
 * again. */
gboolean pci_take(const char *sysfs, const char *address, GError **error);
gboolean pci_release(const char *sysfs, const char *address, GError **error);

/* The name ("1-2.3", its port) of a mapping's USB device; caller frees. NULL: it is not there, several are meant, or
 * the host has it mounted. */
char *usb_find(const char *sysfs, json_object *mapping, GError **error);
/* The device node ("/dev/bus/usb/001/004") of what is in the port now; caller frees. */
char *usb_node(const char *sysfs, const char *port);
/* Has the host's drivers look at those of its interfaces that have none. */
gboolean usb_release(const char *sysfs, const char *port, GError **error);

/* A directory of the host, without following a link anywhere in its path. Descriptor (O_PATH) or -1. */
int directory_open(const char *path, GError **error);
/* Or is it; as text, both absolute. */
gboolean directory_is_below(const char *path, const char *dir);

/* Fills in what a client left out (which device is at a PCI address), and checks that the mapping says what its kind
 * needs and nothing else. What is named need not be there. */
gboolean mapping_complete(const char *sysfs, json_object *mapping, GError **error);
/* Whether a guest could be given it now. */
gboolean mapping_check(const char *sysfs, json_object *mapping, GError **error);
/* Whether it is the device that the mapping names. */
gboolean mapping_names(json_object *mapping, json_object *device);
