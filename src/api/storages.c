/* /storages: where volumes are. */
#include <string.h>

#include "api/kinds.h"
#include "api/named.h"
#include "api/permit.h"
#include "api/route.h"
#include "base/error.h"
#include "base/json.h"
#include "guest/devices/volumes.h"
#include "schema/schema.h"

static json_object *describe(Call *call, json_object *storage)
{
	g_autoptr(GError) problem = NULL;
	const char *name = json_get_str(storage, "name", "");
	json_object *json = json_copy(storage);
	StorageSpace space = {0};
	gboolean usable = storage_check(&call->services->storage, name, &problem) &&
			  storage_space(&call->services->storage, name, &space, &problem);
	json_set_bool(json, "usable", usable);
	if (usable) {
		json_object *json_space = json_object_new_object();
		json_set_int(json_space, "total", (gint64)space.total);
		json_set_int(json_space, "free", (gint64)space.free);
		json_set(json, "space", json_space);
	} else {
		json_set_str(json, "problem", problem->message);
	}
	return json;
}

static gboolean list_storages(Call *call, GError **error)
{
	g_autoptr(GPtrArray) documents = store_list(call->services->store, "storage/", error);
	if (!documents)
		return FALSE;
	json_object *items = json_object_new_array();
	for (guint i = 0; i < documents->len; i++) {
		const Doc *doc = g_ptr_array_index(documents, i);
		if (permit_sees(call->services, call->rights, doc->path))
			json_object_array_add(items, describe(call, doc->body));
	}
	return answer_page(call, items, error);
}

static gboolean get_storage(Call *call, GError **error)
{
	g_autoptr(Doc) doc = named_find(call, "storage", error);
	return doc && answer_document(call, 200, describe(call, doc->body), doc->rev);
}

/* Commits the document and answers with it. */
static gboolean commit(Call *call, json_object *storage, gint64 expected, int status, GError **error)
{
	g_autofree char *path = g_strconcat("storage/", json_get_str(storage, "name", ""), NULL);
	g_autoptr(Batch) batch = batch_new(call->request->user, 0);
	batch_put(batch, path, expected, storage);
	gint64 rev = store_commit(call->services->store, batch, error);
	return rev && answer_document(call, status, describe(call, storage), rev);
}

static gboolean create_storage(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	json_auto json_object *storage = call_document(call, &refusal);
	if (storage)
		named_check_free(call, "storage", json_get_str(storage, "name", ""), &refusal);
	if (call->plan)
		return answer_action_plan(call, g_steal_pointer(&refusal), "directory '%s' is made if it is not there",
					  json_get_str(storage, "path", ""));
	if (refusal) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	json_set_str(storage, "node", call->services->node);
	return storage_prepare(&call->services->storage, storage, error) &&
	       commit(call, storage, REV_ABSENT, 201, error);
}

static gboolean change_storage(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	g_autoptr(Doc) doc = named_find(call, "storage", error);
	json_auto json_object *patch = doc ? call_body(call, error) : NULL;
	if (!patch)
		return FALSE;
	json_auto json_object *storage = schema_change(&storage_table, doc->body, patch, &refusal);
	if (storage)
		call_check_rev(call, doc->rev, &refusal);
	if (refusal && call->plan)
		return answer_refused(call, g_steal_pointer(&refusal));
	if (refusal) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	if (call->plan)
		return answer_document_plan(call, doc->body, storage, doc->rev, NULL);
	return commit(call, storage, doc->rev, 200, error);
}

static gboolean delete_storage(Call *call, GError **error)
{
	GError *refusal = NULL;
	g_autoptr(Doc) doc = named_find(call, "storage", error);
	if (!doc)
		return FALSE;
	json_auto json_object *volumes = volume_list(&call->services->storage, call->args[0], error);
	if (!volumes)
		return FALSE;
	size_t count = json_object_array_length(volumes);
	if (count > 0)
		error_set(&refusal, ERROR_CONFLICT, "delete them first; 'yado storage volumes NAME' lists them",
			  "storage '%s' still has %zu volume(s)", call->args[0], count);
	else
		call_check_rev(call, doc->rev, &refusal);
	return named_forget(call, "storage", doc, refusal, "is forgotten; its directory stays", error);
}

