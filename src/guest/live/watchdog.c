/* The watchdog of a running guest: what is done when it runs out. */
#include "base/json.h"
#include "guest/live/part.h"
#include "qemu/peripherals.h"

static gboolean is_live(const char *field, json_object *old, json_object *new)
{
	static const char *const members[] = {"model", NULL};
	return g_strcmp0(field, "action") == 0 && live_is_same(members, old, new);
}

static gboolean apply(Live *live, const char *key, json_object *old, json_object *wanted, GError **error)
{
	(void)key;
	if (json_equal(old, wanted) || !is_live("action", old, wanted))
		return TRUE;
	if (!g_str_equal(json_get_str(wanted, "model", "none"), "none")) {
		json_object *arguments = json_object_new_object();
		json_set_str(arguments, "action", qemu_watchdog_action(live->wanted));
		task_step(live->task, "choosing what the watchdog does");
		if (!qmp_do(live->qmp, "watchdog-set-action", arguments, LIVE_TIMEOUT_MS, error))
			return FALSE;
	}
	live_record(live, "watchdog", NULL, wanted);
	return TRUE;
}

const LivePart live_watchdog = {.name = "watchdog", .is_live = is_live, .apply = apply};
