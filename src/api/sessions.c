/* /session: signing in and out; /sessions: who is signed in. */
#include "api/access-document.h"
#include "api/permit.h"
#include "base/error.h"
#include "base/json.h"
#include "schema/schema.h"

/* docs/front.md: the front takes the secret from it and passes it on. */
#define COOKIE "__Host-yado"

static void set_cookie(Call *call, const char *secret, gint64 max_age_s)
{
	json_object *headers = json_object_new_object();
	g_autofree char *cookie =
		g_strdup_printf(COOKIE "=%s; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=%" G_GINT64_FORMAT,
				secret, max_age_s);
	json_set_str(headers, "set-cookie", cookie);
	if (!call->response->head)
		call->response->head = json_object_new_object();
	json_set(call->response->head, "headers", headers);
}

static gboolean sign_in(Call *call, GError **error)
{
	Login login = {0};
	json_auto json_object *credentials = call_document(call, error);
	if (!credentials)
		return FALSE;
	const char *user = json_get_str(credentials, "user", "");
	call->object = g_strconcat("user/", user, NULL);
	if (!access_login(call->services->access, user, json_get_str(credentials, "password", ""),
			  call->request->address, json_get_str(call->request->headers, "user-agent", ""), &login, error))
		return FALSE;
	g_autoptr(GDateTime) expires = g_date_time_new_from_unix_utc(login.expires_us / G_USEC_PER_SEC);
	g_autofree char *expires_text = g_date_time_format_iso8601(expires);
	json_object *answer = json_object_new_object();
	json_set_str(answer, "user", login.user);
	json_set_str(answer, "csrf", login.csrf);
	json_set_str(answer, "expires", expires_text);
	set_cookie(call, login.secret, MAX(1, (login.expires_us - g_get_real_time()) / G_USEC_PER_SEC));
	login_clear(&login);
	return answer_json(call, 201, answer);
}

static json_object *describe_rules(Access *access)
{
	json_auto json_object *settings = access_get_settings(access, NULL);
	json_object *rules = json_object_new_object();
	json_object_object_foreach(settings, name, value)
		if (g_str_has_prefix(name, "password_"))
			json_set(rules, name + strlen("password_"), json_copy(value));
	return rules;
}

static gboolean get_self(Call *call, GError **error)
{
	static const char *const kinds[] = {
		[PRINCIPAL_ROOT] = "socket", [PRINCIPAL_SESSION] = "session", [PRINCIPAL_TOKEN] = "token"};
	const Principal *principal = call->principal;
	json_object *self = json_object_new_object();
	(void)error;
	json_set_str(self, "user", principal->user);
	json_set_str(self, "kind", kinds[principal->kind]);
	json_set_str(self, "id", principal->id);
	if (principal->csrf)
		json_set_str(self, "csrf", principal->csrf);
	json_set(self, "rights", rights_describe(call->rights));
	json_set(self, "password_rules", describe_rules(call->services->access));
	return answer_json(call, 200, self);
}

static gboolean sign_out(Call *call, GError **error)
{
	if (call->principal->kind != PRINCIPAL_SESSION) {
		error_set(error, ERROR_INVALID, "delete a token at /api/v1/tokens/ID", "this request has no session to end");
		return FALSE;
	}
	if (!access_revoke_session(call->services->access, call->principal->id, error))
		return FALSE;
	set_cookie(call, "", 0);
	return answer_json(call, 200, json_object_new_object());
}

static char *owner_of_session(Call *call)
{
	g_autofree char *user = access_session_user(call->services->access, call->args[0]);
	return permit_is_own(call, user) ? g_steal_pointer(&user) : NULL;
}

static gboolean list_sessions(Call *call, GError **error)
{
	const Principal *principal = call->principal;
	gboolean all = permit_everybodys(call);
	if (!all && principal->kind == PRINCIPAL_TOKEN)
		return answer_items(call, json_object_new_array());
	return answer_page(call, access_list_sessions(call->services->access, all ? NULL : principal->user, principal),
			   error);
}

static gboolean end_session(Call *call, GError **error)
{
	Access *access = call->services->access;
	const char *id = call->args[0];
	g_autoptr(GError) refusal = NULL;
	g_autofree char *user = access_session_user(access, id);
	if (!user) {
		error_set(error, ERROR_NOT_FOUND, "'yado session list' shows what there is", "there is no session '%s'",
			  id);
		return FALSE;
	}
	json_auto json_object *document = access_get(access, "user", user, NULL, NULL);
	if (!permit_is_own(call, user))
		access_outranks(call, document, "end a session of", &refusal);
	if (call->plan)
		return answer_action_plan(call, g_steal_pointer(&refusal), "session '%s' of '%s' ends", id, user);
	if (refusal) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	return access_revoke_session(access, id, error) && answer_json(call, 200, json_object_new_object());
}

const Route session_routes[] = {
	{"POST", "/session", sign_in, "sign in", PRIVILEGE_NONE, SCOPE_PUBLIC, .unkept = TRUE, .body = &login_table,
	 .answer = ANSWER_CREATED, .result = &login_answer_table,
	 .summary_ja = "ログイン"},
	{"GET", "/session", get_self, "who asks, and what it may do", PRIVILEGE_NONE, SCOPE_SELF,
	 .answer = ANSWER_DOCUMENT, .result = &self_table,
	 .summary_ja = "要求した人と許可された操作"},
	{"DELETE", "/session", sign_out, "sign out", PRIVILEGE_NONE, SCOPE_SELF, .answer = ANSWER_EMPTY,
	 .summary_ja = "ログアウト"},
	{"GET", "/sessions", list_sessions, "who is signed in", PRIVILEGE_ACCESS_READ, SCOPE_OWNER, .query = LIST_QUERY,
	 .answer = ANSWER_LIST, .result = &session_table,
	 .summary_ja = "ログイン中のセッション"},
	{"DELETE", "/sessions/{}", end_session, "end a session", PRIVILEGE_ACCESS_MANAGE, SCOPE_OWNER,
	 .owner = owner_of_session, .plannable = TRUE, .answer = ANSWER_EMPTY,
	 .summary_ja = "セッションの終了"},
	{NULL},
};
