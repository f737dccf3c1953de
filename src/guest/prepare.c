/* Completing and checking a guest's document. */
#include "guest/prepare.h"

#include <openssl/rand.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/units.h"
#include "guest/firmware.h"
#include "guest/guests.h"
#include "guest/passthrough.h"
#include "guest/share.h"
#include "guest/memory.h"
#include "guest/placement.h"
#include "guest/unique.h"
#include "guest/vm.h"
#include "net/tap.h"
#include "preset/preset.h"
#include "qemu/command.h"
#include "schema/schema.h"

#define MIB (1024 * 1024)
enum { DISK_SECTOR = 512 };
static const gint64 disk_size_default = 8LL * 1024 * MIB;

static char *random_hex(guint bytes)
{
	guint8 data[16];
	GString *text = g_string_new(NULL);
	RAND_bytes(data, (int)bytes);
	for (guint i = 0; i < bytes; i++)
		g_string_append_printf(text, "%02x", data[i]);
	return g_string_free(text, FALSE);
}

char *prepare_random_serial(void)
{
	return random_hex(8);
}

/* One that no guest has: of 16 million, two of some thousands drawn are likely the same. */
char *prepare_random_mac(Services *services)
{
	for (;;) {
		guint8 data[3];
		RAND_bytes(data, sizeof data);
		/* QEMU's and KVM's customary prefix. */
		g_autofree char *mac = g_strdup_printf("52:54:00:%02x:%02x:%02x", data[0], data[1], data[2]);
		if (!unique_has_mac(guests_unique(services->guests), mac))
			return g_steal_pointer(&mac);
	}
}

static gboolean fail_field(GError **error, const char *field, const char *hint, const char *format, ...)
	G_GNUC_PRINTF(4, 5);
static gboolean fail_field(GError **error, const char *field, const char *hint, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	error_set_field(error, ERROR_INVALID, field, hint, "%s", text);
	return FALSE;
}

/* Finds an image of one of the kinds; the error names the field. */
static json_object *find_image(Services *services, const char *name, const char *kind_a, const char *kind_b,
			       const char *field, GError **error)
{
	g_autoptr(GError) local = NULL;
	json_object *image = image_get(&services->image, name, &local);
	if (!image) {
		fail_field(error, field, "'yado image list' shows what there is; 'yado image build tiny' makes one",
			   "%s: there is no image '%s'", field, name);
		return NULL;
	}
	const char *kind = json_get_str(image, "kind", "");
	if (g_str_equal(kind, kind_a) || (kind_b && g_str_equal(kind, kind_b)))
		return image;
	fail_field(error, field, g_str_equal(kind, "iso") ? "put it into a CD drive: --cdrom image=NAME" : NULL,
		   "%s: image '%s' is of kind '%s' and cannot be used there", field, name, kind);
	json_object_put(image);
	return NULL;
}

/* The image fills disk0 and the kernel, where the client did not. */
static void apply_image(json_object *image, json_object *input)
{
	const char *name = json_get_str(image, "name", "");
	if (!json_get(input, "disks"))
		json_set(input, "disks", json_object_new_object());
	json_object *disks = json_get(input, "disks");
	if (json_object_is_type(disks, json_type_object)) {
		if (!json_get(disks, "disk0"))
			json_set(disks, "disk0", json_object_new_object());
		json_object *disk = json_get(disks, "disk0");
		if (json_object_is_type(disk, json_type_object) && !json_get(disk, "image"))
			json_set_str(disk, "image", name);
	}
	if (g_str_equal(json_get_str(image, "kind", ""), "system") && !json_get(input, "kernel")) {
		json_set(input, "kernel", json_object_new_object());
		json_set_str(json_get(input, "kernel"), "image", name);
	}
}

/* What its image, the preset of its system and the node's ways give a new guest, where the client gave nothing. */
static gboolean apply_defaults(Services *services, json_object *input, const Asker *asker, json_object *chosen, GError **error)
{
	const char *name = json_get_str(input, "image", NULL);
	json_auto json_object *image = name ? find_image(services, name, "system", "disk", "image", error) : NULL;
	if (name && !image)
		return FALSE;
	if (image)
		apply_image(image, input);
	if (!json_get(input, "nics")) {
		json_object *nics = json_object_new_object();
		json_set(nics, "nic0", json_object_new_object());
		json_set(input, "nics", nics);
	}
	if (!choose_by_system(services, image, asker, input, chosen, error))
		return FALSE;
	gint64 memory = json_get_int(image, "memory", 0);
	if (g_str_equal(json_get_str(input, "firmware", ""), "uefi"))
		memory = MAX(memory, firmware_memory_min(TRUE));
	if (image && !json_get(input, "memory") && memory > 0)
		json_set_int(input, "memory", memory);
	return TRUE;
}

