/* What run() and recover() call: log, step, progress, result, cancel, intents and outcomes. */
#include "task/engine.h"

#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

gint64 task_id(const Task *task)
{
	return task->record.id;
}

const char *task_object(const Task *task)
{
	return task->record.object;
}

const char *task_user(const Task *task)
{
	return task->record.user;
}

json_object *task_args(const Task *task)
{
	return task->args;
}

static void add_line_locked(Task *task, char *text)
{
	LogLine *line = g_new0(LogLine, 1);
	line->line = task->next_line++;
	line->at_us = g_get_real_time();
	line->text = text;
	task->log_bytes += strlen(text);
	g_ptr_array_add(task->lines, line);
	task_mark_dirty_locked(task);
}

/* `always`: the engine's own few lines (an interruption, the end) are never cut. */
void task_log_locked(Task *task, gboolean always, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, "\n", -1);
	for (char **part = parts; *part; part++) {
		if (**part == '\0')
			continue;
		g_autofree char *line = g_utf8_make_valid(*part, -1);
		gboolean fits = task->next_line < TASK_LOG_LINES && task->log_bytes + strlen(line) <= TASK_LOG_BYTES;
		if (always || (fits && !task->log_cut)) {
			add_line_locked(task, g_steal_pointer(&line));
		} else if (!task->log_cut) {
			task->log_cut = TRUE;
			add_line_locked(task, g_strdup_printf("the log was cut here: it has reached its bound of %d "
							      "lines or %d MiB",
						      TASK_LOG_LINES, TASK_LOG_BYTES >> 20));
		}
	}
}

void task_log(Task *task, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_mutex_lock(&task->tasks->lock);
	task_log_locked(task, FALSE, text);
	g_mutex_unlock(&task->tasks->lock);
}

void task_step(Task *task, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_autofree char *step = g_utf8_make_valid(text, -1);
	g_mutex_lock(&task->tasks->lock);
	task_log_locked(task, FALSE, step);
	g_free(task->record.step);
	/* 255 characters, as the task table says. */
	task->record.step = g_utf8_strlen(step, -1) > 255 ? g_utf8_substring(step, 0, 255) : g_strdup(step);
	task_mark_dirty_locked(task);
	task_changed_locked(task);
	g_mutex_unlock(&task->tasks->lock);
	tasks_deliver(task->tasks);
}

void task_progress(Task *task, guint64 done, guint64 total, const char *unit)
{
	Tasks *tasks = task->tasks;
	gint64 now_us = g_get_monotonic_time();
	g_mutex_lock(&tasks->lock);
	Record *record = &task->record;
	if (g_strcmp0(record->unit, unit) != 0) {
		/* Other units are other work: what is known of the speed does not count for it. */
		g_free(record->unit);
		record->unit = g_strdup(unit);
		task->estimate = (Estimate){0};
	}
	record->done = done;
	record->total = total;
	estimate_update(&task->estimate, done, now_us);
	task_mark_dirty_locked(task);
	task->event_due = TRUE;
	gboolean deliver = now_us - task->event_us >= TASK_FLUSH_US;
	if (deliver) {
		task->event_us = now_us;
		task_changed_locked(task);
	}
	g_mutex_unlock(&tasks->lock);
	if (deliver)
		tasks_deliver(tasks);
}

void task_result(Task *task, json_object *result)
{
	char *text = result ? json_dup_text(result) : NULL;
	json_clear(&result);
	g_mutex_lock(&task->tasks->lock);
	g_free(task->record.result);
	task->record.result = text;
	g_mutex_unlock(&task->tasks->lock);
}

gboolean task_ask_to_stop_locked(Task *task, const char *why)
{
	if (!task->kind || !task->kind->cancellable)
		return FALSE;
	if (task->record.cancelling)
		return TRUE;
	task->record.cancelling = TRUE;
	g_atomic_int_set(&task->cancel, TRUE);
	task_log_locked(task, TRUE, why);
	task_changed_locked(task);
	return TRUE;
}

gboolean task_cancelled(Task *task)
{
	return g_atomic_int_get(&task->cancel) != 0;
}

gboolean task_check_cancelled(Task *task, GError **error)
{
	if (!task_cancelled(task))
		return FALSE;
	error_set(error, ERROR_CANCELLED, NULL, "stopped as asked");
	return TRUE;
}

typedef struct StepWrite {
	gint64 task;
	const char *step;
	const char *text;
} StepWrite;

static gboolean write_intent(sqlite3 *db, gpointer data, GError **error)
{
	const StepWrite *write = data;
	return rows_intent(db, write->task, write->step, write->text, error);
}

static gboolean write_outcome(sqlite3 *db, gpointer data, GError **error)
{
	const StepWrite *write = data;
	return rows_outcome(db, write->task, write->step, write->text, error);
}

static gboolean write_step(
	Task *task, JournalWrite write, const char *step, json_object *json, const char *what, GError **error)
{
	g_autofree char *text = json ? json_dup_text(json) : NULL;
	StepWrite data = {task->record.id, step, text};
	if (journal_commit(task->tasks->journal, write, &data, TRUE, error))
		return TRUE;
	g_prefix_error(error, "cannot record %s of step '%s': ", what, step);
	return FALSE;
}

gboolean task_intent(Task *task, const char *step, json_object *detail, GError **error)
{
	return write_step(task, write_intent, step, detail, "the intent", error);
}

gboolean task_outcome(Task *task, const char *step, json_object *outcome, GError **error)
{
	return write_step(task, write_outcome, step, outcome, "the outcome", error);
}
