/* What others see of tasks: descriptions, lists, logs, and the watch.
 *
 * A live task is seen as it is in memory, all others as they are in the journal. A task leaves memory only after its
 * end is in the journal, so looking in memory first never misses one.
 *
 * Events for the watch are queued under the lock in the order of the changes and given out without it, by one thread
 * at a time: whoever changed something while nobody gives out. So a watch never sees a task go back in time, and may
 * itself call the engine. */
#include "task/engine.h"

#include "base/error.h"
#include "base/json.h"

Record *task_snapshot_locked(Task *task)
{
	Record *record = record_dup(&task->record);
	record->eta_s = estimate_seconds(&task->estimate, record->done, record->total, g_get_monotonic_time());
	return record;
}

void task_changed_locked(Task *task)
{
	task->event_due = FALSE;
	if (task->tasks->watch)
		g_queue_push_tail(&task->tasks->events, task_snapshot_locked(task));
}

void tasks_deliver(Tasks *tasks)
{
	g_mutex_lock(&tasks->lock);
	if (tasks->deliverer) {
		g_mutex_unlock(&tasks->lock);
		return;
	}
	tasks->deliverer = g_thread_self();
	while (!g_queue_is_empty(&tasks->events)) {
		g_autoptr(Record) record = g_queue_pop_head(&tasks->events);
		TaskWatch watch = tasks->watch;
		gpointer data = tasks->watch_data;
		g_mutex_unlock(&tasks->lock);
		json_auto json_object *json = record_to_json(record);
		if (watch)
			watch(record->id, json, data);
		g_mutex_lock(&tasks->lock);
	}
	tasks->deliverer = NULL;
	g_cond_broadcast(&tasks->changed);
	g_mutex_unlock(&tasks->lock);
}

/* After it, the former watch is not called any more (unless the watch itself makes this call). */
void tasks_set_watch(Tasks *tasks, TaskWatch watch, gpointer data)
{
	g_mutex_lock(&tasks->lock);
	tasks->watch = watch;
	tasks->watch_data = data;
	g_queue_clear_full(&tasks->events, (GDestroyNotify)record_free);
	while (tasks->deliverer && tasks->deliverer != g_thread_self())
		g_cond_wait(&tasks->changed, &tasks->lock);
	g_mutex_unlock(&tasks->lock);
}

static gboolean refuse_unknown(gint64 id, GError **error)
{
	error_set(error, ERROR_NOT_FOUND, "list the tasks; old ones are dropped",
		"there is no task %" G_GINT64_FORMAT, id);
	return FALSE;
}

json_object *tasks_describe(Tasks *tasks, gint64 id, GError **error)
{
	g_mutex_lock(&tasks->lock);
	Task *task = g_hash_table_lookup(tasks->live, &id);
	g_autoptr(Record) record = task ? task_snapshot_locked(task) : NULL;
	g_mutex_unlock(&tasks->lock);
	if (!record) {
		g_autoptr(GError) reason = NULL;
		sqlite3 *db = journal_lend_reader(tasks->journal);
		record = rows_get(db, id, &reason);
		journal_give_back(tasks->journal);
		if (reason) {
			g_propagate_error(error, g_steal_pointer(&reason));
			return NULL;
		}
	}
	if (!record) {
		refuse_unknown(id, error);
		return NULL;
	}
	return record_to_json(record);
}

static void add_count(json_object *list, const char *name, guint count)
{
	g_auto(GStrv) parts = g_strsplit(name, " ", 2);
	json_object *entry = json_object_new_object();
	json_set_str(entry, "kind", parts[0]);
	json_set_str(entry, "state", parts[1]);
	json_set_int(entry, "count", count);
	json_object_array_add(list, entry);
}

json_object *tasks_counts(Tasks *tasks)
{
	json_object *list = json_object_new_array();
	g_autoptr(GHashTable) live = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GHashTableIter iter;
	gpointer name, value;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&tasks->lock);
	g_hash_table_iter_init(&iter, tasks->live);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Record *record = &((Task *)value)->record;
		if (task_state_ended(record->state))
			continue;
		char *key = g_strdup_printf("%s %s", record->kind, task_state_name(record->state));
		guint count = GPOINTER_TO_UINT(g_hash_table_lookup(live, key));
		g_hash_table_replace(live, key, GUINT_TO_POINTER(count + 1));
	}
	g_hash_table_iter_init(&iter, live);
	while (g_hash_table_iter_next(&iter, &name, &value))
		add_count(list, name, GPOINTER_TO_UINT(value));
	g_hash_table_iter_init(&iter, tasks->ended_counts);
	while (g_hash_table_iter_next(&iter, &name, &value))
		add_count(list, name, GPOINTER_TO_UINT(value));
	return list;
}

