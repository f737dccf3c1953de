/* Real programs in the cage: what they see, how their end is known, and that they do not need their starter. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "sandbox/cgroup.h"
#include "sandbox/launch.h"
#include "sandbox/seccomp.h"

enum { TEST_UID = 2100065000, DEADLINE_MS = 20000 };

typedef struct Fixture {
	char *dir; /* the run directory */
	char *outer;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
	(void)data;
	fixture->outer = g_dir_make_tmp("yado-sandbox-XXXXXX", NULL);
	g_assert_nonnull(fixture->outer);
	fixture->dir = g_build_filename(fixture->outer, "run", NULL);
	g_assert_cmpint(mkdir(fixture->dir, 0700), ==, 0);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_assert_true(dir_remove(fixture->outer, NULL));
	g_free(fixture->dir);
	g_free(fixture->outer);
}

static Launch *new_shell(const Fixture *fixture, const char *script)
{
	Launch *launch = launch_new("/usr/bin/bash", fixture->dir);
	launch_add_arg(launch, "-c");
	launch_add_arg(launch, script);
	launch_set_uid(launch, TEST_UID);
	return launch;
}

static void wait_pidfd(int pidfd)
{
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
	g_assert_cmpint(poll(&poll_fd, 1, DEADLINE_MS), ==, 1);
}

static LaunchRecord wait_end(const Fixture *fixture)
{
	LaunchRecord record;
	gint64 deadline = g_get_monotonic_time() + (gint64)DEADLINE_MS * 1000;
	do {
		g_assert_true(launch_read_record(fixture->dir, &record, NULL));
		g_assert_cmpint(g_get_monotonic_time(), <, deadline);
		g_usleep(1000);
	} while (!record.ended);
	return record;
}

/* Runs to the end and gives what it wrote. */
static char *run(const Fixture *fixture, Launch *launch, LaunchRecord *ret_record)
{
	Launched launched;
	GError *error = NULL;
	g_autofree char *log = g_build_filename(fixture->dir, "log", NULL);
	unlink(log); /* a former run's lines are kept otherwise */
	launch_start(launch, DEADLINE_MS, &launched, &error);
	g_assert_no_error(error);
	fd_close(launched.pidfd);
	LaunchRecord record = wait_end(fixture);
	if (ret_record)
		*ret_record = record;
	return launch_read_log(fixture->dir, 65536);
}

static char *run_shell(const Fixture *fixture, const char *script)
{
	g_autoptr(Launch) launch = new_shell(fixture, script);
	return run(fixture, launch, NULL);
}

static void test_uid(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autofree char *status = run_shell(fixture, "umask; cat /proc/self/status");
	g_assert_true(g_str_has_prefix(status, "0077\n"));
	g_assert_nonnull(strstr(status, "Uid:\t2100065000\t2100065000\t2100065000\t2100065000\n"));
	g_assert_nonnull(strstr(status, "Gid:\t2100065000\t2100065000\t2100065000\t2100065000\n"));
	g_assert_nonnull(strstr(status, "Groups:\t \n"));
	static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
	for (guint i = 0; i < G_N_ELEMENTS(sets); i++) {
		g_autofree char *line = g_strdup_printf("%s:\t0000000000000000\n", sets[i]);
		g_assert_nonnull(strstr(status, line));
	}
	g_assert_nonnull(strstr(status, "NoNewPrivs:\t1\n"));
}

static void write_oom_score(const char *value)
{
	fd_auto int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	g_assert_true(fd_write_all(fd, value, strlen(value)));
}

static void test_oom_score(Fixture *fixture, gconstpointer data)
{
	(void)data;
	write_oom_score("500"); /* less than 0 takes a capability that a container may lack */
	g_autofree char *said = run_shell(fixture, "cat /proc/self/oom_score_adj");
	write_oom_score("0");
	g_assert_cmpstr(said, ==, "0\n");
}

