/* What Yado keeps: configuration and facts of the kinds that hold no credentials, who changed what (not to what), and tasks
 * (not what they were asked). Users, roles, tokens and secrets are only counted. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "doctor/check.h"
#include "doctor/collect.h"
#include "doctor/database.h"
#include "doctor/redact.h"

static const char *const kinds[] = {"vm/",    "storage/",     "image/",	   "volume/", "node/",
				    "setting/", "vm-identity/", "vm-state/", "vm-firmware-setup/", "vm-name/"};

static void add_json(Archive *archive, const char *name, const char *what, json_object *json)
{
	redact_json(json);
	const char *text = json_object_to_json_string_ext(
		json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
	archive_add(archive, name, what, text, strlen(text));
}

static void add_documents(const Host *host, Archive *archive)
{
	json_auto json_object *all = json_object_new_object();
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autofree char *reason = NULL;
		json_auto json_object *some = database_documents(host, kinds[i], &reason);
		if (!some) {
			archive_miss(archive, "yado/documents.json", "configuration", reason);
			return;
		}
		json_object_object_foreach(some, path, body)
			json_set(all, path, json_object_get(body));
	}
	add_json(archive, "yado/documents.json", "guests, storages, images and settings, without descriptions", all);
}

/* One row a line: {"column":value,…} of each. */
static json_object *read_rows(sqlite3 *db, const char *query)
{
	sqlite3_stmt *statement = NULL;
	json_object *rows = json_object_new_array();
	int result = sqlite3_prepare_v2(db, query, -1, &statement, NULL);
	if (result == SQLITE_OK) {
		while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
			json_object *row = json_object_new_object();
			for (int i = 0; i < sqlite3_column_count(statement); i++) {
				const char *name = sqlite3_column_name(statement, i);
				if (sqlite3_column_type(statement, i) == SQLITE_INTEGER)
					json_set_int(row, name, sqlite3_column_int64(statement, i));
				else if (sqlite3_column_type(statement, i) == SQLITE_TEXT)
					json_set_str(row, name, (const char *)sqlite3_column_text(statement, i));
			}
			json_object_array_add(rows, row);
		}
	}
	if (result != SQLITE_DONE)
		json_object_array_add(rows, json_object_new_string(sqlite3_errmsg(db)));
	sqlite3_finalize(statement);
	return rows;
}

static const struct {
	const char *name, *what, *database, *query;
} reads[] = {
	{"yado/counts.json", "how many documents and secrets of each kind", "store.db",
	 "SELECT substr(path, 1, instr(path, '/')) AS kind, count(*) AS count FROM doc GROUP BY 1 UNION ALL "
	 "SELECT 'secret:' || substr(name, 1, instr(name, '/')), count(*) FROM secret GROUP BY 1"},
	{"yado/changes.json", "who changed which document when (times in µs)", "store.db",
	 "SELECT rev, at, author, task, path FROM change ORDER BY rev DESC LIMIT 500"},
	{"yado/tasks.json", "the last tasks", "tasks.db",
	 "SELECT id, kind, object, user, state, created, started, ended, done, total, unit, step, error, interrupted, cancelling "
	 "FROM task ORDER BY id DESC LIMIT 300"},
	{"yado/task-steps.json", "steps of unfinished tasks", "tasks.db",
	 "SELECT task, seq, step, done FROM step WHERE task IN (SELECT id FROM task WHERE state IN ('queued', 'running')) "
	 "ORDER BY task, seq LIMIT 1000"},
	{"yado/task-logs.json", "logs of the last tasks that failed or run", "tasks.db",
	 "SELECT task, line, at, text FROM log WHERE task IN (SELECT id FROM task WHERE state IN ('failed', 'running', "
	 "'cancelled') ORDER BY id DESC LIMIT 100) ORDER BY task DESC, line LIMIT 20000"},
	{"yado/audit.json", "how many requests of each kind ended how, in the audit log's last 10,000 entries", "audit.db",
	 "SELECT action, outcome, count(*) AS count FROM (SELECT text ->> '$.action' AS action, outcome FROM entry "
	 "ORDER BY seq DESC LIMIT 10000) GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 500"},
};

static void add_state_of_files(const Host *host, Archive *archive)
{
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; database_names[i]; i++) {
		g_autofree char *path = g_build_filename(host->state, database_names[i], NULL);
		if (!host_exists(host, path))
			continue;
		g_autofree char *said = database_check_file(host, database_names[i]);
		g_string_append_printf(text, "%s: quick_check: %s\n", database_names[i], said);
	}
	archive_add(archive, "yado/databases", "whether the databases are whole", text->str, text->len);
}

void collect_databases(const Host *host, Archive *archive)
{
	add_documents(host, archive);
	for (guint i = 0; i < G_N_ELEMENTS(reads); i++) {
		g_autofree char *reason = NULL;
		sqlite3 *db = database_open_file(host, reads[i].database, &reason);
		if (!db) {
			archive_miss(archive, reads[i].name, reads[i].what, reason);
			continue;
		}
		json_auto json_object *rows = read_rows(db, reads[i].query);
		add_json(archive, reads[i].name, reads[i].what, rows);
		sqlite3_close(db);
	}
	add_state_of_files(host, archive);
}
