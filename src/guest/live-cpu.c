/* Live changes of a guest's processors: where they run, and how much of the node's they may use. */
#include "base/json.h"
#include "guest/live-part.h"
#include "guest/placement.h"

static const char *const placed[] = {"pin", "kind", NULL}, *const bounded[] = {"shares", "limit", NULL};

static gboolean is_live(const char *field, json_object *old, json_object *new)
{
	(void)old;
	(void)new;
	return field && (g_strv_contains(placed, field) || g_strv_contains(bounded, field));
}

static gboolean differ(json_object *old, json_object *wanted, const char *const *fields)
{
	for (; *fields; fields++)
		if (!json_equal(json_get(old, *fields), json_get(wanted, *fields)))
			return TRUE;
	return FALSE;
}

static void record(Live *live, json_object *wanted, const char *const *fields)
{
	json_object *now = json_copy(json_get(live->applied, "cpu"));
	for (; *fields; fields++) {
		json_object_object_del(now, *fields);
		if (json_get(wanted, *fields))
			json_set(now, *fields, json_copy(json_get(wanted, *fields)));
	}
	live_record(live, "cpu", NULL, now);
	json_object_put(now);
}

static gboolean apply(Live *live, const char *key, json_object *old, json_object *wanted, GError **error)
{
	(void)key;
	gboolean places = differ(old, wanted, placed), bounds = differ(old, wanted, bounded);
	if (places) {
		task_step(live->task, "placing the guest's processors");
		if (!placement_pin(live->vm, live->qmp, wanted, error))
			return FALSE;
		record(live, wanted, placed);
	}
	if (bounds) {
		CpuBounds cpu = placement_bounds(wanted);
		task_step(live->task, "setting shares and limit of the CPU");
		if (!groups_set_cpu(live->vm->cgroup, &cpu, error))
			return FALSE;
		record(live, wanted, bounded);
	}
	return TRUE;
}

const LivePart live_cpu = {"cpu", FALSE, is_live, NULL, apply};