static void test_network(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autofree char *devices = run_shell(fixture, "cat /proc/self/net/dev");
	g_assert_nonnull(strstr(devices, "lo:"));
	g_auto(GStrv) lines = g_strsplit(g_strstrip(devices), "\n", -1);
	g_assert_cmpuint(g_strv_length(lines), ==, 3); /* two of header, and lo */
	g_autofree char *state = run_shell(fixture, "cat /proc/self/net/route /proc/self/net/tcp | grep -c '[0-9]'");
	g_assert_cmpstr(g_strstrip(state), ==, "0"); /* no more than headers */

	/* And the other way, for passt: the host's network is there when asked for. */
	g_autofree char *ours = NULL;
	char link[64] = "";
	g_assert_cmpint(readlink("/proc/self/ns/net", link, sizeof link - 1), >, 0);
	g_autoptr(Launch) launch = new_shell(fixture, "readlink /proc/self/ns/net; ls /etc");
	launch_set_network(launch, LAUNCH_NETWORK_HOST);
	ours = run(fixture, launch, NULL);
	g_assert_true(g_str_has_prefix(ours, link));
}

static void test_view(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autofree char *list =
		run_shell(fixture, "ls -A /; echo; ls /etc; echo; ls /dev; echo; ls /proc | grep -v '[a-z]'");
	g_test_message("%s", list);
	g_auto(GStrv) parts = g_strsplit(list, "\n\n", -1);
	g_assert_cmpuint(g_strv_length(parts), ==, 4);
	g_assert_null(strstr(parts[0], "home"));
	g_assert_null(strstr(parts[0], "root"));
	g_assert_null(strstr(parts[0], "var"));
	g_assert_null(strstr(parts[0], "sys"));
	/* A host without /etc/localtime is one in UTC. */
	g_assert_cmpstr(parts[1], ==,
			g_file_test("/etc/localtime", G_FILE_TEST_EXISTS) ? "ld.so.cache\nlocaltime" : "ld.so.cache");
	g_assert_cmpstr(parts[2], ==, "fd\nnull\nurandom\nzero");
	/* Of processes only its own: sh, ls, grep, not pid 1 of the namespace and none of the host's. */
	g_auto(GStrv) pids = g_strsplit(g_strstrip(parts[3]), "\n", -1);
	g_assert_cmpuint(g_strv_length(pids), <=, 4);
	for (char **pid = pids; *pid; pid++) {
		g_assert_cmpint(atoi(*pid), >, 1);
		g_assert_cmpint(atoi(*pid), <, 20);
	}
}

static void test_read_only(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autofree char *said = run_shell(fixture,
		"for f in /usr/x /x /etc/x /dev/x /lib/x; do touch $f && echo WROTE $f; done 2>/dev/null;"
		"touch /tmp/t && echo tmp; cp /usr/bin/true /tmp/p && chmod 755 /tmp/p && /tmp/p || echo noexec;"
		"grep ' /usr ' /proc/self/mountinfo | cut -d' ' -f6; ls /proc/self/fd | wc -l");
	g_assert_null(strstr(said, "WROTE"));
	g_assert_nonnull(strstr(said, "tmp\n"));
	g_assert_nonnull(strstr(said, "noexec\n"));
	g_assert_nonnull(strstr(said, "ro,nosuid,nodev"));
	/* 0, 1, 2 and the one that ls opens. */
	g_assert_true(g_str_has_suffix(said, "\n4\n"));
}

