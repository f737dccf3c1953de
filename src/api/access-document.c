/* Documents of access. What is checked and what is committed is the same revision: whoever changes a document meanwhile
 * makes the commit stale. */
#include "api/access-document.h"

#include "base/error.h"
#include "base/json.h"

/* Revision 0: it is not in the store (a role that is always there, settings that nobody has changed). */
static gboolean answer(Call *call, int status, json_object *document, gint64 rev)
{
	return rev ? answer_document(call, status, document, rev) : answer_json(call, status, document);
}

/* The end of a plan or of an action that has been refused. */
static gboolean refuse(Call *call, GError *refusal, GError **error)
{
	if (call->plan)
		return answer_refused(call, refusal);
	g_propagate_error(error, refusal);
	return FALSE;
}

/* What a plan says of the change besides; caller frees. */
static char *describe_effect(
	Call *call, const char *kind, const char *name, json_object *after, const char *effect)
{
	static const char last[] =
		"no enabled user is left who may do everything: only root on the node itself can then manage access";
	Access *access = call->services->access;
	if (access_admins_after(access, NULL, NULL, NULL) == 0 || access_admins_after(access, kind, name, after) > 0)
		return g_strdup(effect);
	return effect ? g_strdup_printf("%s; %s", effect, last) : g_strdup(last);
}

gboolean access_document_create(Call *call, const char *kind, AccessCheck check, GError **error)
{
	Access *access = call->services->access;
	g_autoptr(GError) refusal = NULL;
	json_auto json_object *body = call_body(call, error);
	if (!body)
		return FALSE;
	json_auto json_object *document = access_prepare_create(access, kind, body, &refusal);
	if (!document || !check(call, NULL, document, &refusal))
		return refuse(call, g_steal_pointer(&refusal), error);
	if (call->plan)
		return answer_document_plan(call, NULL, document, 0, NULL);
	const char *name = json_get_str(document, "name", "");
	gint64 rev = access_commit(access, kind, name, REV_ABSENT, document, call->request->user, error);
	return rev && answer(call, 201, json_object_get(document), rev);
}

gboolean access_document_get(Call *call, const char *kind, const char *name, GError **error)
{
	gint64 rev = 0;
	json_object *document = access_get(call->services->access, kind, name, &rev, error);
	return document && answer(call, 200, document, rev);
}

gboolean access_document_change(Call *call, const char *kind, const char *name, AccessCheck check, GError **error)
{
	Access *access = call->services->access;
	g_autoptr(GError) refusal = NULL;
	gint64 rev = 0;
	json_auto json_object *present = access_get(access, kind, name, &rev, error);
	json_auto json_object *patch = present ? call_body(call, error) : NULL;
	if (!patch)
		return FALSE;
	json_auto json_object *document = access_prepare_change(access, kind, present, patch, &refusal);
	if (!document || !call_check_rev(call, rev, &refusal) || !check(call, present, document, &refusal))
		return refuse(call, g_steal_pointer(&refusal), error);
	g_autofree char *effect = call->plan ? describe_effect(call, kind, name, document, NULL) : NULL;
	if (call->plan)
		return answer_document_plan(call, present, document, rev, effect);
	if (json_equal(present, document))
		return answer(call, 200, json_object_get(document), rev);
	rev = access_commit(access, kind, name, rev, document, call->request->user, error);
	return rev && answer(call, 200, json_object_get(document), rev);
}

gboolean access_document_delete(Call *call, const char *kind, const char *name, AccessCheck check, const char *effect,
				GError **error)
{
	Access *access = call->services->access;
	g_autoptr(GError) refusal = NULL;
	gint64 rev = 0;
	json_auto json_object *present = access_get(access, kind, name, &rev, error);
	if (!present)
		return FALSE;
	if (!call_check_rev(call, rev, &refusal) || !check(call, present, NULL, &refusal) ||
	    !access_check_delete(access, kind, name, &refusal))
		return refuse(call, g_steal_pointer(&refusal), error);
	g_autofree char *effects = call->plan ? describe_effect(call, kind, name, NULL, effect) : NULL;
	if (call->plan)
		return answer_document_plan(call, present, NULL, rev, effects);
	return access_delete(access, kind, name, rev, call->request->user, error) &&
	       answer_json(call, 200, json_object_new_object());
}

gboolean access_outranks(Call *call, json_object *user, const char *what, GError **error)
{
	g_autoptr(GError) lacking = NULL;
	if (rights_check_grants(call->services->access, call->rights, json_get(user, "grants"), &lacking))
		return TRUE;
	error_set(error, ERROR_FORBIDDEN, "ask somebody who has these rights, or do it on the node itself",
		  "you may not %s user '%s', who may do what you may not: %s", what, json_get_str(user, "name", ""),
		  lacking->message);
	return FALSE;
}
