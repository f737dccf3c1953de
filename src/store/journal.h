/* A journal: a node-local SQLite file beside the store (tasks.db, audit.db…) with one writer, group commit, and one
 * reader. */
#pragma once
#include <glib.h>
#include <sqlite3.h>

typedef struct Journal Journal;

/* Opens or makes the file (0600; its directory 0700) and brings it to the layout of the migrations
 * (store/migrate.h). */
Journal *journal_open(const char *path, const char *const *migrations, GError **error);
/* Waits for what is being written; later commits fail with ERROR_UNAVAILABLE. Reading goes on. */
void journal_close(Journal *journal);
void journal_free(Journal *journal);

/* Part of a transaction. May be called again after a failure of the transaction, so it must be repeatable, and from
 * the thread of another committer. */
typedef gboolean (*JournalWrite)(sqlite3 *db, gpointer data, GError **error);
/* Returns once it is committed; if durable, once it survives a power cut. Commits of other threads that come
 * meanwhile share the next transaction and its fsync. ERROR_NO_SPACE on a full disk: nothing of it was written. */
gboolean journal_commit(Journal *journal, JournalWrite write, gpointer data, gboolean durable, GError **error);

/* Lends the reading connection, alone, until given back. */
sqlite3 *journal_lend_reader(Journal *journal);
void journal_give_back(Journal *journal);

/* --- Statements, for both connections --- */
static inline void sql_clear(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}
#define sql_auto __attribute__((cleanup(sql_clear)))
/* Prepares and binds: types is a string of 'i' (gint64) and 's' (const char *, may be NULL; must outlive the
 * statement), one for each parameter. NULL on failure. */
sqlite3_stmt *sql_prepare(sqlite3 *db, GError **error, const char *sql, const char *types, ...);
/* TRUE with *ret_row telling whether there is one; FALSE on failure. */
gboolean sql_step(sqlite3_stmt *statement, gboolean *ret_row, GError **error);
/* Binds and runs to the end; keeps it prepared, so the texts must be few, and none of them is one of
 * sql_prepare()'s. */
gboolean sql_run(sqlite3 *db, GError **error, const char *sql, const char *types, ...);
char *sql_dup_text(sqlite3_stmt *statement, int column); /* NULL for NULL */
