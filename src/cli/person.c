/* Signing in and out. yado-remote keeps the session's cookie, and sends it in place of the token with requests that
 * have the session's CSRF token. */
#include "cli/person.h"

#include "base/json.h"
#include "cli/ask.h"

gboolean person_sign_in(Cli *cli, const char *user, const char *password, GError **error)
{
	json_auto json_object *body = json_object_new_object();
	json_set_str(body, "user", user);
	json_set_str(body, "password", password);
	g_autoptr(Reply) reply = ask_quietly(cli, "POST", "/session", body, NULL, 0, error);
	if (!reply)
		return FALSE;
	cli->csrf = g_strdup(json_get_str(reply->body, "csrf", ""));
	return TRUE;
}

void person_sign_out(Cli *cli)
{
	if (!cli->csrf)
		return;
	/* If this fails, the session ends by itself. */
	reply_free(ask_quietly(cli, "DELETE", "/session", NULL, NULL, 0, NULL));
	g_clear_pointer(&cli->csrf, g_free);
}
