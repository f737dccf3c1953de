/* /roles: sets of privileges, and /privileges: what there is to be in them. */
#include "api/access-document.h"
#include "base/error.h"
#include "base/json.h"
#include "schema/schema.h"

static gboolean list_roles(Call *call, GError **error)
{
	return answer_page(call, access_list(call->services->access, "role"), error);
}

/* A role counts wherever it is granted, also to who changes it: so all that is in it must be his everywhere. */
static gboolean check_privileges(Call *call, json_object *role, GError **error)
{
	json_object *list = json_get(role, "privileges");
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(list, i));
		Privilege privilege = privilege_from_name(name);
		if (!privilege || rights_allow(call->rights, privilege, "/", NULL))
			continue;
		error_set_field(error, ERROR_FORBIDDEN, "privileges", "nobody grants what he may not do himself",
				"you may not make or change a role with '%s', which you lack on /", name);
		return FALSE;
	}
	return TRUE;
}

static gboolean check_role(Call *call, json_object *before, json_object *after, GError **error)
{
	return check_privileges(call, before, error) && check_privileges(call, after, error);
}

static gboolean create_role(Call *call, GError **error)
{
	return access_document_create(call, "role", check_role, error);
}

static gboolean get_role(Call *call, GError **error)
{
	return access_document_get(call, "role", call->args[0], error);
}

static gboolean change_role(Call *call, GError **error)
{
	return access_document_change(call, "role", call->args[0], check_role, error);
}

static gboolean delete_role(Call *call, GError **error)
{
	return access_document_delete(call, "role", call->args[0], check_role, NULL, error);
}

static gboolean list_privileges(Call *call, GError **error)
{
	json_object *items = json_object_new_array();
	for (guint i = PRIVILEGE_NONE + 1; i < PRIVILEGE_COUNT; i++) {
		json_object *item = json_object_new_object();
		json_set_str(item, "name", privileges[i].name);
		json_set_str(item, "help", privileges[i].help);
		json_set_str(item, "help_ja", privileges[i].help_ja);
		json_object_array_add(items, item);
	}
	(void)error;
	return answer_items(call, items);
}

const Route role_routes[] = {
	{"GET", "/roles", list_roles, "roles", PRIVILEGE_ACCESS_READ, SCOPE_GLOBAL, .query = LIST_QUERY,
	 .answer = ANSWER_LIST, .result = &role_table,
	 .summary_ja = "ロール"},
	{"POST", "/roles", create_role, "make a role", PRIVILEGE_ACCESS_MANAGE, SCOPE_GLOBAL, .plannable = TRUE,
	 .body = &role_table, .answer = ANSWER_CREATED, .result = &role_table,
	 .summary_ja = "ロールの作成"},
	{"GET", "/roles/{}", get_role, "a role", PRIVILEGE_ACCESS_READ, SCOPE_GLOBAL, .answer = ANSWER_DOCUMENT,
	 .result = &role_table,
	 .summary_ja = "ロール1つ"},
	{"PATCH", "/roles/{}", change_role, "change a role", PRIVILEGE_ACCESS_MANAGE, SCOPE_GLOBAL, .plannable = TRUE,
	 .if_match = TRUE, .body = &role_table, .answer = ANSWER_DOCUMENT, .result = &role_table,
	 .summary_ja = "ロールの変更"},
	{"DELETE", "/roles/{}", delete_role, "delete a role that nobody has", PRIVILEGE_ACCESS_MANAGE, SCOPE_GLOBAL,
	 .plannable = TRUE, .if_match = TRUE, .answer = ANSWER_EMPTY,
	 .summary_ja = "使われていないロールの削除"},
	{"GET", "/privileges", list_privileges, "what a role can allow", PRIVILEGE_NONE, SCOPE_SELF,
	 .answer = ANSWER_LIST, .result = &privilege_table,
	 .summary_ja = "ロールが許可できる操作"},
	{NULL},
};
