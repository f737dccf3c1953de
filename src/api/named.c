/* What routes of documents with names have in common. */
#include "api/named.h"

#include "base/error.h"

Doc *named_find(Call *call, const char *kind, GError **error)
{
	g_autofree char *path = g_strjoin("/", kind, call->args[0], NULL);
	Doc *doc = store_get(call->services->store, path, NULL);
	if (!doc) {
		g_autofree char *hint = g_strdup_printf("'yado %s list' shows what there is", kind);
		error_set(error, ERROR_NOT_FOUND, hint, "there is no %s '%s'", kind, call->args[0]);
	}
	return doc;
}

gboolean named_check_free(Call *call, const char *kind, const char *name, GError **error)
{
	g_autofree char *path = g_strjoin("/", kind, name, NULL);
	g_autoptr(Doc) existing = store_get(call->services->store, path, NULL);
	if (existing)
		error_set_field(error, ERROR_EXISTS, "name", "choose another name", "there is a %s '%s' already", kind, name);
	return !existing;
}

gboolean named_forget(Call *call, const char *kind, const Doc *doc, GError *refusal, const char *effect, GError **error)
{
	if (call->plan)
		return answer_action_plan(call, refusal, "%s '%s' %s", kind, call->args[0], effect);
	if (refusal) {
		g_propagate_error(error, refusal);
		return FALSE;
	}
	g_autoptr(Batch) batch = batch_new(call->request->user, 0);
	batch_delete(batch, doc->path, doc->rev);
	return store_commit(call->services->store, batch, error) && answer_json(call, 200, json_object_new_object());
}
