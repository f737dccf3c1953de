#include "store/failure.h"

#include <errno.h>

#include "base/error.h"
#include "store/migrate.h"

void failure_set(sqlite3 *db, const char *path, const char *what, GError **error)
{
	int code = sqlite3_errcode(db) & 0xff;
	int errnum = sqlite3_system_errno(db);
	g_autofree char *dir = g_path_get_dirname(path);
	gboolean io = code == SQLITE_IOERR || code == SQLITE_CANTOPEN;
	/* SQLite says FULL for most writes, and a general I/O error where it extends the shared-memory file. */
	if (code == SQLITE_FULL || (io && (errnum == ENOSPC || errnum == EDQUOT))) {
		error_set(error, ERROR_NO_SPACE, "free space on that file system and try again",
			"%s: no space is left where '%s' is", what, dir);
	} else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
		g_autofree char *hint = migrate_repair_hint(path);
		error_set(error, ERROR_FAILED, hint, "%s: '%s' is damaged (%s)", what, path, sqlite3_errmsg(db));
	} else if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
		error_set(error, ERROR_UNAVAILABLE, "close the other program that has the file open, and try again",
			"%s: another program holds '%s'", what, path);
	} else if (io && errnum) {
		error_set(error, ERROR_FAILED, "look for disk errors in the kernel's log", "%s: %s (%s)", what,
			sqlite3_errmsg(db), g_strerror(errnum));
	} else {
		error_set(error, ERROR_FAILED, NULL, "%s: %s", what, sqlite3_errmsg(db));
	}
}
