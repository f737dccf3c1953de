/* The task engine: submission, cancel, wait, start and stop.
 *
 * A submission takes its number and its claims in memory, then is written, and counts once it is on the disk. It waits
 * until its claims are clear (claim.c), then for a thread of its pool (work.c). Its end is written before it is made
 * known and before its claims are given back. All else of a task (log, progress) is written by the keeper (keeper.c)
 * without an fsync each. What the beginning of a task does not survive (a power cut) its steps do: an intent is
 * durable, and with it all that was written before.
 *
 * At start, the unfinished tasks of the former daemon are read and take their claims before anything can be
 * submitted, those that were running first. */
#include "task/engine.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

Task *task_new(Tasks *tasks, const char *kind, const char *object, const char *user)
{
	Task *task = g_new0(Task, 1);
	g_atomic_ref_count_init(&task->refs);
	task->tasks = tasks;
	task->kind = tasks_find_kind(tasks, kind);
	task->claims = claim_set_new(task);
	task->lines = g_ptr_array_new_with_free_func(log_line_free);
	task->record = (Record){
		.kind = g_strdup(kind),
		.object = g_strdup(object),
		.user = g_strdup(user),
		.state = TASK_QUEUED,
		.created_us = g_get_real_time(),
		.eta_s = -1,
	};
	return task;
}

Task *task_ref(Task *task)
{
	g_atomic_ref_count_inc(&task->refs);
	return task;
}

void task_unref(Task *task)
{
	if (!task || !g_atomic_ref_count_dec(&task->refs))
		return;
	json_clear(&task->args);
	claim_set_free(task->claims);
	g_ptr_array_unref(task->lines);
	record_clear(&task->record);
	g_free(task);
}

const TaskKind *tasks_find_kind(Tasks *tasks, const char *name)
{
	for (const TaskKind *const *kind = tasks->kinds; *kind; kind++)
		if (strcmp((*kind)->name, name) == 0)
			return *kind;
	return NULL;
}

Tasks *tasks_ref(Tasks *tasks)
{
	g_atomic_ref_count_inc(&tasks->refs);
	return tasks;
}

void tasks_unref(Tasks *tasks)
{
	if (!g_atomic_ref_count_dec(&tasks->refs))
		return;
	GHashTableIter iter;
	gpointer task;
	g_hash_table_iter_init(&iter, tasks->live);
	while (g_hash_table_iter_next(&iter, NULL, &task))
		claim_table_leave(tasks->claims, ((Task *)task)->claims);
	g_hash_table_destroy(tasks->live);
	g_hash_table_destroy(tasks->pools);
	g_hash_table_destroy(tasks->ended_counts);
	claim_table_free(tasks->claims);
	g_queue_clear(&tasks->waiting);
	g_queue_clear_full(&tasks->events, (GDestroyNotify)record_free);
	journal_free(tasks->journal);
	g_mutex_clear(&tasks->lock);
	g_cond_clear(&tasks->changed);
	g_cond_clear(&tasks->keeper_wake);
	g_free(tasks);
}

static void pool_free(gpointer data)
{
	Pool *pool = data;
	g_queue_clear(&pool->ready);
	g_free(pool);
}

/* What a former daemon left, with its claims. */
static gboolean load(Tasks *tasks, GError **error)
{
	sqlite3 *db = journal_lend_reader(tasks->journal);
	g_autoptr(GPtrArray) rows = NULL;
	if (rows_last_id(db, &tasks->last_id, error))
		rows = rows_unfinished(db, error);
	journal_give_back(tasks->journal);
	if (!rows)
		return FALSE;
	for (guint i = 0; i < rows->len; i++) {
		RowsTask *row = g_ptr_array_index(rows, i);
		Task *task = task_new(tasks, row->record.kind, row->record.object, row->record.user);
		record_clear(&task->record);
		task->record = row->record;
		row->record = (Record){0};
		task->args = row->args ? json_tokener_parse(row->args) : NULL;
		json_auto json_object *claims = json_tokener_parse(row->claims);
		claim_set_add_json(task->claims, claims);
		claim_table_enter(tasks->claims, task->claims);
		task->cancel = task->record.cancelling;
		task->next_line = row->log_lines;
		task->log_bytes = row->log_bytes;
		task->log_cut = task->next_line >= TASK_LOG_LINES || task->log_bytes >= TASK_LOG_BYTES;
		task->visible = TRUE;
		g_hash_table_insert(tasks->live, &task->record.id, task);
		g_queue_push_tail(&tasks->waiting, task);
	}
	return TRUE;
}

