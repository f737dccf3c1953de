/* The layout of an SQLite file, and the way from an older one: a list of texts of SQL, the file's user_version saying
 * how many of them it has had. */
#pragma once
#include <glib.h>
#include <sqlite3.h>

/* Brings the file to the last of the migrations (NULL-terminated), with a copy beside it before each. On failure it is
 * as it was before the step that failed. ERROR_UNSUPPORTED if a newer version of Yado wrote it. The connection is the
 * only one. */
gboolean migrate(sqlite3 *db, const char *path, const char *const *migrations, GError **error);
/* What to do about a damaged file: names the newest copy, if there is one. Caller frees. */
char *migrate_repair_hint(const char *path);
