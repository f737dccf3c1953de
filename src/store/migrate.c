/* The database's layout and the way from an older one: a list of migrations, the file's user_version saying how many
 * of them it has had.
 *
 * Each runs in one transaction together with its new user_version. Before it the whole database is copied to
 * store.db.vN, N being the version that the copy has, so that an update can be undone and a damaged file replaced. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "store/internal.h"

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

char *database_repair_hint(const char *dir)
{
	gint64 newest = -1;
	g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
	for (const char *name; entries && (name = g_dir_read_name(entries));) {
		if (!g_str_has_prefix(name, "store.db.v"))
			continue;
		char *end;
		gint64 version = g_ascii_strtoll(name + strlen("store.db.v"), &end, 10);
		if (*end == 0 && version > newest)
			newest = version;
	}
	if (newest < 0)
		return g_strdup_printf("stop yadod, keep '%s' aside, and put a backup of it back; there is no older "
				       "copy in it ('sqlite3 store.db .recover' saves what can still be read)",
			dir);
	g_autofree char *copy = g_strdup_printf("%s/store.db.v%" G_GINT64_FORMAT, dir, newest);
	struct stat info;
	g_autofree char *when = NULL;
	if (stat(copy, &info) == 0) {
		g_autoptr(GDateTime) made = g_date_time_new_from_unix_utc(info.st_mtime);
		when = g_date_time_format(made, "%F %R UTC");
	}
	return g_strdup_printf("put a backup back; or stop yadod, move store.db, store.db-wal and store.db-shm aside "
			       "and copy '%s' to 'store.db' (made %s; what was committed after it is then lost)",
		copy, when ? when : "earlier");
}

static gboolean read_version(Connection *connection, gint64 *ret_version, GError **error)
{
	sqlite3_stmt *statement = NULL;
	gboolean ok = sqlite3_prepare_v2(connection->db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
		      sqlite3_step(statement) == SQLITE_ROW;
	if (ok)
		*ret_version = sqlite3_column_int64(statement, 0);
	else
		database_fail(connection, error, "cannot read the version of '%s/store.db'", connection->dir);
	sqlite3_finalize(statement);
	return ok;
}

/* A consistent copy, durable under its final name or absent. */
static gboolean copy_database(Connection *connection, gint64 version, GError **error)
{
	g_autofree char *copy = g_strdup_printf("%s/store.db.v%" G_GINT64_FORMAT, connection->dir, version);
	g_autofree char *partial = g_strdup_printf("%s.partial", copy);
	/* SQLite gives a new file to everyone whom the umask lets: it writes into an empty one of ours. */
	unlink(partial);
	fd_auto int fd = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		error_set_errno(
			error, errno, "cannot make the copy '%s' that goes before an upgrade of the store", copy);
		return FALSE;
	}
	char *sql = sqlite3_mprintf("VACUUM INTO %Q", partial);
	int result = sqlite3_exec(connection->db, sql, NULL, NULL, NULL);
	sqlite3_free(sql);
	if (result != SQLITE_OK) {
		database_fail(
			connection, error, "cannot make the copy '%s' that goes before an upgrade of the store", copy);
		unlink(partial);
		return FALSE;
	}
	if (fsync(fd) < 0 || rename(partial, copy) < 0) {
		int saved = errno;
		unlink(partial);
		error_set_errno(
			error, saved, "cannot make the copy '%s' that goes before an upgrade of the store", copy);
		return FALSE;
	}
	return dir_sync(connection->dir, error);
}

gboolean database_migrate(Connection *connection, const char *const *migrations, GError **error)
{
	gint64 version;
	gint64 known = 0;
	if (!read_version(connection, &version, error))
		return FALSE;
	while (migrations[known])
		known++;
	if (version > known) {
		error_set(error, ERROR_UNSUPPORTED,
			"start the newer version again, or put the copy that it made before the upgrade back",
			"'%s/store.db' was written by a newer version (its layout is %" G_GINT64_FORMAT
			", this one knows up to %" G_GINT64_FORMAT ")",
			connection->dir, version, known);
		return FALSE;
	}
	for (; version < known; version++) {
		/* An empty file has nothing to copy. */
		if (version > 0 && !copy_database(connection, version, error))
			return FALSE;
		g_autofree char *sql =
			g_strdup_printf("BEGIN IMMEDIATE; %s; PRAGMA user_version = %" G_GINT64_FORMAT "; COMMIT;",
				migrations[version], version + 1);
		if (sqlite3_exec(connection->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
			database_fail(connection, error,
				"cannot bring '%s/store.db' from layout %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
				connection->dir, version, version + 1);
			if (!sqlite3_get_autocommit(connection->db))
				sqlite3_exec(connection->db, "ROLLBACK", NULL, NULL, NULL);
			return FALSE;
		}
	}
	return TRUE;
}
