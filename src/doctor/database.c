/* Reading SQLite files of another process: read-only connections of this one's own, each with a deadline. */
#include "doctor/database.h"

#include <string.h>

#include "base/json.h"
#include "doctor/check.h"

enum { STEPS = 10000, TIME_MS = 20000, BUSY_MS = 2000 };

const char *const database_names[] = {"store.db", "tasks.db", "audit.db", "requests.db", NULL};

/* SQLite calls this every STEPS of its machine's instructions. */
static int is_late(gpointer data)
{
	return g_get_monotonic_time() > *(gint64 *)data;
}

static void set_deadline(sqlite3 *db, gint64 *deadline_us)
{
	*deadline_us = g_get_monotonic_time() + TIME_MS * 1000;
	sqlite3_progress_handler(db, STEPS, is_late, deadline_us);
}

sqlite3 *database_open_file(const Host *host, const char *name, char **ret_reason)
{
	g_autofree char *path = g_strconcat(host->root, host->state, "/", name, NULL);
	sqlite3 *db = NULL;
	/* SQLite reads a header only with the first query: asked here, so that a failure has one place. */
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(db, BUSY_MS);
		if (sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) == SQLITE_OK)
			return db;
	}
	if (ret_reason)
		*ret_reason = g_strdup_printf("%s/%s: %s", host->state, name, db ? sqlite3_errmsg(db) : "no memory");
	sqlite3_close(db);
	return NULL;
}

char *database_check_file(const Host *host, const char *name)
{
	char *reason = NULL;
	sqlite3 *db = database_open_file(host, name, &reason);
	if (!db)
		return reason;
	gint64 deadline_us;
	sqlite3_stmt *statement = NULL;
	GString *said = g_string_new(NULL);
	set_deadline(db, &deadline_us);
	int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(10)", -1, &statement, NULL);
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(statement);
		if (code == SQLITE_ROW)
			g_string_append_printf(said, "%s%s", said->len ? "; " : "", sqlite3_column_text(statement, 0));
	}
	if (code != SQLITE_DONE)
		g_string_append_printf(said, "%s%s", said->len ? "; " : "", sqlite3_errmsg(db));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return g_string_free(said, FALSE);
}

static json_object *recorded_documents(const Host *host, const char *prefix)
{
	json_auto json_object *all = host_fact(host, "documents");
	json_object *found = json_object_new_object();
	if (all) {
		json_object_object_foreach(all, path, body)
			if (g_str_has_prefix(path, prefix))
				json_set(found, path, json_object_get(body));
	}
	return found;
}

json_object *database_documents(const Host *host, const char *prefix, char **ret_reason)
{
	if (host->recorded)
		return recorded_documents(host, prefix);
	sqlite3 *db = database_open_file(host, "store.db", ret_reason);
	if (!db)
		return NULL;
	json_object *found = json_object_new_object();
	gint64 deadline_us;
	sqlite3_stmt *statement = NULL;
	set_deadline(db, &deadline_us);
	int code = sqlite3_prepare_v2(db, "SELECT path, body FROM doc WHERE path >= ?1 AND path < ?1 || x'ff' ORDER BY path", -1,
				      &statement, NULL);
	if (code == SQLITE_OK)
		sqlite3_bind_text(statement, 1, prefix, -1, SQLITE_TRANSIENT);
	while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(statement, 1);
		json_object *body = text ? json_parse(text, strlen(text), NULL) : NULL;
		if (body)
			json_set(found, (const char *)sqlite3_column_text(statement, 0), body);
		code = SQLITE_OK;
	}
	if (code != SQLITE_DONE) {
		if (ret_reason)
			*ret_reason = g_strdup_printf("%s/store.db: %s", host->state, sqlite3_errmsg(db));
		json_object_put(found);
		found = NULL;
	}
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return found;
}

gint64 database_newest_change(const Host *host)
{
	json_auto json_object *fact = host_fact(host, "changed");
	if (host->recorded)
		return fact ? json_object_get_int64(fact) : 0;
	sqlite3 *db = database_open_file(host, "store.db", NULL);
	sqlite3_stmt *statement = NULL;
	gint64 at = 0;
	if (db && sqlite3_prepare_v2(db, "SELECT at FROM change ORDER BY rev DESC LIMIT 1", -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		at = sqlite3_column_int64(statement, 0) / G_USEC_PER_SEC;
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return at;
}

FINDING_OK(whole, "databases.whole", "{names} are whole", "{names} に異常はありません");
FINDING(none_yet, "databases.none", STATE_NOTE,
	"there are none in {state}", "{state} にはまだありません",
	"nothing is configured yet", "まだ何も設定されていません",
	"they are made when yadod starts for the first time: systemctl start yadod", "yadod の最初の起動で作られます: systemctl start yadod");
FINDING(damaged, "databases.damaged", STATE_PROBLEM,
	"{name}: {problem}", "{name}: {problem}",
	"what is kept in it may be lost or wrong: store.db is the configuration, tasks.db the tasks, audit.db the audit log, requests.db repeated requests",
	"内容が失われたか誤っている恐れがあります（store.db は設定、tasks.db はタスク、audit.db は監査ログ、requests.db は再送要求）",
	"stop yadod, copy {state} aside, look for disk errors with 'journalctl -k -p err', then put back a backup, or the copy {name}.vN beside it",
	"yadod を止めて {state} を別の場所に複製し、'journalctl -k -p err' でディスクの異常を確認した上で、バックアップか隣の {name}.vN に戻してください");
static const Finding *const findings[] = {&whole, &none_yet, &damaged, NULL};

static void look(const Host *host, Report *to)
{
	g_autoptr(GString) names = g_string_new(NULL);
	gboolean good = TRUE;
	for (guint i = 0; database_names[i]; i++) {
		g_autofree char *path = g_build_filename(host->state, database_names[i], NULL);
		if (!host_exists(host, path))
			continue;
		g_autofree char *said = database_check_file(host, database_names[i]);
		g_string_append_printf(names, "%s%s", names->len ? ", " : "", database_names[i]);
		if (strcmp(said, "ok") == 0)
			continue;
		good = FALSE;
		report(to, &damaged, "name", database_names[i], "problem", said, "state", host->state, NULL);
	}
	if (!names->len)
		report(to, &none_yet, "state", host->state, NULL);
	else if (good)
		report(to, &whole, "names", names->str, NULL);
}

const Check database_checks[] = {{"databases", {"databases", "データベース"}, 21000, look, findings}, {0}};
