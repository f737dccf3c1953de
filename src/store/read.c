/* Documents as they are now. Each reader has a connection of its own from a small pool: in WAL mode it sees the
 * newest commit at its beginning and never waits for the writer. */
#include "base/error.h"
#include "base/json.h"
#include "store/internal.h"

Connection *reader_take(Store *store, GError **error)
{
	Readers *readers = &store->readers;
	g_mutex_lock(&readers->lock);
	while (readers->idle->len == 0 && readers->opened == READERS_MAX)
		g_cond_wait(&readers->given_back, &readers->lock);
	Connection *connection = NULL;
	if (readers->idle->len > 0)
		connection = g_ptr_array_steal_index(readers->idle, readers->idle->len - 1);
	else
		readers->opened++;
	g_mutex_unlock(&readers->lock);
	if (connection)
		return connection;
	connection = database_open(store->dir, TRUE, error);
	if (!connection) {
		g_mutex_lock(&readers->lock);
		readers->opened--;
		g_cond_signal(&readers->given_back);
		g_mutex_unlock(&readers->lock);
	}
	return connection;
}

void reader_give(Store *store, Connection *connection)
{
	g_mutex_lock(&store->readers.lock);
	g_ptr_array_add(store->readers.idle, connection);
	g_cond_signal(&store->readers.given_back);
	g_mutex_unlock(&store->readers.lock);
}

void doc_free(Doc *doc)
{
	if (!doc)
		return;
	g_free(doc->path);
	if (doc->body)
		json_object_put(doc->body);
	g_free(doc);
}

static Doc *new_doc(Connection *connection, sqlite3_stmt *row, GError **error)
{
	const char *path = (const char *)sqlite3_column_text(row, 0);
	json_object *body = store_parse_body(connection, path, row, 2, error);
	if (!body)
		return NULL;
	Doc *doc = g_new0(Doc, 1);
	doc->path = g_strdup(path);
	doc->rev = sqlite3_column_int64(row, 1);
	doc->body = body;
	return doc;
}

/* `rev` < 0: as it is now. */
static Doc *get_doc(Store *store, Connection *connection, const char *path, gint64 rev, GError **error)
{
	statement_auto sqlite3_stmt *get =
		database_prepare(connection, rev < 0 ? STATEMENT_DOC_GET : STATEMENT_CHANGE_AT, error);
	if (!get)
		return NULL;
	statement_bind_text(get, 1, path, -1);
	if (rev >= 0)
		sqlite3_bind_int64(get, 2, rev);
	int result = sqlite3_step(get);
	if (result == SQLITE_ROW && sqlite3_column_type(get, 2) != SQLITE_NULL)
		return new_doc(connection, get, error);
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		database_fail(connection, error, "cannot read '%s'", path);
	else if (rev < 0)
		error_set(error, ERROR_NOT_FOUND, NULL, "'%s' does not exist", path);
	else if (rev > store_revision(store))
		error_set(error, ERROR_NOT_FOUND, NULL,
			"cannot show '%s' as of revision %" G_GINT64_FORMAT
			": the newest revision is %" G_GINT64_FORMAT,
			path, rev, store_revision(store));
	else
		error_set(error, ERROR_NOT_FOUND, NULL, "'%s' did not exist at revision %" G_GINT64_FORMAT, path, rev);
	return NULL;
}

Doc *store_get(Store *store, const char *path, GError **error)
{
	if (!store_check_path(store, path, error))
		return NULL;
	Connection *connection = reader_take(store, error);
	if (!connection)
		return NULL;
	Doc *doc = get_doc(store, connection, path, -1, error);
	reader_give(store, connection);
	return doc;
}

Doc *store_get_at(Store *store, const char *path, gint64 rev, GError **error)
{
	if (!store_check_path(store, path, error))
		return NULL;
	Connection *connection = reader_take(store, error);
	if (!connection)
		return NULL;
	Doc *doc = get_doc(store, connection, path, MAX(rev, 0), error);
	reader_give(store, connection);
	return doc;
}

static gboolean list_docs(Connection *connection, const char *prefix, GPtrArray *docs, GError **error)
{
	statement_auto sqlite3_stmt *list = database_prepare(connection, STATEMENT_DOC_LIST, error);
	if (!list)
		return FALSE;
	statement_bind_prefix(list, 1, prefix);
	int result;
	gboolean ok = TRUE;
	while (ok && (result = sqlite3_step(list)) != SQLITE_DONE) {
		Doc *doc = NULL;
		if (result != SQLITE_ROW)
			database_fail(connection, error, "cannot list '%s'", prefix);
		else
			doc = new_doc(connection, list, error);
		ok = doc != NULL;
		if (doc)
			g_ptr_array_add(docs, doc);
	}
	return ok;
}

GPtrArray *store_list(Store *store, const char *prefix, GError **error)
{
	if (!store_check_prefix(prefix, error))
		return NULL;
	Connection *connection = reader_take(store, error);
	if (!connection)
		return NULL;
	g_autoptr(GPtrArray) docs = g_ptr_array_new_with_free_func((GDestroyNotify)doc_free);
	gboolean ok = list_docs(connection, prefix, docs, error);
	reader_give(store, connection);
	return ok ? g_steal_pointer(&docs) : NULL;
}

gint64 store_revision(Store *store)
{
	return __atomic_load_n(&store->rev, __ATOMIC_ACQUIRE);
}
