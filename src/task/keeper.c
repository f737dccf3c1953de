/* The keeper: one thread that writes what need not be durable at once, and tries again what could not be written.
 *
 * It sleeps until something is due: log lines and progress at most a fifth of a second old, ends that could not be
 * written each second, a pruning after each hundred ends. It also gives the watch the last progress where that was
 * held back. */
#include "task/engine.h"

Save *task_save_new_locked(Task *task, gboolean whole)
{
	Save *save = g_new0(Save, 1);
	save->record = record_dup(&task->record);
	save->whole = whole;
	save->lines = g_ptr_array_new_with_free_func(log_line_free);
	save->lines_end = task->next_line;
	for (guint i = 0; i < task->lines->len; i++) {
		LogLine *line = g_memdup2(g_ptr_array_index(task->lines, i), sizeof *line);
		line->text = g_strdup(line->text);
		g_ptr_array_add(save->lines, line);
	}
	return save;
}

void task_save_free(Save *save)
{
	if (!save)
		return;
	record_free(save->record);
	g_ptr_array_unref(save->lines);
	g_free(save);
}

gboolean task_save_write(sqlite3 *db, gpointer data, GError **error)
{
	const Save *save = data;
	return (save->whole ? rows_update : rows_progress)(db, save->record, error) &&
	       rows_log(db, save->record->id, save->lines, error);
}

void task_saved_locked(Task *task, const Save *save)
{
	guint written = 0;
	while (written < task->lines->len &&
		((LogLine *)g_ptr_array_index(task->lines, written))->line < save->lines_end)
		written++;
	if (written > 0)
		g_ptr_array_remove_range(task->lines, 0, written);
}

void tasks_wake_keeper_locked(Tasks *tasks, gint64 delay_us)
{
	gint64 due = g_get_monotonic_time() + delay_us;
	if (tasks->keeper_due_us != 0 && tasks->keeper_due_us <= due)
		return;
	tasks->keeper_due_us = due;
	g_cond_signal(&tasks->keeper_wake);
}

void task_mark_dirty_locked(Task *task)
{
	task->dirty = TRUE;
	tasks_wake_keeper_locked(task->tasks, TASK_FLUSH_US);
}

static GPtrArray *collect_locked(Tasks *tasks, gboolean (*wanted)(Task *task))
{
	GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)task_unref);
	GHashTableIter iter;
	gpointer task;
	g_hash_table_iter_init(&iter, tasks->live);
	while (g_hash_table_iter_next(&iter, NULL, &task))
		if (wanted(task))
			g_ptr_array_add(list, task_ref(task));
	return list;
}

static gboolean is_dirty(Task *task)
{
	return task->dirty || task->event_due;
}

/* The last progress before a pause is shown as well, in its time. */
static void show_progress_locked(Task *task, gint64 now_us)
{
	if (!task->event_due)
		return;
	if (now_us - task->event_us < TASK_FLUSH_US) {
		tasks_wake_keeper_locked(task->tasks, TASK_FLUSH_US - (now_us - task->event_us));
		return;
	}
	task->event_us = now_us;
	task_changed_locked(task);
}

static gboolean is_unsaved(Task *task)
{
	return task->unsaved;
}

static gboolean write_saves(sqlite3 *db, gpointer data, GError **error)
{
	const GPtrArray *saves = data;
	for (guint i = 0; i < saves->len; i++)
		if (!task_save_write(db, g_ptr_array_index(saves, i), error))
			return FALSE;
	return TRUE;
}

gboolean tasks_flush(Tasks *tasks)
{
	g_autoptr(GPtrArray) saves = g_ptr_array_new_with_free_func((GDestroyNotify)task_save_free);
	gint64 now_us = g_get_monotonic_time();
	g_mutex_lock(&tasks->lock);
	g_autoptr(GPtrArray) dirty = collect_locked(tasks, is_dirty);
	for (guint i = 0; i < dirty->len; i++) {
		Task *task = g_ptr_array_index(dirty, i);
		g_ptr_array_add(saves, task_save_new_locked(task, FALSE));
		task->dirty = FALSE;
		show_progress_locked(task, now_us);
	}
	g_mutex_unlock(&tasks->lock);
	tasks_deliver(tasks);
	if (dirty->len == 0)
		return TRUE;

	g_autoptr(GError) error = NULL;
	gboolean ok = journal_commit(tasks->journal, write_saves, saves, FALSE, &error);
	g_mutex_lock(&tasks->lock);
	for (guint i = 0; i < dirty->len; i++) {
		Task *task = g_ptr_array_index(dirty, i);
		if (ok)
			task_saved_locked(task, g_ptr_array_index(saves, i));
		else
			task->dirty = TRUE;
	}
	if (!ok && !tasks->write_failed)
		g_warning("logs of tasks are kept in memory and tried again: %s", error->message);
	tasks->write_failed = !ok;
	g_mutex_unlock(&tasks->lock);
	return ok;
}

gboolean tasks_save_ends(Tasks *tasks, GError **error)
{
	g_mutex_lock(&tasks->lock);
	g_autoptr(GPtrArray) unsaved = collect_locked(tasks, is_unsaved);
	g_mutex_unlock(&tasks->lock);
	for (guint i = 0; i < unsaved->len; i++) {
		Task *task = g_ptr_array_index(unsaved, i);
		g_mutex_lock(&tasks->lock);
		g_autoptr(Save) save = task_save_new_locked(task, TRUE);
		g_mutex_unlock(&tasks->lock);
		if (!journal_commit(tasks->journal, task_save_write, save, TRUE, error))
			return FALSE;
		g_mutex_lock(&tasks->lock);
		/* Another thread may have been as quick. */
		if (task->unsaved) {
			task->unsaved = FALSE;
			task_saved_locked(task, save);
			task_settle_locked(task);
			tasks_dispatch_locked(tasks);
			g_message("the end of task %" G_GINT64_FORMAT " '%s' is now written", task->record.id,
				task->record.kind);
		}
		g_mutex_unlock(&tasks->lock);
	}
	return TRUE;
}

static gboolean write_prune(sqlite3 *db, gpointer data, GError **error)
{
	(void)data;
	return rows_prune(db, TASK_KEEP, error);
}

void tasks_prune(Tasks *tasks)
{
	g_autoptr(GError) error = NULL;
	if (!journal_commit(tasks->journal, write_prune, NULL, FALSE, &error))
		g_warning("cannot drop old tasks: %s", error->message);
}

gpointer tasks_keep(gpointer data)
{
	Tasks *tasks = data;
	g_mutex_lock(&tasks->lock);
	while (!tasks->keeper_stop) {
		if (tasks->keeper_due_us == 0) {
			g_cond_wait(&tasks->keeper_wake, &tasks->lock);
			continue;
		}
		if (g_get_monotonic_time() < tasks->keeper_due_us) {
			g_cond_wait_until(&tasks->keeper_wake, &tasks->lock, tasks->keeper_due_us);
			continue;
		}
		tasks->keeper_due_us = 0;
		gboolean prune = tasks->ended >= TASK_PRUNE_EACH;
		if (prune)
			tasks->ended = 0;
		g_mutex_unlock(&tasks->lock);
		gboolean ok = tasks_save_ends(tasks, NULL);
		ok = tasks_flush(tasks) && ok;
		if (prune)
			tasks_prune(tasks);
		g_mutex_lock(&tasks->lock);
		if (!ok)
			tasks_wake_keeper_locked(tasks, TASK_RETRY_US);
		tasks_dispatch_locked(tasks);
	}
	g_mutex_unlock(&tasks->lock);
	return NULL;
}