static int newest_first(gconstpointer a, gconstpointer b)
{
	gint64 left = (*(const Record *const *)a)->id, right = (*(const Record *const *)b)->id;
	return left < right ? 1 : left > right ? -1 : 0;
}

json_object *tasks_list(
	Tasks *tasks, const char *object, const char *state, gint64 before_id, guint limit, GError **error)
{
	TaskState wanted = TASK_QUEUED;
	if (state && !task_state_from_name(state, &wanted)) {
		error_set_field(error, ERROR_INVALID, "state", "use queued, running, done, failed or cancelled",
			"there is no state '%s' of tasks", state);
		return NULL;
	}
	if (limit == 0)
		limit = G_MAXUINT;
	g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)record_free);
	g_autoptr(GHashTable) live = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	g_mutex_lock(&tasks->lock);
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, tasks->live);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Task *task = value;
		const Record *record = &task->record;
		g_hash_table_add(live, g_memdup2(&record->id, sizeof record->id));
		if ((object && g_strcmp0(object, record->object) != 0) || (state && wanted != record->state) ||
			(before_id > 0 && record->id >= before_id))
			continue;
		g_ptr_array_add(records, task_snapshot_locked(task));
	}
	g_mutex_unlock(&tasks->lock);

	/* What has not ended is all in memory. */
	if (!state || task_state_ended(wanted)) {
		sqlite3 *db = journal_lend_reader(tasks->journal);
		g_autoptr(GPtrArray) others = rows_list(db, object, state, before_id, limit, live, error);
		journal_give_back(tasks->journal);
		if (!others)
			return NULL;
		g_ptr_array_extend_and_steal(records, g_steal_pointer(&others));
	}
	g_ptr_array_sort(records, newest_first);
	json_object *list = json_object_new_array();
	for (guint i = 0; i < MIN(records->len, limit); i++)
		json_object_array_add(list, record_to_json(g_ptr_array_index(records, i)));
	return list;
}

static void show_lines(json_object *shown, const GPtrArray *lines, guint from, guint limit)
{
	for (guint i = 0; i < lines->len && json_object_array_length(shown) < limit; i++) {
		const LogLine *line = g_ptr_array_index(lines, i);
		if (line->line < from)
			continue;
		g_autofree char *at = task_time_text(line->at_us);
		json_object *json = json_object_new_object();
		json_set_str(json, "at", at);
		json_set_str(json, "text", line->text);
		json_object_array_add(shown, json);
	}
}

/* Lines leave memory only after they are in the journal: those of memory are taken first, then those before them. */
json_object *tasks_log(Tasks *tasks, gint64 id, guint from, guint limit, GError **error)
{
	if (limit == 0)
		limit = G_MAXINT;
	g_autoptr(Save) unwritten = NULL;
	g_mutex_lock(&tasks->lock);
	Task *task = g_hash_table_lookup(tasks->live, &id);
	if (task)
		unwritten = task_save_new_locked(task, FALSE);
	g_mutex_unlock(&tasks->lock);

	g_autoptr(GError) reason = NULL;
	sqlite3 *db = journal_lend_reader(tasks->journal);
	g_autoptr(Record) record = unwritten ? NULL : rows_get(db, id, &reason);
	g_autoptr(GPtrArray) written = reason ? NULL : rows_read_log(db, id, from, limit, &reason);
	journal_give_back(tasks->journal);
	if (!written) {
		g_propagate_error(error, g_steal_pointer(&reason));
		return NULL;
	}
	if (!unwritten && !record) {
		refuse_unknown(id, error);
		return NULL;
	}
	json_object *lines = json_object_new_array();
	show_lines(lines, written, from, limit);
	guint next = from + (guint)json_object_array_length(lines);
	if (unwritten)
		show_lines(lines, unwritten->lines, next, limit);
	json_object *log = json_object_new_object();
	json_set(log, "lines", lines);
	json_set_int(log, "next", (gint64)from + (gint64)json_object_array_length(lines));
	return log;
}
