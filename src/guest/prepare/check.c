/* Checking a document that is complete. */
#include "base/error.h"
#include "base/json.h"
#include "base/units.h"
#include "guest/devices/firmware.h"
#include "guest/devices/passthrough.h"
#include "guest/devices/share.h"
#include "guest/guests.h"
#include "guest/handed/cloudbase-init.h"
#include "guest/prepare/prepare.h"
#include "guest/resources/memory.h"
#include "guest/resources/placement.h"
#include "net/tap.h"
#include "qemu/command.h"

/* That it is not there is a mistake of the document; other reasons are the storage's own. */
static gboolean check_storage(Services *services, const char *key, json_object *disk, GError **error)
{
	g_autofree char *field = g_strdup_printf("disks.%s.storage", key);
	g_autoptr(GError) local = NULL;
	if (storage_check(&services->storage, json_get_str(disk, "storage", ""), &local))
		return TRUE;
	ErrorCode code = error_code(local);
	return error_refuse(error, code == ERROR_NOT_FOUND ? ERROR_INVALID : code, field, error_hint(local), "%s: %s",
			    field, local->message);
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
			return error_refuse(error, ERROR_INVALID, field, "leave the serial out to get a new one",
					    "%s.serial is that of another disk of this guest", field);
		if (json_get(disk, "volume") &&
		    !g_hash_table_add(volumes, g_strjoin("/", json_get_str(disk, "storage", ""),
							 json_get_str(disk, "volume", ""), NULL)))
			return error_refuse(error, ERROR_INVALID, field,
					    "only a detached volume of the same guest can be attached",
					    "%s.volume is that of another disk of this guest", field);
		if (json_get(disk, "wwn") && g_str_equal(json_get_str(disk, "bus", ""), "virtio-blk"))
			return error_refuse(error, ERROR_INVALID, field, "use another bus, or give a serial alone",
					    "%s.wwn: QEMU's virtio-blk has no world wide name", field);
		if (size < old_size) {
			g_autofree char *text = units_format_size((guint64)old_size);
			return error_refuse(error, ERROR_INVALID, field,
					    "make a smaller disk, copy inside the guest, remove this one",
					    "%s.size cannot shrink below %s: what is past the end would be lost", field,
					    text);
		}
		if (old)
			continue;
		if (!check_storage(services, key, disk, error))
			return FALSE;
		if (!json_get(disk, "volume"))
			continue;
		json_auto json_object *volume = prepare_find_volume(services, key, disk, error);
		if (!volume)
			return FALSE;
		if (!present || json_get_int(volume, "vm", 0) != json_get_int(document, "id", -1))
			return error_refuse(error, ERROR_INVALID, field,
					    "only a detached volume of the same guest can be attached",
					    "%s.volume belongs to another guest", field);
		gboolean deleting = json_get_bool(volume, "deleting", FALSE);
		if (deleting || !g_str_equal(json_get_str(volume, "role", ""), "disk"))
			return error_refuse(error, ERROR_INVALID, field,
					    "'yado storage volumes NAME' shows what there is", "%s.volume %s", field,
					    deleting ? "is being deleted"
						     : "is no disk: it belongs to the guest's firmware or TPM");
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
		json_auto json_object *image = prepare_find_image(services, name, "iso", NULL, field, error);
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
			return error_refuse(error, ERROR_INVALID, mac_field, "leave it out to get a new one",
					    "%s is that of another card of this guest", mac_field);
		if (old && json_equal(old, nic))
			continue;
		if (g_str_equal(mode, "bridge") && !bridge)
			return error_refuse(error, ERROR_INVALID, field, "name a bridge of the node", "%s is missing",
					    field);
		if (g_str_equal(mode, "user") && bridge)
			return error_refuse(error, ERROR_INVALID, field, "use mode=bridge",
					    "%s has no meaning in mode 'user'", field);
		if (bridge && !tap_bridge_exists(bridge))
			return error_refuse(error, ERROR_INVALID, field,
					    "create it (ip link add NAME type bridge; ip link set NAME up) or choose "
					    "another",
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
				return error_refuse(error, ERROR_INVALID, field,
						    "use sata or virtio-scsi, or firmware 'bios'",
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
	if (!g_str_has_prefix(machine, "pc-q35-"))
		return error_refuse(error, ERROR_INVALID, "machine", "use a version such as pc-q35-7.2",
				    "machine: '%s' is no version of q35, and Yado makes no other machines", machine);
	g_autofree char *list = g_strjoinv(", ", services->host->machines);
	g_autofree char *hint =
		g_strdup_printf("it has %s; 'yado vm upgrade-hardware' gives a guest another one", list);
	return error_refuse(error, ERROR_INVALID, "machine", hint, "machine '%s' is not known to this node's QEMU",
			    machine);
}

gboolean prepare_check(Services *services, json_object *present, json_object *document, GError **error)
{
	gboolean other_machine = !json_equal(json_get(present, "machine"), json_get(document, "machine"));
	const char *name = json_get_str(document, "name", "");

	if (!memory_check("", document, error))
		return FALSE;
	/* One that QEMU no longer has keeps nobody from changing the rest. */
	if (other_machine && !prepare_check_machine(services, document, error))
		return FALSE;
	g_autoptr(Vm) other = guests_find(services->guests, name, NULL);
	if (other && other->id != json_get_int(document, "id", 0))
		return error_refuse(error, ERROR_EXISTS, "name", "choose another name",
				    "there is a VM named '%s' already (%" G_GINT64_FORMAT ")", name, other->id);
	if (!firmware_check(present, document, error) || !prepare_check_devices(services, present, document, error) ||
	    !prepare_check_cloud_init(document, error) || !cloudbase_check(present, document, error) ||
	    !placement_check(services, present, document, error) ||
	    !check_ide(document, error) || !check_disks(services, present, document, error) ||
	    !check_cdroms(services, present, document, error) ||
	    !check_nics(services, present, document, error) || !passthrough_check(services, present, document, error) ||
	    !share_check(services, present, document, error))
		return FALSE;
	g_autoptr(QemuCommand) command = qemu_command_build(document, services->host->kvm, "", error);
	return command != NULL;
}