static void test_binds(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autofree char *shown = g_build_filename(fixture->outer, "shown", NULL);
	g_autofree char *given = g_build_filename(fixture->outer, "given", NULL);
	g_autofree char *secret = g_build_filename(fixture->outer, "secret", NULL);
	g_assert_true(file_write_atomic(shown, "read me\n", 8, 0644, NULL));
	g_assert_true(file_write_atomic(secret, "hidden\n", 7, 0644, NULL));
	g_assert_cmpint(mkdir(given, 0777), ==, 0);
	g_assert_cmpint(chmod(given, 0777), ==, 0);
	g_autofree char *script =
		g_strdup_printf("cat %s; echo no >%s || echo refused; echo yes >%s/file; ls %s; cat %s || echo absent",
			shown, shown, given, fixture->outer, secret);
	g_autoptr(Launch) launch = new_shell(fixture, script);
	launch_bind(launch, shown, FALSE);
	launch_bind(launch, given, TRUE);
	launch_bind(launch, "/dev/full", TRUE);
	g_autofree char *said = run(fixture, launch, NULL);
	g_test_message("%s", said);
	g_assert_nonnull(strstr(said, "read me\n"));
	g_assert_nonnull(strstr(said, "refused\n"));
	g_assert_nonnull(strstr(said, "given\nshown\n"));
	g_assert_nonnull(strstr(said, "absent\n"));
	g_autofree char *file = g_build_filename(given, "file", NULL);
	g_autofree char *text = NULL;
	g_assert_true(file_read(file, 100, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "yes\n");
}

static void test_descriptors(Fixture *fixture, gconstpointer data)
{
	(void)data;
	int ends[2], other[2];
	g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
	g_assert_cmpint(pipe(other), ==, 0); /* inheritable, and yet not inherited */
	g_autoptr(Launch) launch = new_shell(fixture, "echo hello >&15; ls -v /proc/self/fd | tr '\\n' ' '");
	launch_pass_fd(launch, ends[1], 15);
	launch_pass_fd(launch, ends[1], 12);
	g_autofree char *said = run(fixture, launch, NULL);
	g_assert_cmpstr(said, ==, "0 1 2 3 12 15 "); /* 3 is the directory that ls reads */
	fd_close(ends[1]);
	char text[16] = "";
	g_assert_cmpint(read(ends[0], text, sizeof text - 1), ==, 6);
	g_assert_cmpstr(text, ==, "hello\n");
	/* The launcher keeps no copy: with the program gone and ours closed, the pipe is at its end. */
	g_assert_cmpint(read(ends[0], text, sizeof text - 1), ==, 0);
	fd_close(ends[0]);
	fd_close(other[0]);
	fd_close(other[1]);
}

static void test_exit_code(Fixture *fixture, gconstpointer data)
{
	(void)data;
	gint64 before = g_get_real_time();
	g_autoptr(Launch) launch = new_shell(fixture, "exit 7");
	LaunchRecord record;
	g_free(run(fixture, launch, &record));
	g_assert_cmpint(record.exit_code, ==, 7);
	g_assert_cmpint(record.exit_signal, ==, 0);
	g_assert_false(record.running);
	g_assert_cmpint(record.ended_us, >=, before);
	g_assert_cmpint(record.ended_us, <=, g_get_real_time());
}

static void test_signal(Fixture *fixture, gconstpointer data)
{
	(void)data;
	/* The second is what abort() does; it would be ignored if the program were pid 1 of its namespace. */
	static const struct {
		const char *script;
		int signal;
	} cases[] = {{"kill -KILL $$", SIGKILL}, {"kill -ABRT $$", SIGABRT}, {"kill -TERM $$", SIGTERM}};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Launch) launch = new_shell(fixture, cases[i].script);
		LaunchRecord record;
		g_free(run(fixture, launch, &record));
		g_assert_cmpint(record.exit_code, ==, -1);
		g_assert_cmpint(record.exit_signal, ==, cases[i].signal);
	}
}