static gboolean complete_kernel(Services *services, json_object *document, GError **error)
{
	json_object *kernel = json_get(document, "kernel");
	if (!kernel || json_get(kernel, "build"))
		return TRUE;
	json_auto json_object *image =
		find_image(services, json_get_str(kernel, "image", ""), "system", NULL, "kernel.image", error);
	if (!image)
		return FALSE;
	json_set_str(kernel, "build", json_get_str(image, "build", ""));
	json_set_str(kernel, "cmdline", json_get_str(image, "append", ""));
	return TRUE;
}

static gboolean complete_disk(Services *services, const char *uuid, const char *key, json_object *disk, GError **error)
{
	g_autofree char *image_field = g_strdup_printf("disks.%s.image", key);
	g_autofree char *size_field = g_strdup_printf("disks.%s.size", key);
	const char *image_name = json_get_str(disk, "image", NULL);
	gint64 size = json_get_int(disk, "size", 0), least = 0;

	if (!json_get(disk, "serial")) {
		g_autofree char *serial = prepare_random_serial();
		json_set_str(disk, "serial", serial);
	}
	if (!json_get(disk, "wwn") && !g_str_equal(json_get_str(disk, "bus", ""), "virtio-blk")) {
		g_autofree char *wwn = qemu_make_wwn(uuid, json_get_str(disk, "serial", ""));
		json_set_str(disk, "wwn", wwn);
	}
	if (image_name && !json_get(disk, "volume")) {
		json_auto json_object *image =
			find_image(services, image_name, "system", "disk", image_field, error);
		if (!image)
			return FALSE;
		least = json_get_int(image, "size", 0);
	}
	if (json_get(disk, "volume")) {
		/* A detached volume is attached again: its size is what it is. */
		json_auto json_object *volume = volume_get(&services->storage, json_get_str(disk, "storage", ""),
							   json_get_str(disk, "volume", ""), error);
		if (!volume) {
			g_prefix_error(error, "disks.%s.volume: ", key);
			return FALSE;
		}
		least = json_get_int(volume, "size", 0);
		json_set_str(disk, "format", json_get_str(volume, "format", "qcow2"));
	}
	if (!size)
		size = least ? least : disk_size_default;
	if (size < least) {
		g_autofree char *text = units_format_size((guint64)least);
		return fail_field(error, size_field, NULL, "%s must be at least that of its source, %s", size_field,
				  text);
	}
	if (size % DISK_SECTOR)
		return fail_field(error, size_field, NULL, "%s must be a multiple of 512 bytes", size_field);
	json_set_int(disk, "size", size);
	return TRUE;
}

static gboolean complete_devices(Services *services, json_object *present, json_object *document, GError **error)
{
	json_object *disks = json_get(document, "disks"), *nics = json_get(document, "nics");
	json_object *old_disks = json_get(present, "disks");
	if (disks) {
		json_object_object_foreach (disks, key, disk)
			if (!json_get(old_disks, key) && !complete_disk(services, json_get_str(document, "uuid", ""), key, disk, error))
				return FALSE;
	}
	if (nics) {
		json_object_object_foreach (nics, nic_key, nic) {
			(void)nic_key;
			if (json_get(nic, "mac"))
				continue;
			g_autofree char *mac = prepare_random_mac(services);
			json_set_str(nic, "mac", mac);
		}
	}
	passthrough_complete(present, document);
	share_complete(document);
	return complete_kernel(services, document, error) && qemu_assign_addresses(document, error);
}

json_object *prepare_create(Services *services, json_object *input, const Asker *asker, json_object *chosen, GError **error)
{
	json_auto json_object *wanted = json_copy(input);
	if (json_object_is_type(wanted, json_type_object) && !apply_defaults(services, wanted, asker, chosen, error))
		return NULL;
	json_auto json_object *document = schema_create(&vm_table, wanted, error);
	if (!document)
		return NULL;
	json_set_str(document, "node", services->node);
	if (!json_get(document, "uuid")) {
		g_autofree char *uuid = g_uuid_string_random();
		json_set_str(document, "uuid", uuid);
	}
	if (!json_get(document, "hostname"))
		json_set_str(document, "hostname", json_get_str(document, "name", ""));
	if (!json_get(document, "machine"))
		json_set_str(document, "machine", services->host->newest_machine);
	/* As elsewhere: who wants virtual machines in the guest says so, and others get a smaller target. */
	if (!json_get(json_get(document, "cpu"), "nested"))
		json_set_bool(json_get(document, "cpu"), "nested", FALSE);
	if (!complete_devices(services, NULL, document, error) || !unique_check(services, NULL, document, error) || !prepare_check(services, NULL, document, error))
		return NULL;
	return json_object_get(document);
}

