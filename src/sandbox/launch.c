/* Starting programs through yado-launch: writes its spec, waits for its answer, reads what it leaves behind. */
#include "sandbox/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "sandbox/cgroup.h"
#include "sandbox/launch-spec.h"
#include "sandbox/seccomp.h"

struct Launch {
	char *program, *run_dir, *log;
	gboolean input_fits;
	GByteArray *records;
	GArray *fds; /* ProcessFd */
	gboolean lifeline, seccomp;
};

enum { RECORD_MAX = 4096 };

static void add_record(Launch *launch, const char *word, const char *value)
{
	g_byte_array_append(launch->records, (const guint8 *)word, (guint)strlen(word));
	g_byte_array_append(launch->records, (const guint8 *)" ", 1);
	g_byte_array_append(launch->records, (const guint8 *)value, (guint)strlen(value) + 1);
}

Launch *launch_new(const char *program, const char *run_dir)
{
	Launch *launch = g_new0(Launch, 1);
	launch->program = g_strdup(program);
	launch->run_dir = g_strdup(run_dir);
	launch->log = g_build_filename(run_dir, "log", NULL);
	launch->records = g_byte_array_new();
	launch->fds = g_array_new(FALSE, FALSE, sizeof(ProcessFd));
	launch->input_fits = TRUE;
	add_record(launch, "program", program);
	add_record(launch, "rundir", run_dir);
	return launch;
}

void launch_free(Launch *launch)
{
	if (!launch)
		return;
	g_free(launch->program);
	g_free(launch->run_dir);
	g_free(launch->log);
	g_byte_array_free(launch->records, TRUE);
	g_array_free(launch->fds, TRUE);
	g_free(launch);
}

void launch_add_arg(Launch *launch, const char *arg)
{
	add_record(launch, "arg", arg);
}

void launch_pass_fd(Launch *launch, int fd, int target)
{
	char number[16];
	ProcessFd mapping = {fd, target};
	snprintf(number, sizeof number, "%d", target);
	add_record(launch, "fd", number);
	g_array_append_val(launch->fds, mapping);
}

void launch_set_uid(Launch *launch, uid_t uid)
{
	char number[16];
	snprintf(number, sizeof number, "%u", (unsigned)uid);
	add_record(launch, "uid", number);
}

void launch_set_network(Launch *launch, LaunchNetwork network)
{
	if (network == LAUNCH_NETWORK_HOST)
		add_record(launch, "network", "host");
}

void launch_bind(Launch *launch, const char *path, gboolean writable)
{
	add_record(launch, writable ? "rw" : "ro", path);
}

void launch_set_cgroup(Launch *launch, const char *name)
{
	g_autofree char *unified = cgroup_unified_path(name);
	g_auto(GStrv) tasks = cgroup_tasks_paths(name);
	if (unified)
		add_record(launch, "cgroup", unified);
	for (char **path = tasks; *path; path++)
		add_record(launch, "tasks", *path);
}

void launch_set_lifeline(Launch *launch)
{
	launch->lifeline = TRUE;
}

void launch_set_seccomp(Launch *launch)
{
	launch->seccomp = TRUE;
}

void launch_set_input(Launch *launch, const char *text)
{
	launch->input_fits = strlen(text) <= LAUNCH_INPUT_MAX;
	add_record(launch, "input", text);
}

static char *find_launcher(GError **error)
{
	const char *given = g_getenv("YADO_LAUNCH");
	return given ? g_strdup(given) : process_find_program("yado-launch", error);
}

/* One pipe for all programs that must not outlive us: its write end closes when this process ends, however it does. */
static int lifeline_read_end(void)
{
	static gsize once;
	static int ends[2] = {-1, -1};
	if (g_once_init_enter(&once)) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			ends[0] = -1;
		g_once_init_leave(&once, 1);
	}
	return ends[0];
}

static int memory_file(const char *name, const void *data, gsize length, GError **error)
{
	fd_auto int fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0 || !fd_write_all(fd, data, length)) {
		error_set_errno(error, errno, "cannot make a memory file");
		return -1;
	}
	return fd_steal(&fd);
}

/* The launcher's one line. NULL with ERROR_TIMEOUT past the deadline. */
static char *read_answer(int fd, guint timeout_ms, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	g_autoptr(GString) text = g_string_new(NULL);
	while (!memchr(text->str, '\n', text->len) && text->len < 8192) {
		char chunk[1024];
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		gint64 left = (deadline - g_get_monotonic_time() + 999) / 1000;
		int ready = left > 0 ? poll(&poll_fd, 1, (int)MIN(left, G_MAXINT)) : 0;
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0) {
			error_set(error, ERROR_TIMEOUT, NULL, "it did not begin within %u ms", timeout_ms);
			return NULL;
		}
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		g_string_append_len(text, chunk, n);
	}
	g_strchomp(text->str);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Ends what a launcher that did not answer may have begun. */