static void test_running(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(Launch) launch = new_shell(fixture, "exec sleep 100");
	Launched launched;
	LaunchRecord record;
	GError *error = NULL;
	launch_start(launch, DEADLINE_MS, &launched, &error);
	g_assert_no_error(error);
	g_assert_true(launch_read_record(fixture->dir, &record, NULL));
	g_assert_true(record.present);
	g_assert_true(record.running);
	g_assert_false(record.ended);
	g_assert_cmpint(record.pid, ==, launched.pid);
	g_assert_cmpuint(record.start_time, ==, launched.start_time);
	g_assert_cmpuint(process_start_time(launched.pid), ==, launched.start_time);
	fd_auto int again = process_open(record.pid, record.start_time);
	g_assert_cmpint(again, >=, 0);
	/* No child of ours. */
	g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
	g_assert_cmpint(errno, ==, ECHILD);
	kill(launched.pid, SIGKILL);
	wait_pidfd(launched.pidfd);
	fd_close(launched.pidfd);
	record = wait_end(fixture);
	g_assert_cmpint(record.exit_signal, ==, SIGKILL);
	g_assert_true(launch_clear_record(fixture->dir, NULL));
	g_assert_true(launch_read_record(fixture->dir, &record, NULL));
	g_assert_false(record.present);
	g_assert_false(record.ended);
}

static void test_exec_failure(Fixture *fixture, gconstpointer data)
{
	(void)data;
	Launched launched = {.pid = -7};
	LaunchRecord record;
	GError *error = NULL;
	g_autoptr(Launch) absent = launch_new("/usr/bin/no-such-program", fixture->dir);
	g_assert_false(launch_start(absent, DEADLINE_MS, &launched, &error));
	g_assert_cmpstr(error->message, ==,
		"cannot start '/usr/bin/no-such-program': cannot execute '/usr/bin/no-such-program': "
		"No such file or directory");
	g_clear_error(&error);
	g_assert_cmpint(launched.pid, ==, -7); /* untouched */
	g_assert_true(launch_read_record(fixture->dir, &record, NULL));
	g_assert_false(record.present);

	g_autoptr(Launch) unbound = launch_new("/usr/bin/true", fixture->dir);
	launch_bind(unbound, "/no/such/path", FALSE);
	g_assert_false(launch_start(unbound, DEADLINE_MS, &launched, &error));
	g_assert_nonnull(strstr(error->message, "cannot bind '/no/such/path': No such file or directory"));
	g_clear_error(&error);

	g_autofree char *nowhere = g_build_filename(fixture->outer, "missing", NULL);
	g_autoptr(Launch) lost = launch_new("/usr/bin/true", nowhere);
	g_assert_false(launch_start(lost, DEADLINE_MS, &launched, &error));
	g_assert_nonnull(strstr(error->message, "cannot open the log: No such file or directory"));
	g_clear_error(&error);
}

