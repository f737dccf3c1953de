/* What yado-launch leaves behind in a run directory: who runs, how it ended, what it wrote. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "sandbox/launch.h"
#include "sandbox/launch-spec.h"

enum { RECORD_MAX = 4096, LOOK_US = 1000, AWAIT_TIMEOUT_MS = 3000 };

/* The file's lines "word value" as a table; NULL if it is not there. */
static GHashTable *read_record_file(const char *run_dir, const char *name, GError **error)
{
	g_autofree char *path = g_build_filename(run_dir, name, NULL);
	g_autofree char *text = NULL;
	if (!file_read(path, RECORD_MAX, &text, NULL, error))
		return NULL;
	GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		char *space = strchr(*line, ' ');
		if (space)
			g_hash_table_replace(table, g_strndup(*line, (gsize)(space - *line)), g_strdup(space + 1));
	}
	return table;
}

static gint64 record_number(GHashTable *table, const char *word)
{
	const char *text = g_hash_table_lookup(table, word);
	return text ? g_ascii_strtoll(text, NULL, 10) : 0;
}

static gboolean is_of_this_boot(GHashTable *table)
{
	return g_strcmp0(g_hash_table_lookup(table, "boot"), process_boot_id()) == 0;
}

gboolean launch_read_record(const char *run_dir, LaunchRecord *ret_record, GError **error)
{
	LaunchRecord record = {.exit_code = -1};
	GError *cause = NULL;
	g_autoptr(GHashTable) pid = read_record_file(run_dir, LAUNCH_PID_FILE, &cause);
	if (!pid && error_code(cause) != ERROR_NOT_FOUND) {
		g_propagate_error(error, cause);
		return FALSE;
	}
	g_clear_error(&cause);
	if (pid && is_of_this_boot(pid)) {
		record.present = TRUE;
		record.pid = (pid_t)record_number(pid, "pid");
		record.start_time = (guint64)record_number(pid, "start");
		record.running = record.start_time && process_start_time(record.pid) == record.start_time;
		record.watched = process_start_time((pid_t)record_number(pid, "launcher")) != 0;
	}
	/* Read after the process was looked at: when that has ended, the launcher writes this a moment later. */
	g_autoptr(GHashTable) end = read_record_file(run_dir, LAUNCH_EXIT_FILE, &cause);
	if (!end && error_code(cause) != ERROR_NOT_FOUND) {
		g_propagate_error(error, cause);
		return FALSE;
	}
	g_clear_error(&cause);
	if (end) {
		record.ended = TRUE;
		record.running = FALSE;
		record.exit_code = (int)record_number(end, "code");
		record.exit_signal = (int)record_number(end, "signal");
		record.ended_us = record_number(end, "time");
		record.told_by = (pid_t)record_number(end, "told");
	}
	*ret_record = record;
	return TRUE;
}

gboolean launch_await_exit(const char *run_dir, guint timeout_ms, LaunchRecord *ret_record)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	do {
		gboolean read = launch_read_record(run_dir, ret_record, NULL);
		if (read && ret_record->ended)
			return TRUE;
		/* A launcher that is gone may have written it just before it ended, after our look at the file. */
		if (read && !ret_record->watched)
			return launch_read_record(run_dir, ret_record, NULL) && ret_record->ended;
		g_usleep(LOOK_US);
	} while (g_get_monotonic_time() < deadline);
	return FALSE;
}

void launch_await_all_exits(const char *run_dir)
{
	g_autoptr(GDir) dir = g_dir_open(run_dir, 0, NULL);
	const char *name;
	LaunchRecord record;
	launch_await_exit(run_dir, AWAIT_TIMEOUT_MS, &record);
	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(run_dir, name, NULL);
		if (g_file_test(path, G_FILE_TEST_IS_DIR))
			launch_await_exit(path, AWAIT_TIMEOUT_MS, &record);
	}
}

gboolean launch_clear_record(const char *run_dir, GError **error)
{
	static const char *const names[] = {LAUNCH_PID_FILE, LAUNCH_EXIT_FILE};
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(run_dir, names[i], NULL);
		if (unlink(path) < 0 && errno != ENOENT) {
			error_set_errno(error, errno, "cannot remove '%s'", path);
			return FALSE;
		}
	}
	return TRUE;
}

static const char *const log_names[] = {"log.old", "log"};

void launch_clear_log(const char *run_dir)
{
	for (guint i = 0; i < G_N_ELEMENTS(log_names); i++) {
		g_autofree char *path = g_build_filename(run_dir, log_names[i], NULL);
		unlink(path);
	}
}

/* All that is kept of the log, in lines. The log is turned wherever its bound is: once there is an older part, that
 * may begin within a line, which is left out. */
static char **read_log_lines(const char *run_dir)
{
	g_autoptr(GString) all = g_string_new(NULL);
	gboolean turned = FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(log_names); i++) {
		g_autofree char *path = g_build_filename(run_dir, log_names[i], NULL);
		g_autofree char *text = NULL;
		gsize length;
		if (file_read(path, LAUNCH_LOG_MAX, &text, &length, NULL))
			g_string_append_len(all, text, (gssize)length);
		turned |= i == 0 && all->len > 0;
	}
	if (turned) {
		const char *line = memchr(all->str, '\n', all->len);
		g_string_erase(all, 0, line ? (gssize)(line + 1 - all->str) : 0);
	}
	g_autofree char *valid = g_utf8_make_valid(all->str, (gssize)all->len);
	return g_strsplit(valid, "\n", -1);
}

static gboolean is_event(const char *line)
{
	return line[0] == '{' && (line[1] == '"' || line[1] == '}');
}

/* What QEMU says whenever it waits for its monitor's first connection (QMP_CHARDEV), which is no trouble. */
static gboolean is_greeting(const char *line)
{
	return strstr(line, ": info: QEMU waiting for connection on: ") != NULL;
}

char *launch_read_log(const char *run_dir, gsize max_bytes)
{
	g_auto(GStrv) lines = read_log_lines(run_dir);
	g_autoptr(GString) kept = g_string_new(NULL);
	for (char **line = lines; *line; line++)
		if (!is_event(*line) && !is_greeting(*line))
			g_string_append_printf(kept, "%s%s", *line, line[1] ? "\n" : "");
	gsize from = kept->len > max_bytes ? kept->len - max_bytes : 0;
	if (from > 0) {
		/* Begins with a whole line, where there is one. */
		const char *line = memchr(kept->str + from, '\n', kept->len - from);
		if (line && line[1])
			from = (gsize)(line + 1 - kept->str);
	}
	return g_utf8_make_valid(kept->str + from, (gssize)(kept->len - from));
}

char **launch_read_events(const char *run_dir)
{
	g_auto(GStrv) lines = read_log_lines(run_dir);
	g_autoptr(GPtrArray) events = g_ptr_array_new();
	for (char **line = lines; *line; line++)
		if (is_event(*line))
			g_ptr_array_add(events, g_strdup(*line));
	g_ptr_array_add(events, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&events), FALSE);
}