Tasks *tasks_new(const char *dir, const TaskKind *const *kinds, gpointer data, GError **error)
{
	g_autofree char *path = g_build_filename(dir, "tasks.db", NULL);
	Journal *journal = journal_open(path, rows_migrations, error);
	if (!journal)
		return NULL;
	Tasks *tasks = g_new0(Tasks, 1);
	g_atomic_ref_count_init(&tasks->refs);
	tasks->journal = journal;
	tasks->kinds = kinds;
	tasks->data = data;
	g_mutex_init(&tasks->lock);
	g_cond_init(&tasks->changed);
	g_cond_init(&tasks->keeper_wake);
	tasks->live = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)task_unref);
	tasks->ended_counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	tasks->pools = g_hash_table_new_full(NULL, NULL, NULL, pool_free);
	tasks->claims = claim_table_new();
	if (!load(tasks, error))
		g_clear_pointer(&tasks, tasks_unref);
	return tasks;
}

gboolean tasks_start(Tasks *tasks, GError **error)
{
	g_autoptr(GPtrArray) unknown = g_ptr_array_new_with_free_func((GDestroyNotify)task_unref);
	g_mutex_lock(&tasks->lock);
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, tasks->live);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Task *task = value;
		if (!task->kind && !task->ending) {
			task_take_back_locked(task);
			task->ending = TRUE;
			g_ptr_array_add(unknown, task_ref(task));
		}
		if (task->record.state != TASK_RUNNING)
			continue;
		task->record.interrupted = TRUE;
		task_log_locked(task, TRUE,
			!task->kind		 ? "interrupted: the daemon ended while this ran"
			: task->kind->recover ? "interrupted: the daemon ended while this ran; recovering"
					      : "interrupted: the daemon ended while this ran; running it again");
	}
	g_mutex_unlock(&tasks->lock);
	/* On a full disk the daemon starts all the same; these are written later. */
	tasks_flush(tasks);
	for (guint i = 0; i < unknown->len; i++) {
		Task *task = g_ptr_array_index(unknown, i);
		g_autoptr(GError) reason = NULL;
		error_set(&reason, ERROR_UNSUPPORTED,
			"check the object, and ask for the work again in the way of this version",
			"cannot go on with task %" G_GINT64_FORMAT
			": this version of Yado has no task of the kind '%s'",
			task->record.id, task->record.kind);
		task_end(task, TASK_FAILED, reason);
	}
	tasks_prune(tasks);
	tasks->keeper = g_thread_try_new("task-keeper", tasks_keep, tasks, error);
	if (!tasks->keeper) {
		g_prefix_error(error, "cannot start the tasks: ");
		return FALSE;
	}
	g_mutex_lock(&tasks->lock);
	tasks->started = TRUE;
	tasks_dispatch_locked(tasks);
	g_mutex_unlock(&tasks->lock);
	return TRUE;
}

gboolean tasks_stop(Tasks *tasks, guint timeout_ms)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	g_mutex_lock(&tasks->lock);
	if (tasks->stopping) {
		gboolean ended = tasks->threads == 0;
		g_mutex_unlock(&tasks->lock);
		return ended;
	}
	tasks->stopping = TRUE;
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, tasks->live);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Task *task = value;
		if (!task->on_thread || task->ending)
			continue;
		if (!task->kind->resumes || task->record.cancelling) {
			task_ask_to_stop_locked(task, "asked to stop: the daemon is stopping");
			continue;
		}
		task->left = TRUE;
		g_atomic_int_set(&task->cancel, TRUE);
	}
	while (tasks->threads > 0 && g_cond_wait_until(&tasks->changed, &tasks->lock, deadline))
		;
	gboolean ended = tasks->threads == 0;
	tasks->keeper_stop = TRUE;
	g_cond_signal(&tasks->keeper_wake);
	GThread *keeper = g_steal_pointer(&tasks->keeper);
	g_mutex_unlock(&tasks->lock);

	if (keeper)
		g_thread_join(keeper);
	tasks_flush(tasks);
	tasks_save_ends(tasks, NULL);
	/* From here on, what still runs can neither begin a step nor end: it is recovered at the next start. */
	journal_close(tasks->journal);
	g_mutex_lock(&tasks->lock);
	tasks->stopped = TRUE;
	g_cond_broadcast(&tasks->changed);
	g_mutex_unlock(&tasks->lock);
	tasks_deliver(tasks);
	return ended;
}

