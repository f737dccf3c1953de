/* Processes. */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

extern char **environ;

/* Sources are first moved above every target, so that no copy overwrites one that is still to be copied. */
gboolean process_spawn(const char *const *argv, const ProcessFd *fds, guint fd_count, pid_t *ret_pid, GError **error)
{
	g_autofree int *moved = g_new(int, fd_count + 1);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;
	int above = 64, result = 0;
	gboolean has_stdin = FALSE;
	pid_t pid = -1;

	for (guint i = 0; i < fd_count; i++) {
		above = MAX(above, fds[i].target + 1);
		has_stdin |= fds[i].target == 0;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	if (!has_stdin)
		posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	guint done = 0;
	for (; done < fd_count; done++) {
		moved[done] = fcntl(fds[done].source, F_DUPFD_CLOEXEC, above);
		if (moved[done] < 0) {
			result = errno;
			break;
		}
		posix_spawn_file_actions_adddup2(&actions, moved[done], fds[done].target);
	}
	sigemptyset(&none);
	sigfillset(&defaults);
	sigdelset(&defaults, SIGKILL);
	sigdelset(&defaults, SIGSTOP);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (result == 0)
		result = posix_spawnp(&pid, argv[0], &actions, &attributes, (char *const *)argv, environ);
	for (guint i = 0; i < done; i++)
		close(moved[i]);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (result != 0) {
		error_set_errno(error, result, "cannot start '%s'", argv[0]);
		return FALSE;
	}
	*ret_pid = pid;
	return TRUE;
}

char *process_find_program(const char *name, GError **error)
{
	char self[PATH_MAX] = "";
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	self[MAX(length, 0)] = '\0';
	g_autofree char *dir = g_path_get_dirname(self);
	g_autofree char *beside = g_build_filename(dir, name, NULL);
	g_autofree char *installed = g_build_filename(PROGRAMS_INSTALLED, name, NULL);
	/* "yado-launch" is built in src/launch. */
	g_autofree char *built = g_build_filename(BUILD_ROOT "/src", name + strlen("yado-"), name, NULL);
	gboolean from_build = g_str_has_prefix(self, BUILD_ROOT "/");
	const char *candidates[] = {beside, from_build ? built : installed, installed};
	for (guint i = 0; i < G_N_ELEMENTS(candidates); i++)
		if (access(candidates[i], X_OK) == 0)
			return g_strdup(candidates[i]);
	error_set(error, ERROR_FAILED, "build or reinstall Yado", "cannot find the program %s (looked for %s)", name,
		installed);
	return NULL;
}

enum { OUTPUT_MAX = 1 << 20 };

/* Reads what is there; FALSE at the end of the stream. What is past the bound is read and dropped. */
static gboolean drain(int fd, GString *into)
{
	char chunk[8192];
	ssize_t n = read(fd, chunk, sizeof chunk);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	gsize room = into->len < OUTPUT_MAX ? OUTPUT_MAX - into->len : 0;
	g_string_append_len(into, chunk, (gssize)MIN((gsize)n, room));
	return n > 0;
}

/* What runs for yadod is not spared with it when memory runs out. */
static void reset_oom_score(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/oom_score_adj", (int)pid);
	fd_auto int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || !fd_write_all(fd, "0", 1))
		g_debug("process %d keeps our oom_score_adj: %s", (int)pid, g_strerror(errno));
}

gboolean process_spawn_piped(const char *const *argv, pid_t *ret_pid, int *ret_out, int *ret_err, GError **error)
{
	int out[2], err[2];
	if (pipe2(out, O_CLOEXEC) < 0) {
		error_set_errno(error, errno, "cannot make a pipe");
		return FALSE;
	}
	fd_auto int out_read = out[0], out_write = out[1];
	if (pipe2(err, O_CLOEXEC) < 0) {
		error_set_errno(error, errno, "cannot make a pipe");
		return FALSE;
	}
	fd_auto int err_read = err[0], err_write = err[1];
	ProcessFd fds[] = {{out_write, 1}, {err_write, 2}};
	if (!process_spawn(argv, fds, G_N_ELEMENTS(fds), ret_pid, error))
		return FALSE;
	reset_oom_score(*ret_pid);
	*ret_out = fd_steal(&out_read);
	*ret_err = fd_steal(&err_read);
	return TRUE;
}

