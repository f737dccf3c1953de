/* From a VM's document to QEMU's command line. Pure: opens nothing; says what must be opened and under which
 * descriptor number it must be passed. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* fw_cfg's names have 55 characters; the rest is "opt/org.yado/guestinfo/". */
enum { QEMU_GUESTINFO_KEY_MAX = 32 };

typedef struct QemuNeed {
	/* "qmp", "serial" to "serial4", "agent" (listening sockets), "disk:KEY", "cdrom:KEY", "nic:KEY", "usb:KEY",
	 * "share:KEY" (a connected socket), "kernel", "initrd", "firmware-code", "firmware-vars", "vsock", "tpm" (a
	 * connected socket), "guestinfo:KEY", "handed:cloud_init", "handed:answers" */
	char *name;
	int fd;            /* the number that the arguments refer to, from 10 up, in order */
	gboolean writable; /* for files: O_RDWR or O_RDONLY; must match exactly (add-fd checks the access mode) */
} QemuNeed;

typedef struct QemuCommand {
	GPtrArray *argv; /* char*; argv[0] is the program; not NULL-terminated */
	GArray *needs;   /* QemuNeed */
} QemuCommand;
void qemu_command_free(QemuCommand *command);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QemuCommand, qemu_command_free)

/* vm: a complete document (all addresses assigned). kvm: whether to use KVM. kernel_append: the image's command line
 * (NULL without direct kernel); the document's kernel.append follows it. ERROR_INVALID for a document that cannot be
 * expressed. The VM starts stopped (-S). */
QemuCommand *qemu_command_build(json_object *vm, gboolean kvm, const char *kernel_append, GError **error);

/* Whether the guest has that drive, "cloud_init" or "answers". */
gboolean qemu_has_handed(json_object *vm, const char *name);

/* Parts that hot-plug uses too; each gives the QMP arguments that lead to what qemu_command_build would have made. */
json_object *qemu_disk_blockdev(json_object *vm, const char *key, int fdset); /* blockdev-add */
json_object *qemu_disk_device(json_object *vm, const char *key);              /* device_add */
/* netdev_add; fdname: of "getfd", or a number */
json_object *qemu_nic_netdev(json_object *vm, const char *key, const char *fdname);
json_object *qemu_nic_device(json_object *vm, const char *key);
json_object *qemu_cdrom_blockdev(json_object *vm, const char *key, int fdset);

/* The name of a block node: kind 'd' a disk and 'f' its file, 'c' a CD drive's medium and 'm' its file. At most 31
 * characters: "d-KEY", or for a long key its beginning and a hash. Caller frees. */
char *qemu_node_name(char kind, const char *key);

/* A world wide name that follows from a guest's UUID and a disk's serial: 16 hexadecimal digits, NAA type 5, as of a
 * disk from a factory. Caller frees. */
char *qemu_make_wwn(const char *uuid, const char *serial);

/* Fills the guest-visible fields that are missing: address of each disk, cdrom and nic. Keeps those that are there; a
 * freed address is used again only by a new device. Errors name the field when a bus is full. */
gboolean qemu_assign_addresses(json_object *vm, GError **error);
