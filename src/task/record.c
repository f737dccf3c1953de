/* Records of tasks, their states, and how they are shown. */
#include "task/record.h"

#include "base/json.h"

/* A task that was interrupted by the end of the daemon stays running: it is recovered, or run again, as itself. */
static const struct {
	const char *name;
	guint next; /* bits of the states that may follow; none: it has ended */
} states[] = {
	[TASK_QUEUED] = {"queued", 1 << TASK_RUNNING | 1 << TASK_FAILED | 1 << TASK_CANCELLED},
	[TASK_RUNNING] = {"running", 1 << TASK_DONE | 1 << TASK_FAILED | 1 << TASK_CANCELLED},
	[TASK_DONE] = {"done", 0},
	[TASK_FAILED] = {"failed", 0},
	[TASK_CANCELLED] = {"cancelled", 0},
};

const char *task_state_name(TaskState state)
{
	return states[state].name;
}

gboolean task_state_from_name(const char *name, TaskState *ret_state)
{
	for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
		if (g_strcmp0(states[i].name, name) == 0) {
			*ret_state = (TaskState)i;
			return TRUE;
		}
	}
	return FALSE;
}

gboolean task_state_ended(TaskState state)
{
	return states[state].next == 0;
}

gboolean task_state_allowed(TaskState from, TaskState to)
{
	return (states[from].next & 1u << to) != 0;
}

Record *record_dup(const Record *record)
{
	Record *copy = g_memdup2(record, sizeof *record);
	copy->kind = g_strdup(record->kind);
	copy->object = g_strdup(record->object);
	copy->user = g_strdup(record->user);
	copy->unit = g_strdup(record->unit);
	copy->step = g_strdup(record->step);
	copy->result = g_strdup(record->result);
	copy->error = g_strdup(record->error);
	return copy;
}

void record_clear(Record *record)
{
	g_clear_pointer(&record->kind, g_free);
	g_clear_pointer(&record->object, g_free);
	g_clear_pointer(&record->user, g_free);
	g_clear_pointer(&record->unit, g_free);
	g_clear_pointer(&record->step, g_free);
	g_clear_pointer(&record->result, g_free);
	g_clear_pointer(&record->error, g_free);
}

void record_free(Record *record)
{
	if (!record)
		return;
	record_clear(record);
	g_free(record);
}

char *task_time_text(gint64 time_us)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(time_us / G_USEC_PER_SEC);
	if (!time)
		return g_strdup("");
	g_autofree char *seconds = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
	return g_strdup_printf("%s.%03dZ", seconds, (int)(time_us % G_USEC_PER_SEC / 1000));
}

static void set_time(json_object *json, const char *key, gint64 time_us)
{
	if (time_us == 0)
		return;
	g_autofree char *text = task_time_text(time_us);
	json_set_str(json, key, text);
}

static void set_json(json_object *json, const char *key, const char *text)
{
	if (text)
		json_set(json, key, json_tokener_parse(text));
}

/* Thousandths, without overflow for totals near 2^64. */
static gint64 permille(const Record *record)
{
	if (record->state == TASK_DONE)
		return 1000;
	if (record->total == 0)
		return 0;
	return (gint64)((double)MIN(record->done, record->total) / (double)record->total * 1000);
}

json_object *record_to_json(const Record *record)
{
	json_object *json = json_object_new_object();
	json_set_int(json, "id", record->id);
	json_set_str(json, "kind", record->kind);
	json_set_str(json, "object", record->object);
	json_set_str(json, "user", record->user);
	json_set_str(json, "state", task_state_name(record->state));
	json_set_int(json, "progress", permille(record));
	if (record->unit) {
		json_set_int(json, "done", (gint64)record->done);
		if (record->total > 0)
			json_set_int(json, "total", (gint64)record->total);
		json_set_str(json, "unit", record->unit);
	}
	if (record->eta_s >= 0 && record->state == TASK_RUNNING)
		json_set_int(json, "eta_s", record->eta_s);
	if (record->step)
		json_set_str(json, "step", record->step);
	set_time(json, "created", record->created_us);
	set_time(json, "started", record->started_us);
	set_time(json, "ended", record->ended_us);
	if (record->interrupted)
		json_set_bool(json, "interrupted", TRUE);
	if (record->cancelling && !task_state_ended(record->state))
		json_set_bool(json, "cancelling", TRUE);
	set_json(json, "result", record->result);
	set_json(json, "error", record->error);
	return json;
}
