/* /tokens: secrets for programs. A token can do what its user can, narrowed by its own grants. No token makes another: it
 * could outlive itself. */
#include "api/access-document.h"
#include "api/permit.h"
#include "base/error.h"
#include "base/json.h"
#include "schema/schema.h"

/* A token sees itself; what else its user has is not its business. */
static gboolean is_own(const Call *call, json_object *token)
{
	const Principal *principal = call->principal;
	return permit_is_own(call, json_get_str(token, "user", "")) ||
	       (principal->kind == PRINCIPAL_TOKEN && g_str_equal(principal->id, json_get_str(token, "id", "")));
}

static char *owner_of_token(Call *call)
{
	json_auto json_object *token = access_get(call->services->access, "token", call->args[0], NULL, NULL);
	return token && is_own(call, token) ? g_strdup(json_get_str(token, "user", "")) : NULL;
}

static gboolean list_tokens(Call *call, GError **error)
{
	json_auto json_object *all = access_list(call->services->access, "token");
	gboolean everybodys = permit_everybodys(call);
	json_object *items = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		json_object *token = json_object_array_get_idx(all, i);
		if (everybodys || is_own(call, token))
			json_object_array_add(items, json_object_get(token));
	}
	return answer_page(call, items, error);
}

/* Whose it will be; new reference. Of others only by who may do all that they may. */
static json_object *find_user(Call *call, json_object *body, GError **error)
{
	const char *name = json_get_str(body, "user", call->principal->user);
	if (!permit_is_own(call, name) && !permit_ask(call, PRIVILEGE_ACCESS_MANAGE, "/", NULL, error))
		return NULL;
	json_auto json_object *user = access_get(call->services->access, "user", name, NULL, error);
	return user && access_outranks(call, user, "make a token of", error) ? json_object_get(user) : NULL;
}

static gboolean create_token(Call *call, GError **error)
{
	Access *access = call->services->access;
	g_autoptr(GError) refusal = NULL;
	g_autofree char *secret = NULL;
	json_auto json_object *body = call_body(call, error);
	if (!body)
		return FALSE;
	json_auto json_object *user = find_user(call, body, &refusal);
	json_auto json_object *input = json_copy(body);
	if (user)
		json_set_str(input, "user", json_get_str(user, "name", ""));
	json_auto json_object *token = user ? access_prepare_create(access, "token", input, &refusal) : NULL;
	if (token && !rights_check_grants(access, call->rights, json_get(token, "grants"), &refusal))
		g_clear_pointer(&token, json_object_put);
	if (call->plan)
		return token ? answer_document_plan(call, NULL, token, 0, "its secret is shown once")
			     : answer_refused(call, g_steal_pointer(&refusal));
	if (!token) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	json_object *made = access_create_token(access, input, call->request->user, &secret, error);
	if (!made)
		return FALSE;
	json_set_str(made, "secret", secret);
	return answer_json(call, 201, made);
}

static gboolean get_token(Call *call, GError **error)
{
	return access_document_get(call, "token", call->args[0], error);
}

static gboolean check_delete(Call *call, json_object *before, json_object *after, GError **error)
{
	(void)after;
	if (is_own(call, before))
		return TRUE;
	json_auto json_object *user =
		access_get(call->services->access, "user", json_get_str(before, "user", ""), NULL, NULL);
	return access_outranks(call, user, "take a token from", error);
}

static gboolean delete_token(Call *call, GError **error)
{
	return access_document_delete(call, "token", call->args[0], check_delete,
				      "what was opened with it is closed", error);
}

const Route token_routes[] = {
	{"GET", "/tokens", list_tokens, "API tokens", PRIVILEGE_ACCESS_READ, SCOPE_OWNER, .query = LIST_QUERY,
	 .answer = ANSWER_LIST, .result = &token_table,
	 .summary_ja = "APIトークン"},
	{"POST", "/tokens", create_token, "make an API token", PRIVILEGE_ACCESS_MANAGE, SCOPE_OWNER, .in_person = TRUE,
	 .plannable = TRUE, .unkept = TRUE, .body = &token_table, .answer = ANSWER_CREATED, .result = &token_table,
	 .summary_ja = "APIトークンの作成"},
	{"GET", "/tokens/{}", get_token, "an API token", PRIVILEGE_ACCESS_READ, SCOPE_OWNER, .owner = owner_of_token,
	 .answer = ANSWER_DOCUMENT, .result = &token_table,
	 .summary_ja = "APIトークン1つ"},
	{"DELETE", "/tokens/{}", delete_token, "end an API token", PRIVILEGE_ACCESS_MANAGE, SCOPE_OWNER,
	 .owner = owner_of_token, .plannable = TRUE, .if_match = TRUE, .answer = ANSWER_EMPTY,
	 .summary_ja = "APIトークンの無効化"},
	{NULL},
};
