/* Live changes of a guest's processors: where they run, how much of the node's they may use, and how many there are. */
#include "base/json.h"
#include "guest/live/part.h"
#include "guest/live/vcpus.h"
#include "guest/resources/placement.h"

static const char *const placed[] = {"pin", "kind", NULL}, *const bounded[] = {"shares", "limit", NULL};

/* Whether the number of CPUs goes live takes more than the part to tell (live_vcpus_hindrance). */
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

/* What the process has, with these fields as they are wanted. New reference. */
static json_object *take_over(Live *live, json_object *wanted, const char *const *fields)
{
	json_object *now = json_copy(json_get(live->applied, "cpu"));
	for (; *fields; fields++) {
		json_object_object_del(now, *fields);
		if (json_get(wanted, *fields))
			json_set(now, *fields, json_copy(json_get(wanted, *fields)));
	}
	return now;
}

/* Among the nodes that the process has: those of the document may be others. */
static gboolean pin(Live *live, json_object *cpu, GError **error)
{
	json_auto json_object *document = json_object_new_object();
	json_set(document, "cpu", json_object_get(cpu));
	json_set(document, "numa", json_object_get(json_get(live->applied, "numa")));
	return placement_pin(live->vm, live->qmp, document, error);
}

static gboolean apply(Live *live, const char *key, json_object *old, json_object *wanted, GError **error)
{
	(void)key;
	if (differ(old, wanted, placed)) {
		json_auto json_object *now = take_over(live, wanted, placed);
		task_step(live->task, "placing the guest's processors");
		if (!pin(live, now, error))
			return FALSE;
		live_record(live, "cpu", NULL, now);
	}
	old = json_get(live->applied, "cpu");
	if (differ(old, wanted, bounded)) {
		json_auto json_object *now = take_over(live, wanted, bounded);
		CpuBounds cpu = placement_bounds(wanted);
		task_step(live->task, "setting shares and limit of the CPU");
		if (!groups_set_cpu(live->vm->cgroup, &cpu, error))
			return FALSE;
		live_record(live, "cpu", NULL, now);
	}
	return live_vcpus_apply(live, error);
}

const LivePart live_cpu = {"cpu", FALSE, is_live, NULL, apply};
