/* The rows of tasks, steps and log lines: every statement on the journal's tables. */
#pragma once
#include <glib.h>
#include <json-c/json.h>
#include <sqlite3.h>

#include "task/record.h"

/* The layout of tasks.db, for journal_open(). */
extern const char *const rows_migrations[];

typedef struct LogLine {
	guint line; /* from 0 */
	gint64 at_us;
	char *text;
} LogLine;
void log_line_free(gpointer line);

/* Writing, inside a transaction. */
gboolean rows_insert(sqlite3 *db, const Record *record, const char *args, const char *claims, GError **error);
gboolean rows_update(sqlite3 *db, const Record *record, GError **error); /* all that changes in a task's life */
/* Leaves state, times and results alone: it never undoes an end that was written meanwhile. */
gboolean rows_progress(sqlite3 *db, const Record *record, GError **error);
gboolean rows_log(sqlite3 *db, gint64 task, const GPtrArray *lines, GError **error); /* repeatable */
gboolean rows_intent(sqlite3 *db, gint64 task, const char *step, const char *detail, GError **error);
/* Of the newest open intent of that name; ERROR_FAILED if there is none. */
gboolean rows_outcome(sqlite3 *db, gint64 task, const char *step, const char *outcome, GError **error);
/* Drops ended tasks but the newest `keep`, with their logs and steps. */
gboolean rows_prune(sqlite3 *db, guint keep, GError **error);

/* Reading. */
gboolean rows_last_id(sqlite3 *db, gint64 *ret_id, GError **error); /* highest ever given */
typedef struct RowsTask {
	Record record;
	char *args, *claims;
	guint log_lines; /* of the next line */
	gsize log_bytes;
} RowsTask;
void rows_task_free(gpointer task);
/* Those that have not ended; the running ones first, each by id. Array of RowsTask. */
GPtrArray *rows_unfinished(sqlite3 *db, GError **error);
/* NULL without an error if there is none. */
Record *rows_get(sqlite3 *db, gint64 id, GError **error);
/* Newest first; `skip` holds ids (gint64 keys) to leave out. Array of Record. */
GPtrArray *rows_list(sqlite3 *db, const char *object, const char *state, gint64 before_id, guint limit,
		     GHashTable *skip, GError **error);
/* Array of LogLine, from `from`, at most `limit`. */
GPtrArray *rows_read_log(sqlite3 *db, gint64 task, guint from, guint limit, GError **error);
/* As recover() gets them. */
json_object *rows_steps(sqlite3 *db, gint64 task, GError **error);
