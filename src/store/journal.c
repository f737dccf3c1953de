/* A journal in SQLite (WAL).
 *
 * Writing: a thread that commits puts its write into the queue. If nobody writes, it takes the whole queue, runs it as
 * one transaction, and tells the others how theirs went; whoever came meanwhile waits, and one of those then takes
 * all that has gathered. So a single writer pays no hand-over to another thread, and many share one fsync. If the
 * transaction fails, each of its writes is tried alone, so that one bad write does not fail the others.
 *
 * Durability: with synchronous=FULL the write-ahead log is fsynced at each commit, with NORMAL only at checkpoints. A
 * transaction in which nobody asked for durability runs as NORMAL: its rows are safe from a crash of the daemon at
 * once, and from a power cut with the next durable commit (the log is one file, written in order).
 *
 * No lock is held while SQLite works, except that of the reading connection, which guards nothing else. */
#include "store/journal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "store/failure.h"
#include "store/migrate.h"

enum { BUSY_TIMEOUT_MS = 5000 };

typedef struct Commit {
	JournalWrite write;
	gpointer data;
	gboolean durable;
	gboolean over, ok;
	GError *error;
} Commit;

struct Journal {
	char *path;
	GMutex lock; /* guards up to `closed` */
	GCond turn;
	GQueue queue; /* Commit on the stacks of those who wait */
	gboolean busy, closed;

	sqlite3 *writer; /* of the thread that made `busy` true */
	gboolean full;   /* the writer's present synchronous mode */

	GMutex reader_lock;
	sqlite3 *reader;
};

/* What was asked is "open", "read", "write"… */
static void set_error(GError **error, sqlite3 *db, const char *asked)
{
	const char *path = db ? sqlite3_db_filename(db, "main") : NULL;
	g_autofree char *what = g_strdup_printf("cannot %s '%s'", asked, path ? path : "a journal");
	failure_set(db, path ? path : "", what, error);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql, guint flags, GError **error)
{
	sqlite3_stmt *statement = NULL;
	if (sqlite3_prepare_v3(db, sql, -1, flags, &statement, NULL) != SQLITE_OK)
		set_error(error, db, "use");
	return statement;
}

static gboolean bind(sqlite3_stmt *statement, const char *types, va_list args, GError **error)
{
	for (int i = 0; types[i]; i++) {
		int code;
		if (types[i] == 'i')
			code = sqlite3_bind_int64(statement, i + 1, va_arg(args, gint64));
		else
			code = sqlite3_bind_text(statement, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
		if (code != SQLITE_OK) {
			set_error(error, sqlite3_db_handle(statement), "use");
			return FALSE;
		}
	}
	return TRUE;
}

sqlite3_stmt *sql_prepare(sqlite3 *db, GError **error, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement = prepare(db, sql, 0, error);
	va_list args;
	va_start(args, types);
	if (statement && !bind(statement, types, args, error))
		sql_clear(&statement);
	va_end(args);
	return statement;
}

gboolean sql_step(sqlite3_stmt *statement, gboolean *ret_row, GError **error)
{
	int code = sqlite3_step(statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE) {
		sqlite3 *db = sqlite3_db_handle(statement);
		set_error(error, db, sqlite3_stmt_readonly(statement) ? "read" : "write");
		return FALSE;
	}
	*ret_row = code == SQLITE_ROW;
	return TRUE;
}

/* What sql_run() has prepared stays with its connection, which is asked for it by its text: there are a dozen of them,
 * and to prepare one costs as much as to run it. */
static sqlite3_stmt *find_kept(sqlite3 *db, const char *sql, GError **error)
{
	for (sqlite3_stmt *kept = sqlite3_next_stmt(db, NULL); kept; kept = sqlite3_next_stmt(db, kept))
		if (strcmp(sqlite3_sql(kept), sql) == 0)
			return kept;
	return prepare(db, sql, SQLITE_PREPARE_PERSISTENT, error);
}

gboolean sql_run(sqlite3 *db, GError **error, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement = find_kept(db, sql, error);
	if (!statement)
		return FALSE;
	va_list args;
	va_start(args, types);
	gboolean ok = bind(statement, types, args, error), row = ok;
	va_end(args);
	while (ok && row)
		ok = sql_step(statement, &row, error);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return ok;
}

char *sql_dup_text(sqlite3_stmt *statement, int column)
{
	return g_strdup((const char *)sqlite3_column_text(statement, column));
}

static gboolean execute(sqlite3 *db, const char *sql, GError **error)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return TRUE;
	set_error(error, db, "use");
	return FALSE;
}

static sqlite3 *connect_to(const char *path, int flags, GError **error)
{
	sqlite3 *db = NULL;
	/* Each connection is used by one thread at a time, which the journal sees to. */
	if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		set_error(error, db, "open");
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	/* Small: the kernel's page cache stands behind it. */
	if (!execute(db, "PRAGMA cache_size = -256", error))
		g_clear_pointer(&db, sqlite3_close);
	return db;
}

