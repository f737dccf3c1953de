/* Changing a guest: volumes first, then the commit, then the running process. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/devices/firmware.h"
#include "guest/devices/volumes.h"
#include "guest/guests.h"
#include "guest/handed/handed.h"
#include "guest/identity.h"
#include "guest/lifecycle.h"
#include "guest/live/live.h"
#include "guest/run/power.h"

static const TaskPool change_pool = {"changes", 8};

/* The document and, if the name changes, the name's index. */
static void add_change(Batch *batch, gint64 id, json_object *present, gint64 rev, json_object *wanted)
{
	g_autofree char *path = g_strdup_printf("vm/%" G_GINT64_FORMAT, id);
	const char *old_name = json_get_str(present, "name", NULL), *name = json_get_str(wanted, "name", "");
	batch_put(batch, path, rev, wanted);
	handed_drop_secrets(batch, id, present, wanted);
	if (g_strcmp0(old_name, name) == 0)
		return;
	json_auto json_object *index = json_object_new_object();
	json_set_int(index, "id", id);
	if (old_name) {
		g_autofree char *old_path = g_strdup_printf("vm-name/%s", old_name);
		batch_delete(batch, old_path, REV_ANY);
	}
	g_autofree char *name_path = g_strdup_printf("vm-name/%s", name);
	batch_put(batch, name_path, REV_ABSENT, index);
}

/* What stood in the way of a commit, in the words of the person who asked for it. */
static void explain_failure(Vm *vm, json_object *wanted, gint64 seen, GError **error)
{
	const char *name = json_get_str(wanted, "name", "");
	if (!error || error_code(*error) != ERROR_STALE)
		return;
	g_autoptr(Vm) other = guests_find(vm->services->guests, name, NULL);
	g_clear_error(error);
	if (other && other->id != vm->id)
		error_set_field(error, ERROR_EXISTS, "name", "choose another name",
				"there is a VM named '%s' already (%" G_GINT64_FORMAT ")", name, other->id);
	else
		plan_explain_stale(vm, seen, error);
}

/* The images that the document names, to be claimed while they are put to use. Free with g_ptr_array_unref. */
static GPtrArray *image_claims(json_object *document)
{
	static const char *const maps[] = {"disks", "cdroms"};
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GPtrArray *claims = g_ptr_array_new_with_free_func(g_free);
	const char *const direct[] = {json_get_str(document, "image", NULL),
				      json_get_str(json_get(document, "kernel"), "image", NULL)};
	for (guint i = 0; i < G_N_ELEMENTS(direct); i++)
		if (direct[i] && g_hash_table_add(seen, g_strdup(direct[i])))
			g_ptr_array_add(claims, g_strconcat("image/", direct[i], NULL));
	for (guint i = 0; i < G_N_ELEMENTS(maps); i++) {
		json_object *map = json_get(document, maps[i]);
		if (!map)
			continue;
		json_object_object_foreach (map, key, device) {
			const char *name = json_get_str(device, "image", NULL);
			(void)key;
			if (name && g_hash_table_add(seen, g_strdup(name)))
				g_ptr_array_add(claims, g_strconcat("image/", name, NULL));
		}
	}
	g_ptr_array_add(claims, NULL);
	return claims;
}

gint64 change_submit_claiming(Services *services, const TaskKind *kind, gint64 id, const char *user, json_object *args,
			      GError **error)
{
	g_autoptr(GPtrArray) claims = image_claims(json_get(args, "document"));
	g_autofree char *object = g_strdup_printf("vm/%" G_GINT64_FORMAT, id);
	return tasks_submit(services->tasks, kind, object, user, args, (const char *const *)claims->pdata, error);
}

static gint64 commit_change(Services *services, gint64 id, json_object *present, gint64 rev, json_object *wanted,
			    const char *user, gint64 task, GError **error)
{
	g_autoptr(Batch) batch = batch_new(user, task);
	add_change(batch, id, present, rev, wanted);
	return store_commit(services->store, batch, error);
}

gboolean restore_add(Services *services, Plan *plan, Batch *batch, GError **error)
{
	gint64 id = json_get_int(plan->document, "id", 0);
	g_autoptr(Vm) vm = guests_get(services->guests, id);
	json_auto json_object *present = vm ? vm_dup_document(vm, NULL) : NULL;
	add_change(batch, id, present, plan->rev, plan->document);
	return vm || identity_create(services, batch, id, error);
}

