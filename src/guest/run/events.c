/* QEMU's events of the past.
 *
 * QEMU may have been taken over by its guest: the log is bounded, a line that is not an event is skipped, and all that
 * an event can do is to choose among the reasons of those who ask for it. */
#include "guest/run/events.h"

#include <string.h>

#include "base/json.h"
#include "sandbox/launch.h"

gint64 vm_find_event(Vm *vm, const char *name, const char *member, gint64 after_us, json_object **ret_data)
{
	g_auto(GStrv) lines = launch_read_events(vm->run_dir);
	json_auto json_object *found = NULL;
	gint64 found_us = 0;
	for (char **line = lines; *line; line++) {
		/* Most lines are of other events, and need no parse. */
		if (!strstr(*line, name))
			continue;
		json_auto json_object *event = json_parse(*line, strlen(*line), NULL);
		json_object *time = json_get(event, "timestamp"), *data = json_get(event, "data");
		gint64 at = json_get_int(time, "seconds", 0) * G_USEC_PER_SEC + json_get_int(time, "microseconds", 0);
		if (!g_str_equal(json_get_str(event, "event", ""), name) || at <= after_us || at > g_get_real_time() ||
		    (member && !json_get_bool(data, member, FALSE)))
			continue;
		json_clear(&found);
		found = data ? json_object_get(data) : json_object_new_object();
		found_us = at;
	}
	if (found_us && ret_data)
		*ret_data = g_steal_pointer(&found);
	return found_us;
}
