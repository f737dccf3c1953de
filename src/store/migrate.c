/* Each step runs in one transaction together with its new user_version. Before it the whole file is copied to FILE.vN,
 * N being the layout that the copy has, so that an update can be undone and a damaged file replaced.
 *
 * Copies are bounded: after the last step the newest few stay, and those of the last days: one of these is what the
 * former version of Yado can read, also if the upgrade was interrupted and went on later. */
#include "store/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "store/failure.h"

enum { COPIES_KEPT = 3, DAYS_KEPT = 7 };

static char *copy_path(const char *path, gint64 version)
{
	return g_strdup_printf("%s.v%" G_GINT64_FORMAT, path, version);
}

/* The layouts that there are copies of, newest first. */
static GArray *find_copies(const char *path)
{
	GArray *versions = g_array_new(FALSE, FALSE, sizeof(gint64));
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *base = g_path_get_basename(path);
	g_autofree char *prefix = g_strconcat(base, ".v", NULL);
	g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
	for (const char *name; entries && (name = g_dir_read_name(entries));) {
		gint64 version;
		if (!g_str_has_prefix(name, prefix) ||
			!g_ascii_string_to_signed(name + strlen(prefix), 10, 1, G_MAXINT32, &version, NULL))
			continue;
		guint at = 0;
		while (at < versions->len && g_array_index(versions, gint64, at) > version)
			at++;
		g_array_insert_val(versions, at, version);
	}
	return versions;
}

/* The newest copy with at most that layout, and when it was made: "'PATH' (made 2026-01-31 12:00 UTC)"; NULL if there
 * is none. */
static char *describe_copy(const char *path, gint64 max_version)
{
	g_autoptr(GArray) versions = find_copies(path);
	guint at = 0;
	while (at < versions->len && g_array_index(versions, gint64, at) > max_version)
		at++;
	if (at == versions->len)
		return NULL;
	g_autofree char *copy = copy_path(path, g_array_index(versions, gint64, at));
	struct stat info;
	if (stat(copy, &info) < 0)
		return NULL;
	g_autoptr(GDateTime) made = g_date_time_new_from_unix_utc(info.st_mtime);
	g_autofree char *when = g_date_time_format(made, "%F %R UTC");
	return g_strdup_printf("'%s' (made %s)", copy, when);
}

char *migrate_repair_hint(const char *path)
{
	g_autofree char *copy = describe_copy(path, G_MAXINT32);
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *base = g_path_get_basename(path);
	if (!copy)
		return g_strdup_printf("stop yadod, keep '%s' aside, and put a backup of it back; there is no older "
				       "copy in it ('sqlite3 %s .recover' saves what can still be read)",
			dir, base);
	return g_strdup_printf("put a backup back; or stop yadod, move %s, %s-wal and %s-shm aside and copy %s to "
			       "'%s': what was written after it is then lost",
		base, base, base, copy, path);
}

static gboolean fail(sqlite3 *db, const char *path, GError **error, const char *format, ...)
	G_GNUC_PRINTF(4, 5);
static gboolean fail(sqlite3 *db, const char *path, GError **error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *what = g_strdup_vprintf(format, args);
	va_end(args);
	failure_set(db, path, what, error);
	return FALSE;
}

static gboolean read_version(sqlite3 *db, const char *path, gint64 *ret_version, GError **error)
{
	sqlite3_stmt *statement = NULL;
	gboolean ok = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
		      sqlite3_step(statement) == SQLITE_ROW;
	if (ok)
		*ret_version = sqlite3_column_int64(statement, 0);
	else
		fail(db, path, error, "cannot read the layout of '%s'", path);
	sqlite3_finalize(statement);
	return ok;
}

/* A consistent copy, durable under its final name or absent. */
static gboolean copy_file(sqlite3 *db, const char *path, gint64 version, GError **error)
{
	g_autofree char *copy = copy_path(path, version);
	g_autofree char *partial = g_strconcat(copy, ".partial", NULL);
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *what =
		g_strdup_printf("cannot make the copy '%s' that goes before an upgrade of '%s'", copy, path);
	/* SQLite gives a new file to everyone whom the umask lets: it writes into an empty one of ours. */
	unlink(partial);
	fd_auto int fd = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		error_set_errno(error, errno, "%s", what);
		return FALSE;
	}
	char *sql = sqlite3_mprintf("VACUUM INTO %Q", partial);
	int result = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_free(sql);
	if (result != SQLITE_OK) {
		failure_set(db, path, what, error);
		unlink(partial);
		return FALSE;
	}
	if (fsync(fd) < 0 || rename(partial, copy) < 0) {
		int saved = errno;
		unlink(partial);
		error_set_errno(error, saved, "%s", what);
		return FALSE;
	}
	return dir_sync(dir, error);
}

