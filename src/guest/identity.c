/* User ids of guests: "vm-identity/ID" {"uid", "nics": {KEY: uid}, "tpm": uid}, from the store's counter "uid". */
#include "guest/identity.h"

#include "base/error.h"
#include "base/json.h"

/* Above what systemd, containers and people use (systemd's UIDS-GIDS.md), below 2^31. */
enum { UID_FIRST = 1900000000 };

static char *identity_path(gint64 vm)
{
	return g_strdup_printf("vm-identity/%" G_GINT64_FORMAT, vm);
}

gboolean identity_create(Services *services, Batch *batch, gint64 vm, GError **error)
{
	gint64 uid = store_allocate(services->store, "uid", UID_FIRST, error);
	if (!uid)
		return FALSE;
	g_autofree char *path = identity_path(vm);
	json_auto json_object *body = json_object_new_object();
	json_set_int(body, "uid", uid);
	json_set(body, "nics", json_object_new_object());
	batch_put(batch, path, REV_ABSENT, body);
	return TRUE;
}

uid_t identity_vm_uid(Vm *vm, GError **error)
{
	g_autofree char *path = identity_path(vm->id);
	g_autoptr(Doc) doc = store_get(vm->services->store, path, error);
	uid_t uid = doc ? (uid_t)json_get_int(doc->body, "uid", 0) : 0;
	if (doc && !uid)
		error_set(error, ERROR_FAILED, "see its history: yado history list --facts",
			  "'%s' in the store names no user id", path);
	return uid;
}

/* The uid of one of the guest's helpers, kept in the identity's map (NULL: in itself); allocated when first asked
 * for. */
static uid_t helper_uid(Vm *vm, const char *map, const char *key, GError **error)
{
	g_autofree char *path = identity_path(vm->id);
	g_autoptr(Doc) doc = store_get(vm->services->store, path, error);
	if (!doc)
		return 0;
	json_object *uids = map ? json_get(doc->body, map) : doc->body;
	gint64 uid = json_get_int(uids, key, 0);
	if (uid)
		return (uid_t)uid;
	uid = store_allocate(vm->services->store, "uid", UID_FIRST, error);
	if (!uid)
		return 0;
	json_set_int(uids, key, uid);
	g_autoptr(Batch) batch = batch_new("yado", 0);
	batch_put(batch, path, doc->rev, doc->body);
	return store_commit(vm->services->store, batch, error) ? (uid_t)uid : 0;
}

uid_t identity_nic_uid(Vm *vm, const char *nic, GError **error)
{
	return helper_uid(vm, "nics", nic, error);
}

uid_t identity_tpm_uid(Vm *vm, GError **error)
{
	return helper_uid(vm, NULL, "tpm", error);
}
