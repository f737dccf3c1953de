/* Running the checks: a thread each, so that what hangs (a file system that does not answer) holds up nothing else. Who
 * is late is reported as that; its thread is left behind with all that it holds. */
#include <string.h>

#include "base/json.h"
#include "doctor/report.h"

const Check *const check_tables[] = {
	daemon_checks, processor_checks, device_checks, cgroup_checks, module_checks, package_checks, program_checks,
	clock_checks, storage_checks, database_checks, memory_checks, limit_checks, identity_checks, front_checks,
	name_checks, log_checks, NULL};

typedef struct Run {
	const Check *check;
	const Host *host;
	Report *report; /* its thread's until `done` */
	gboolean done;  /* under the lock */
	gint64 deadline_us;
} Run;

static GMutex lock;
static GCond ended;

static gpointer look(gpointer data)
{
	Run *run = data;
	run->check->look(run->host, run->report);
	g_mutex_lock(&lock);
	run->done = TRUE;
	g_cond_broadcast(&ended);
	g_mutex_unlock(&lock);
	return NULL;
}

const Check *check_find(const char *id)
{
	for (const Check *const *table = check_tables; *table; table++)
		for (const Check *check = *table; check->id; check++)
			if (strcmp(check->id, id) == 0)
				return check;
	return NULL;
}

static void begin(GPtrArray *runs, const Check *check, const Host *host)
{
	Run *run = g_new0(Run, 1);
	guint deadline_ms = check->deadline_ms ? check->deadline_ms : CHECK_DEADLINE_MS;
	run->check = check;
	run->host = host;
	run->report = report_new(check);
	run->deadline_us = g_get_monotonic_time() + (gint64)deadline_ms * 1000;
	g_ptr_array_add(runs, run);
	g_autoptr(GError) error = NULL;
	GThread *thread = g_thread_try_new(check->id, look, run, &error);
	if (thread) {
		g_thread_unref(thread);
	} else {
		report_unknown(run->report, error->message);
		run->done = TRUE;
	}
}

/* What the check has reported by its deadline. A late one's report stays its thread's: another stands in. */
static Report *wait_for(Run *run)
{
	g_mutex_lock(&lock);
	while (!run->done && g_cond_wait_until(&ended, &lock, run->deadline_us))
		;
	gboolean done = run->done;
	g_mutex_unlock(&lock);
	if (done) {
		Report *report = run->report;
		g_free(run);
		return report;
	}
	Report *stand_in = report_new(run->check);
	guint deadline_ms = run->check->deadline_ms ? run->check->deadline_ms : CHECK_DEADLINE_MS;
	report_late(stand_in, deadline_ms);
	return stand_in;
}

json_object *checks_run(const Host *host, const char *const *only)
{
	g_autoptr(GPtrArray) runs = g_ptr_array_new();
	guint counts[STATE_COUNT] = {0};
	json_object *result = json_object_new_object(), *summary = json_object_new_object();
	json_object *items = json_object_new_array();
	gint64 begun = g_get_monotonic_time();
	g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(host_now(host));
	g_autofree char *at = g_date_time_format_iso8601(now);
	json_set_str(result, "version", YADO_VERSION);
	json_set_str(result, "at", at);
	for (const Check *const *table = check_tables; *table; table++)
		for (const Check *check = *table; check->id; check++)
			if (!only || g_strv_contains(only, check->id))
				begin(runs, check, host);
	for (guint i = 0; i < runs->len; i++) {
		g_autoptr(Report) report = wait_for(runs->pdata[i]);
		json_object *found = report_items(report);
		for (gsize j = 0; j < json_object_array_length(found); j++)
			json_object_array_add(items, json_object_get(json_object_array_get_idx(found, j)));
		for (guint state = 0; state < STATE_COUNT; state++)
			counts[state] += report_count(report, state);
	}
	for (guint state = 0; state < STATE_COUNT; state++)
		json_set_int(summary, state_name(state), counts[state]);
	json_set_int(result, "duration_ms", (g_get_monotonic_time() - begun) / 1000);
	json_set(result, "summary", summary);
	json_set(result, "checks", items);
	return result;
}
