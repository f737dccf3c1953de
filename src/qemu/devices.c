/* Disks, CD drives and network cards as QEMU's JSON arguments: the same objects serve -blockdev, -device and -netdev
 * and their QMP commands, so that a plugged device is the one that the next start makes.
 *
 * Names: device ids are "disk-KEY", "cdrom-KEY", "nic-KEY"; block nodes are "d-KEY" over "f-KEY" for disks and
 * "c-KEY" over "m-KEY" for media (see qemu_node_name()); netdevs are "net-KEY". */
#include "qemu/devices.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "qemu/addresses.h"
#include "qemu/command.h"

enum { NODE_NAME_MAX = 31, NODE_KEY_HEAD = 12 }; /* 31: QEMU's limit of a node name */

char *qemu_node_name(char kind, const char *key)
{
	if (strlen(key) + 2 <= NODE_NAME_MAX)
		return g_strdup_printf("%c-%s", kind, key);
	/* Keys have no capital letters, so no other key's name looks like this one. */
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, key, -1);
	g_autofree char *upper = g_ascii_strup(sum, 16);
	return g_strdup_printf("%c-%.*sH%s", kind, NODE_KEY_HEAD, key, upper);
}

static char *prefixed(const char *prefix, const char *key)
{
	return g_strconcat(prefix, key, NULL);
}

static void set_prefixed(json_object *json, const char *member, const char *prefix, const char *key)
{
	g_autofree char *value = prefixed(prefix, key);
	json_set_str(json, member, value);
}

static json_object *device_of(json_object *vm, const char *map, const char *key)
{
	return json_get(json_get(vm, map), key);
}

json_object *qemu_file_blockdev(const char *format, const char *node, const char *file_node, int fdset,
				gboolean read_only)
{
	json_object *json = json_object_new_object(), *file = json_object_new_object();
	g_autofree char *path = g_strdup_printf("/dev/fdset/%d", fdset);

	json_set_str(file, "driver", "file");
	json_set_str(file, "node-name", file_node);
	json_set_str(file, "filename", path);
	json_set_str(file, "aio", "threads");
	json_set_bool(file, "read-only", read_only);
	json_set_str(json, "driver", format);
	json_set_str(json, "node-name", node);
	json_set_bool(json, "read-only", read_only);
	json_set(json, "file", file);
	return json;
}

json_object *qemu_disk_blockdev(json_object *vm, const char *key, int fdset)
{
	json_object *disk = device_of(vm, "disks", key);
	const char *format = json_get_str(disk, "format", "qcow2");
	const char *discard = json_get_bool(disk, "discard", TRUE) ? "unmap" : "ignore";
	gboolean direct = g_str_equal(json_get_str(disk, "cache", "none"), "none");
	g_autofree char *node = qemu_node_name('d', key), *file_node = qemu_node_name('f', key);

	json_object *json = qemu_file_blockdev(format, node, file_node, fdset, FALSE);
	/* The chain is what the store says, never what the image's header says. */
	if (g_str_equal(format, "qcow2"))
		json_set(json, "backing", NULL);
	json_object *layers[] = {json, json_get(json, "file")};
	for (guint i = 0; i < G_N_ELEMENTS(layers); i++) {
		json_object *cache = json_object_new_object();
		json_set_bool(cache, "direct", direct);
		json_set_bool(cache, "no-flush", FALSE);
		json_set(layers[i], "cache", cache);
		json_set_str(layers[i], "discard", discard);
	}
	return json;
}

json_object *qemu_cdrom_blockdev(json_object *vm, const char *key, int fdset)
{
	g_autofree char *node = qemu_node_name('c', key), *file_node = qemu_node_name('m', key);
	(void)vm;
	return qemu_file_blockdev("raw", node, file_node, fdset, TRUE);
}