/* The starter is a child of this test that is killed; the program goes on and its end is recorded. */
static void test_outlives(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autofree char *fifo = g_build_filename(fixture->outer, "fifo", NULL);
	g_assert_cmpint(mkfifo(fifo, 0666), ==, 0);
	g_assert_cmpint(chmod(fifo, 0666), ==, 0);
	g_autofree char *script = g_strdup_printf("read line <%s; exit 9", fifo);
	pid_t starter = fork();
	g_assert_cmpint(starter, >=, 0);
	if (starter == 0) {
		g_autoptr(Launch) launch = new_shell(fixture, script);
		Launched launched;
		launch_bind(launch, fifo, TRUE);
		if (!launch_start(launch, DEADLINE_MS, &launched, NULL))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	int status;
	g_assert_cmpint(waitpid(starter, &status, 0), ==, starter);
	g_assert_true(WIFSIGNALED(status));
	LaunchRecord record;
	g_assert_true(launch_read_record(fixture->dir, &record, NULL));
	g_assert_true(record.running);
	fd_auto int write_end = open(fifo, O_WRONLY | O_CLOEXEC);
	g_assert_cmpint(write(write_end, "go\n", 3), ==, 3);
	record = wait_end(fixture);
	g_assert_cmpint(record.exit_code, ==, 9);
}

static void test_lifeline(Fixture *fixture, gconstpointer data)
{
	(void)data;
	int report[2];
	g_assert_cmpint(pipe2(report, O_CLOEXEC), ==, 0);
	pid_t starter = fork();
	g_assert_cmpint(starter, >=, 0);
	if (starter == 0) {
		g_autoptr(Launch) launch = new_shell(fixture, "exec sleep 100");
		Launched launched;
		launch_set_lifeline(launch);
		if (launch_start(launch, DEADLINE_MS, &launched, NULL) && write(report[1], "s", 1) == 1)
			pause();
		_exit(1);
	}
	char byte;
	fd_close(report[1]);
	g_assert_cmpint(read(report[0], &byte, 1), ==, 1);
	fd_close(report[0]);
	LaunchRecord record;
	g_assert_true(launch_read_record(fixture->dir, &record, NULL));
	g_assert_true(record.running);
	kill(starter, SIGKILL);
	g_assert_cmpint(waitpid(starter, NULL, 0), ==, starter);
	record = wait_end(fixture);
	g_assert_cmpint(record.exit_signal, ==, SIGKILL);
}

static void test_launcher_killed(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(Launch) launch = new_shell(fixture, "exec sleep 100");
	Launched launched;
	GError *error = NULL;
	launch_start(launch, DEADLINE_MS, &launched, &error);
	g_assert_no_error(error);
	g_autofree char *path = g_build_filename(fixture->dir, "pid", NULL);
	g_autofree char *text = NULL;
	g_assert_true(file_read(path, 4096, &text, NULL, NULL));
	pid_t launcher = atoi(strstr(text, "launcher ") + strlen("launcher "));
	/* A service that is stopped gets SIGTERM: the launcher has to stay. */
	g_assert_cmpint(kill(launcher, SIGTERM), ==, 0);
	g_assert_cmpint(kill(launcher, SIGKILL), ==, 0);
	LaunchRecord record;
	g_assert_true(launch_read_record(fixture->dir, &record, NULL));
	g_assert_true(record.running);
	kill(launched.pid, SIGKILL);
	wait_pidfd(launched.pidfd);
	fd_close(launched.pidfd);
	g_assert_true(launch_read_record(fixture->dir, &record, NULL));
	g_assert_true(record.present);
	g_assert_false(record.running);
	g_assert_false(record.ended);
}

static void test_log(Fixture *fixture, gconstpointer data)
{
	(void)data;
	struct stat now, old;
	g_autoptr(Launch) launch =
		new_shell(fixture, "i=0; while [ $i -lt 40000 ]; do echo line number $i; i=$((i+1)); done >&2");
	g_autofree char *end = run(fixture, launch, NULL);
	g_autofree char *path = g_build_filename(fixture->dir, "log", NULL);
	g_autofree char *former = g_build_filename(fixture->dir, "log.old", NULL);
	g_assert_cmpint(stat(path, &now), ==, 0);
	g_assert_cmpint(stat(former, &old), ==, 0);
	g_assert_cmpint(now.st_size + old.st_size, <=, 256 * 1024);
	g_assert_cmpint(now.st_mode & 0777, ==, 0600);
	g_assert_true(g_str_has_suffix(end, "line number 39999\n"));
	g_assert_cmpuint(strlen(end), <=, 65536);
	g_assert_true(g_str_has_prefix(end, "line number "));
	g_autofree char *little = launch_read_log(fixture->dir, 40);
	g_assert_cmpstr(little, ==, "line number 39998\nline number 39999\n");
}

/* The program can read its input, and then waits on a pipe that stays open. */
static void test_input(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(Launch) launch = new_shell(fixture, "read line; echo \"$line\"; read -t 0.2 more; echo $?");
	launch_set_input(launch, "first line\n");
	g_autofree char *said = run(fixture, launch, NULL);
	g_auto(GStrv) lines = g_strsplit(said, "\n", -1);
	g_assert_cmpstr(lines[0], ==, "first line");
	/* At the end of a file it would be 1 at once; past the time it is above 128 (bash), or 142 as a signal. */
	g_assert_cmpint(atoi(lines[1]), >, 128);
}

/* Whoever floods the log with events loses old ones; the log stays within its bound, and messages leave them out. */
static void test_events(Fixture *fixture, gconstpointer data)
{
	(void)data;
	struct stat now, old;
	g_autoptr(Launch) launch = new_shell(fixture,
		"i=0; while [ $i -lt 6000 ]; do echo '{\"timestamp\": {\"seconds\": '$i'}, \"event\": \"RESET\", "
		"\"data\": {\"guest\": true}}'; i=$((i+1)); done; echo 'qemu-system-x86_64: -chardev socket: info: "
		"QEMU waiting for connection on: disconnected:unix:/x.sock,server=on' >&2; echo a word of its own >&2; "
		"echo '{\"event\": \"LAST\"}'");
	g_autofree char *messages = run(fixture, launch, NULL);
	g_assert_cmpstr(g_strstrip(messages), ==, "a word of its own");
	g_autofree char *path = g_build_filename(fixture->dir, "log", NULL);
	g_autofree char *former = g_build_filename(fixture->dir, "log.old", NULL);
	g_assert_cmpint(stat(path, &now), ==, 0);
	g_assert_cmpint(stat(former, &old), ==, 0);
	g_assert_cmpint(now.st_size + old.st_size, <=, 256 * 1024);
	g_auto(GStrv) events = launch_read_events(fixture->dir);
	guint count = g_strv_length(events);
	g_assert_cmpuint(count, >, 1000);
	g_assert_cmpuint(count, <, 6000);
	g_assert_cmpstr(events[count - 1], ==, "{\"event\": \"LAST\"}");
	launch_clear_log(fixture->dir);
	g_auto(GStrv) none = launch_read_events(fixture->dir);
	g_assert_cmpuint(g_strv_length(none), ==, 0);
}

static void test_seccomp(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(GBytes) filter = NULL;
	g_assert_true(seccomp_filter(SECCOMP_WORKER, &filter, NULL));
	g_assert_cmpuint(g_bytes_get_size(filter) % 8, ==, 0);
	LaunchRecord record;
	static const struct {
		const char *program, *arg[3];
		gboolean killed;
	} cases[] = {
		{"/usr/bin/true", {NULL}, FALSE},
		{"/usr/bin/unshare", {"--user", "true"}, TRUE},
		{"/usr/bin/mount", {"-t", "tmpfs", "/tmp"}, TRUE},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Launch) launch = launch_new(cases[i].program, fixture->dir);
		for (guint j = 0; j < 3 && cases[i].arg[j]; j++)
			launch_add_arg(launch, cases[i].arg[j]);
		if (i == 2)
			launch_add_arg(launch, "/tmp");
		launch_set_uid(launch, TEST_UID);
		launch_set_seccomp(launch);
		g_autofree char *said = run(fixture, launch, &record);
		g_test_message(
			"%s: code %d signal %d %s", cases[i].program, record.exit_code, record.exit_signal, said);
		g_assert_cmpint(record.exit_signal, ==, cases[i].killed ? SIGSYS : 0);
	}
	/* Other families than Unix sockets are not there. */
	g_autoptr(Launch) launch = launch_new("/usr/bin/python3", fixture->dir);
	launch_add_arg(launch, "-c");
	launch_add_arg(launch, "import socket\nsocket.socketpair()\ntry:\n socket.socket(socket.AF_INET)\n"
			       "except OSError as e:\n print(e.errno)");
	launch_set_uid(launch, TEST_UID);
	launch_set_seccomp(launch);
	if (access("/usr/bin/python3", X_OK) == 0) {
		g_autofree char *said = run(fixture, launch, &record);
		g_assert_cmpint(atoi(said), ==, EAFNOSUPPORT);
	}
}

