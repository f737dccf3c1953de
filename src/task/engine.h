/* The inside of the task engine, shared by its files. What is named _locked is called with tasks->lock held. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "task/claim.h"
#include "task/estimate.h"
#include "store/journal.h"
#include "task/record.h"
#include "task/rows.h"
#include "task/task.h"

enum {
	TASK_LIVE_MAX = 10000,  /* queued and running */
	TASK_KEEP = 10000,      /* ended tasks kept */
	TASK_PRUNE_EACH = 100,  /* ended tasks between two prunings */
	TASK_LOG_LINES = 10000, /* bounds of one task's log */
	TASK_LOG_BYTES = 1 << 20,
	TASK_FLUSH_US = G_USEC_PER_SEC / 5, /* age of unwritten log lines; also between two events of progress */
	TASK_RETRY_US = G_USEC_PER_SEC,     /* after a write that failed */
};

/* Threads of one TaskPool. They are started when there is work and end when there is none. They are not a
 * GThreadPool, since that cannot be left behind with work that does not end (tasks_stop() with a deadline). */
typedef struct Pool {
	const TaskPool *pool;
	GQueue ready;	/* Task: its claims are clear */
	guint threads;	/* at most pool->threads */
	guint starting; /* of these, not yet at work */
} Pool;

struct Tasks {
	gatomicrefcount refs; /* the owner's, and one for each pool thread */
	const TaskKind *const *kinds;
	gpointer data;
	Journal *journal;

	GMutex lock; /* guards all below, and the tasks; never held over I/O or a callback */
	GCond changed;
	gint64 last_id;
	GHashTable *live; /* &id -> Task (a reference); until the end is on the disk */
	ClaimTable *claims;
	GQueue waiting; /* Task: for its claims to be clear, or for tasks_start() */
	GHashTable *pools; /* TaskPool -> Pool */
	guint threads;	   /* of all pools */
	gboolean started, stopping, stopped;

	GThread *keeper;
	GCond keeper_wake;
	gint64 keeper_due_us; /* monotonic; 0: nothing to do */
	gboolean keeper_stop;
	guint ended;	/* since the last pruning */
	GHashTable *ended_counts; /* "KIND STATE" -> number, since the start */
	gboolean write_failed; /* it was told; told again after a success */

	TaskWatch watch;
	gpointer watch_data;
	GQueue events;	    /* Record, in the order of the changes */
	GThread *deliverer; /* the thread that now calls the watch */
};

struct Task {
	gatomicrefcount refs;
	Tasks *tasks;
	const TaskKind *kind; /* NULL: this version has no such kind */
	json_object *args;
	ClaimSet *claims;
	int cancel; /* atomic */
	gboolean left; /* asked to stop only since the daemon ends: the next one goes on with it */

	Record record;
	gboolean visible;   /* its submission is on the disk */
	gboolean on_thread; /* a pool thread has it */
	gboolean ending;    /* its end is being written */
	gboolean unsaved;   /* it has ended, but that could not be written yet */
	gboolean dirty;	    /* progress, step or log lines are not written */
	gboolean event_due; /* progress was held back from the watch */
	gint64 event_us;    /* monotonic time of the last event of progress */
	Estimate estimate;
	GPtrArray *lines; /* LogLine, not yet written */
	guint next_line;
	gsize log_bytes;
	gboolean log_cut;
};

Task *task_new(Tasks *tasks, const char *kind, const char *object, const char *user);
Task *task_ref(Task *task);
void task_unref(Task *task);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Task, task_unref)
const TaskKind *tasks_find_kind(Tasks *tasks, const char *name);
Tasks *tasks_ref(Tasks *tasks);
void tasks_unref(Tasks *tasks);

/* work.c: from the claims to the end */
void tasks_dispatch_locked(Tasks *tasks); /* lets what can go on go on */
void task_take_back_locked(Task *task);   /* out of the queues, before any thread had it */
/* Writes the end, then makes it known and gives the claims back. The caller alone has set `ending`. */
void task_end(Task *task, TaskState state, const GError *reason);
void task_settle_locked(Task *task); /* the end is on the disk: leaves claims and the table */

/* running.c */
void task_log_locked(Task *task, gboolean always, const char *text);
gboolean task_ask_to_stop_locked(Task *task, const char *why);

/* watch.c */
Record *task_snapshot_locked(Task *task); /* with the estimate of now */
void task_changed_locked(Task *task);	  /* an event for the watch; tasks_deliver() after unlocking */
void tasks_deliver(Tasks *tasks);

/* keeper.c */
gpointer tasks_keep(gpointer tasks); /* its thread */
void tasks_wake_keeper_locked(Tasks *tasks, gint64 delay_us);
void task_mark_dirty_locked(Task *task);
gboolean tasks_flush(Tasks *tasks);
/* Tries again to write the ends that could not be written. */
gboolean tasks_save_ends(Tasks *tasks, GError **error);
void tasks_prune(Tasks *tasks);

/* A task's row and unwritten log lines, taken at one moment. */
typedef struct Save {
	Record *record;
	gboolean whole; /* else only progress, step and flags */
	GPtrArray *lines;
	guint lines_end; /* the line after the last */
} Save;
Save *task_save_new_locked(Task *task, gboolean whole);
void task_save_free(Save *save);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Save, task_save_free)
gboolean task_save_write(sqlite3 *db, gpointer save, GError **error); /* a JournalWrite */
void task_saved_locked(Task *task, const Save *save);
