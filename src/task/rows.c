/* The statements on the journal's tables. */
#include "task/rows.h"

#include "base/error.h"
#include "base/json.h"
#include "store/journal.h"

#define COLUMNS \
	"id, kind, object, user, state, created, started, ended, done, total, unit, step, result, error," \
	" interrupted, cancelling"
const char *const rows_migrations[] = {
	"CREATE TABLE task (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, object TEXT NOT NULL,"
	" user TEXT NOT NULL, state TEXT NOT NULL, args TEXT, claims TEXT NOT NULL, created INTEGER NOT NULL,"
	" started INTEGER NOT NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0,"
	" total INTEGER NOT NULL DEFAULT 0, unit TEXT, step TEXT, result TEXT, error TEXT,"
	" interrupted INTEGER NOT NULL DEFAULT 0, cancelling INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE INDEX task_object ON task (object, id);"
	"CREATE INDEX task_live ON task (id) WHERE state IN ('queued', 'running');"
	"CREATE TABLE step (task INTEGER NOT NULL, seq INTEGER NOT NULL, step TEXT NOT NULL, detail TEXT,"
	" done INTEGER NOT NULL DEFAULT 0, outcome TEXT, PRIMARY KEY (task, seq)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE log (task INTEGER NOT NULL, line INTEGER NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL,"
	" PRIMARY KEY (task, line)) STRICT, WITHOUT ROWID;",
	NULL,
};

#define ENDED "state NOT IN ('queued', 'running')"

void log_line_free(gpointer data)
{
	LogLine *line = data;
	g_free(line->text);
	g_free(line);
}

void rows_task_free(gpointer data)
{
	RowsTask *task = data;
	record_clear(&task->record);
	g_free(task->args);
	g_free(task->claims);
	g_free(task);
}

gboolean rows_insert(sqlite3 *db, const Record *record, const char *args, const char *claims, GError **error)
{
	return sql_run(db, error,
		"INSERT INTO task (id, kind, object, user, state, args, claims, created)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		"issssssi", record->id, record->kind, record->object, record->user, task_state_name(record->state),
		args, claims, record->created_us);
}

gboolean rows_update(sqlite3 *db, const Record *record, GError **error)
{
	return sql_run(db, error,
		"UPDATE task SET state = ?2, started = ?3, ended = ?4, done = ?5, total = ?6, unit = ?7, step = ?8,"
		" result = ?9, error = ?10, interrupted = ?11, cancelling = ?12 WHERE id = ?1",
		"isiiiissssii", record->id, task_state_name(record->state), record->started_us, record->ended_us,
		(gint64)record->done, (gint64)record->total, record->unit, record->step, record->result,
		record->error, (gint64)record->interrupted, (gint64)record->cancelling);
}

gboolean rows_progress(sqlite3 *db, const Record *record, GError **error)
{
	return sql_run(db, error,
		"UPDATE task SET done = ?2, total = ?3, unit = ?4, step = ?5, interrupted = ?6, cancelling = ?7"
		" WHERE id = ?1",
		"iiissii", record->id, (gint64)record->done, (gint64)record->total, record->unit, record->step,
		(gint64)record->interrupted, (gint64)record->cancelling);
}

gboolean rows_log(sqlite3 *db, gint64 task, const GPtrArray *lines, GError **error)
{
	if (lines->len == 0)
		return TRUE;
	sql_auto sqlite3_stmt *statement =
		sql_prepare(db, error, "INSERT OR IGNORE INTO log (task, line, at, text) VALUES (?, ?, ?, ?)", "");
	if (!statement)
		return FALSE;
	for (guint i = 0; i < lines->len; i++) {
		const LogLine *line = g_ptr_array_index(lines, i);
		sqlite3_bind_int64(statement, 1, task);
		sqlite3_bind_int64(statement, 2, line->line);
		sqlite3_bind_int64(statement, 3, line->at_us);
		sqlite3_bind_text(statement, 4, line->text, -1, SQLITE_STATIC);
		gboolean row;
		if (!sql_step(statement, &row, error))
			return FALSE;
		sqlite3_reset(statement);
	}
	return TRUE;
}

