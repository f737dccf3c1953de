/* Storages: finding the kind, and what is asked of a storage as a whole. */
#include "storage/storage.h"

#include "base/error.h"
#include "base/json.h"
#include "storage/kind.h"

static const StorageKind *const kinds[] = {&storage_kind_dir};

static const StorageKind *find_kind(json_object *document, GError **error)
{
	const char *name = json_get_str(document, "kind", "dir");
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (g_strcmp0(kinds[i]->name, name) == 0)
			return kinds[i];
	error_set_field(error, ERROR_UNSUPPORTED, "kind", NULL, "storages of kind '%s' are not known", name);
	return NULL;
}

/* The fact "node/self"; "" before the node has an id. */
static char *dup_node_id(StorageContext *context)
{
	g_autoptr(Doc) doc = store_get(context->store, "node/self", NULL);
	return g_strdup(doc ? json_get_str(doc->body, "id", "") : "");
}

json_object *storage_load(StorageContext *context, const char *storage, const StorageKind **ret_kind, GError **error)
{
	g_autofree char *path = g_strdup_printf("storage/%s", storage);
	GError *cause = NULL;
	g_autoptr(Doc) doc = store_get(context->store, path, &cause);
	if (!doc) {
		if (error_code(cause) == ERROR_NOT_FOUND)
			error_set_field(error, ERROR_NOT_FOUND, "storage", "'yado storage list' shows those there are",
				"there is no storage '%s'", storage);
		else
			g_propagate_error(error, g_steal_pointer(&cause));
		g_clear_error(&cause);
		return NULL;
	}
	const StorageKind *kind = find_kind(doc->body, error);
	if (!kind)
		return NULL;
	*ret_kind = kind;
	return json_object_get(doc->body);
}

gboolean storage_prepare(StorageContext *context, json_object *storage, GError **error)
{
	const StorageKind *kind = find_kind(storage, error);
	g_autofree char *node_id = dup_node_id(context);
	return kind && kind->prepare(storage, node_id, error);
}

gboolean storage_check(StorageContext *context, const char *storage, GError **error)
{
	const StorageKind *kind;
	json_auto json_object *document = storage_load(context, storage, &kind, error);
	g_autofree char *node_id = dup_node_id(context);
	return document && kind->check(document, node_id, error);
}

gboolean storage_space(StorageContext *context, const char *storage, StorageSpace *ret_space, GError **error)
{
	const StorageKind *kind;
	json_auto json_object *document = storage_load(context, storage, &kind, error);
	return document && kind->space(document, ret_space, error);
}