json_object *prepare_change(Services *services, json_object *present, json_object *patch, GError **error)
{
	json_auto json_object *document = schema_change(&vm_table, present, patch, error);
	if (!document)
		return NULL;
	const char *os = json_get_str(document, "os", NULL);
	if (os && g_strcmp0(os, json_get_str(present, "os", NULL)) && !preset_find(os, error))
		return NULL;
	json_object *kernel = json_get(document, "kernel");
	/* Another image means that image's present build; the same image keeps the build that it had. */
	if (kernel && !g_str_equal(json_get_str(kernel, "image", ""),
				   json_get_str(json_get(present, "kernel"), "image", ""))) {
		json_object_object_del(kernel, "build");
		json_object_object_del(kernel, "cmdline");
	}
	if (!complete_devices(services, present, document, error) ||
	    !unique_check(services, present, document, error) || !prepare_check(services, present, document, error))
		return NULL;
	return json_object_get(document);
}

static gboolean check_disks(Services *services, json_object *present, json_object *document, GError **error)
{
	json_object *disks = json_get(document, "disks"), *old_disks = json_get(present, "disks");
	g_autoptr(GHashTable) serials = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GHashTable) volumes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	json_object_object_foreach (disks, key, disk) {
		g_autofree char *field = g_strdup_printf("disks.%s", key);
		json_object *old = json_get(old_disks, key);
		gint64 size = json_get_int(disk, "size", 0), old_size = json_get_int(old, "size", 0);
		if (!g_hash_table_add(serials, (gpointer)json_get_str(disk, "serial", "")))
			return fail_field(error, field, "leave the serial out to get a new one",
					  "%s.serial is that of another disk of this guest", field);
		if (json_get(disk, "volume") &&
		    !g_hash_table_add(volumes, g_strjoin("/", json_get_str(disk, "storage", ""),
							 json_get_str(disk, "volume", ""), NULL)))
			return fail_field(error, field, "only a detached volume of the same guest can be attached",
					  "%s.volume is that of another disk of this guest", field);
		if (json_get(disk, "wwn") && g_str_equal(json_get_str(disk, "bus", ""), "virtio-blk"))
			return fail_field(error, field, "use another bus, or give a serial alone",
					  "%s.wwn: QEMU's virtio-blk has no world wide name", field);
		if (size < old_size) {
			g_autofree char *text = units_format_size((guint64)old_size);
			return fail_field(error, field, "make a smaller disk, copy inside the guest, remove this one",
					  "%s.size cannot shrink below %s: what is past the end would be lost", field,
					  text);
		}
		if (old)
			continue;
		if (!storage_check(&services->storage, json_get_str(disk, "storage", ""), error)) {
			g_prefix_error(error, "%s.storage: ", field);
			return FALSE;
		}
		if (!json_get(disk, "volume"))
			continue;
		json_auto json_object *volume = volume_get(&services->storage, json_get_str(disk, "storage", ""),
							   json_get_str(disk, "volume", ""), error);
		if (!volume)
			return FALSE;
		if (!present || json_get_int(volume, "vm", 0) != json_get_int(document, "id", -1))
			return fail_field(error, field, "only a detached volume of the same guest can be attached",
					  "%s.volume belongs to another guest", field);
		gboolean deleting = json_get_bool(volume, "deleting", FALSE);
		if (deleting || !g_str_equal(json_get_str(volume, "role", ""), "disk"))
			return fail_field(error, field, "'yado storage volumes' shows what there is", "%s.volume %s", field,
					  deleting ? "is being deleted" : "is no disk: it belongs to the guest's firmware or TPM");
	}
	return TRUE;
}

static gboolean check_cdroms(Services *services, json_object *present, json_object *document, GError **error)
{
	json_object *cdroms = json_get(document, "cdroms"), *old_cdroms = json_get(present, "cdroms");
	json_object_object_foreach (cdroms, key, cdrom) {
		const char *name = json_get_str(cdrom, "image", NULL);
		const char *old = json_get_str(json_get(old_cdroms, key), "image", NULL);
		g_autofree char *field = g_strdup_printf("cdroms.%s.image", key);
		if (!name || g_strcmp0(name, old) == 0)
			continue;
		json_auto json_object *image = find_image(services, name, "iso", NULL, field, error);
		if (!image)
			return FALSE;
	}
	return TRUE;
}

