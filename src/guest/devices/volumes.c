/* The volumes of a guest. */
#include "guest/devices/volumes.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/vm.h"

static gboolean create_one(Services *services, Task *task, gint64 vm, const char *key, json_object *disk,
			   GError **error)
{
	const char *image = json_get_str(disk, "image", NULL), *storage = json_get_str(disk, "storage", "");
	VolumeSpec spec = {.storage = storage, .name = json_get_str(disk, "volume", ""),
			   .format = json_get_str(disk, "format", "qcow2"),
			   .size = (guint64)json_get_int(disk, "size", 0), .role = "disk", .vm = vm, .source_fd = -1};
	fd_auto int source = -1;
	json_auto json_object *document = NULL;

	json_auto json_object *existing = volume_get(&services->storage, storage, spec.name, NULL);
	if (existing)
		return TRUE; /* attached again */
	if (image) {
		document = image_get(&services->image, image, error);
		if (!document)
			return FALSE;
		source = image_open(&services->image, image, json_get_str(document, "build", NULL), "disk", error);
		if (source < 0)
			return FALSE;
		spec.source_fd = source;
		spec.source_format = "qcow2"; /* the library keeps disks as qcow2 */
		spec.source_size = (guint64)json_get_int(document, "size", 0);
		task_step(task, "copying image '%s' to %s", image, key);
	} else {
		task_step(task, "making %s", key);
	}
	return volume_create(&services->storage, task, &spec, error);
}

gboolean volumes_create_missing(Services *services, Task *task, json_object *present, json_object *document,
				GError **error)
{
	json_object *disks = json_get(document, "disks"), *old_disks = json_get(present, "disks");
	json_object_object_foreach (disks, key, disk) {
		if (json_get(old_disks, key))
			continue;
		if (task_check_cancelled(task, error) ||
		    !create_one(services, task, json_get_int(document, "id", 0), key, disk, error))
			return FALSE;
	}
	return TRUE;
}

gboolean volumes_grow(Services *services, Task *task, json_object *document, GError **error)
{
	json_object *disks = json_get(document, "disks");
	json_object_object_foreach (disks, key, disk) {
		const char *storage = json_get_str(disk, "storage", ""), *name = json_get_str(disk, "volume", "");
		gint64 size = json_get_int(disk, "size", 0);
		json_auto json_object *volume = volume_get(&services->storage, storage, name, error);
		if (!volume)
			return FALSE;
		if (size <= json_get_int(volume, "size", 0))
			continue;
		task_step(task, "growing %s", key);
		if (!volume_grow(&services->storage, task, storage, name, (guint64)size, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean has_volume(json_object *hardware, json_object *volume)
{
	json_object *disks = json_get(hardware, "disks");
	if (!disks)
		return FALSE;
	json_object_object_foreach (disks, key, disk) {
		(void)key;
		if (g_str_equal(json_get_str(disk, "volume", ""), json_get_str(volume, "name", "-")) &&
		    g_str_equal(json_get_str(disk, "storage", ""), json_get_str(volume, "storage", "-")))
			return TRUE;
	}
	return FALSE;
}

gboolean volumes_is_attached(Services *services, json_object *volume)
{
	g_autoptr(Vm) vm = guests_get(services->guests, json_get_int(volume, "vm", 0));
	if (!vm)
		return FALSE;
	const char *role = json_get_str(volume, "role", "");
	if (g_str_equal(role, "firmware"))
		return TRUE;
	json_auto json_object *document = vm_dup_document(vm, NULL);
	json_auto json_object *applied = vm_dup_applied(vm);
	if (g_str_equal(role, "tpm"))
		return json_get_bool(document, "tpm", FALSE) || json_get_bool(applied, "tpm", FALSE);
	return has_volume(document, volume) || has_volume(applied, volume);
}

gboolean volumes_delete_all(Services *services, Task *task, gint64 vm, GError **error)
{
	g_autoptr(GPtrArray) storages = store_list(services->store, "storage/", error);
	if (!storages)
		return FALSE;
	for (guint i = 0; i < storages->len; i++) {
		const char *storage = json_get_str(((Doc *)g_ptr_array_index(storages, i))->body, "name", "");
		json_auto json_object *volumes = volume_list(&services->storage, storage, error);
		if (!volumes)
			return FALSE;
		for (size_t j = 0; j < json_object_array_length(volumes); j++) {
			json_object *volume = json_object_array_get_idx(volumes, j);
			if (json_get_int(volume, "vm", 0) == vm &&
			    !volume_delete(&services->storage, task, storage, json_get_str(volume, "name", ""), error))
				return FALSE;
		}
	}
	return TRUE;
}