/* Keys of the disks whose volume does not exist yet, as an array of strings. */
static json_object *find_fresh(Services *services, json_object *document)
{
	json_object *fresh = json_object_new_array();
	json_object *disks = json_get(document, "disks");
	json_object_object_foreach (disks, key, disk) {
		json_auto json_object *volume = volume_get(&services->storage, json_get_str(disk, "storage", ""),
							   json_get_str(disk, "volume", ""), NULL);
		if (!volume)
			json_object_array_add(fresh, json_object_new_string(key));
	}
	return fresh;
}

static gboolean array_has(json_object *array, const char *text)
{
	for (size_t i = 0; array && i < json_object_array_length(array); i++)
		if (g_str_equal(json_object_get_string(json_object_array_get_idx(array, i)), text))
			return TRUE;
	return FALSE;
}

/* A volume that was to be attached may have been deleted since the plan: an empty one must not take its place. */
static gboolean check_fresh(json_object *fresh, json_object *planned, json_object *document, GError **error)
{
	for (size_t i = 0; i < json_object_array_length(fresh); i++) {
		const char *key = json_object_get_string(json_object_array_get_idx(fresh, i));
		json_object *disk = json_get(json_get(document, "disks"), key);
		if (array_has(planned, key))
			continue;
		g_autofree char *field = g_strdup_printf("disks.%s.volume", key);
		error_set_field(error, ERROR_CONFLICT, field, "leave the volume out to get a new one",
				"volume '%s' on '%s' was deleted meanwhile", json_get_str(disk, "volume", ""),
				json_get_str(disk, "storage", ""));
		return FALSE;
	}
	return TRUE;
}

gint64 change_submit(Vm *vm, Plan *plan, const char *user, gint64 *ret_task, GError **error)
{
	json_auto json_object *present = vm_dup_document(vm, NULL);
	*ret_task = 0;
	if (json_object_array_length(plan->changes) == 0) {
		if (!vm_state_is_alive(vm_get_state(vm)) || !live_waits(vm))
			return plan->rev;
		*ret_task = vm_submit(vm, &vm_apply_kind, user, NULL, error);
		return *ret_task ? 0 : -1;
	}
	if (!plan->needs_task) {
		gint64 rev = commit_change(vm->services, vm->id, present, plan->rev, plan->document, user, 0, error);
		if (!rev)
			explain_failure(vm, plan->document, plan->rev, error);
		return rev ? rev : -1;
	}
	json_auto json_object *args = json_object_new_object();
	json_set(args, "document", json_copy(plan->document));
	json_set_int(args, "rev", plan->rev);
	json_set(args, "fresh", find_fresh(vm->services, plan->document));
	*ret_task = change_submit_claiming(vm->services, &vm_change_kind, vm->id, user, args, error);
	return *ret_task ? 0 : -1;
}

/* Only what did not exist when the task began may go when the change does not come about. */
static void remove_fresh(Services *services, Task *task, json_object *document, json_object *fresh)
{
	for (size_t i = 0; i < json_object_array_length(fresh); i++) {
		g_autoptr(GError) error = NULL;
		const char *key = json_object_get_string(json_object_array_get_idx(fresh, i));
		json_object *disk = json_get(json_get(document, "disks"), key);
		if (!volume_delete(&services->storage, task, json_get_str(disk, "storage", ""),
				   json_get_str(disk, "volume", ""), &error))
			task_log(task, "cannot remove the unused volume of %s: %s", key, error->message);
	}
}

/* Before the commit: if a volume cannot grow, nothing is changed, and a larger volume than the document says does no
 * harm. What the running process has open is grown by it. */
