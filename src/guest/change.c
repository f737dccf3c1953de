/* Changing a guest: volumes first, then the commit, then the running process. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/identity.h"
#include "guest/lifecycle.h"
#include "guest/power.h"
#include "guest/volumes.h"

static const TaskPool change_pool = {"changes", 8};

/* The document and, if the name changes, the name's index. */
static void add_change(Batch *batch, gint64 id, json_object *present, gint64 rev, json_object *wanted)
{
	g_autofree char *path = g_strdup_printf("vm/%" G_GINT64_FORMAT, id);
	const char *old_name = json_get_str(present, "name", NULL), *name = json_get_str(wanted, "name", "");
	batch_put(batch, path, rev, wanted);
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

gint64 change_submit(Vm *vm, Plan *plan, const char *user, gint64 *ret_task, GError **error)
{
	json_auto json_object *present = vm_dup_document(vm, NULL);
	*ret_task = 0;
	if (json_object_array_length(plan->changes) == 0)
		return plan->rev;
	if (!plan->needs_task) {
		gint64 rev = commit_change(vm->services, vm->id, present, plan->rev, plan->document, user, 0, error);
		return rev ? rev : -1;
	}
	json_auto json_object *args = json_object_new_object();
	json_set(args, "document", json_copy(plan->document));
	json_set_int(args, "rev", plan->rev);
	*ret_task = vm_submit(vm, &vm_change_kind, user, args, error);
	return *ret_task ? 0 : -1;
}

/* Keys of the disks whose volume does not exist yet: only these may be removed if the change does not come about. */
static GPtrArray *find_fresh(Services *services, json_object *document)
{
	GPtrArray *fresh = g_ptr_array_new_with_free_func(g_free);
	json_object *disks = json_get(document, "disks");
	json_object_object_foreach (disks, key, disk) {
		json_auto json_object *volume = volume_get(&services->storage, json_get_str(disk, "storage", ""),
							   json_get_str(disk, "volume", ""), NULL);
		if (!volume)
			g_ptr_array_add(fresh, g_strdup(key));
	}
	return fresh;
}

static void remove_fresh(Services *services, Task *task, json_object *document, GPtrArray *fresh)
{
	for (guint i = 0; i < fresh->len; i++) {
		g_autoptr(GError) error = NULL;
		const char *key = g_ptr_array_index(fresh, i);
		json_object *disk = json_get(json_get(document, "disks"), key);
		if (!volume_delete(&services->storage, task, json_get_str(disk, "storage", ""),
				   json_get_str(disk, "volume", ""), &error))
			task_log(task, "cannot remove the unused volume of %s: %s", key, error->message);
	}
}

static gboolean make_change(Vm *vm, Task *task, GError **error)
{
	Services *services = vm->services;
	json_object *wanted = json_get(task_args(task), "document");
	gint64 planned = json_get_int(task_args(task), "rev", 0), rev = 0;
	json_auto json_object *present = vm_dup_document(vm, &rev);
	gboolean stopped = vm_get_state(vm) == VM_STOPPED;

	if (rev != planned) {
		error_set(error, ERROR_STALE, "look at it again and repeat the change",
			  "VM %" G_GINT64_FORMAT " was changed meanwhile (revision %" G_GINT64_FORMAT ")", vm->id, rev);
		return FALSE;
	}
	g_autoptr(GPtrArray) fresh = find_fresh(services, wanted);
	if (volumes_create_missing(services, task, present, wanted, error) &&
	    (!stopped || volumes_grow(services, task, present, wanted, error)) &&
	    commit_change(services, vm->id, present, rev, wanted, task_user(task), task_id(task), error))
		return TRUE;
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
