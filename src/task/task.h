/* Tasks: long work with claims, progress, a log, cancel, and recovery after a crash of the daemon.
 *
 * A kind of task is a static table entry. Its run() is straight-line code on the kind's bounded pool. Claims are held
 * from submission to the end: an object claimed exclusively has no other claim. Records, logs and intents live in a
 * node-local SQLite file (DIR/tasks.db), not in the store.
 *
 * Each step that changes a disk or a kernel object calls task_intent() before (durable) and task_outcome() after. A
 * task found unfinished at start is given to its kind's recover() with the intents that have no outcome (and those
 * that have), which rolls forward or back and decides how the task ended. Queued tasks that had not begun are run. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

typedef struct Tasks Tasks;
typedef struct Task Task;

typedef enum TaskState { TASK_QUEUED, TASK_RUNNING, TASK_DONE, TASK_FAILED, TASK_CANCELLED } TaskState;

typedef struct TaskPool { /* static; one per group of kinds that share threads */
	const char *name;
	guint threads;
} TaskPool;

typedef struct TaskKind {
	const char *name; /* "vm.start" */
	const TaskPool *pool;
	gboolean cancellable;
	/* a conflicting claim: TRUE waits for its turn, FALSE refuses (ERROR_CONFLICT names the task) */
	gboolean queue;
	gboolean resumes; /* an orderly end of the daemon interrupts it as a crash does: the next one goes on with it */
	gboolean shared; /* the claim on the task's object is shared instead of exclusive */
	/* TRUE when done. ERROR_CANCELLED if it stopped because of task_cancelled(). data: of tasks_new(). */
	gboolean (*run)(Task *task, gpointer data, GError **error);
	/* steps: array of {"step","detail","done":bool,"outcome"?} in order. TRUE: the task counts as done. NULL: an
	 * interrupted task is run again from its beginning (only for kinds whose run() may be repeated). */
	gboolean (*recover)(Task *task, json_object *steps, gpointer data, GError **error);
} TaskKind;

/* kinds: static array of pointers, NULL-terminated. Does not start anything. */
Tasks *tasks_new(const char *dir, const TaskKind *const *kinds, gpointer data, GError **error);
/* Recovers what a former daemon left, then lets queued tasks run. Call once the guests have been adopted. */
gboolean tasks_start(Tasks *tasks, GError **error);
/* Stops taking work, asks running tasks to cancel where they can, waits for them up to the deadline. What does not
 * end by then is recovered at the next start; FALSE: its thread still uses the data and what belongs to it. */
gboolean tasks_stop(Tasks *tasks, guint timeout_ms);
void tasks_free(Tasks *tasks);

/* Submits; returns the id (> 0) or 0. `args` (may be NULL) is kept. extra_claims: NULL-terminated objects claimed
 * besides `object` ("image/tiny"), shared; may be NULL. */
gint64 tasks_submit(Tasks *tasks, const TaskKind *kind, const char *object, const char *user, json_object *args,
		    const char *const *extra_claims, GError **error);
/* The task (queued or running) that claims the object, or 0. */
gint64 tasks_claimed_by(Tasks *tasks, const char *object);
/* ERROR_NOT_FOUND, ERROR_CONFLICT when it has ended, ERROR_UNSUPPORTED when its kind cannot be cancelled. */
gboolean tasks_cancel(Tasks *tasks, gint64 id, GError **error);
/* Waits until the task ends or the time is over; TRUE if it ended, or there is none of that id. Blocks. */
gboolean tasks_wait(Tasks *tasks, gint64 id, guint timeout_ms);
/* As the API shows it: fields of task_table plus "result" and "error" ({code,message,…}). New reference. */
json_object *tasks_describe(Tasks *tasks, gint64 id, GError **error);
/* Newest first; filters may be NULL/0. New reference (array). */
json_object *tasks_list(Tasks *tasks, const char *object, const char *state, gint64 before_id, guint limit,
			GError **error);
/* [{"kind","state","count"}…]: those queued and running now, and those that have ended since the start. New
 * reference. */
json_object *tasks_counts(Tasks *tasks);
/* Log lines from index `from`: {"lines":[{"at","text"}],"next":n}. New reference. */
json_object *tasks_log(Tasks *tasks, gint64 id, guint from, guint limit, GError **error);
/* Called on every visible change of a task (state, progress at most 5 times a second, step), from any thread. */
typedef void (*TaskWatch)(gint64 id, json_object *task, gpointer data);
void tasks_set_watch(Tasks *tasks, TaskWatch watch, gpointer data);

/* --- For run() and recover() --- */
gint64 task_id(const Task *task);
const char *task_object(const Task *task);
const char *task_user(const Task *task);
json_object *task_args(const Task *task); /* borrowed */
void task_log(Task *task, const char *format, ...) G_GNUC_PRINTF(2, 3);
void task_step(Task *task, const char *format, ...) G_GNUC_PRINTF(2, 3); /* what it is doing now; also logged */
/* done of total; the unit is "B", "items"…; total 0: unknown. */
void task_progress(Task *task, guint64 done, guint64 total, const char *unit);
void task_result(Task *task, json_object *result); /* takes over the reference */
gboolean task_cancelled(Task *task);
/* Sets ERROR_CANCELLED and returns TRUE if the task was asked to stop. */
gboolean task_check_cancelled(Task *task, GError **error);
/* Durable before TRUE. The detail is borrowed. */
gboolean task_intent(Task *task, const char *step, json_object *detail, GError **error);
gboolean task_outcome(Task *task, const char *step, json_object *outcome, GError **error);
