/* Setting things in a guest: a password, the clock. */
#include "guest/tools/control.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/tools/ask.h"
#include "guest/tools/exec.h"

enum { CLOCK_GOOD_MS = 2000, SLOW_TIMEOUT_MS = 20000 };

gboolean tools_set_password(Vm *vm, const char *user, const char *password, GError **error)
{
	json_object *arguments = json_object_new_object();
	g_autofree char *coded = g_base64_encode((const guchar *)password, strlen(password));
	json_set_str(arguments, "username", user);
	json_set_str(arguments, "password", coded);
	json_set_bool(arguments, "crypted", FALSE);
	json_auto json_object *done = tools_ask(vm, "guest-set-user-password", arguments, SLOW_TIMEOUT_MS, error);
	return done != NULL;
}

/* FALSE if the agent does not tell. */
static gboolean read_clock(Vm *vm, gint64 *ret_ahead_ms)
{
	gint64 asked_us = g_get_real_time();
	json_auto json_object *time = tools_ask(vm, "guest-get-time", NULL, TOOLS_TIMEOUT_MS, NULL);
	gint64 answered_us = g_get_real_time();
	if (!json_object_is_type(time, json_type_int))
		return FALSE;
	/* It was read somewhere between. */
	*ret_ahead_ms = json_object_get_int64(time) / 1000000 - (asked_us / 2 + answered_us / 2) / 1000;
	return TRUE;
}

static void set_ahead(json_object *json, const char *key, gboolean known, gint64 ahead_ms)
{
	json_set(json, key, known ? json_object_new_int64(ahead_ms) : NULL);
}

/* To the second. */
static gboolean set_by_command(Vm *vm)
{
	g_autofree char *now =
		g_strdup_printf("@%" G_GINT64_FORMAT, (g_get_real_time() + G_USEC_PER_SEC / 2) / G_USEC_PER_SEC);
	const char *words[] = {"/bin/date", "-s", now, NULL};
	g_autofree char *said = guest_exec_run(vm, words, SLOW_TIMEOUT_MS, NULL);
	return said != NULL;
}

json_object *tools_sync_time(Vm *vm, GError **error)
{
	g_autoptr(GError) failure = NULL;
	gint64 before_ms = 0, after_ms = 0;
	gboolean known_before = read_clock(vm, &before_ms);
	json_object *arguments = json_object_new_object();
	json_set_int(arguments, "time", g_get_real_time() * 1000);
	json_auto json_object *done = tools_ask(vm, "guest-set-time", arguments, SLOW_TIMEOUT_MS, &failure);
	/* Without hwclock(8) it sets nothing, or only the clock and then fails. */
	gboolean known_after = read_clock(vm, &after_ms);
	gboolean refused = !done && error_code(failure) == ERROR_FAILED && known_after;
	if (refused && ABS(after_ms) >= CLOCK_GOOD_MS && set_by_command(vm))
		known_after = read_clock(vm, &after_ms);
	if (!done && !(refused && known_after && ABS(after_ms) < CLOCK_GOOD_MS)) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return NULL;
	}
	json_object *answer = json_object_new_object();
	set_ahead(answer, "before_ms", known_before, before_ms);
	set_ahead(answer, "after_ms", known_after, after_ms);
	json_set_bool(answer, "hardware_clock", done != NULL);
	return answer;
}
