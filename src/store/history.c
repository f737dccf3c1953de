/* What was: the changes of every commit, documents as they were, and what would have to change to be there again. */
#include "base/error.h"
#include "base/json.h"
#include "store/internal.h"

void change_free(Change *change)
{
	if (!change)
		return;
	g_free(change->author);
	g_free(change->path);
	if (change->before)
		json_object_put(change->before);
	if (change->after)
		json_object_put(change->after);
	g_free(change);
}

static GPtrArray *new_changes(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)change_free);
}

/* NULL in the column is no body, and no error. */
static gboolean read_body(Connection *connection, sqlite3_stmt *row, int column, json_object **ret_body, GError **error)
{
	if (sqlite3_column_type(row, column) == SQLITE_NULL)
		return TRUE;
	*ret_body = store_parse_body(connection, (const char *)sqlite3_column_text(row, 4), row, column, error);
	return *ret_body != NULL;
}

/* Rows are rev, at, author, task, path, before, after. */
static gboolean read_changes(Connection *connection, sqlite3_stmt *statement, GPtrArray *changes, GError **error)
{
	for (;;) {
		int result = sqlite3_step(statement);
		if (result == SQLITE_DONE)
			return TRUE;
		if (result != SQLITE_ROW) {
			database_fail(connection, error, "cannot read the history");
			return FALSE;
		}
		Change *change = g_new0(Change, 1);
		g_ptr_array_add(changes, change);
		change->rev = sqlite3_column_int64(statement, 0);
		change->at_us = sqlite3_column_int64(statement, 1);
		change->author = g_strdup((const char *)sqlite3_column_text(statement, 2));
		change->task = sqlite3_column_int64(statement, 3);
		change->path = g_strdup((const char *)sqlite3_column_text(statement, 4));
		if (!read_body(connection, statement, 5, &change->before, error) ||
			!read_body(connection, statement, 6, &change->after, error))
			return FALSE;
	}
}

/* One row more than the limit was asked for: if it came, a commit may be cut in two. The next page begins below the
 * last revision of this one, so this one must end with a whole commit (unless a single commit fills it). */
static void cut_page(GPtrArray *changes, guint limit)
{
	if (changes->len <= limit)
		return;
	gint64 cut = ((Change *)changes->pdata[limit])->rev;
	guint keep = limit;
	while (keep > 0 && ((Change *)changes->pdata[keep - 1])->rev == cut)
		keep--;
	g_ptr_array_set_size(changes, (int)(keep > 0 ? keep : limit));
}

static gboolean read_history(
	Connection *connection, const char *prefix, gint64 before_rev, guint limit, GPtrArray *changes, GError **error)
{
	sqlite3_stmt *statement =
		database_prepare(connection, *prefix ? STATEMENT_CHANGE_PREFIX : STATEMENT_CHANGE_ALL, error);
	if (!statement)
		return FALSE;
	sqlite3_bind_int64(statement, 1, before_rev > 0 ? before_rev : G_MAXINT64);
	sqlite3_bind_int64(statement, 2, (gint64)limit + 1);
	if (*prefix)
		statement_bind_prefix(statement, 3, prefix);
	gboolean ok = read_changes(connection, statement, changes, error);
	statement_done(&statement);
	return ok;
}

GPtrArray *store_history(Store *store, const char *prefix, gint64 before_rev, guint limit, GError **error)
{
	if (!store_check_prefix(prefix, error))
		return NULL;
	g_autoptr(GPtrArray) changes = new_changes();
	limit = MIN(limit, HISTORY_LIMIT_MAX);
	if (limit == 0)
		return g_steal_pointer(&changes);
	Connection *connection = reader_take(store, error);
	if (!connection)
		return NULL;
	gboolean ok = read_history(connection, prefix, before_rev, limit, changes, error);
	reader_give(store, connection);
	if (!ok)
		return NULL;
	cut_page(changes, limit);
	return g_steal_pointer(&changes);
}

GPtrArray *store_commit_changes(Store *store, gint64 rev, GError **error)
{
	Connection *connection = reader_take(store, error);
	if (!connection)
		return NULL;
	g_autoptr(GPtrArray) changes = new_changes();
	sqlite3_stmt *statement = database_prepare(connection, STATEMENT_CHANGE_COMMIT, error);
	gboolean ok = FALSE;
	if (statement) {
		sqlite3_bind_int64(statement, 1, rev);
		ok = read_changes(connection, statement, changes, error);
		statement_done(&statement);
	}
	reader_give(store, connection);
	if (!ok)
		return NULL;
	if (changes->len == 0) {
		error_set(error, ERROR_NOT_FOUND, NULL, "there is no commit with revision %" G_GINT64_FORMAT, rev);
		return NULL;
	}
	return g_steal_pointer(&changes);
}