/* Where the first of these steps fails, the file is still one that the former version of Yado reads; later it is
 * not. */
static gboolean tell_failure(sqlite3 *db, const char *path, gint64 began, gint64 version, GError **error)
{
	g_autoptr(GError) cause = NULL;
	fail(db, path, &cause, "cannot bring '%s' from layout %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, path, version,
		version + 1);
	g_autofree char *copy = copy_path(path, began);
	g_autofree char *back =
		began == 0 ? g_strdup_printf("'%s' is new, and holds nothing yet", path)
		: version == began
			? g_strdup_printf("'%s' is as it was; the former version of Yado can go on with it", path)
			: g_strdup_printf("'%s' is as it was before that step; for the former version of Yado put '%s' "
					  "in its place (and remove %s-wal and %s-shm)",
				  path, copy, path, path);
	g_autofree char *hint =
		error_hint(cause) ? g_strdup_printf("%s; %s", error_hint(cause), back) : g_steal_pointer(&back);
	error_set(error, error_code(cause), hint, "%s", cause->message);
	return FALSE;
}

static gboolean run_step(sqlite3 *db, const char *path, const char *step, gint64 began, gint64 version, GError **error)
{
	/* A new file has nothing to copy. */
	if (began > 0 && !copy_file(db, path, version, error))
		return FALSE;
	g_autofree char *sql =
		g_strdup_printf("BEGIN IMMEDIATE; %s; PRAGMA user_version = %" G_GINT64_FORMAT "; COMMIT;", step,
				version + 1);
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static gboolean is_recent(const char *copy)
{
	struct stat info;
	return stat(copy, &info) == 0 && info.st_mtime > g_get_real_time() / G_USEC_PER_SEC - DAYS_KEPT * 24 * 3600;
}

static void drop_old_copies(const char *path)
{
	g_autoptr(GArray) versions = find_copies(path);
	for (guint i = COPIES_KEPT; i < versions->len; i++) {
		g_autofree char *copy = copy_path(path, g_array_index(versions, gint64, i));
		if (!is_recent(copy) && unlink(copy) < 0)
			g_warning("cannot remove the old copy '%s': %s", copy, g_strerror(errno));
	}
}

static gboolean refuse_newer(const char *path, gint64 version, gint64 known, GError **error)
{
	g_autofree char *copy = describe_copy(path, known);
	g_autofree char *hint =
		copy ? g_strdup_printf("install the newer version of Yado again; or stop yadod, move '%s', its -wal "
				       "and its -shm aside and put the copy %s in its place: "
				       "what was written after it is then lost",
			       path, copy)
		     : g_strdup("install the version of Yado that wrote it, or a newer one");
	error_set(error, ERROR_UNSUPPORTED, hint,
		"'%s' was written by a newer version of Yado (its layout is %" G_GINT64_FORMAT
		", this version knows up to %" G_GINT64_FORMAT ")",
		path, version, known);
	return FALSE;
}

gboolean migrate(sqlite3 *db, const char *path, const char *const *migrations, GError **error)
{
	gint64 began, known = 0;
	while (migrations[known])
		known++;
	if (!read_version(db, path, &began, error))
		return FALSE;
	if (began > known)
		return refuse_newer(path, began, known, error);
	for (gint64 version = began; version < known; version++) {
		g_autoptr(GError) cause = NULL;
		if (!run_step(db, path, migrations[version], began, version, &cause)) {
			if (cause)
				g_propagate_error(error, g_steal_pointer(&cause));
			else
				tell_failure(db, path, began, version, error);
			if (!sqlite3_get_autocommit(db))
				sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
			return FALSE;
		}
		if (began > 0)
			g_message("'%s' has layout %" G_GINT64_FORMAT " now; a copy of before is '%s.v%" G_GINT64_FORMAT
				  "'",
				  path, version + 1, path, version);
	}
	if (began > 0 && began < known)
		drop_old_copies(path);
	return TRUE;
}