gboolean rows_intent(sqlite3 *db, gint64 task, const char *step, const char *detail, GError **error)
{
	return sql_run(db, error,
		"INSERT INTO step (task, seq, step, detail)"
		" SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3 FROM step WHERE task = ?1",
		"iss", task, step, detail);
}

gboolean rows_outcome(sqlite3 *db, gint64 task, const char *step, const char *outcome, GError **error)
{
	if (!sql_run(db, error,
		    "UPDATE step SET done = 1, outcome = ?3 WHERE task = ?1 AND seq ="
		    " (SELECT max(seq) FROM step WHERE task = ?1 AND step = ?2 AND done = 0)",
		    "iss", task, step, outcome))
		return FALSE;
	if (sqlite3_changes(db) == 0) {
		error_set(error, ERROR_FAILED, NULL, "task %" G_GINT64_FORMAT " has no open step '%s'", task, step);
		return FALSE;
	}
	return TRUE;
}

gboolean rows_prune(sqlite3 *db, guint keep, GError **error)
{
	gint64 last = 0;
	{
		sql_auto sqlite3_stmt *statement = sql_prepare(db, error,
			"SELECT id FROM task WHERE " ENDED " ORDER BY id DESC LIMIT 1 OFFSET ?", "i", (gint64)keep);
		gboolean row = FALSE;
		if (!statement || !sql_step(statement, &row, error))
			return FALSE;
		if (!row)
			return TRUE;
		last = sqlite3_column_int64(statement, 0);
	}
	static const char *const sql[] = {
		"DELETE FROM log WHERE task IN (SELECT id FROM task WHERE id <= ? AND " ENDED ")",
		"DELETE FROM step WHERE task IN (SELECT id FROM task WHERE id <= ? AND " ENDED ")",
		("DELETE FROM task WHERE id <= ? AND " ENDED),
	};
	for (guint i = 0; i < G_N_ELEMENTS(sql); i++)
		if (!sql_run(db, error, sql[i], "i", last))
			return FALSE;
	return TRUE;
}

gboolean rows_last_id(sqlite3 *db, gint64 *ret_id, GError **error)
{
	sql_auto sqlite3_stmt *statement =
		sql_prepare(db, error, "SELECT seq FROM sqlite_sequence WHERE name = 'task'", "");
	gboolean row = FALSE;
	if (!statement || !sql_step(statement, &row, error))
		return FALSE;
	*ret_id = row ? sqlite3_column_int64(statement, 0) : 0;
	return TRUE;
}

static void read_record(sqlite3_stmt *statement, Record *record)
{
	*record = (Record){
		.id = sqlite3_column_int64(statement, 0),
		.kind = sql_dup_text(statement, 1),
		.object = sql_dup_text(statement, 2),
		.user = sql_dup_text(statement, 3),
		.state = TASK_FAILED,
		.created_us = sqlite3_column_int64(statement, 5),
		.started_us = sqlite3_column_int64(statement, 6),
		.ended_us = sqlite3_column_int64(statement, 7),
		.done = (guint64)sqlite3_column_int64(statement, 8),
		.total = (guint64)sqlite3_column_int64(statement, 9),
		.unit = sql_dup_text(statement, 10),
		.eta_s = -1,
		.step = sql_dup_text(statement, 11),
		.result = sql_dup_text(statement, 12),
		.error = sql_dup_text(statement, 13),
		.interrupted = sqlite3_column_int(statement, 14) != 0,
		.cancelling = sqlite3_column_int(statement, 15) != 0,
	};
	task_state_from_name((const char *)sqlite3_column_text(statement, 4), &record->state);
}

GPtrArray *rows_unfinished(sqlite3 *db, GError **error)
{
	sql_auto sqlite3_stmt *statement = sql_prepare(db, error,
		"SELECT " COLUMNS ", args, claims, (SELECT coalesce(max(line) + 1, 0) FROM log WHERE task = id),"
		" (SELECT coalesce(sum(length(CAST(text AS BLOB))), 0) FROM log WHERE task = id)"
		" FROM task WHERE state IN ('queued', 'running') ORDER BY state = 'queued', id",
		"");
	g_autoptr(GPtrArray) tasks = g_ptr_array_new_with_free_func(rows_task_free);
	gboolean row = FALSE;
	while (statement && sql_step(statement, &row, error)) {
		if (!row)
			return g_steal_pointer(&tasks);
		RowsTask *task = g_new0(RowsTask, 1);
		read_record(statement, &task->record);
		task->args = sql_dup_text(statement, 16);
		task->claims = sql_dup_text(statement, 17);
		task->log_lines = (guint)sqlite3_column_int64(statement, 18);
		task->log_bytes = (gsize)sqlite3_column_int64(statement, 19);
		g_ptr_array_add(tasks, task);
	}
	return NULL;
}