void tasks_free(Tasks *tasks)
{
	if (!tasks)
		return;
	tasks_stop(tasks, 0);
	tasks_set_watch(tasks, NULL, NULL);
	tasks_unref(tasks);
}

typedef struct Submission {
	const Record *record;
	const char *args, *claims;
} Submission;

static gboolean write_submission(sqlite3 *db, gpointer data, GError **error)
{
	const Submission *submission = data;
	return rows_insert(db, submission->record, submission->args, submission->claims, error);
}

/* "vm/100" as people say it: "vm 100". */
static char *object_words(const char *object)
{
	char *words = g_strdup(object);
	char *slash = strchr(words, '/');
	if (slash)
		*slash = ' ';
	return words;
}

static gboolean refuse_busy(const Task *blocker, const char *object, GError **error)
{
	g_autofree char *words = object_words(object);
	g_autofree char *hint = g_strdup_printf("wait until task %" G_GINT64_FORMAT " has ended%s", blocker->record.id,
		blocker->kind && blocker->kind->cancellable ? ", or cancel it" : "");
	error_set(error, ERROR_CONFLICT, hint, "%s is busy: task %" G_GINT64_FORMAT " '%s' by %s", words,
		blocker->record.id, blocker->record.kind, blocker->record.user);
	return FALSE;
}

/* Takes a number and the claims, or says why not. The lock is let go where an end must be written first. */
static gboolean enter_locked(Tasks *tasks, Task *task, GError **error)
{
	for (gboolean retried = FALSE;; retried = TRUE) {
		if (tasks->stopping) {
			error_set(error, ERROR_UNAVAILABLE, "ask again once the daemon has started",
				"the daemon is stopping");
			return FALSE;
		}
		if (g_hash_table_size(tasks->live) >= TASK_LIVE_MAX) {
			error_set(error, ERROR_TOO_MANY, "wait until some have ended, or cancel some",
				"%d tasks wait or run already", TASK_LIVE_MAX);
			return FALSE;
		}
		const char *object = NULL;
		const Task *blocker =
			task->kind->queue ? NULL : claim_table_blocker(tasks->claims, task->claims, &object);
		if (!blocker)
			break;
		if (!blocker->unsaved || retried)
			return refuse_busy(blocker, object, error);
		/* It has ended, and only that could not be written: perhaps there is room by now. */
		g_mutex_unlock(&tasks->lock);
		gboolean saved = tasks_save_ends(tasks, error);
		g_mutex_lock(&tasks->lock);
		if (!saved)
			return FALSE;
	}
	task->record.id = ++tasks->last_id;
	claim_table_enter(tasks->claims, task->claims);
	return TRUE;
}