/* libusb asks for the kernel's news of devices (NETLINK_KOBJECT_UEVENT, 15) before it takes any device. */
static void test_seccomp_of_guests(Fixture *fixture, gconstpointer data)
{
	(void)data;
	LaunchRecord record;
	g_autoptr(Launch) launch = launch_new("/usr/bin/python3", fixture->dir);
	launch_add_arg(launch, "-c");
	launch_add_arg(launch, "import socket as s\ns.socketpair()\ns.socket(s.AF_NETLINK, s.SOCK_RAW, 15)\n"
			       "for what in (s.AF_NETLINK, s.SOCK_RAW, 0), (s.AF_INET, s.SOCK_STREAM, 0), "
			       "(s.AF_PACKET, s.SOCK_RAW, 0):\n"
			       " try: s.socket(*what)\n except OSError as e: print(e.errno, end=' ')");
	launch_set_uid(launch, TEST_UID);
	launch_set_filter(launch, SECCOMP_GUEST);
	if (access("/usr/bin/python3", X_OK) == 0) {
		g_autofree char *said = run(fixture, launch, &record);
		g_assert_cmpstr(g_strstrip(said), ==, "97 97 97"); /* EAFNOSUPPORT */
	}
}

static pid_t launcher_of(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
	g_autofree char *status = NULL;
	g_assert_true(g_file_get_contents(path, &status, NULL, NULL));
	return (pid_t)strtol(strstr(status, "PPid:") + strlen("PPid:"), NULL, 10);
}

