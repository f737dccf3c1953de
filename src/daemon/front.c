/* Keeping yado-httpd running.
 *
 * A thread does it straight-line: open the listening sockets, start the program in its cage, wait until it ends, say
 * what it last wrote, and begin again; at once after a long life, later and later when it keeps ending. The sockets
 * stay open in between, so that a client that comes meanwhile waits in the backlog instead of being refused.
 *
 * The cage: the user `yado`, no capabilities, the filter of workers (and a stricter one that the program sets itself),
 * an empty network namespace (a listening socket keeps the namespace it was made in), and a view with two directories:
 * the one of front.sock, read-only, and the one of its certificate. The lifeline ends it with yadod. */
#include "daemon/front.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/host-names.h"
#include "base/process.h"
#include "daemon/listen.h"
#include "sandbox/cgroup.h"
#include "sandbox/launch.h"

enum {
	START_TIMEOUT_MS = 10000,
	STOP_TIMEOUT_MS = 3000,
	RECORD_TIMEOUT_MS = 3000,
	PAUSE_FIRST_MS = 100,
	PAUSE_MAX_MS = 10000,
	LONG_LIFE_US = 30 * G_USEC_PER_SEC,
	LISTEN_MAX = 16,
	LOG_SHOWN = 2000,
};

#define CGROUP "httpd"

struct Front {
	FrontOptions options;
	char *run_dir; /* of the launcher's record */
	int sockets[LISTEN_MAX];
	guint socket_count;
	int stop; /* eventfd */
	GThread *thread;
};

gboolean front_find_user(const char *name, uid_t *ret_uid, GError **error)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];
	if (getpwnam_r(name, &entry, buffer, sizeof buffer, &found) != 0 || !found) {
		error_set(error, ERROR_NOT_FOUND,
			  "make it: useradd --system --no-create-home --home-dir /nonexistent --shell "
			  "/usr/sbin/nologin yado",
			  "there is no user '%s' for yado-httpd to run as", name);
		return FALSE;
	}
	if (entry.pw_uid == 0) {
		error_set(error, ERROR_INVALID, "give it a user of its own", "yado-httpd never runs as root");
		return FALSE;
	}
	*ret_uid = entry.pw_uid;
	return TRUE;
}

char *front_socket_path(const char *run_dir)
{
	return g_build_filename(run_dir, "front", "front.sock", NULL);
}

gboolean front_make_directories(const FrontOptions *options, GError **error)
{
	g_autofree char *sockets = g_build_filename(options->run_dir, "front", NULL);
	g_autofree char *certificate = g_build_filename(options->state_dir, "front", NULL);
	if (!dir_make(sockets, 0711, error) || !dir_make(certificate, 0700, error))
		return FALSE;
	if (chmod(sockets, 0711) == 0 && chown(certificate, options->uid, options->uid) == 0)
		return TRUE;
	error_set_errno(error, errno, "cannot give '%s' to yado-httpd", certificate);
	return FALSE;
}