static gboolean check_nics(Services *services, json_object *present, json_object *document, GError **error)
{
	json_object *nics = json_get(document, "nics"), *old_nics = json_get(present, "nics");
	g_autoptr(GHashTable) macs = g_hash_table_new(g_str_hash, g_str_equal);
	json_object_object_foreach (nics, key, nic) {
		json_object *old = json_get(old_nics, key);
		const char *mode = json_get_str(nic, "mode", "user"), *bridge = json_get_str(nic, "bridge", NULL);
		const char *mac = json_get_str(nic, "mac", "");
		g_autofree char *field = g_strdup_printf("nics.%s.bridge", key);
		g_autofree char *mac_field = g_strdup_printf("nics.%s.mac", key);
		if (!g_hash_table_add(macs, (gpointer)mac))
			return fail_field(error, mac_field, "leave it out to get a new one",
					  "%s is that of another card of this guest", mac_field);
		if (old && json_equal(old, nic))
			continue;
		if (g_str_equal(mode, "bridge") && !bridge)
			return fail_field(error, field, "name a bridge of the node", "%s is missing", field);
		if (g_str_equal(mode, "user") && bridge)
			return fail_field(error, field, "use mode=bridge", "%s has no meaning in mode 'user'", field);
		if (bridge && !tap_bridge_exists(bridge))
			return fail_field(error, field,
					  "create it (ip link add NAME type bridge; ip link set NAME up) or choose another",
					  "%s: bridge '%s' does not exist on node %s", field, bridge, services->node);
	}
	return TRUE;
}

/* OVMF leaves the ports of a PIIX IDE controller switched off on q35, and guests then take it for absent; SeaBIOS
 * switches them on. */
static gboolean check_ide(json_object *document, GError **error)
{
	static const char *const parts[] = {"disks", "cdroms"};
	if (g_str_equal(json_get_str(document, "firmware", ""), "bios"))
		return TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		json_object *devices = json_get(document, parts[i]);
		json_object_object_foreach (devices, key, device) {
			g_autofree char *field = g_strdup_printf("%s.%s.bus", parts[i], key);
			if (g_str_equal(json_get_str(device, "bus", ""), "ide"))
				return fail_field(error, field, "use sata or virtio-scsi, or firmware 'bios'",
						  "%s: IDE works with firmware 'bios' only", field);
		}
	}
	return TRUE;
}

gboolean prepare_check_machine(Services *services, json_object *document, GError **error)
{
	const char *machine = json_get_str(document, "machine", "");
	if (qemu_host_has_machine(services->host, machine))
		return TRUE;
	g_autofree char *list = g_strjoinv(", ", services->host->machines);
	g_autofree char *hint = g_strdup_printf("it has %s; 'yado vm upgrade-hardware' gives a guest another one", list);
	return fail_field(error, "machine", hint, "machine '%s' is not known to this node's QEMU", machine);
}

gboolean prepare_check(Services *services, json_object *present, json_object *document, GError **error)
{
	gboolean other_machine = !json_equal(json_get(present, "machine"), json_get(document, "machine"));
	const char *name = json_get_str(document, "name", "");

	if (!memory_check(document, error))
		return FALSE;
	/* One that QEMU no longer has keeps nobody from changing the rest. */
	if (other_machine && !prepare_check_machine(services, document, error))
		return FALSE;
	g_autoptr(Vm) other = guests_find(services->guests, name, NULL);
	if (other && other->id != json_get_int(document, "id", 0)) {
		error_set_field(error, ERROR_EXISTS, "name", "choose another name", "there is a VM named '%s' already (%"
				G_GINT64_FORMAT ")", name, other->id);
		return FALSE;
	}
	if (!firmware_check(present, document, error) || !prepare_check_devices(services, present, document, error) ||
	    !prepare_check_handed(document, error) ||
	    !placement_check(services, json_get(present, "cpu"), json_get(document, "cpu"), error) ||
	    !check_ide(document, error) || !check_disks(services, present, document, error) || !check_cdroms(services, present, document, error) ||
	    !check_nics(services, present, document, error) || !passthrough_check(services, present, document, error) ||
	    !share_check(services, present, document, error))
		return FALSE;
	g_autoptr(QemuCommand) command = qemu_command_build(document, services->host->kvm, "", error);
	return command != NULL;
}

static char *free_volume_name(Services *services, const char *storage, gint64 id, const char *key)
{
	char *name = g_strdup_printf("vm-%" G_GINT64_FORMAT "-%s", id, key);
	for (guint number = 2;; number++) {
		json_auto json_object *taken = volume_get(&services->storage, storage, name, NULL);
		if (!taken)
			return name;
		g_free(name);
		name = g_strdup_printf("vm-%" G_GINT64_FORMAT "-%s.%u", id, key, number);
	}
}

void prepare_name_volumes(Services *services, json_object *document, gint64 id)
{
	json_object *disks = json_get(document, "disks");
	json_object_object_foreach (disks, key, disk) {
		if (json_get(disk, "volume"))
			continue;
		g_autofree char *name = free_volume_name(services, json_get_str(disk, "storage", ""), id, key);
		json_set_str(disk, "volume", name);
	}
}
