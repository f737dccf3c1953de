/* Asking a guest's agent. */
#include "guest/tools/ask.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/tools/agent.h"

/* The agent has reasons of its own, or it is frozen. */
static void explain_unsupported(Vm *vm, const char *command, GError *reason, GError **error)
{
	g_mutex_lock(&vm->lock);
	gboolean frozen = vm->frozen_until_us > 0;
	g_mutex_unlock(&vm->lock);
	g_autofree char *text = tools_clean(reason->message, 400);
	error_set(error, ERROR_UNSUPPORTED,
		  frozen ? "thaw it first ('yado vm thaw')"
			 : "allow it where qemu-guest-agent is configured in the guest (allow-rpcs, block-rpcs, "
			   "blacklist), or install a newer one",
		  frozen ? "the guest is frozen, so its agent does not take '%s': %s"
			 : "the guest's agent does not take '%s': %s",
		  command, text);
}

json_object *tools_ask(Vm *vm, const char *command, json_object *arguments, guint timeout_ms, GError **error)
{
	json_auto json_object *owned = arguments;
	g_autoptr(GError) reason = NULL;
	g_autoptr(Qmp) agent = agent_ref(vm, error);
	if (!agent)
		return NULL;
	json_object *value = qmp_command(agent, command, json_object_get(owned), timeout_ms, &reason);
	if (value)
		return value;
	if (error_code(reason) == ERROR_UNSUPPORTED) {
		explain_unsupported(vm, command, reason, error);
		return NULL;
	}
	g_autofree char *text = tools_clean(reason->message, 1024);
	error_set(error, error_code(reason), error_hint(reason), "%s", text);
	return NULL;
}

gboolean tools_check(Vm *vm, GError **error)
{
	json_auto json_object *pong = tools_ask(vm, "guest-ping", NULL, TOOLS_TIMEOUT_MS, error);
	return pong != NULL;
}

char *tools_clean(const char *text, gsize most)
{
	if (!text)
		return NULL;
	g_autofree char *valid = g_utf8_make_valid(text, (gssize)strnlen(text, most));
	GString *clean = g_string_new(NULL);
	for (const char *c = valid; *c && clean->len < most; c = g_utf8_next_char(c)) {
		gunichar letter = g_utf8_get_char(c);
		/* Also what changes the direction of the text around it. */
		if (g_unichar_isprint(letter) && g_unichar_type(letter) != G_UNICODE_FORMAT)
			g_string_append_unichar(clean, letter);
		else
			g_string_append_c(clean, '?');
	}
	return g_string_free(clean, FALSE);
}
