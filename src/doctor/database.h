/* Yado's databases, read beside the daemon or without one, never written. */
#pragma once
#include <glib.h>
#include <json-c/json.h>
#include <sqlite3.h>

#include "doctor/host.h"

extern const char *const database_names[]; /* "store.db"…, NULL-terminated */
/* Opens STATE/NAME to read; a step that takes longer than the time in all is ended. NULL with the reason (caller frees) in
 * *ret_reason, which may be NULL. Close with sqlite3_close(). */
sqlite3 *database_open_file(const Host *host, const char *name, char **ret_reason);
/* "ok", or what PRAGMA quick_check says; caller frees. */
char *database_check_file(const Host *host, const char *name);
/* Documents below a path ("vm/"): {"vm/100":{…}}; NULL with the reason. New reference. */
json_object *database_documents(const Host *host, const char *prefix, char **ret_reason);
/* When the configuration was last changed, in seconds since 1970; 0: not known. */
gint64 database_newest_change(const Host *host);