/* NULL is fine. */
static void disconnect(sqlite3 *db)
{
	sqlite3_stmt *kept;
	while (db && (kept = sqlite3_next_stmt(db, NULL)))
		sqlite3_finalize(kept);
	sqlite3_close(db);
}

static gboolean prepare_file(sqlite3 *db, const char *path, const char *const *migrations, GError **error)
{
	return execute(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", error) &&
	       migrate(db, path, migrations, error);
}

Journal *journal_open(const char *path, const char *const *migrations, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(path);
	if (!dir_make(dir, 0700, error))
		return NULL;
	Journal *journal = g_new0(Journal, 1);
	g_mutex_init(&journal->lock);
	g_cond_init(&journal->turn);
	g_mutex_init(&journal->reader_lock);
	journal->path = g_strdup(path);
	journal->full = TRUE;
	journal->writer = connect_to(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
	/* SQLite gives the -wal and -shm files the mode of the database. */
	if (journal->writer && chmod(path, 0600) < 0)
		error_set_errno(error, errno, "cannot set the mode of '%s'", path);
	else if (journal->writer && prepare_file(journal->writer, path, migrations, error) && dir_sync(dir, error))
		journal->reader = connect_to(path, SQLITE_OPEN_READONLY, error);
	if (!journal->reader)
		g_clear_pointer(&journal, journal_free);
	return journal;
}

void journal_close(Journal *journal)
{
	g_mutex_lock(&journal->lock);
	journal->closed = TRUE;
	while (journal->busy || !g_queue_is_empty(&journal->queue))
		g_cond_wait(&journal->turn, &journal->lock);
	sqlite3 *writer = g_steal_pointer(&journal->writer);
	g_mutex_unlock(&journal->lock);
	disconnect(writer);
}

void journal_free(Journal *journal)
{
	if (!journal)
		return;
	journal_close(journal);
	disconnect(journal->reader);
	g_mutex_clear(&journal->lock);
	g_cond_clear(&journal->turn);
	g_mutex_clear(&journal->reader_lock);
	g_free(journal->path);
	g_free(journal);
}

static gboolean set_mode(Journal *journal, gboolean full, GError **error)
{
	if (journal->full == full)
		return TRUE;
	if (!execute(journal->writer, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", error))
		return FALSE;
	journal->full = full;
	return TRUE;
}

/* One transaction of all of the list. */
static gboolean transact(Journal *journal, GList *commits, GError **error)
{
	gboolean durable = FALSE;
	for (GList *link = commits; link; link = link->next)
		durable |= ((Commit *)link->data)->durable;
	if (!set_mode(journal, durable, error) || !sql_run(journal->writer, error, "BEGIN IMMEDIATE", ""))
		return FALSE;
	gboolean ok = TRUE;
	for (GList *link = commits; link && ok; link = link->next) {
		Commit *commit = link->data;
		ok = commit->write(journal->writer, commit->data, error);
	}
	if (ok && sql_run(journal->writer, error, "COMMIT", ""))
		return TRUE;
	/* SQLite has rolled back by itself after some errors; then this one fails, which does not matter. */
	execute(journal->writer, "ROLLBACK", NULL);
	return FALSE;
}

static void write_all(Journal *journal, GQueue *commits)
{
	gboolean together = commits->length > 1 && transact(journal, commits->head, NULL);
	for (GList *link = commits->head; link; link = link->next) {
		Commit *commit = link->data;
		GList alone = {.data = commit};
		commit->ok = together || transact(journal, &alone, &commit->error);
	}
}

gboolean journal_commit(Journal *journal, JournalWrite write, gpointer data, gboolean durable, GError **error)
{
	Commit commit = {.write = write, .data = data, .durable = durable};
	g_mutex_lock(&journal->lock);
	if (journal->closed) {
		g_mutex_unlock(&journal->lock);
		error_set(error, ERROR_UNAVAILABLE, "ask again once the daemon has started", "the daemon is stopping");
		return FALSE;
	}
	g_queue_push_tail(&journal->queue, &commit);
	while (!commit.over && journal->busy)
		g_cond_wait(&journal->turn, &journal->lock);
	if (!commit.over) {
		GQueue all = journal->queue;
		g_queue_init(&journal->queue);
		journal->busy = TRUE;
		g_mutex_unlock(&journal->lock);
		write_all(journal, &all);
		g_mutex_lock(&journal->lock);
		for (GList *link = all.head; link; link = link->next)
			((Commit *)link->data)->over = TRUE;
		g_queue_clear(&all);
		journal->busy = FALSE;
		g_cond_broadcast(&journal->turn);
	}
	g_mutex_unlock(&journal->lock);
	if (!commit.ok)
		g_propagate_error(error, commit.error);
	return commit.ok;
}

sqlite3 *journal_lend_reader(Journal *journal)
{
	g_mutex_lock(&journal->reader_lock);
	return journal->reader;
}

void journal_give_back(Journal *journal)
{
	g_mutex_unlock(&journal->reader_lock);
}
