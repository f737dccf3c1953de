/* What a guest's document takes from the node: storages, images, networks, mappings, and tags that decide who may use it.
 *
 * It is asked twice: of what the client wrote, before anything is looked up, so that a name of something that may not be
 * seen is answered alike whether it exists or not; and of the document that comes of it, with all that was filled in. */
#include "api/permit.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

/* A client's value may be of any type. */
static json_object *get_map(json_object *document, const char *name)
{
	json_object *map = json_get(document, name);
	return json_object_is_type(map, json_type_object) ? map : NULL;
}

static gboolean check_image(const Call *call, json_object *old, json_object *part, GError **error)
{
	const char *image = json_get_str(part, "image", NULL);
	return !image || g_strcmp0(image, json_get_str(old, "image", NULL)) == 0 ||
	       permit_ask_named(call, PRIVILEGE_IMAGE_READ, "/images", image, error);
}

static gboolean check_disk(const Call *call, json_object *old, json_object *disk, GError **error)
{
	const char *storage = json_get_str(disk, "storage", NULL);
	gboolean grows = json_get_int(disk, "size", 0) > json_get_int(old, "size", 0);
	if (storage && (grows || g_strcmp0(storage, json_get_str(old, "storage", NULL)) != 0 || !old) &&
	    !permit_ask_named(call, PRIVILEGE_STORAGE_USE, "/storages", storage, error))
		return FALSE;
	return check_image(call, old, disk, error);
}

/* NULL: it is on none. User-mode networking reaches whatever the host reaches, so it is asked for like a bridge. */
static const char *network_of(json_object *nic)
{
	return g_str_equal(json_get_str(nic, "mode", "user"), "user") ? "user" : json_get_str(nic, "bridge", NULL);
}

static gboolean check_nic(const Call *call, json_object *old, json_object *nic, GError **error)
{
	const char *network = network_of(nic);
	return !network || (old && g_strcmp0(network, network_of(old)) == 0) ||
	       permit_ask_named(call, PRIVILEGE_NETWORK_USE, "/networks", network, error);
}

static gboolean check_mapping(const Call *call, json_object *old, json_object *device, GError **error)
{
	const char *mapping = json_get_str(device, "mapping", NULL);
	/* A share that was given for reading only is another one for writing. */
	gboolean writes = json_get_bool(old, "read_only", FALSE) && !json_get_bool(device, "read_only", FALSE);
	return !mapping || (!writes && g_strcmp0(mapping, json_get_str(old, "mapping", NULL)) == 0) ||
	       permit_ask_named(call, PRIVILEGE_MAPPING_USE, "/mappings", mapping, error);
}

static gboolean check_devices(const Call *call, json_object *present, json_object *wanted, GError **error)
{
	static const struct {
		const char *map;
		gboolean (*check)(const Call *call, json_object *old, json_object *device, GError **error);
	} devices[] = {{"disks", check_disk}, {"cdroms", check_image}, {"nics", check_nic}, {"usb", check_mapping}, {"pci", check_mapping}, {"shares", check_mapping}};
	for (guint i = 0; i < G_N_ELEMENTS(devices); i++) {
		json_object *map = get_map(wanted, devices[i].map), *old_map = get_map(present, devices[i].map);
		if (!map)
			continue;
		json_object_object_foreach(map, key, device) {
			if (!devices[i].check(call, json_get(old_map, key), device, error)) {
				g_prefix_error(error, "%s.%s: ", devices[i].map, key);
				return FALSE;
			}
		}
	}
	return TRUE;
}

/* The tags as text; what is not text is not there. */
static GPtrArray *list_tags(json_object *document)
{
	GPtrArray *tags = g_ptr_array_new();
	json_object *list = json_get(document, "tags");
	for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++) {
		json_object *tag = json_object_array_get_idx(list, i);
		if (json_object_is_type(tag, json_type_string))
			g_ptr_array_add(tags, (gpointer)json_object_get_string(tag));
	}
	g_ptr_array_add(tags, NULL);
	return tags;
}

/* The tags of one that the other does not have. A new guest may get a tag on which its maker may make guests. */
static gboolean check_tags(const Call *call, GPtrArray *some, GPtrArray *others, gboolean fresh, GError **error)
{
	for (guint i = 0; i + 1 < some->len; i++) {
		const char *tag = some->pdata[i];
		g_autofree char *path = g_strconcat("/tags/", tag, NULL);
		if (g_strv_contains((const char *const *)others->pdata, tag) ||
		    !access_tag_is_granted(call->services->access, tag) ||
		    (fresh && rights_allow(call->rights, PRIVILEGE_VM_CREATE, path, NULL)) ||
		    rights_allow(call->rights, PRIVILEGE_ACCESS_MANAGE, "/", NULL))
			continue;
		error_set_field(error, ERROR_FORBIDDEN, "tags", "ask somebody who manages access",
				"you may not put tag '%s' on a guest or take it away (%s on /): it decides who may use the guest",
				tag, privileges[PRIVILEGE_ACCESS_MANAGE].name);
		return FALSE;
	}
	return TRUE;
}

/* The variables of UEFI lie beside the first disk, else on 'local' (guest/create.c). */
static gboolean check_firmware(const Call *call, json_object *wanted, GError **error)
{
	json_object *disks = get_map(wanted, "disks");
	if (!g_str_equal(json_get_str(wanted, "firmware", ""), "uefi") || (disks && json_object_object_length(disks) > 0))
		return TRUE;
	return permit_ask_named(call, PRIVILEGE_STORAGE_USE, "/storages", "local", error);
}

gboolean permit_document(const Call *call, json_object *present, json_object *wanted, GError **error)
{
	if (!json_object_is_type(wanted, json_type_object))
		return TRUE; /* which is refused for another reason */
	g_autoptr(GPtrArray) tags = list_tags(wanted), old_tags = list_tags(present);
	if (!present && (!permit_ask(call, PRIVILEGE_VM_CREATE, "/vms", (const char *const *)tags->pdata, error) ||
			 !check_firmware(call, wanted, error)))
		return FALSE;
	return check_image(call, present, wanted, error) &&
	       check_image(call, json_get(present, "kernel"), json_get(wanted, "kernel"), error) &&
	       check_devices(call, present, wanted, error) && check_tags(call, tags, old_tags, !present, error) &&
	       check_tags(call, old_tags, tags, FALSE, error);
}