static void kill_recorded(const char *run_dir)
{
	LaunchRecord record;
	if (!launch_read_record(run_dir, &record, NULL) || !record.running)
		return;
	fd_auto int pidfd = process_open(record.pid, record.start_time);
	if (pidfd >= 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

gboolean launch_start(Launch *launch, guint timeout_ms, Launched *ret_launched, GError **error)
{
	g_autofree char *launcher = find_launcher(error);
	if (!launcher)
		return FALSE;
	g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(ProcessFd));
	g_array_append_vals(fds, launch->fds->data, launch->fds->len);

	g_autoptr(GByteArray) spec = g_byte_array_new();
	g_byte_array_append(spec, launch->records->data, launch->records->len);
	g_autoptr(GString) tail = g_string_new(NULL);
	g_string_append_printf(tail, "log %s", launch->log);
	g_string_append_c(tail, '\0');
	if (launch->lifeline)
		g_string_append_len(tail, "lifeline yes", sizeof "lifeline yes");
	if (launch->seccomp)
		g_string_append_len(tail, "seccomp yes", sizeof "seccomp yes");
	g_string_append_len(tail, "end yes", sizeof "end yes");
	g_byte_array_append(spec, (const guint8 *)tail->str, (guint)tail->len);
	if (!launch->input_fits) {
		error_set(error, ERROR_TOO_LARGE, NULL, "cannot start '%s': its input takes more than %d bytes",
			launch->program, LAUNCH_INPUT_MAX);
		return FALSE;
	}
	if (spec->len > LAUNCH_SPEC_MAX) {
		error_set(error, ERROR_TOO_LARGE, NULL, "cannot start '%s': its arguments take more than %d bytes",
			launch->program, LAUNCH_SPEC_MAX);
		return FALSE;
	}
	fd_auto int spec_fd = memory_file("yado-launch-spec", spec->data, spec->len, error);
	if (spec_fd < 0)
		return FALSE;
	fd_auto int filter_fd = -1;
	if (launch->seccomp) {
		g_autoptr(GBytes) filter = NULL;
		if (!seccomp_worker_filter(&filter, error))
			return FALSE;
		gsize length;
		const void *data = g_bytes_get_data(filter, &length);
		filter_fd = memory_file("yado-launch-filter", data, length, error);
		if (filter_fd < 0)
			return FALSE;
		g_array_append_val(fds, ((ProcessFd){filter_fd, LAUNCH_FD_SECCOMP}));
	}
	if (launch->lifeline) {
		ProcessFd mapping = {lifeline_read_end(), LAUNCH_FD_LIFELINE};
		if (mapping.source < 0) {
			error_set(error, ERROR_FAILED, NULL, "cannot make the pipe that ends '%s' with us",
				launch->program);
			return FALSE;
		}
		g_array_append_val(fds, mapping);
	}
	int status[2];
	if (pipe2(status, O_CLOEXEC) < 0) {
		error_set_errno(error, errno, "cannot make a pipe");
		return FALSE;
	}
	fd_auto int status_read = status[0], status_write = status[1];
	ProcessFd own[] = {{spec_fd, LAUNCH_FD_SPEC}, {status_write, LAUNCH_FD_STATUS}};
	g_array_append_vals(fds, own, G_N_ELEMENTS(own));

	/* A record of a former run must not be taken for this one's. */
	if (!launch_clear_record(launch->run_dir, error))
		return FALSE;
	const char *const argv[] = {launcher, NULL};
	pid_t first;
	if (!process_spawn(argv, (const ProcessFd *)(void *)fds->data, fds->len, &first, error))
		return FALSE;
	fd_close(fd_steal(&status_write));
	while (waitpid(first, NULL, 0) < 0 && errno == EINTR)
		;
	GError *cause = NULL;
	g_autofree char *answer = read_answer(status_read, timeout_ms, &cause);
	if (!answer) {
		kill_recorded(launch->run_dir);
		g_propagate_prefixed_error(error, cause, "cannot start '%s': ", launch->program);
		return FALSE;
	}
	long long pid = 0;
	unsigned long long start_time = 0;
	if (sscanf(answer, "ok %lld %llu", &pid, &start_time) != 2) {
		error_set(error, ERROR_FAILED, NULL, "cannot start '%s': %s", launch->program,
			g_str_has_prefix(answer, "error ") ? answer + strlen("error ") : "its launcher died");
		return FALSE;
	}
	/* -1 if it has ended already; how is in the record. */
	fd_auto int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	*ret_launched = (Launched){.pid = (pid_t)pid, .start_time = start_time, .pidfd = fd_steal(&pidfd)};
	return TRUE;
}

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
	}
	*ret_record = record;
	return TRUE;
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

char *launch_read_log(const char *run_dir, gsize max_bytes)
{
	g_auto(GStrv) lines = read_log_lines(run_dir);
	g_autoptr(GString) kept = g_string_new(NULL);
	for (char **line = lines; *line; line++)
		if (!is_event(*line))
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
