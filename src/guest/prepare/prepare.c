/* Completing a guest's document. */
#include "guest/prepare/prepare.h"

#include <openssl/rand.h>

#include "base/error.h"
#include "base/json.h"
#include "base/units.h"
#include "guest/devices/firmware.h"
#include "guest/devices/passthrough.h"
#include "guest/devices/share.h"
#include "guest/guests.h"
#include "guest/handed/cloudbase-init.h"
#include "guest/unique.h"
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

json_object *prepare_find_image(Services *services, const char *name, const char *kind_a, const char *kind_b,
				const char *field, GError **error)
{
	g_autoptr(GError) local = NULL;
	json_object *image = image_get(&services->image, name, &local);
	if (!image) {
		error_set_field(error, ERROR_INVALID, field,
				"'yado image list' shows what there is; 'yado image build tiny' makes one",
				"%s: there is no image '%s'", field, name);
		return NULL;
	}
	const char *kind = json_get_str(image, "kind", "");
	if (g_str_equal(kind, kind_a) || (kind_b && g_str_equal(kind, kind_b)))
		return image;
	error_set_field(error, ERROR_INVALID, field,
			g_str_equal(kind, "iso") ? "put it into a CD drive: --cdrom image=NAME" : NULL,
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
static gboolean apply_defaults(Services *services, json_object *input, const Asker *asker, json_object *chosen,
			       GError **error)
{
	const char *name = json_get_str(input, "image", NULL);
	json_auto json_object *image =
		name ? prepare_find_image(services, name, "system", "disk", "image", error) : NULL;
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
		prepare_find_image(services, json_get_str(kernel, "image", ""), "system", NULL, "kernel.image", error);
	if (!image)
		return FALSE;
	json_set_str(kernel, "build", json_get_str(image, "build", ""));
	json_set_str(kernel, "cmdline", json_get_str(image, "append", ""));
	return TRUE;
}

static json_object *find_disk_of(json_object *document, json_object *wanted)
{
	json_object *disks = json_get(document, "disks");
	if (!disks)
		return NULL;
	json_object_object_foreach (disks, key, disk) {
		(void)key;
		if (json_equal(json_get(disk, "volume"), json_get(wanted, "volume")) &&
		    json_equal(json_get(disk, "storage"), json_get(wanted, "storage")))
			return disk;
	}
	return NULL;
}

/* A volume that is attached again is the disk that it was: the guest's system knows it by its names. */
static void recall_names(Services *services, json_object *present, json_object *disk)
{
	enum { CHANGES_MAX = 500 };
	g_autofree char *path = g_strdup_printf("vm/%" G_GINT64_FORMAT, json_get_int(present, "id", 0));
	g_autoptr(GPtrArray) history = store_history(services->store, path, 0, CHANGES_MAX, NULL);
	for (guint i = 0; history && i < history->len; i++) {
		const Change *change = history->pdata[i];
		json_object *former = g_str_equal(change->path, path) ? find_disk_of(change->before, disk) : NULL;
		if (!former)
			continue;
		json_set(disk, "serial", json_copy(json_get(former, "serial")));
		if (!json_get(disk, "wwn") && json_get(former, "wwn") &&
		    !g_str_equal(json_get_str(disk, "bus", ""), "virtio-blk"))
			json_set(disk, "wwn", json_copy(json_get(former, "wwn")));
		return;
	}
}

json_object *prepare_find_volume(Services *services, const char *key, json_object *disk, GError **error)
{
	g_autofree char *field = g_strdup_printf("disks.%s.volume", key);
	const char *storage = json_get_str(disk, "storage", "");
	g_autoptr(GError) local = NULL;
	json_object *volume = volume_get(&services->storage, storage, json_get_str(disk, "volume", ""), &local);
	if (volume)
		return volume;
	g_autofree char *hint = g_strdup_printf("'yado storage volumes %s' shows what there is", storage);
	error_set_field(error, ERROR_INVALID, field, hint, "%s: %s", field, local->message);
	return NULL;
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
			prepare_find_image(services, image_name, "system", "disk", image_field, error);
		if (!image)
			return FALSE;
		least = json_get_int(image, "size", 0);
	}
	if (json_get(disk, "volume")) {
		/* A detached volume is attached again: its size is what it is. */
		json_auto json_object *volume = prepare_find_volume(services, key, disk, error);
		if (!volume)
			return FALSE;
		least = json_get_int(volume, "size", 0);
		json_set_str(disk, "format", json_get_str(volume, "format", "qcow2"));
	}
	if (!size)
		size = least ? least : disk_size_default;
	if (size < least) {
		g_autofree char *text = units_format_size((guint64)least);
		return error_refuse(error, ERROR_INVALID, size_field, NULL,
				    "%s must be at least that of its source, %s", size_field, text);
	}
	if (size % DISK_SECTOR)
		return error_refuse(error, ERROR_INVALID, size_field, NULL, "%s must be a multiple of 512 bytes",
				    size_field);
	json_set_int(disk, "size", size);
	return TRUE;
}

static gboolean complete_devices(Services *services, json_object *present, json_object *document, GError **error)
{
	json_object *disks = json_get(document, "disks"), *nics = json_get(document, "nics");
	json_object *old_disks = json_get(present, "disks");
	if (disks) {
		json_object_object_foreach (disks, key, disk)
			if (!json_get(old_disks, key)) {
				if (present && json_get(disk, "volume") && !json_get(disk, "serial"))
					recall_names(services, present, disk);
				if (!complete_disk(services, json_get_str(document, "uuid", ""), key, disk, error))
					return FALSE;
			}
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

/* A guest with one of these has none, by SMBIOS (DSP0134, 7.2.1). */
static gboolean check_new_uuid(json_object *document, GError **error)
{
	static const char *const none[] = {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"};
	const char *uuid = json_get_str(document, "uuid", "");
	for (guint i = 0; i < G_N_ELEMENTS(none); i++)
		if (g_ascii_strcasecmp(uuid, none[i]) == 0)
			return error_refuse(error, ERROR_INVALID, "uuid", "leave it out to get a new one",
					    "uuid: %s means that the guest has none", uuid);
	return TRUE;
}

json_object *prepare_create(Services *services, json_object *input, const Asker *asker, json_object *chosen,
			    GError **error)
{
	json_auto json_object *wanted = json_copy(input);
	if (json_object_is_type(wanted, json_type_object) && !apply_defaults(services, wanted, asker, chosen, error))
		return NULL;
	json_auto json_object *document = schema_create(&vm_table, wanted, error);
	if (!document)
		return NULL;
	json_set_str(document, "node", services->node);
	if (!check_new_uuid(document, error))
		return NULL;
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
	/* Nobody is there to wake it, and what wakes is often not what slept. */
	if (!json_get(document, "sleep"))
		json_set_bool(document, "sleep", FALSE);
	if (!complete_devices(services, NULL, document, error) || !unique_check(services, NULL, document, error) ||
	    !prepare_check(services, NULL, document, error))
		return NULL;
	return json_object_get(document);
}

json_object *prepare_change(Services *services, json_object *present, json_object *patch, GError **error)
{
	json_auto json_object *whole = json_copy(patch);
	const char *why, *why_ja;
	cloudbase_choose_bus(json_get_str(patch, "os", json_get_str(present, "os", NULL)), present, whole, &why,
			     &why_ja);
	json_auto json_object *document = schema_change(&vm_table, present, whole, error);
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
