/* Creating and deleting guests. */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/devices/firmware.h"
#include "guest/devices/volumes.h"
#include "guest/guests.h"
#include "guest/handed/handed.h"
#include "guest/identity.h"
#include "guest/lifecycle.h"
#include "guest/prepare/prepare.h"

enum { VM_ID_FIRST = 100 };

static const TaskPool lifecycle_pool = {"guests", 8};

gint64 create_submit(Services *services, Plan *plan, const char *user, gint64 *ret_id, GError **error)
{
	gint64 id = store_allocate(services->store, "vmid", VM_ID_FIRST, error);
	if (!id)
		return 0;
	json_set_int(plan->document, "id", id);
	prepare_name_volumes(services, plan->document, id);
	json_auto json_object *args = json_object_new_object();
	json_set(args, "document", json_copy(plan->document));
	gint64 task = change_submit_claiming(services, &vm_create_kind, id, user, args, error);
	if (task)
		*ret_id = id;
	return task;
}

static gboolean commit_new(Services *services, Task *task, json_object *document, GError **error)
{
	gint64 id = json_get_int(document, "id", 0);
	g_autofree char *path = g_strdup_printf("vm/%" G_GINT64_FORMAT, id);
	g_autofree char *name_path = g_strdup_printf("vm-name/%s", json_get_str(document, "name", ""));
	json_auto json_object *name = json_object_new_object();
	json_set_int(name, "id", id);
	g_autoptr(Batch) batch = batch_new(task_user(task), task_id(task));
	batch_put(batch, path, REV_ABSENT, document);
	batch_put(batch, name_path, REV_ABSENT, name);
	g_autoptr(GError) local = NULL;
	if (!identity_create(services, batch, id, error))
		return FALSE;
	if (store_commit(services->store, batch, &local))
		return TRUE;
	/* Of what is new here only the name can be somebody else's, who was quicker. */
	if (error_code(local) == ERROR_STALE)
		error_set_field(error, ERROR_EXISTS, "name", "choose another name", "there is a VM named '%s' already",
				json_get_str(document, "name", ""));
	else
		g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static void set_result(Task *task, gint64 id)
{
	json_object *result = json_object_new_object();
	json_set_int(result, "id", id);
	task_result(task, result);
}

static gboolean run_create(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	json_object *document = json_get(task_args(task), "document");
	gint64 id = json_get_int(document, "id", 0);

	if (volumes_create_missing(services, task, NULL, document, error) &&
	    firmware_create_missing(services, task, document, error) && !task_check_cancelled(task, error) &&
	    commit_new(services, task, document, error)) {
		set_result(task, id);
		return TRUE;
	}
	g_autoptr(GError) cleanup = NULL;
	if (!volumes_delete_all(services, task, id, &cleanup))
		task_log(task, "cannot remove what was made so far: %s", cleanup->message);
	return FALSE;
}

static gboolean recover_create(Task *task, json_object *steps, gpointer data, GError **error)
{
	Services *services = data;
	gint64 id = json_get_int(json_get(task_args(task), "document"), "id", 0);
	g_autoptr(Vm) vm = guests_get(services->guests, id);
	if (vm) {
		set_result(task, id);
		return TRUE;
	}
	task_log(task, "yadod ended during the creation: it begins again");
	return storage_recover(&services->storage, task, steps, error) &&
	       volumes_delete_all(services, task, id, error) && run_create(task, data, error);
}

static void delete_existing(Services *services, Batch *batch, const char *path)
{
	g_autoptr(Doc) doc = store_get(services->store, path, NULL);
	if (doc)
		batch_delete(batch, path, REV_ANY);
}

static gboolean run_delete(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	g_autoptr(Vm) vm = guests_find(services->guests, task_object(task) + strlen("vm/"), error);
	if (!vm)
		return FALSE;
	if (vm_get_state(vm) != VM_STOPPED) {
		g_autofree char *label = vm_label(vm);
		error_set(error, ERROR_CONFLICT, "stop it first", "%s is %s and cannot be deleted", label,
			  vm_state_name(vm_get_state(vm)));
		return FALSE;
	}
	if (!task_intent(task, "vm.delete", NULL, error) || !volumes_delete_all(services, task, vm->id, error))
		return FALSE;
	g_autofree char *name = vm_dup_name(vm);
	json_auto json_object *present = vm_dup_document(vm, NULL);
	static const char *const kinds[] = {"vm", "vm-identity", "vm-state", "vm-firmware-setup"};
	g_autofree char *name_path = g_strdup_printf("vm-name/%s", name);
	g_autoptr(Batch) batch = batch_new(task_user(task), task_id(task));
	delete_existing(services, batch, name_path);
	handed_drop_secrets(batch, vm->id, present, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autofree char *path = g_strdup_printf("%s/%" G_GINT64_FORMAT, kinds[i], vm->id);
		delete_existing(services, batch, path);
	}
	gboolean ok = store_commit(services->store, batch, error) != 0;
	if (ok)
		dir_remove(vm->run_dir, NULL);
	return ok;
}

/* A deletion that began is finished. */
static gboolean recover_delete(Task *task, json_object *steps, gpointer data, GError **error)
{
	Services *services = data;
	g_autoptr(Vm) vm = guests_find(services->guests, task_object(task) + strlen("vm/"), NULL);
	if (!vm)
		return TRUE;
	return storage_recover(&services->storage, task, steps, error) && run_delete(task, data, error);
}

const TaskKind vm_create_kind = {"vm.create", &lifecycle_pool, .cancellable = TRUE, .queue = TRUE, .run = run_create,
				 .recover = recover_create};
const TaskKind vm_delete_kind = {"vm.delete", &lifecycle_pool, .queue = TRUE, .run = run_delete,
				 .recover = recover_delete};
