/* Work on tasks: from clear claims to a thread of the pool, run() or recover(), and the end.
 *
 * The end of a task is written first; only then it is seen by others and its claims are given back. If it cannot be
 * written (a full disk), it is seen as ended, but keeps its claims: were others let in and the daemon then crashed,
 * it would be recovered on top of their work. The keeper tries again each second. */
#include "task/engine.h"

#include "base/error.h"
#include "base/json.h"

static void change_state_locked(Task *task, TaskState state)
{
	g_assert(task_state_allowed(task->record.state, state));
	g_debug("task %" G_GINT64_FORMAT " '%s' of %s: %s -> %s", task->record.id, task->record.kind,
		task->record.object, task_state_name(task->record.state), task_state_name(state));
	task->record.state = state;
}

static gboolean begin(Task *task)
{
	Tasks *tasks = task->tasks;
	g_mutex_lock(&tasks->lock);
	task->record.started_us = g_get_real_time();
	g_autoptr(Save) save = task_save_new_locked(task, TRUE);
	save->record->state = TASK_RUNNING;
	g_mutex_unlock(&tasks->lock);
	/* Need not be durable: without an intent after it (which is) the task may as well not have begun. For the same
	 * reason a full disk does not matter here. */
	g_autoptr(GError) error = NULL;
	if (!journal_commit(tasks->journal, task_save_write, save, FALSE, &error) &&
		error_code(error) == ERROR_UNAVAILABLE)
		return FALSE; /* stopped: stays queued for the next start */
	g_mutex_lock(&tasks->lock);
	change_state_locked(task, TASK_RUNNING);
	task_changed_locked(task);
	g_mutex_unlock(&tasks->lock);
	tasks_deliver(tasks);
	return TRUE;
}

static gboolean recover(Task *task, GError **error)
{
	sqlite3 *db = journal_lend_reader(task->tasks->journal);
	json_auto json_object *steps = rows_steps(db, task->record.id, error);
	journal_give_back(task->tasks->journal);
	return steps && task->kind->recover(task, steps, task->tasks->data, error);
}

static void work_on(Task *task)
{
	Tasks *tasks = task->tasks;
	gboolean resumed = task->record.state == TASK_RUNNING;
	if (!resumed && !begin(task))
		return;
	g_autoptr(GError) error = NULL;
	gboolean ok = resumed && task->kind->recover ? recover(task, &error)
						     : task->kind->run(task, tasks->data, &error);
	if (!ok && !error)
		error_set(&error, ERROR_FAILED, NULL, "it failed without giving a reason");
	TaskState state = TASK_DONE;
	if (!ok)
		state = error_code(error) == ERROR_CANCELLED && task_cancelled(task) ? TASK_CANCELLED : TASK_FAILED;
	g_mutex_lock(&tasks->lock);
	gboolean left = task->left && state == TASK_CANCELLED;
	task->ending = TRUE;
	g_mutex_unlock(&tasks->lock);
	if (!left)
		task_end(task, state, ok ? NULL : error);
}

static gpointer pool_thread(gpointer data);

static void grow_locked(Tasks *tasks, Pool *pool)
{
	while (pool->threads < pool->pool->threads && pool->ready.length > pool->starting) {
		gpointer *both = g_new(gpointer, 2);
		both[0] = tasks_ref(tasks);
		both[1] = pool;
		g_autoptr(GError) error = NULL;
		GThread *thread = g_thread_try_new(pool->pool->name, pool_thread, both, &error);
		if (!thread) {
			g_warning("tasks wait: cannot start a thread of the pool '%s': %s", pool->pool->name,
				error->message);
			g_free(both);
			tasks_unref(tasks);
			tasks_wake_keeper_locked(tasks, TASK_RETRY_US);
			return;
		}
		g_thread_unref(thread);
		pool->threads++;
		pool->starting++;
		tasks->threads++;
	}
}

static gpointer pool_thread(gpointer data)
{
	gpointer *both = data;
	Tasks *tasks = both[0];
	Pool *pool = both[1];
	g_free(both);
	g_mutex_lock(&tasks->lock);
	pool->starting--;
	while (!tasks->stopping && !g_queue_is_empty(&pool->ready)) {
		Task *task = task_ref(g_queue_pop_head(&pool->ready));
		task->on_thread = TRUE;
		g_mutex_unlock(&tasks->lock);
		work_on(task);
		g_mutex_lock(&tasks->lock);
		task->on_thread = FALSE;
		task_unref(task);
	}
	pool->threads--;
	tasks->threads--;
	g_cond_broadcast(&tasks->changed);
	g_mutex_unlock(&tasks->lock);
	tasks_unref(tasks);
	return NULL;
}