static void test_told(Fixture *fixture, gconstpointer data)
{
	(void)data;
	Launched launched;
	GError *error = NULL;
	g_autoptr(Launch) launch = new_shell(fixture, "echo begun; exec sleep 100");
	launch_start(launch, DEADLINE_MS, &launched, &error);
	g_assert_no_error(error);
	pid_t launcher = launcher_of(launched.pid);
	gint64 end = g_get_monotonic_time() + DEADLINE_MS * G_TIME_SPAN_MILLISECOND;
	g_autofree char *log = NULL;
	while (g_strcmp0(log, "begun\n") != 0 && g_get_monotonic_time() < end) {
		g_usleep(1000);
		g_free(log);
		log = launch_read_log(fixture->dir, 1000);
	}
	g_assert_cmpstr(log, ==, "begun\n");
	/* The launcher stays, to write what its program does with the same signal, and who sent it. */
	g_assert_cmpint(kill(launcher, SIGTERM), ==, 0);
	g_assert_true(process_signal(launched.pidfd, SIGTERM));
	fd_close(launched.pidfd);
	LaunchRecord record = wait_end(fixture);
	g_assert_cmpint(record.exit_signal, ==, SIGTERM);
	g_assert_cmpint(record.told_by, ==, getpid());

	/* Nobody has told the next one. */
	g_autoptr(Launch) next = new_shell(fixture, "true");
	run(fixture, next, &record);
	g_assert_cmpint(record.told_by, ==, 0);
}

static void test_cgroup(Fixture *fixture, gconstpointer data)
{
	(void)data;
	GError *error = NULL;
	g_autofree char *root = g_strdup_printf("yado-test-%d", (int)getpid());
	cgroup_setup(root, &error);
	g_assert_no_error(error);
	g_autofree char *description = cgroup_describe();
	g_test_message("%s", description);
	g_assert_true(cgroup_make("vm-100", &error));
	g_assert_true(cgroup_make("vm-100", &error)); /* again is fine */
	g_autoptr(Launch) launch =
		new_shell(fixture, "sleep 100 & sleep 100 & head -c 8000000 /dev/zero | tail -c 7000000 >/dev/null; "
				   "echo ready >&15; wait");
	int ready[2];
	g_assert_cmpint(pipe2(ready, O_CLOEXEC), ==, 0);
	launch_pass_fd(launch, ready[1], 15);
	launch_set_cgroup(launch, "vm-100");
	Launched launched;
	launch_start(launch, DEADLINE_MS, &launched, &error);
	g_assert_no_error(error);
	fd_close(ready[1]);
	char text[8];
	g_assert_cmpint(read(ready[0], text, sizeof text), ==, 6);
	guint64 usec = 0, bytes = 0;
	g_assert_true(cgroup_read_cpu_usec("vm-100", &usec));
	g_assert_cmpuint(usec, >, 100);
	g_assert_cmpuint(usec, <, 60 * G_USEC_PER_SEC);
	g_assert_true(cgroup_read_memory("vm-100", &bytes));
	g_assert_cmpuint(bytes, >, 4096);
	g_assert_false(cgroup_remove("vm-100", &error));
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	g_clear_error(&error);
	cgroup_kill("vm-100", DEADLINE_MS, &error);
	g_assert_no_error(error);
	LaunchRecord record = wait_end(fixture);
	g_assert_cmpint(record.exit_signal, ==, SIGKILL);
	/* All of them are gone: the last copies of the pipe are closed. */
	g_assert_cmpint(read(ready[0], text, sizeof text), ==, 0);
	fd_close(ready[0]);
	fd_close(launched.pidfd);
	g_assert_true(cgroup_remove("vm-100", &error));
	g_assert_true(cgroup_remove("vm-100", &error)); /* absent is fine */
	g_assert_true(cgroup_kill("vm-100", 100, &error));
	g_assert_true(cgroup_remove("", &error)); /* our root */
	g_assert_no_error(error);
}