gint64 tasks_submit(Tasks *tasks, const TaskKind *kind, const char *object, const char *user, json_object *args,
	const char *const *extra_claims, GError **error)
{
	g_autoptr(Task) task = task_new(tasks, kind->name, object, user ? user : "");
	if (task->kind != kind) {
		error_set(error, ERROR_UNSUPPORTED, NULL, "no tasks of the kind '%s' are done here", kind->name);
		return 0;
	}
	/* json-c counts references without locks: the task gets a value of its own. */
	task->args = json_copy(args);
	claim_set_add(task->claims, object, !kind->shared);
	for (const char *const *extra = extra_claims; extra && *extra; extra++)
		claim_set_add(task->claims, *extra, FALSE);
	g_autofree char *args_text = args ? json_dup_text(args) : NULL;
	json_auto json_object *claims = claim_set_to_json(task->claims);
	g_autofree char *claims_text = json_dup_text(claims);
	g_autofree char *words = object_words(object);

	GError *reason = NULL;
	g_mutex_lock(&tasks->lock);
	gboolean ok = enter_locked(tasks, task, &reason);
	g_mutex_unlock(&tasks->lock);
	if (ok) {
		Submission submission = {&task->record, args_text, claims_text};
		ok = journal_commit(tasks->journal, write_submission, &submission, TRUE, &reason);
		g_mutex_lock(&tasks->lock);
		if (ok) {
			task->visible = TRUE;
			g_hash_table_insert(tasks->live, &task->record.id, task_ref(task));
			g_queue_push_tail(&tasks->waiting, task);
			task_changed_locked(task);
		} else {
			claim_table_leave(tasks->claims, task->claims);
		}
		tasks_dispatch_locked(tasks);
		g_mutex_unlock(&tasks->lock);
		tasks_deliver(tasks);
	}
	if (!ok) {
		if (error_code(reason) != ERROR_CONFLICT)
			g_prefix_error(&reason, "cannot take on task '%s' for %s: ", kind->name, words);
		g_propagate_error(error, reason);
		return 0;
	}
	return task->record.id;
}

gint64 tasks_claimed_by(Tasks *tasks, const char *object)
{
	g_mutex_lock(&tasks->lock);
	const Task *task = claim_table_holder(tasks->claims, object);
	gint64 id = task ? task->record.id : 0;
	g_mutex_unlock(&tasks->lock);
	return id;
}

static gboolean refuse_cancel(Tasks *tasks, gint64 id, GError **error)
{
	json_auto json_object *task = tasks_describe(tasks, id, error);
	if (task)
		error_set(error, ERROR_CONFLICT, NULL,
			  "cannot cancel task %" G_GINT64_FORMAT " '%s': it has ended (%s)", id,
			  json_get_str(task, "kind", ""), json_get_str(task, "state", ""));
	return FALSE;
}

gboolean tasks_cancel(Tasks *tasks, gint64 id, GError **error)
{
	g_autoptr(Task) queued = NULL;
	g_mutex_lock(&tasks->lock);
	Task *task = g_hash_table_lookup(tasks->live, &id);
	if (!task || task->ending) {
		g_mutex_unlock(&tasks->lock);
		return refuse_cancel(tasks, id, error);
	}
	gboolean ok = TRUE;
	if (task->record.state == TASK_QUEUED && !task->on_thread) {
		/* Nothing of it has begun, so any kind can be taken back. */
		queued = task_ref(task);
		queued->ending = TRUE;
		task_take_back_locked(queued);
	} else if (!task_ask_to_stop_locked(task, "asked to stop")) {
		error_set(error, ERROR_UNSUPPORTED, "wait until it has ended",
			"cannot cancel task %" G_GINT64_FORMAT ": a running '%s' cannot be cancelled", id,
			task->record.kind);
		ok = FALSE;
	}
	g_mutex_unlock(&tasks->lock);
	if (queued) {
		g_autoptr(GError) reason = NULL;
		error_set(&reason, ERROR_CANCELLED, NULL, "cancelled before it began");
		task_end(queued, TASK_CANCELLED, reason);
	}
	tasks_deliver(tasks);
	return ok;
}

gboolean tasks_wait(Tasks *tasks, gint64 id, guint timeout_ms)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	gboolean ended = FALSE, known = FALSE, in_time = TRUE;
	g_mutex_lock(&tasks->lock);
	for (;;) {
		Task *task = g_hash_table_lookup(tasks->live, &id);
		known |= task != NULL;
		ended = task ? task_state_ended(task->record.state) : known;
		if (!task || ended || tasks->stopped || !in_time)
			break;
		in_time = g_cond_wait_until(&tasks->changed, &tasks->lock, deadline);
	}
	g_mutex_unlock(&tasks->lock);
	if (known)
		return ended;
	json_auto json_object *task = tasks_describe(tasks, id, NULL);
	TaskState state;
	return !task || (task_state_from_name(json_get_str(task, "state", ""), &state) && task_state_ended(state));
}