static Pool *find_pool_locked(Tasks *tasks, const TaskPool *which)
{
	Pool *pool = g_hash_table_lookup(tasks->pools, which);
	if (!pool) {
		pool = g_new0(Pool, 1);
		pool->pool = which;
		g_hash_table_insert(tasks->pools, (gpointer)which, pool);
	}
	return pool;
}

void tasks_dispatch_locked(Tasks *tasks)
{
	if (!tasks->started || tasks->stopping)
		return;
	for (GList *link = tasks->waiting.head, *next; link; link = next) {
		next = link->next;
		Task *task = link->data;
		if (claim_table_blocker(tasks->claims, task->claims, NULL))
			continue;
		g_queue_delete_link(&tasks->waiting, link);
		g_queue_push_tail(&find_pool_locked(tasks, task->kind->pool)->ready, task);
	}
	GHashTableIter iter;
	gpointer pool;
	g_hash_table_iter_init(&iter, tasks->pools);
	while (g_hash_table_iter_next(&iter, NULL, &pool))
		grow_locked(tasks, pool);
}

void task_take_back_locked(Task *task)
{
	if (!g_queue_remove(&task->tasks->waiting, task) && task->kind)
		g_queue_remove(&find_pool_locked(task->tasks, task->kind->pool)->ready, task);
}

void task_settle_locked(Task *task)
{
	Tasks *tasks = task->tasks;
	char *name = g_strdup_printf("%s %s", task->record.kind, task_state_name(task->record.state));
	guint count = GPOINTER_TO_UINT(g_hash_table_lookup(tasks->ended_counts, name));
	g_hash_table_replace(tasks->ended_counts, name, GUINT_TO_POINTER(count + 1));
	claim_table_leave(tasks->claims, task->claims);
	g_hash_table_remove(tasks->live, &task->record.id);
	if (++tasks->ended >= TASK_PRUNE_EACH)
		tasks_wake_keeper_locked(tasks, TASK_FLUSH_US);
}

static void log_end_locked(Task *task, TaskState state, const GError *reason)
{
	g_autofree char *text = g_strdup_printf("%s%s%s%s", task->record.interrupted ? "after the interruption: " : "",
		task_state_name(state), reason ? ": " : "", reason ? reason->message : "");
	task_log_locked(task, TRUE, text);
	if (state == TASK_DONE && task->record.cancelling)
		task_log_locked(task, TRUE, "it was done before it could stop as asked");
}

void task_end(Task *task, TaskState state, const GError *reason)
{
	Tasks *tasks = task->tasks;
	g_autofree char *reason_text = NULL;
	if (reason) {
		json_auto json_object *json = error_to_json(reason);
		reason_text = json_dup_text(json);
	}
	g_mutex_lock(&tasks->lock);
	log_end_locked(task, state, reason);
	g_autoptr(Save) save = task_save_new_locked(task, TRUE);
	save->record->state = state;
	save->record->ended_us = g_get_real_time();
	save->record->error = g_steal_pointer(&reason_text);
	g_mutex_unlock(&tasks->lock);

	g_autoptr(GError) error = NULL;
	gboolean saved = journal_commit(tasks->journal, task_save_write, save, TRUE, &error);
	g_mutex_lock(&tasks->lock);
	if (!saved && error_code(error) == ERROR_UNAVAILABLE) {
		/* The daemon did not wait for it. Nothing is known of this end; the next start recovers it. */
		g_mutex_unlock(&tasks->lock);
		return;
	}
	task->record.error = g_strdup(save->record->error);
	task->record.ended_us = save->record->ended_us;
	change_state_locked(task, state);
	task_changed_locked(task);
	if (saved) {
		task_saved_locked(task, save);
		task_settle_locked(task);
	} else {
		task->unsaved = TRUE;
		tasks_wake_keeper_locked(tasks, TASK_RETRY_US);
		g_warning("the end of task %" G_GINT64_FORMAT " '%s' (%s) is kept in memory and tried again: %s",
			task->record.id, task->record.kind, task_state_name(state), error->message);
	}
	g_cond_broadcast(&tasks->changed);
	tasks_dispatch_locked(tasks);
	g_mutex_unlock(&tasks->lock);
	tasks_deliver(tasks);
}