static gboolean list_volumes(Call *call, GError **error)
{
	g_autoptr(Doc) doc = named_find(call, "storage", error);
	json_object *volumes = doc ? volume_list(&call->services->storage, call->args[0], error) : NULL;
	if (!volumes)
		return FALSE;
	for (size_t i = 0; i < json_object_array_length(volumes); i++) {
		json_object *volume = json_object_array_get_idx(volumes, i);
		json_set_bool(volume, "attached", volumes_is_attached(call->services, volume));
	}
	return answer_page(call, volumes, error);
}

static gboolean delete_volume(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	json_auto json_object *volume = volume_get(&call->services->storage, call->args[0], call->args[1], error);
	if (!volume)
		return FALSE;
	volume_check_detached(call->services, volume, &refusal);
	if (call->plan)
		return answer_action_plan(call, g_steal_pointer(&refusal), "volume '%s' is deleted with all its data",
					  call->args[1]);
	if (refusal) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	/* The owner is claimed, so that no change attaches it meanwhile. */
	g_autofree char *object = g_strdup_printf("vm/%" G_GINT64_FORMAT, json_get_int(volume, "vm", 0));
	json_auto json_object *args = json_object_new_object();
	json_set_str(args, "storage", call->args[0]);
	json_set_str(args, "volume", call->args[1]);
	gint64 task = tasks_submit(call->services->tasks, &volume_delete_kind, object, call->request->user, args, NULL,
				   error);
	return task && answer_task(call, task, NULL);
}

const Route storage_routes[] = {
	{"GET", "/storages", list_storages, "storages, with their space", PRIVILEGE_STORAGE_READ, SCOPE_ROWS,
	 .query = LIST_QUERY, .answer = ANSWER_LIST, .result = &storage_table,
	 .summary_ja = "ストレージと容量"},
	{"POST", "/storages", create_storage, "add a storage", PRIVILEGE_STORAGE_MANAGE, SCOPE_GLOBAL, .plannable = TRUE,
	 .body = &storage_table, .answer = ANSWER_CREATED, .result = &storage_table,
	 .summary_ja = "ストレージの追加"},
	{"GET", "/storages/{}", get_storage, "a storage", PRIVILEGE_STORAGE_READ, SCOPE_STORAGE,
	 .answer = ANSWER_DOCUMENT, .result = &storage_table,
	 .summary_ja = "ストレージ1つ"},
	{"PATCH", "/storages/{}", change_storage, "change a storage", PRIVILEGE_STORAGE_MANAGE, SCOPE_STORAGE,
	 .plannable = TRUE, .if_match = TRUE, .body = &storage_table, .answer = ANSWER_DOCUMENT,
	 .result = &storage_table,
	 .summary_ja = "ストレージの変更"},
	{"DELETE", "/storages/{}", delete_storage, "forget a storage without volumes", PRIVILEGE_STORAGE_MANAGE,
	 SCOPE_STORAGE, .plannable = TRUE, .if_match = TRUE, .answer = ANSWER_EMPTY,
	 .summary_ja = "ボリュームのないストレージの登録解除"},
	{"GET", "/storages/{}/volumes", list_volumes, "volumes on a storage", PRIVILEGE_STORAGE_READ, SCOPE_STORAGE,
	 .query = LIST_QUERY, .answer = ANSWER_LIST, .result = &volume_table,
	 .summary_ja = "ストレージのボリューム"},
	{"DELETE", "/storages/{}/volumes/{}", delete_volume, "delete a detached volume", PRIVILEGE_STORAGE_MANAGE,
	 SCOPE_STORAGE, .plannable = TRUE, .answer = ANSWER_TASK,
	 .summary_ja = "取り外したボリュームの削除"},
	{NULL},
};