int qemu_boot_index(json_object *vm, const char *map, const char *key)
{
	json_object *boot = json_get(vm, "boot");
	gsize named = json_object_is_type(boot, json_type_array) ? json_object_array_length(boot) : 0;
	for (gsize i = 0; i < named; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(boot, i));
		/* A name that is both a disk and a CD drive stands for the disk. */
		if (g_strcmp0(name, key) == 0 &&
		    (g_str_equal(map, "disks") ||
		     (!device_of(vm, "disks", key) &&
		      (g_str_equal(map, "cdroms") || !device_of(vm, "cdroms", key)))))
			return (int)i + 1;
	}
	if (named > 0 || g_str_equal(map, "nics"))
		return 0;
	int before = 0;
	const char *const order[] = {"disks", "cdroms"};
	for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
		g_autoptr(GPtrArray) keys = qemu_sorted_keys(json_get(vm, order[i]));
		for (guint j = 0; j < keys->len; j++) {
			before++;
			if (g_str_equal(order[i], map) && g_str_equal(keys->pdata[j], key))
				return before;
		}
	}
	return 0;
}

static void set_boot_index(json_object *json, json_object *vm, const char *map, const char *key)
{
	int index = qemu_boot_index(vm, map, key);
	if (index > 0)
		json_set_int(json, "bootindex", index);
}

/* Puts a device to its place. hd or cd: the end of the driver's name. */
static void set_drive_place(json_object *json, QemuAddress address, const char *kind)
{
	const char *family = address.bus == QEMU_BUS_SCSI ? "scsi" : "ide";
	g_autofree char *driver = g_strdup_printf("%s-%s", family, kind);
	g_autofree char *bus = NULL;

	json_set_str(json, "driver", address.bus == QEMU_BUS_PCI ? "virtio-blk-pci" : driver);
	switch (address.bus) {
	case QEMU_BUS_PCI:
		bus = g_strdup_printf("port%u", address.slot);
		break;
	case QEMU_BUS_SCSI:
		bus = g_strdup("scsi.0");
		json_set_int(json, "channel", 0);
		json_set_int(json, "scsi-id", address.slot);
		json_set_int(json, "lun", 0);
		break;
	case QEMU_BUS_SATA:
		/* q35's own AHCI controller. */
		bus = g_strdup_printf("ide.%u", address.slot);
		break;
	case QEMU_BUS_IDE:
		bus = g_strdup_printf("pata.%u", address.slot / 2);
		json_set_int(json, "unit", address.slot % 2);
		break;
	case QEMU_BUS_USB:
		break; /* no drive is there */
	}
	json_set_str(json, "bus", bus);
}

char *qemu_make_wwn(const char *uuid, const char *serial)
{
	g_autofree char *text = g_strdup_printf("%s/%s", uuid, serial);
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
	return g_strdup_printf("5%.15s", sum);
}

static void set_wwn(json_object *json, const char *wwn)
{
	json_set_int(json, "wwn", (gint64)g_ascii_strtoull(wwn, NULL, 16));
}

json_object *qemu_disk_device(json_object *vm, const char *key)
{
	json_object *disk = device_of(vm, "disks", key), *json = json_object_new_object();
	const char *serial = json_get_str(disk, "serial", "");
	gboolean through = g_str_equal(json_get_str(disk, "cache", "none"), "writethrough");
	g_autofree char *node = qemu_node_name('d', key);
	QemuAddress address = {0};

	qemu_device_address(vm, "disks", key, &address, NULL);
	set_drive_place(json, address, "hd");
	set_prefixed(json, "id", "disk-", key);
	json_set_str(json, "drive", node);
	json_set_str(json, "serial", serial);
	if (address.bus == QEMU_BUS_SCSI) {
		json_set_str(json, "device_id", serial);
		/* Disks from before the field had the one that follows from guest and serial, on this bus alone. */
		g_autofree char *made = qemu_make_wwn(json_get_str(vm, "uuid", ""), serial);
		set_wwn(json, json_get_str(disk, "wwn", made));
	} else if (address.bus != QEMU_BUS_PCI && json_get(disk, "wwn")) {
		set_wwn(json, json_get_str(disk, "wwn", ""));
	}
	json_set_str(json, "write-cache", through ? "off" : "on");
	/* A request that the storage refuses stops the guest, and is tried again when it goes on
	 * (guest/run/question.c). */
	json_set_str(json, "werror", "stop");
	json_set_str(json, "rerror", "stop");
	set_boot_index(json, vm, "disks", key);
	return json;
}

