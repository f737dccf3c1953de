/* The daemon: whether it answers, and what of its work has failed lately. */
#include <string.h>

#include "base/json.h"
#include "doctor/check.h"
#include "doctor/database.h"

enum { RECENT_S = 86400 };

FINDING_OK(answers, "daemon.answers", "yadod {version} answers (process {pid})", "yadod {version} は応答しています（プロセス {pid}）");
FINDING(absent, "daemon.absent", STATE_PROBLEM,
	"yadod does not run", "yadod が動いていません",
	"guests that run go on, but nothing can be started, changed or looked at; the web page says that it is out of reach",
	"稼働中のゲストは動き続けますが、起動、変更、参照ができません",
	"systemctl start yadod; if it does not stay: journalctl -u yadod -e", "systemctl start yadod。すぐ終わる場合は journalctl -u yadod -e");
FINDING(silent, "daemon.silent", STATE_PROBLEM,
	"yadod runs (process {pid}) and does not answer", "yadod は動いています（プロセス {pid}）が、応答しません",
	"guests that run go on, but nothing can be started, changed or looked at", "稼働中のゲストは動き続けますが、起動、変更、参照ができません",
	"keep what it does for a report (yado support-bundle), then: systemctl restart yadod; guests run on meanwhile",
	"報告用に 'yado support-bundle' を取った後、systemctl restart yadod（ゲストは動き続けます）");
static const Finding *const daemon_findings[] = {&answers, &absent, &silent, NULL};

/* The yadod of this run directory, or 0. */
static int find_daemon(const Host *host)
{
	static const char *const names[] = {"yadod", NULL};
	g_autoptr(GPtrArray) daemons = host_processes(host, names);
	gboolean usual = strcmp(host->run, "/run/yado") == 0;
	for (guint i = 0; i < daemons->len; i++) {
		const HostProcess *process = daemons->pdata[i];
		if (strstr(process->arguments, "--run") ? strstr(process->arguments, host->run) != NULL : usual)
			return process->pid;
	}
	return 0;
}

static void look_at_daemon(const Host *host, Report *to)
{
	int pid = host->daemon ? host->daemon : find_daemon(host);
	g_autofree char *number = g_strdup_printf("%d", pid);
	report(to, host->daemon ? &answers : pid ? &silent : &absent, "version", YADO_VERSION, "pid", number, NULL);
}

FINDING_OK(none_failed, "tasks.none-failed", "no task has failed within a day", "この1日に失敗したタスクはありません");
FINDING(failed, "tasks.failed", STATE_NOTE,
	"{count} tasks have failed within a day; the last: {kind} of {object}: {message}",
	"この1日に {count} 件のタスクが失敗しました。最後: {object} の {kind}: {message}",
	"what they were to do is not done", "予定された処理が行われていません",
	"yado task list --state failed; yado task show NUMBER says why and what to do", "yado task list --state failed。理由は yado task show 番号");
static const Finding *const task_findings[] = {&none_failed, &failed, NULL};

static void report_failed(const Host *host, sqlite3 *db, Report *to)
{
	sqlite3_stmt *statement = NULL;
	gint64 since = (host_now(host) - RECENT_S) * G_USEC_PER_SEC;
	if (sqlite3_prepare_v2(db, "SELECT count(*) OVER (), kind, object, error FROM task WHERE state = 'failed' AND ended > ?1 "
				   "ORDER BY ended DESC LIMIT 1",
			       -1, &statement, NULL) != SQLITE_OK) {
		report_unknown(to, sqlite3_errmsg(db));
		return;
	}
	sqlite3_bind_int64(statement, 1, since);
	if (sqlite3_step(statement) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(statement, 3);
		json_auto json_object *error = text ? json_parse(text, strlen(text), NULL) : NULL;
		report(to, &failed, "count", (const char *)sqlite3_column_text(statement, 0), "kind",
		       (const char *)sqlite3_column_text(statement, 1), "object",
		       (const char *)sqlite3_column_text(statement, 2), "message", json_get_str(error, "message", "?"), NULL);
	} else {
		report(to, &none_failed, NULL);
	}
	sqlite3_finalize(statement);
}

static void look_at_tasks(const Host *host, Report *to)
{
	g_autofree char *path = g_build_filename(host->state, "tasks.db", NULL), *reason = NULL;
	sqlite3 *db = host_exists(host, path) ? database_open_file(host, "tasks.db", &reason) : NULL;
	if (db)
		report_failed(host, db, to);
	else if (reason)
		report_unknown(to, reason);
	else
		report(to, &none_failed, NULL);
	sqlite3_close(db);
}

const Check daemon_checks[] = {
	{"daemon", {"daemon", "デーモン"}, 0, look_at_daemon, daemon_findings},
	{"tasks", {"failed tasks", "失敗したタスク"}, 0, look_at_tasks, task_findings},
	{0}};