/* The body of a path now, or after commit `rev`, and its revision (0: absent). */
static gboolean read_state(
	Connection *connection, const char *path, gint64 rev, gint64 *ret_rev, json_object **ret_body, GError **error)
{
	sqlite3_stmt *statement =
		database_prepare(connection, rev < 0 ? STATEMENT_DOC_GET : STATEMENT_CHANGE_AT, error);
	if (!statement)
		return FALSE;
	statement_bind_text(statement, 1, path, -1);
	if (rev >= 0)
		sqlite3_bind_int64(statement, 2, rev);
	int result = sqlite3_step(statement);
	gboolean ok = result == SQLITE_ROW || result == SQLITE_DONE;
	gint64 found = 0;
	json_object *body = NULL;
	if (!ok) {
		database_fail(connection, error, "cannot read '%s'", path);
	} else if (result == SQLITE_ROW && sqlite3_column_type(statement, 2) != SQLITE_NULL) {
		found = sqlite3_column_int64(statement, 1);
		body = store_parse_body(connection, path, statement, 2, error);
		ok = body != NULL;
	}
	statement_done(&statement);
	if (ok) {
		*ret_rev = found;
		*ret_body = body;
	}
	return ok;
}

static gboolean plan_path(Connection *connection, const char *path, gint64 rev, GPtrArray *plan, GError **error)
{
	json_auto json_object *now = NULL;
	json_auto json_object *then = NULL;
	gint64 present_rev, past_rev;
	if (!read_state(connection, path, -1, &present_rev, &now, error) ||
		!read_state(connection, path, rev, &past_rev, &then, error))
		return FALSE;
	if (json_equal(now, then))
		return TRUE;
	Change *change = g_new0(Change, 1);
	change->rev = present_rev;
	change->author = g_strdup("");
	change->path = g_strdup(path);
	change->before = g_steal_pointer(&now);
	change->after = g_steal_pointer(&then);
	g_ptr_array_add(plan, change);
	return TRUE;
}

static gboolean read_paths(Connection *connection, const char *prefix, gint64 rev, GPtrArray *paths, GError **error)
{
	sqlite3_stmt *statement = database_prepare(connection, STATEMENT_CHANGE_SINCE, error);
	if (!statement)
		return FALSE;
	statement_bind_prefix(statement, 1, prefix);
	sqlite3_bind_int64(statement, 3, rev);
	int result;
	while ((result = sqlite3_step(statement)) == SQLITE_ROW)
		g_ptr_array_add(paths, g_strdup((const char *)sqlite3_column_text(statement, 0)));
	if (result != SQLITE_DONE)
		database_fail(connection, error, "cannot read the history");
	statement_done(&statement);
	return result == SQLITE_DONE;
}

static gboolean make_plan(
	Store *store, Connection *connection, const char *prefix, gint64 rev, GPtrArray *plan, GError **error)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	if (!read_paths(connection, prefix, rev, paths, error))
		return FALSE;
	for (guint i = 0; i < paths->len; i++) {
		const StoreKind *kind = store_find_kind(store, paths->pdata[i]);
		/* Facts tell of the world outside, which a restore does not change back; a kind that this version does
		 * not know could not be validated. */
		if (!kind || kind->fact)
			continue;
		if (!plan_path(connection, paths->pdata[i], rev, plan, error))
			return FALSE;
	}
	return TRUE;
}

GPtrArray *store_restore_plan(Store *store, const char *prefix, gint64 rev, GError **error)
{
	if (!store_check_prefix(prefix, error))
		return NULL;
	if (rev < 0 || rev > store_revision(store)) {
		error_set(error, ERROR_NOT_FOUND, "'yado history' lists the revisions",
			"cannot restore revision %" G_GINT64_FORMAT ": revisions go from 0 to %" G_GINT64_FORMAT, rev,
			store_revision(store));
		return NULL;
	}
	Connection *connection = reader_take(store, error);
	if (!connection)
		return NULL;
	g_autoptr(GPtrArray) plan = new_changes();
	/* One transaction: all documents as of one moment. */
	gboolean ok = sqlite3_exec(connection->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;
	if (!ok)
		database_fail(connection, error, "cannot read the history");
	ok = ok && make_plan(store, connection, prefix, rev, plan, error);
	if (!sqlite3_get_autocommit(connection->db))
		sqlite3_exec(connection->db, "ROLLBACK", NULL, NULL, NULL);
	reader_give(store, connection);
	return ok ? g_steal_pointer(&plan) : NULL;
}
