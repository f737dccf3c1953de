/* One SQLite connection of the store: how it is opened, and its prepared statements. */
#include "store/failure.h"
#include "store/internal.h"

static const char *const texts[STATEMENT_COUNT] = {
	[STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
	[STATEMENT_COMMIT] = "COMMIT",
	[STATEMENT_ROLLBACK] = "ROLLBACK",
	[STATEMENT_SAVEPOINT] = "SAVEPOINT batch",
	[STATEMENT_SAVEPOINT_RELEASE] = "RELEASE batch",
	[STATEMENT_SAVEPOINT_ROLLBACK] = "ROLLBACK TO batch",
	[STATEMENT_DOC_FIND] = "SELECT rowid, rev, body FROM doc WHERE path = ?1",
	[STATEMENT_DOC_INSERT] = "INSERT INTO doc(path, rev, body) VALUES(?1, ?2, ?3)",
	[STATEMENT_DOC_UPDATE] = "UPDATE doc SET rev = ?2, body = ?3 WHERE rowid = ?1",
	[STATEMENT_DOC_DELETE] = "DELETE FROM doc WHERE rowid = ?1",
	[STATEMENT_DOC_GET] = "SELECT path, rev, body FROM doc WHERE path = ?1",
	[STATEMENT_DOC_LIST] = "SELECT path, rev, body FROM doc WHERE path >= ?1 AND path < ?2 ORDER BY path",
	[STATEMENT_CHANGE_INSERT] = "INSERT INTO change(rev, at, author, task, path, before, after) "
				    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[STATEMENT_CHANGE_NEWEST] = "SELECT coalesce(max(rev), 0) FROM change",
	[STATEMENT_CHANGE_ALL] = "SELECT rev, at, author, task, path, before, after FROM change WHERE rev < ?1 "
				 "ORDER BY rev DESC, path DESC LIMIT ?2",
	/* The index alone decides which rows are wanted; their bodies are read only then. */
	[STATEMENT_CHANGE_PREFIX] =
		"SELECT c.rev, c.at, c.author, c.task, c.path, c.before, c.after FROM "
		"(SELECT rev, path FROM change INDEXED BY change_path WHERE path >= ?3 AND path < ?4 AND rev < ?1 "
		"ORDER BY rev DESC, path DESC LIMIT ?2) AS wanted "
		"CROSS JOIN change AS c ON c.rev = wanted.rev AND c.path = wanted.path "
		"ORDER BY wanted.rev DESC, wanted.path DESC",
	[STATEMENT_CHANGE_COMMIT] = "SELECT rev, at, author, task, path, before, after FROM change WHERE rev = ?1 "
				    "ORDER BY path",
	[STATEMENT_CHANGE_AT] = "SELECT path, rev, after FROM change WHERE path = ?1 AND rev <= ?2 "
				"ORDER BY rev DESC LIMIT 1",
	[STATEMENT_CHANGE_SINCE] = "SELECT DISTINCT path FROM change INDEXED BY change_path "
				   "WHERE path >= ?1 AND path < ?2 AND rev > ?3 ORDER BY path",
	[STATEMENT_SECRET_PUT] = "INSERT INTO secret(name, key, nonce, value) VALUES(?1, ?2, ?3, ?4) "
				 "ON CONFLICT(name) DO UPDATE SET key = ?2, nonce = ?3, value = ?4",
	[STATEMENT_SECRET_RENEW] = "UPDATE secret SET key = ?2, nonce = ?3, value = ?4 WHERE name = ?1",
	[STATEMENT_SECRET_GET] = "SELECT key, nonce, value FROM secret WHERE name = ?1",
	[STATEMENT_SECRET_DELETE] = "DELETE FROM secret WHERE name = ?1",
	[STATEMENT_SECRET_COUNT] = "SELECT count(*) FROM secret",
	[STATEMENT_SECRET_LIST] = "SELECT name FROM secret WHERE name >= ?1 AND name < ?2 ORDER BY name",
};

const char *const store_migrations[] = {
	/* A change is found by its commit (the key) or by its document (the index); both only grow at their ends or
	 * beside the document's last change. */
	"CREATE TABLE doc(path TEXT PRIMARY KEY NOT NULL, rev INTEGER NOT NULL, body TEXT NOT NULL) STRICT;"
	"CREATE TABLE change(rev INTEGER NOT NULL, at INTEGER NOT NULL, author TEXT NOT NULL, task INTEGER NOT NULL,"
	" path TEXT NOT NULL, before TEXT, after TEXT, PRIMARY KEY(rev, path)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX change_path ON change(path, rev);"
	"CREATE TABLE secret(name TEXT PRIMARY KEY NOT NULL, key BLOB NOT NULL, nonce BLOB NOT NULL,"
	" value BLOB NOT NULL) STRICT;",
	NULL,
};

void store_bound_memory(void)
{
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* nobody asks how much it has, and each page would be counted */
}

void database_fail(Connection *connection, GError **error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *what = g_strdup_vprintf(format, args);
	va_end(args);
	failure_set(connection->db, connection->path, what, error);
}

Connection *database_open(const char *dir, gboolean reader, GError **error)
{
	g_autoptr(Connection) connection = g_new0(Connection, 1);
	connection->path = g_build_filename(dir, "store.db", NULL);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	if (sqlite3_open_v2(connection->path, &connection->db, flags, NULL) != SQLITE_OK) {
		database_fail(connection, error, "cannot open '%s'", connection->path);
		return NULL;
	}
	sqlite3_busy_timeout(connection->db, 5000);
	/* The caches are small; the kernel's page cache stands behind them. The journal mode comes first, so that a
	 * file that is no database is found out here. */
	const char *setup = reader ? "PRAGMA query_only = 1; PRAGMA cache_size = -256; PRAGMA trusted_schema = 0;"
				   : "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
				     "PRAGMA cache_size = -512; PRAGMA trusted_schema = 0;";
	if (sqlite3_exec(connection->db, setup, NULL, NULL, NULL) != SQLITE_OK) {
		database_fail(connection, error, "cannot open '%s'", connection->path);
		return NULL;
	}
	return g_steal_pointer(&connection);
}

void database_close(Connection *connection)
{
	if (!connection)
		return;
	for (guint i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(connection->statements[i]);
	sqlite3_close(connection->db);
	g_free(connection->path);
	g_free(connection);
}

sqlite3_stmt *database_prepare(Connection *connection, Statement which, GError **error)
{
	sqlite3_stmt **statement = &connection->statements[which];
	if (!*statement && sqlite3_prepare_v3(connection->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, statement,
				   NULL) != SQLITE_OK) {
		database_fail(connection, error, "cannot use the store");
		return NULL;
	}
	return *statement;
}

gboolean database_run(Connection *connection, Statement which, GError **error)
{
	sqlite3_stmt *statement = database_prepare(connection, which, error);
	if (!statement)
		return FALSE;
	gboolean ok = sqlite3_step(statement) == SQLITE_DONE;
	if (!ok)
		database_fail(connection, error, "cannot write to the store");
	sqlite3_reset(statement);
	return ok;
}

void statement_done(sqlite3_stmt **statement)
{
	if (!*statement)
		return;
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
}

void statement_bind_text(sqlite3_stmt *statement, int index, const char *text, int length)
{
	if (text)
		sqlite3_bind_text(statement, index, text, length, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, index);
}

void statement_bind_prefix(sqlite3_stmt *statement, int index, const char *prefix)
{
	/* Paths are UTF-8, in which the byte 0xff never occurs. */
	g_autofree char *end = g_strconcat(prefix, "\xff", NULL);
	statement_bind_text(statement, index, prefix, -1);
	sqlite3_bind_text(statement, index + 1, end, -1, SQLITE_TRANSIENT);
}