json_object *qemu_cdrom_device(json_object *vm, const char *key)
{
	json_object *json = json_object_new_object();
	QemuAddress address = {0};

	qemu_device_address(vm, "cdroms", key, &address, NULL);
	set_drive_place(json, address, "cd");
	set_prefixed(json, "id", "cdrom-", key);
	if (json_get_str(device_of(vm, "cdroms", key), "image", NULL)) {
		g_autofree char *node = qemu_node_name('c', key);
		json_set_str(json, "drive", node);
	}
	/* Without one QEMU counts up: the serial would change when another drive is removed. */
	g_autofree char *place = qemu_address_format(address);
	g_autofree char *serial = g_strdup_printf("cd-%s", g_strdelimit(place, ":.", '-'));
	json_set_str(json, "serial", serial);
	set_boot_index(json, vm, "cdroms", key);
	return json;
}

json_object *qemu_handed_blockdev(const char *name, int fdset)
{
	g_autofree char *node = prefixed("handed-", name), *file_node = prefixed("handed-file-", name);
	return qemu_file_blockdev("raw", node, file_node, fdset, TRUE);
}

json_object *qemu_handed_device(json_object *vm, const char *name)
{
	json_object *json = json_object_new_object();
	QemuAddress address = {0};

	qemu_drive_address(vm, name, &address, NULL);
	set_drive_place(json, address, "cd");
	set_prefixed(json, "id", "handed-", name);
	set_prefixed(json, "drive", "handed-", name);
	g_autofree char *place = qemu_address_format(address);
	g_autofree char *serial = g_strdup_printf("cd-%s", g_strdelimit(place, ":.", '-'));
	json_set_str(json, "serial", serial);
	return json;
}

json_object *qemu_nic_netdev(json_object *vm, const char *key, const char *fdname)
{
	json_object *nic = device_of(vm, "nics", key), *json = json_object_new_object();

	set_prefixed(json, "id", "net-", key);
	if (g_str_equal(json_get_str(nic, "mode", "user"), "bridge")) {
		json_set_str(json, "type", "tap");
		json_set_str(json, "fd", fdname);
		return json;
	}
	/* A connected socket whose other end is passt. One that is plugged in later comes by its name ("getfd"), which
	 * QEMU 7.2's "stream" looks for in a thread that knows no names: it would say yes, and the card would have no
	 * cable. The older "socket" speaks the same and looks at once. */
	if (!g_ascii_isdigit(*fdname)) {
		json_set_str(json, "type", "socket");
		json_set_str(json, "fd", fdname);
		return json;
	}
	json_object *address = json_object_new_object();
	json_set_str(address, "type", "fd");
	json_set_str(address, "str", fdname);
	json_set_str(json, "type", "stream");
	json_set_bool(json, "server", FALSE);
	json_set(json, "addr", address);
	return json;
}

json_object *qemu_nic_device(json_object *vm, const char *key)
{
	json_object *nic = device_of(vm, "nics", key), *json = json_object_new_object();
	const char *model = json_get_str(nic, "model", "virtio");
	QemuAddress address = {0};

	qemu_device_address(vm, "nics", key, &address, NULL);
	g_autofree char *bus = g_strdup_printf("port%u", address.slot);
	json_set_str(json, "driver", g_str_equal(model, "virtio") ? "virtio-net-pci" : model);
	set_prefixed(json, "id", "nic-", key);
	json_set_str(json, "bus", bus);
	set_prefixed(json, "netdev", "net-", key);
	json_set_str(json, "mac", json_get_str(nic, "mac", ""));
	set_boot_index(json, vm, "nics", key);
	/* The boot ROM costs start time and is needed by those that boot from the network only. */
	if (!json_get(json, "bootindex"))
		json_set_str(json, "romfile", "");
	return json;
}
