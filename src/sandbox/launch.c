/* Starting programs through yado-launch: writes its spec, has systemd make the scope that it asks for, waits for its
 * answer. What it leaves behind: launch-record.c. */
#include "sandbox/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
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
	gboolean lifeline;
	SeccompKind filter;
	char *scope_unit, *scope_description;
	UnitScope scope; /* its unit NULL: none */
};

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
	g_free(launch->scope_unit);
	g_free(launch->scope_description);
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

void launch_set_scope(Launch *launch, const UnitScope *scope)
{
	launch->scope_unit = g_strdup(scope->unit);
	launch->scope_description = g_strdup(scope->description);
	launch->scope = *scope;
	launch->scope.unit = launch->scope_unit;
	launch->scope.description = launch->scope_description;
	add_record(launch, "scope", "yes");
}

void launch_set_cgroup(Launch *launch, const char *name)
{
	g_autofree char *unified = cgroup_unified_path(name);
	if (*name == '/') {
		add_record(launch, "group", unified);
		return;
	}
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
	launch_set_filter(launch, SECCOMP_WORKER);
}

void launch_set_filter(Launch *launch, SeccompKind kind)
{
	launch->filter = kind;
}

void launch_share(Launch *launch, const char *path, gboolean writable)
{
	add_record(launch, writable ? "share-rw" : "share-ro", path);
}

void launch_lock_memory(Launch *launch)
{
	add_record(launch, "memlock", "yes");
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

/* A line of the launcher's. NULL with ERROR_TIMEOUT past the deadline. */
static char *read_line(int fd, guint timeout_ms, gint64 deadline, GError **error)
{
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

/* The launcher's answer; before that, if it is to be in a scope, that is made around its processes and it is told to go
 * on. It waits for that, so no line comes behind another. */
static char *read_answer(const Launch *launch, int fd, guint timeout_ms, double *ret_scope_ms, GError **error)
{
	gint64 begin = g_get_monotonic_time(), deadline = begin + (gint64)timeout_ms * 1000;
	g_autofree char *line = read_line(fd, timeout_ms, deadline, error);
	int pids[3];
	if (!line || !launch->scope.unit || sscanf(line, "scope %d %d %d", &pids[0], &pids[1], &pids[2]) != 3)
		return g_steal_pointer(&line);
	gint64 asked = g_get_monotonic_time();
	guint left_ms = (guint)MAX((deadline - asked) / 1000, 1);
	if (!scope_start(&launch->scope, pids, G_N_ELEMENTS(pids), left_ms, error))
		return NULL;
	*ret_scope_ms = (double)(g_get_monotonic_time() - asked) / 1000;
	if (send(fd, "g", 1, MSG_NOSIGNAL) != 1) {
		error_set_errno(error, errno, "its launcher died");
		return NULL;
	}
	return read_line(fd, timeout_ms, deadline, error);
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

/* The whole order, in memory; -1. */
static int make_spec(const Launch *launch, GError **error)
{
	g_autoptr(GByteArray) spec = g_byte_array_new();
	g_autoptr(GString) tail = g_string_new(NULL);
	g_byte_array_append(spec, launch->records->data, launch->records->len);
	g_string_append_printf(tail, "log %s", launch->log);
	g_string_append_c(tail, '\0');
	if (launch->lifeline)
		g_string_append_len(tail, "lifeline yes", sizeof "lifeline yes");
	if (launch->filter)
		g_string_append_len(tail, "seccomp yes", sizeof "seccomp yes");
	g_string_append_len(tail, "end yes", sizeof "end yes");
	g_byte_array_append(spec, (const guint8 *)tail->str, (guint)tail->len);
	if (!launch->input_fits) {
		error_set(error, ERROR_TOO_LARGE, NULL, "cannot start '%s': its input takes more than %d bytes",
			launch->program, LAUNCH_INPUT_MAX);
		return -1;
	}
	if (spec->len > LAUNCH_SPEC_MAX) {
		error_set(error, ERROR_TOO_LARGE, NULL, "cannot start '%s': its arguments take more than %d bytes",
			launch->program, LAUNCH_SPEC_MAX);
		return -1;
	}
	return memory_file("yado-launch-spec", spec->data, spec->len, error);
}

/* The compiled filter, in memory; -1. */
static int make_filter(SeccompKind kind, GError **error)
{
	g_autoptr(GBytes) filter = NULL;
	if (!seccomp_filter(kind, &filter, error))
		return -1;
	gsize length;
	const void *data = g_bytes_get_data(filter, &length);
	return memory_file("yado-launch-filter", data, length, error);
}

/* Begins the launcher, whose first process ends as soon as it has detached. status: the launcher's end of the socket that
 * it answers on; lent. */
static gboolean spawn(const Launch *launch, int status, GError **error)
{
	g_autofree char *launcher = find_launcher(error);
	if (!launcher)
		return FALSE;
	fd_auto int spec = make_spec(launch, error);
	fd_auto int filter = spec >= 0 && launch->filter ? make_filter(launch->filter, error) : -1;
	if (spec < 0 || (launch->filter && filter < 0))
		return FALSE;
	ProcessFd own[] = {{spec, LAUNCH_FD_SPEC}, {status, LAUNCH_FD_STATUS}};
	g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(ProcessFd));
	g_array_append_vals(fds, launch->fds->data, launch->fds->len);
	g_array_append_vals(fds, own, G_N_ELEMENTS(own));
	if (launch->filter)
		g_array_append_val(fds, ((ProcessFd){filter, LAUNCH_FD_SECCOMP}));
	if (launch->lifeline) {
		ProcessFd mapping = {lifeline_read_end(), LAUNCH_FD_LIFELINE};
		if (mapping.source < 0) {
			error_set(error, ERROR_FAILED, NULL, "cannot make the pipe that ends '%s' with us",
				launch->program);
			return FALSE;
		}
		g_array_append_val(fds, mapping);
	}
	/* A record of a former run must not be taken for this one's. */
	if (!launch_clear_record(launch->run_dir, error))
		return FALSE;
	const char *const argv[] = {launcher, NULL};
	pid_t first;
	if (!process_spawn(argv, (const ProcessFd *)(void *)fds->data, fds->len, &first, error))
		return FALSE;
	while (waitpid(first, NULL, 0) < 0 && errno == EINTR)
		;
	return TRUE;
}

gboolean launch_start(Launch *launch, guint timeout_ms, Launched *ret_launched, GError **error)
{
	int status[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, status) < 0) {
		error_set_errno(error, errno, "cannot make a socket pair");
		return FALSE;
	}
	fd_auto int ours = status[0], theirs = status[1];
	if (!spawn(launch, theirs, error))
		return FALSE;
	fd_close(fd_steal(&theirs));
	GError *cause = NULL;
	double scope_ms = 0;
	g_autofree char *answer = read_answer(launch, ours, timeout_ms, &scope_ms, &cause);
	if (!answer) {
		/* Without us it gives up by itself, if it has not begun. */
		fd_close(fd_steal(&ours));
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
	*ret_launched = (Launched){
		.pid = (pid_t)pid, .start_time = start_time, .pidfd = fd_steal(&pidfd), .scope_ms = scope_ms};
	return TRUE;
}