/* As a container's or a test's tree somewhere else is. */
static void test_cgroup_mounted_twice(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	g_autofree char *root = g_strdup_printf("yado-test-%d", (int)getpid());
	g_autofree char *second = g_build_filename(fixture->dir, "second", NULL);
	g_assert_no_errno(mkdir(second, 0700));
	g_assert_no_errno(mount("cgroup2", second, "cgroup2", 0, NULL));
	cgroup_setup(root, &error);
	g_assert_no_error(error);
	g_assert_no_errno(umount(second));
	g_assert_no_errno(rmdir(second));
	cgroup_make("vm-100", &error);
	g_assert_no_error(error);
	g_assert_true(cgroup_remove("vm-100", NULL));
	g_assert_true(cgroup_remove("", NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (geteuid() != 0) {
		g_print("1..0 # SKIP the launcher needs root\n");
		return 0;
	}
	static const struct {
		const char *path;
		void (*test)(Fixture *, gconstpointer);
	} tests[] = {
		{"/sandbox/the program has its own uid, no groups and no capabilities", test_uid},
		{"/sandbox/when memory runs out it is not judged like its starter", test_oom_score},
		{"/sandbox/the network namespace is empty unless the host's is asked for", test_network},
		{"/sandbox/host files and processes are not in the view", test_view},
		{"/sandbox/the view is read-only but for a small tmp without programs", test_read_only},
		{"/sandbox/bound paths appear, writable only if asked for", test_binds},
		{"/sandbox/only the given descriptors arrive and the launcher keeps none", test_descriptors},
		{"/sandbox/the exit code and time are recorded", test_exit_code},
		{"/sandbox/the signal is recorded, also that of an abort", test_signal},
		{"/sandbox/a running program is recognized by pid and start time", test_running},
		{"/sandbox/a failure to execute is told with its reason", test_exec_failure},
		{"/sandbox/the program outlives its starter and its end is recorded", test_outlives},
		{"/sandbox/with a lifeline the program ends with its starter", test_lifeline},
		{"/sandbox/the program outlives its launcher too", test_launcher_killed},
		{"/sandbox/the log is bounded and keeps the end", test_log},
		{"/sandbox/the input never comes to an end", test_input},
		{"/sandbox/events are kept apart, and no flood of them grows the log", test_events},
		{"/sandbox/the worker filter kills mount and namespaces and hides networks", test_seccomp},
		{"/sandbox/the guests' filter lets the kernel's news of devices through and no other network",
		 test_seccomp_of_guests},
		{"/sandbox/a launcher that is told to end stays and records who told it", test_told},
		{"/sandbox/a control group counts and is killed as a whole", test_cgroup},
		{"/sandbox/control groups that are mounted once more are used once", test_cgroup_mounted_twice},
	};
	for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].test, tear_down);
	return g_test_run();
}