static gpointer reap(gpointer pid)
{
	while (waitpid(GPOINTER_TO_INT(pid), NULL, 0) < 0 && errno == EINTR)
		;
	return NULL;
}

gboolean process_run(const char *const *argv, guint timeout_ms, char **ret_output, GError **error)
{
	fd_auto int out_read = -1, err_read = -1;
	pid_t pid;
	if (!process_spawn_piped(argv, &pid, &out_read, &err_read, error))
		return FALSE;

	g_autoptr(GString) output = g_string_new(NULL);
	g_autoptr(GString) messages = g_string_new(NULL);
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	gboolean late = FALSE;
	struct pollfd polls[] = {{.fd = out_read, .events = POLLIN}, {.fd = err_read, .events = POLLIN}};
	while (polls[0].fd >= 0 || polls[1].fd >= 0) {
		gint64 left = (deadline - g_get_monotonic_time()) / 1000;
		int ready = left > 0 ? poll(polls, 2, (int)MIN(left, G_MAXINT)) : 0;
		if (ready == 0) {
			late = TRUE;
			kill(pid, SIGKILL);
			break;
		}
		for (int i = 0; i < 2 && ready > 0; i++)
			if (polls[i].fd >= 0 && polls[i].revents && !drain(polls[i].fd, i == 0 ? output : messages))
				polls[i].fd = -1;
	}
	int status = 0;
	/* One that was killed may hang in the kernel for ever: nobody waits for that but a thread. */
	if (late)
		g_thread_unref(g_thread_new("reaper", reap, GINT_TO_POINTER(pid)));
	while (!late && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (late) {
		error_set(error, ERROR_TIMEOUT, NULL, "'%s' did not end within %u ms", argv[0], timeout_ms);
		return FALSE;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		g_strstrip(messages->str);
		const char *end = messages->str + MAX(0, (gssize)strlen(messages->str) - 400);
		error_set(error, ERROR_FAILED, NULL, "'%s' %s %d: %s", argv[0],
			  WIFEXITED(status) ? "exited with" : "was ended by signal",
			  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), end);
		return FALSE;
	}
	if (ret_output)
		*ret_output = g_string_free(g_steal_pointer(&output), FALSE);
	return TRUE;
}

guint64 process_start_time(pid_t pid)
{
	char path[64];
	g_autofree char *text = NULL;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (pid <= 0 || !file_read(path, 8192, &text, NULL, NULL))
		return 0;
	/* The name in field 2 may contain spaces and parentheses: count from the last one. */
	const char *rest = strrchr(text, ')');
	if (!rest || rest[1] != ' ' || rest[2] == 'Z' || rest[2] == 'X')
		return 0;
	g_auto(GStrv) fields = g_strsplit(rest + 2, " ", 21);
	return g_strv_length(fields) > 19 ? g_ascii_strtoull(fields[19], NULL, 10) : 0;
}

gboolean process_is_ending(pid_t pid)
{
	char path[64];
	g_autofree char *text = NULL;
	snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	return pid <= 0 || !file_read(path, 256, &text, NULL, NULL) || g_str_has_prefix(text, "0 ");
}

int process_open(pid_t pid, guint64 start_time)
{
	if (pid <= 0 || start_time == 0)
		return -1;
	fd_auto int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* The pidfd pins the pid, so a matching start time now is that of the process it refers to. */
	if (fd < 0 || process_start_time(pid) != start_time)
		return -1;
	return fd_steal(&fd);
}

gboolean process_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0;
}

gboolean process_wait(int pidfd, guint timeout_ms)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
	for (;;) {
		gint64 left = MAX(0, (deadline - g_get_monotonic_time() + 999) / 1000);
		int ready = poll(&poll_fd, 1, (int)MIN(left, G_MAXINT));
		if (ready > 0)
			return TRUE;
		if (ready == 0 || errno != EINTR)
			return FALSE;
	}
}

const char *process_boot_id(void)
{
	static gsize once;
	static char id[64];
	if (g_once_init_enter(&once)) {
		g_autofree char *text = NULL;
		if (file_read("/proc/sys/kernel/random/boot_id", sizeof id - 1, &text, NULL, NULL))
			g_strlcpy(id, g_strstrip(text), sizeof id);
		g_once_init_leave(&once, 1);
	}
	return id;
}
