/* The fact "vm-state/ID" {"wanted", "user", "reason_code", "reason", "since_us"}. */
#include "guest/run/wanted.h"

#include "base/json.h"

static char *state_path(Vm *vm)
{
	return g_strdup_printf("vm-state/%" G_GINT64_FORMAT, vm->id);
}

static gboolean write_state(Vm *vm, gboolean wanted, const char *user, const char *code, const char *reason,
			    gint64 since_us, GError **error)
{
	g_autofree char *path = state_path(vm);
	json_auto json_object *body = json_object_new_object();
	json_set_bool(body, "wanted", wanted);
	json_set_str(body, "user", user);
	json_set_str(body, "reason_code", code);
	json_set_str(body, "reason", reason);
	json_set_int(body, "since_us", since_us);
	g_autoptr(Batch) batch = batch_new(user, 0);
	batch_put(batch, path, REV_ANY, body);
	return store_commit(vm->services->store, batch, error) != 0;
}

gboolean vm_want(Vm *vm, gboolean running, const char *user, GError **error)
{
	g_mutex_lock(&vm->lock);
	g_autofree char *code = g_strdup(vm->reason_code);
	g_autofree char *reason = g_strdup(vm->reason);
	gint64 since_us = vm->since_us;
	g_mutex_unlock(&vm->lock);
	return write_state(vm, running, user, code, reason, since_us, error);
}

gboolean vm_is_wanted(Vm *vm)
{
	g_autofree char *path = state_path(vm);
	g_autoptr(Doc) doc = store_get(vm->services->store, path, NULL);
	return doc && json_get_bool(doc->body, "wanted", FALSE);
}

/* Not for a guest that is gone, whose fact would stay for ever. */
static gboolean is_deleted(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return vm->deleted;
}

void vm_record_end(Vm *vm, gboolean wanted, const char *code, const char *reason, gint64 since_us)
{
	g_autoptr(GError) error = NULL;
	if (!is_deleted(vm) && !write_state(vm, wanted, "yado", code, reason, since_us, &error))
		g_warning("cannot record why VM %" G_GINT64_FORMAT " stopped: %s", vm->id, error->message);
}

void vm_record_reason(Vm *vm, gboolean wanted)
{
	g_autoptr(GError) error = NULL;
	if (!is_deleted(vm) && !vm_want(vm, wanted, "yado", &error))
		g_warning("cannot record the state of VM %" G_GINT64_FORMAT ": %s", vm->id, error->message);
}

void vm_recall_reason(Vm *vm)
{
	g_autofree char *path = state_path(vm);
	g_autoptr(Doc) doc = store_get(vm->services->store, path, NULL);
	if (!doc)
		return;
	g_mutex_lock(&vm->lock);
	g_free(vm->reason_code);
	g_free(vm->reason);
	vm->reason_code = g_strdup(json_get_str(doc->body, "reason_code", "none"));
	vm->reason = g_strdup(json_get_str(doc->body, "reason", ""));
	vm->since_us = json_get_int(doc->body, "since_us", vm->since_us);
	VmState state = vm->state;
	g_mutex_unlock(&vm->lock);
	vm_set_state(vm, state, NULL, NULL); /* renews the row */
}
