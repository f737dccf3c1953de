/* Restarts after a crash: how many there were lately is kept in memory, and beside the process (adopt.c). */
#include "guest/run/restart.h"

#include "base/json.h"
#include "guest/run/power.h"
#include "guest/run/wanted.h"

enum { WINDOW_S = 600 };

gboolean restart_decide(Vm *vm, char **ret_limit)
{
	json_auto json_object *document = vm_dup_document(vm, NULL);
	json_object *restart = json_get(document, "restart");
	guint max = (guint)json_get_int(restart, "max", 3), recent = 0;
	gint64 now = g_get_monotonic_time();

	*ret_limit = NULL;
	/* Who shut it down does not want it back. */
	if (!vm_is_wanted(vm) || !g_str_equal(json_get_str(restart, "policy", "never"), "on-crash"))
		return FALSE;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	for (guint i = 0; i < vm->restarts_us->len; i++)
		recent += now - g_array_index(vm->restarts_us, gint64, i) < WINDOW_S * G_USEC_PER_SEC;
	if (recent >= max) {
		*ret_limit = g_strdup_printf("; it was restarted %u %s within %d minutes and stays down", recent,
					     recent == 1 ? "time" : "times", WINDOW_S / 60);
		return FALSE;
	}
	if (vm->restarts_us->len >= max)
		g_array_remove_index(vm->restarts_us, 0);
	g_array_append_val(vm->restarts_us, now);
	return TRUE;
}

void restart_submit(Vm *vm, const TaskKind *kind, const char *cause)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *args = json_object_new_object();
	json_set_str(args, "cause", cause);
	if (!vm_submit(vm, kind, "yado", args, &error))
		g_warning("cannot restart VM %" G_GINT64_FORMAT ": %s", vm->id, error->message);
}
