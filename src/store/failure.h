/* SQLite's errors in our words, for every file that Yado keeps in it. */
#pragma once
#include <glib.h>
#include <sqlite3.h>

/* Sets the error from the connection's last one; `what` says what was asked ("cannot open the store"). db may be NULL,
 * as after an open without memory. */
void failure_set(sqlite3 *db, const char *path, const char *what, GError **error);