static gboolean grow_volumes(Vm *vm, Task *task, json_object *wanted, GError **error)
{
	gboolean alive = vm_state_is_alive(vm_get_state(vm));
	json_auto json_object *applied = alive ? vm_dup_applied(vm) : NULL;
	json_object *disks = json_get(wanted, "disks"), *open_disks = json_get(applied, "disks");
	json_auto json_object *others = json_copy(wanted);
	json_object_object_foreach (disks, key, disk) {
		json_object *now = json_get(open_disks, key);
		gint64 size = json_get_int(disk, "size", 0);
		if (!now || g_strcmp0(json_get_str(now, "storage", ""), json_get_str(disk, "storage", "")) != 0 ||
		    g_strcmp0(json_get_str(now, "volume", ""), json_get_str(disk, "volume", "")) != 0)
			continue;
		json_object_object_del(json_get(others, "disks"), key);
		if (size > json_get_int(now, "size", 0) &&
		    !live_grow_disk(vm, task, key, (guint64)size, error))
			return FALSE;
	}
	return volumes_grow(vm->services, task, others, error);
}

/* The claims hold the images from here on; one that was deleted before is missed now. */
static gboolean images_exist(Services *services, json_object *present, json_object *wanted, GError **error)
{
	json_object *cdroms = json_get(wanted, "cdroms");
	json_object_object_foreach (cdroms, key, cdrom) {
		const char *name = json_get_str(cdrom, "image", NULL);
		if (!name ||
		    g_strcmp0(name, json_get_str(json_get(json_get(present, "cdroms"), key), "image", NULL)) == 0)
			continue;
		json_auto json_object *image = image_get(&services->image, name, error);
		if (!image)
			return FALSE;
	}
	const char *kernel = json_get_str(json_get(wanted, "kernel"), "image", NULL);
	if (!kernel || g_strcmp0(kernel, json_get_str(json_get(present, "kernel"), "image", NULL)) == 0)
		return TRUE;
	json_auto json_object *image = image_get(&services->image, kernel, error);
	return image != NULL;
}

static gboolean make_change(Vm *vm, Task *task, GError **error)
{
	Services *services = vm->services;
	json_object *wanted = json_get(task_args(task), "document");
	gint64 planned = json_get_int(task_args(task), "rev", 0), rev = 0;
	json_auto json_object *present = vm_dup_document(vm, &rev);

	if (rev != planned) {
		plan_explain_stale(vm, planned, error);
		return FALSE;
	}
	json_auto json_object *fresh = find_fresh(services, wanted);
	if (!check_fresh(fresh, json_get(task_args(task), "fresh"), wanted, error))
		return FALSE;
	if (images_exist(services, present, wanted, error) &&
	    volumes_create_missing(services, task, present, wanted, error) &&
	    firmware_create_missing(services, task, wanted, error) && grow_volumes(vm, task, wanted, error)) {
		gint64 committed =
			commit_change(services, vm->id, present, rev, wanted, task_user(task), task_id(task), error);
		if (committed) {
			json_object *result = json_object_new_object();
			json_set_int(result, "rev", committed);
			task_result(task, result);
			return TRUE;
		}
		explain_failure(vm, wanted, planned, error);
	}
	remove_fresh(services, task, wanted, fresh);
	return FALSE;
}

static gboolean run_change(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	g_autoptr(Vm) vm = guests_find(services->guests, task_object(task) + strlen("vm/"), error);
	if (!vm)
		return FALSE;
	return make_change(vm, task, error) && (!vm_state_is_alive(vm_get_state(vm)) || live_apply(vm, task, error));
}

static gboolean recover_change(Task *task, json_object *steps, gpointer data, GError **error)
{
	Services *services = data;
	g_autoptr(Vm) vm = guests_find(services->guests, task_object(task) + strlen("vm/"), error);
	if (!vm || !storage_recover(&services->storage, task, steps, error))
		return FALSE;
	json_auto json_object *present = vm_dup_document(vm, NULL);
	if (!json_equal(present, json_get(task_args(task), "document")))
		return run_change(task, data, error);
	return !vm_state_is_alive(vm_get_state(vm)) || live_apply(vm, task, error);
}

static gboolean run_apply(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	g_autoptr(Vm) vm = guests_find(services->guests, task_object(task) + strlen("vm/"), error);
	return vm && (!vm_state_is_alive(vm_get_state(vm)) || live_apply(vm, task, error));
}

const TaskKind vm_apply_kind = {"vm.apply", &change_pool, .queue = TRUE, .run = run_apply};
const TaskKind vm_change_kind = {"vm.change", &change_pool, .cancellable = TRUE, .queue = TRUE, .run = run_change,
				 .recover = recover_change};