Record *rows_get(sqlite3 *db, gint64 id, GError **error)
{
	sql_auto sqlite3_stmt *statement =
		sql_prepare(db, error, "SELECT " COLUMNS " FROM task WHERE id = ?", "i", id);
	gboolean row = FALSE;
	if (!statement || !sql_step(statement, &row, error) || !row)
		return NULL;
	Record *record = g_new0(Record, 1);
	read_record(statement, record);
	return record;
}

GPtrArray *rows_list(sqlite3 *db, const char *object, const char *state, gint64 before_id, guint limit,
	GHashTable *skip, GError **error)
{
	g_autoptr(GString) sql = g_string_new("SELECT " COLUMNS " FROM task WHERE id < ?1");
	/* Every parameter stands in the text, as binding one that does not would fail. */
	g_string_append(sql, object ? " AND object = ?2" : " AND ?2 IS NULL");
	g_string_append(sql, state ? " AND state = ?3" : " AND ?3 IS NULL");
	g_string_append(sql, " ORDER BY id DESC");
	sql_auto sqlite3_stmt *statement =
		sql_prepare(db, error, sql->str, "iss", before_id > 0 ? before_id : G_MAXINT64, object, state);
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)record_free);
	gboolean ok = statement != NULL, row = TRUE;
	while (ok && list->len < limit) {
		ok = sql_step(statement, &row, error);
		if (!ok || !row)
			break;
		gint64 id = sqlite3_column_int64(statement, 0);
		if (g_hash_table_contains(skip, &id))
			continue;
		Record *record = g_new0(Record, 1);
		read_record(statement, record);
		g_ptr_array_add(list, record);
	}
	return ok ? g_steal_pointer(&list) : NULL;
}

GPtrArray *rows_read_log(sqlite3 *db, gint64 task, guint from, guint limit, GError **error)
{
	sql_auto sqlite3_stmt *statement = sql_prepare(db, error,
		"SELECT line, at, text FROM log WHERE task = ? AND line >= ? ORDER BY line LIMIT ?", "iii", task,
		(gint64)from, (gint64)limit);
	g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(log_line_free);
	gboolean row = FALSE;
	while (statement && sql_step(statement, &row, error)) {
		if (!row)
			return g_steal_pointer(&lines);
		LogLine *line = g_new0(LogLine, 1);
		line->line = (guint)sqlite3_column_int64(statement, 0);
		line->at_us = sqlite3_column_int64(statement, 1);
		line->text = sql_dup_text(statement, 2);
		g_ptr_array_add(lines, line);
	}
	return NULL;
}

json_object *rows_steps(sqlite3 *db, gint64 task, GError **error)
{
	sql_auto sqlite3_stmt *statement = sql_prepare(
		db, error, "SELECT step, detail, done, outcome FROM step WHERE task = ? ORDER BY seq", "i", task);
	json_auto json_object *steps = json_object_new_array();
	gboolean row = FALSE;
	while (statement && sql_step(statement, &row, error)) {
		if (!row)
			return g_steal_pointer(&steps);
		json_object *step = json_object_new_object();
		json_object_array_add(steps, step);
		json_set_str(step, "step", (const char *)sqlite3_column_text(statement, 0));
		const char *detail = (const char *)sqlite3_column_text(statement, 1);
		json_set(step, "detail", detail ? json_tokener_parse(detail) : NULL);
		json_set_bool(step, "done", sqlite3_column_int(statement, 2) != 0);
		const char *outcome = (const char *)sqlite3_column_text(statement, 3);
		if (outcome)
			json_set(step, "outcome", json_tokener_parse(outcome));
	}
	return NULL;
}