/* Waits for the time or the descriptor; TRUE if the front is to end. */
static gboolean wait_stop(Front *front, int fd, int timeout_ms)
{
	struct pollfd ends[2] = {{.fd = front->stop, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	while (poll(ends, 2, timeout_ms) < 0 && errno == EINTR)
		;
	return ends[0].revents != 0;
}

static gboolean open_sockets(Front *front, GError **error)
{
	const char *const *listen = front->options.listen;
	for (; listen[front->socket_count] && front->socket_count < LISTEN_MAX; front->socket_count++) {
		int fd = listen_tcp(listen[front->socket_count], error);
		if (fd < 0)
			return FALSE;
		front->sockets[front->socket_count] = fd;
	}
	return TRUE;
}

static void add_pair(Launch *launch, const char *option, const char *value)
{
	launch_add_arg(launch, option);
	launch_add_arg(launch, value);
}

static Launch *prepare(Front *front, const char *program)
{
	const FrontOptions *options = &front->options;
	g_autofree char *sockets = g_build_filename(options->run_dir, "front", NULL);
	g_autofree char *socket = front_socket_path(options->run_dir);
	g_autofree char *certificate = g_build_filename(options->state_dir, "front", NULL);
	g_auto(GStrv) names = host_names();
	Launch *launch = launch_new(program, front->run_dir);
	add_pair(launch, "--backend", socket);
	add_pair(launch, "--tls-dir", certificate);
	/* Names that a new certificate is made for. */
	for (char **name = names; *name; name++)
		add_pair(launch, "--name", *name);
	if (!g_strv_contains((const char *const *)names, options->node))
		add_pair(launch, "--name", options->node);
	for (guint i = 0; i < front->socket_count; i++) {
		g_autofree char *number = g_strdup_printf("%u", 10 + i);
		add_pair(launch, "--listen-fd", number);
		launch_pass_fd(launch, front->sockets[i], (int)(10 + i));
	}
	if (options->debug)
		launch_add_arg(launch, "--debug");
	launch_bind(launch, program, FALSE);
	launch_bind(launch, sockets, FALSE);
	launch_bind(launch, certificate, TRUE);
	if (options->web_dir) {
		add_pair(launch, "--web-dir", options->web_dir);
		launch_bind(launch, options->web_dir, FALSE);
	}
	launch_set_uid(launch, options->uid);
	launch_set_network(launch, LAUNCH_NETWORK_NONE);
	launch_set_cgroup(launch, CGROUP);
	launch_set_lifeline(launch);
	launch_set_seccomp(launch);
	return launch;
}

static gboolean start(Front *front, Launched *ret_launched, GError **error)
{
	g_autofree char *program = NULL;
	if (!open_sockets(front, error) || !(program = process_find_program("yado-httpd", error)) ||
	    !dir_make(front->run_dir, 0700, error))
		return FALSE;
	/* What a former one left; its lifeline has ended it. The group is made anew, since a kernel (6.18) that once
	 * had killed a group at once kills what is made in it from another group (CLONE_INTO_CGROUP). */
	if (!cgroup_kill(CGROUP, STOP_TIMEOUT_MS, error) || !cgroup_remove(CGROUP, error) ||
	    !cgroup_make(CGROUP, error))
		return FALSE;
	launch_clear_log(front->run_dir);
	g_autoptr(Launch) launch = prepare(front, program);
	return launch_start(launch, START_TIMEOUT_MS, ret_launched, error);
}

static void end(Launched *launched)
{
	if (process_signal(launched->pidfd, SIGTERM) && !process_wait(launched->pidfd, STOP_TIMEOUT_MS))
		process_signal(launched->pidfd, SIGKILL);
}

static void tell_end(Front *front)
{
	LaunchRecord record = {.exit_code = -1};
	g_autofree char *log = launch_read_log(front->run_dir, LOG_SHOWN);
	launch_await_exit(front->run_dir, RECORD_TIMEOUT_MS, &record);
	g_strchomp(log);
	if (record.exit_signal)
		g_warning("yado-httpd was ended by signal %d (%s) and is started again%s%s", record.exit_signal,
			  g_strsignal(record.exit_signal), *log ? "; it wrote: " : "", log);
	else
		g_warning("yado-httpd ended with status %d and is started again%s%s", record.exit_code,
			  *log ? "; it wrote: " : "", log);
}

static gpointer keep(gpointer data)
{
	Front *front = data;
	int pause_ms = PAUSE_FIRST_MS;
	g_autofree char *told = NULL;
	for (;;) {
		g_autoptr(GError) error = NULL;
		Launched launched = {.pidfd = -1};
		gint64 began = g_get_monotonic_time();
		if (start(front, &launched, &error)) {
			g_message("yado-httpd runs as process %d", (int)launched.pid);
			g_clear_pointer(&told, g_free);
			/* Without a descriptor it has ended already. */
			gboolean stop = launched.pidfd >= 0 && wait_stop(front, launched.pidfd, -1);
			if (stop)
				end(&launched);
			fd_close(launched.pidfd);
			if (stop)
				break;
			tell_end(front);
		} else if (g_strcmp0(told, error->message) != 0) {
			/* Once, not every ten seconds for as long as it stays so. */
			g_warning("the front does not run: %s%s%s", error->message, error_hint(error) ? "; " : "",
				  error_hint(error) ? error_hint(error) : "");
			g_free(told);
			told = g_strdup(error->message);
		}
		if (g_get_monotonic_time() - began > LONG_LIFE_US)
			pause_ms = PAUSE_FIRST_MS;
		if (wait_stop(front, -1, pause_ms))
			break;
		pause_ms = MIN(pause_ms * 2, PAUSE_MAX_MS);
	}
	return NULL;
}

Front *front_start(const FrontOptions *options)
{
	Front *front = g_new0(Front, 1);
	front->options = *options;
	front->run_dir = g_build_filename(options->run_dir, "httpd", NULL);
	front->stop = eventfd(0, EFD_CLOEXEC);
	front->thread = g_thread_new("front", keep, front);
	return front;
}

void front_stop(Front *front)
{
	if (!front)
		return;
	guint64 one = 1;
	if (write(front->stop, &one, sizeof one) < 0)
		g_warning("cannot end yado-httpd: %s", g_strerror(errno));
	g_thread_join(front->thread);
	for (guint i = 0; i < front->socket_count; i++)
		fd_close(front->sockets[i]);
	fd_close(front->stop);
	cgroup_remove(CGROUP, NULL);
	g_free(front->run_dir);
	g_free(front);
}
