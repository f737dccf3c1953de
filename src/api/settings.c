/* /settings: what holds for the whole node. */
#include "api/access-document.h"
#include "base/json.h"
#include "schema/schema.h"

static gboolean get_settings(Call *call, GError **error)
{
	return access_document_get(call, "setting", "access", error);
}

/* The rules of passwords and sessions give nobody a right. */
static gboolean check_nothing(Call *call, json_object *before, json_object *after, GError **error)
{
	(void)call, (void)before, (void)after, (void)error;
	return TRUE;
}

static gboolean change_settings(Call *call, GError **error)
{
	return access_document_change(call, "setting", "access", check_nothing, error);
}

const Route setting_routes[] = {
	{"GET", "/settings/access", get_settings, "rules of passwords and sessions", PRIVILEGE_ACCESS_READ, SCOPE_GLOBAL,
	 .answer = ANSWER_DOCUMENT, .result = &access_settings_table,
	 .summary_ja = "パスワードとセッションの規則"},
	{"PATCH", "/settings/access", change_settings, "change the rules of passwords and sessions",
	 PRIVILEGE_ACCESS_MANAGE, SCOPE_GLOBAL, .plannable = TRUE, .if_match = TRUE, .body = &access_settings_table,
	 .answer = ANSWER_DOCUMENT, .result = &access_settings_table,
	 .summary_ja = "パスワードとセッションの規則の変更"},
	{NULL},
};
