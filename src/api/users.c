/* /users: who can sign in. */
#include "api/access-document.h"
#include "api/permit.h"
#include "base/error.h"
#include "base/json.h"
#include "schema/schema.h"

static gboolean list_users(Call *call, GError **error)
{
	return answer_page(call, access_list(call->services->access, "user"), error);
}

/* Who could change a user that may do more than he does, could let himself in as that user. */
static gboolean check_user(Call *call, json_object *before, json_object *after, GError **error)
{
	if (before && !access_outranks(call, before, after ? "change" : "delete", error))
		return FALSE;
	return !after || rights_check_grants(call->services->access, call->rights, json_get(after, "grants"), error);
}

static gboolean create_user(Call *call, GError **error)
{
	return access_document_create(call, "user", check_user, error);
}

static gboolean get_user(Call *call, GError **error)
{
	return access_document_get(call, "user", call->args[0], error);
}

static gboolean change_user(Call *call, GError **error)
{
	return access_document_change(call, "user", call->args[0], check_user, error);
}

/* Another user of that name is to find nothing of this one. One that an import reads from stays until that has ended. */
static void delete_uploads(Call *call, const char *user)
{
	Uploads *uploads = call->services->uploads;
	json_auto json_object *all = uploads_list(uploads);
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		json_object *upload = json_object_array_get_idx(all, i);
		g_autoptr(GError) error = NULL;
		const char *id = json_get_str(upload, "id", "");
		if (g_str_equal(json_get_str(upload, "user", ""), user) && !uploads_delete(uploads, id, &error))
			g_warning("upload '%s' of deleted user '%s' stays: %s", id, user, error->message);
	}
}

static gboolean delete_user(Call *call, GError **error)
{
	const char *user = call->args[0];
	if (!access_document_delete(call, "user", user, check_user,
				    "the user's password, tokens, sessions and uploads go too", error))
		return FALSE;
	if (!call->plan)
		delete_uploads(call, user);
	return TRUE;
}

static char *owner_of_user(Call *call)
{
	return permit_is_own(call, call->args[0]) ? g_strdup(call->args[0]) : NULL;
}

/* One's own needs the present one: whoever finds a page left open is not to have it for ever. */
static gboolean check_password(Call *call, json_object *user, json_object *password, GError **error)
{
	gboolean own = permit_is_own(call, call->args[0]) && call->principal->kind == PRINCIPAL_SESSION;
	gboolean given = json_get(password, "current") != NULL;
	if (!own && !access_outranks(call, user, "set the password of", error))
		return FALSE;
	if (own == given)
		return TRUE;
	if (own)
		error_set_field(error, ERROR_INVALID, "current", "give the present password too",
				"your own password is changed with the present one");
	else
		error_set_field(error, ERROR_INVALID, "current", "leave it out", "another's password is set without the present one");
	return FALSE;
}

static gboolean set_password(Call *call, GError **error)
{
	Access *access = call->services->access;
	const char *user = call->args[0];
	g_autoptr(GError) refusal = NULL;
	json_auto json_object *present = access_get(access, "user", user, NULL, error);
	if (!present)
		return FALSE;
	json_auto json_object *password = call_document(call, &refusal);
	if (password)
		check_password(call, present, password, &refusal);
	if (call->plan)
		return answer_action_plan(call, g_steal_pointer(&refusal),
					  "the password of '%s' is set; the user's other sessions end", user);
	if (refusal) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	const char *keep = call->principal->kind == PRINCIPAL_SESSION ? call->principal->id : NULL;
	return access_set_password(access, user, json_get_str(password, "current", NULL),
				   json_get_str(password, "password", ""), keep, call->request->address,
				   call->request->user, error) &&
	       answer_json(call, 200, json_object_new_object());
}

const Route user_routes[] = {
	{"GET", "/users", list_users, "users", PRIVILEGE_ACCESS_READ, SCOPE_GLOBAL, .query = LIST_QUERY,
	 .answer = ANSWER_LIST, .result = &user_table,
	 .summary_ja = "ユーザー"},
	{"POST", "/users", create_user, "make a user", PRIVILEGE_ACCESS_MANAGE, SCOPE_GLOBAL, .plannable = TRUE,
	 .body = &user_table, .answer = ANSWER_CREATED, .result = &user_table,
	 .summary_ja = "ユーザーの作成"},
	{"GET", "/users/{}", get_user, "a user", PRIVILEGE_ACCESS_READ, SCOPE_OWNER, .owner = owner_of_user,
	 .answer = ANSWER_DOCUMENT, .result = &user_table,
	 .summary_ja = "ユーザー1人"},
	{"PATCH", "/users/{}", change_user, "change a user", PRIVILEGE_ACCESS_MANAGE, SCOPE_GLOBAL, .plannable = TRUE,
	 .if_match = TRUE, .body = &user_table, .answer = ANSWER_DOCUMENT, .result = &user_table,
	 .summary_ja = "ユーザーの変更"},
	{"DELETE", "/users/{}", delete_user, "delete a user with its tokens and sessions", PRIVILEGE_ACCESS_MANAGE,
	 SCOPE_GLOBAL, .plannable = TRUE, .if_match = TRUE, .answer = ANSWER_EMPTY,
	 .summary_ja = "ユーザーとそのトークン、セッションの削除"},
	{"POST", "/users/{}/password", set_password, "set a password", PRIVILEGE_ACCESS_MANAGE, SCOPE_OWNER,
	 .owner = owner_of_user, .in_person = TRUE, .plannable = TRUE, .body = &password_table, .answer = ANSWER_EMPTY,
	 .summary_ja = "パスワードの設定"},
	{NULL},
};
