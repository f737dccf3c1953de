/* yado-launch: stands between yadod and a program in its own cage, and outlives yadod.
 *
 *   yadod ──spawns── A ──forks── B (stays; a session of its own, child of init)
 *                                ├── C: pid 1 of the new pid namespace, reaps orphans
 *                                └── D: builds the cage (cage.c) and becomes the program
 *
 * A ends at once, so that nothing of this is ever yadod's child. B makes D in its control group (group.c) and writes
 * RUNDIR/pid while D joins what other groups it has and builds the cage (and yadod has systemd put B, C and D into their
 * scope), and then lets D execute the program: none runs without a record, or outside its groups. B waits until D has
 * executed it or has said why it cannot, tells yadod, and stays: it keeps the log, and writes RUNDIR/exit when D ends. D
 * is not pid 1 of its namespace because the kernel gives pid 1 no default signal actions (abort() would not end it). C
 * is, and so ends last: with B, or after B's death when nobody is left in the namespace. B ignores the signals that end
 * a session or a service: the program gets its own, and someone has to be left to write how it ended; of SIGTERM it
 * notes who sent it, which the program could not see from within its namespace.
 * It holds none of the program's descriptors (a duplicate would keep QEMU's image locks alive). */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sandbox/launch-spec.h"
#include "cage.h"
#include "group.h"
#include "record.h"
#include "spec.h"

enum { NOBODY = 65534 };

static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU};

/* FALSE if yadod has died: nobody is there to be told. */
static int answer(const char *text)
{
	ssize_t n = write(LAUNCH_FD_STATUS, text, strlen(text));
	close(LAUNCH_FD_STATUS);
	return n == (ssize_t)strlen(text);
}

/* A socket polls POLLHUP once nobody has its other end. */
static int is_awaited(void)
{
	struct pollfd status = {.fd = LAUNCH_FD_STATUS, .events = 0};
	return poll(&status, 1, 0) >= 0 && !(status.revents & (POLLHUP | POLLERR));
}

__attribute__((noreturn)) static void give_up(const char *what, const char *reason)
{
	char text[4096];
	snprintf(text, sizeof text, "error %s%s%s\n", what, reason ? ": " : "", reason ? reason : "");
	answer(text);
	_exit(1);
}

static volatile sig_atomic_t orphaned;

static void note_orphaned(int signal)
{
	(void)signal;
	orphaned = 1;
}

/* C. While B lives, B ends it; after B's death it ends when nothing is left to reap. */
__attribute__((noreturn)) static void reap(void)
{
	struct sigaction action = {.sa_handler = note_orphaned};
	sigset_t watched, old;
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	sigemptyset(&watched);
	sigaddset(&watched, SIGUSR1);
	sigaddset(&watched, SIGCHLD);
	sigprocmask(SIG_BLOCK, &watched, &old);
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	for (;;) {
		pid_t pid;
		int status;
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			;
		/* The program may have gone to the host's init and not to us: look for anybody in the namespace, since
		 * all of them end with us. */
		if (pid < 0 && errno == ECHILD && orphaned && kill(-1, 0) < 0 && errno == ESRCH)
			_exit(0);
		struct timespec second = {.tv_sec = 1};
		int signal = orphaned ? sigtimedwait(&watched, NULL, &second) : sigwaitinfo(&watched, NULL);
		orphaned |= signal == SIGUSR1;
	}
}

/* Reads what D says until its end closes: by exec (nothing said) or by failure (the reason). */
static size_t read_reason(int fd, char *text, size_t size)
{
	size_t length = 0;
	for (;;) {
		ssize_t n = read(fd, text + length, size - 1 - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		length += (size_t)n;
	}
	text[length] = '\0';
	return length;
}

/* Takes the log until the program has ended, and ends it when the lifeline breaks. Returns its wait status. */
static int follow(const Spec *spec, pid_t child, int pidfd, int output, Log *log)
{
	struct pollfd polls[] = {
		{.fd = pidfd, .events = POLLIN},
		{.fd = output, .events = POLLIN},
		{.fd = spec->lifeline ? LAUNCH_FD_LIFELINE : -1, .events = 0},
	};
	char data[4096];
	int ended = 0, status = 0;
	while (!ended) {
		if (poll(polls, 3, -1) < 0) {
			if (errno == EINTR)
				continue; /* somebody has told us to end */
			break;
		}
		if (polls[1].revents) {
			ssize_t n = read(output, data, sizeof data);
			if (n > 0)
				log_write(log, data, (size_t)n);
			else if (n == 0)
				polls[1].fd = -1;
		}
		if (polls[2].revents & (POLLHUP | POLLERR)) {
			kill(child, SIGKILL);
			polls[2].fd = -1;
		}
		ended = polls[0].revents != 0;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	/* What was still in the pipe; a grandchild may hold it open, so no waiting. */
	fcntl(output, F_SETFL, O_NONBLOCK);
	for (ssize_t n, total = 0; total < LAUNCH_LOG_MAX && (n = read(output, data, sizeof data)) > 0; total += n)
		log_write(log, data, (size_t)n);
	return status;
}

/* The pids go to yadod, which has them put into their group; 0 if it gives up. */
static int await_scope(pid_t reaper, pid_t child)
{
	char text[64], byte;
	int length = snprintf(text, sizeof text, "scope %d %d %d\n", (int)getpid(), (int)reaper, (int)child);
	if (write(LAUNCH_FD_STATUS, text, (size_t)length) != length)
		return 0;
	ssize_t n;
	while ((n = read(LAUNCH_FD_STATUS, &byte, 1)) < 0 && errno == EINTR)
		;
	return n == 1;
}

static volatile sig_atomic_t told_by;

static void note_told(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	if (!told_by)
		told_by = info->si_pid;
}

/* B. */
__attribute__((noreturn)) static void launch(const Spec *spec)
{
	int input[2], output[2], go[2], said[2];
	char reason[3072], text[4096];
	Log log;

	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	if (chdir("/") < 0 || log_open(&log, spec->log) < 0)
		give_up("cannot open the log", strerror(errno));
	if (pipe2(output, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0 || pipe2(said, O_CLOEXEC) < 0)
		give_up("cannot make pipes", strerror(errno));
	if (spec->input && (pipe2(input, O_CLOEXEC) < 0 ||
			    write(input[1], spec->input, strlen(spec->input)) != (ssize_t)strlen(spec->input)))
		give_up("cannot make the input", strerror(errno));
	if (unshare(CLONE_NEWPID) < 0)
		give_up("cannot make a pid namespace", strerror(errno));

	pid_t reaper = fork();
	if (reaper == 0) {
		syscall(SYS_close_range, 0, ~0U, 0);
		reap();
	}
	if (reaper < 0)
		give_up("cannot fork", strerror(errno));
	pid_t child = group_fork(spec->cgroup);
	if (child < 0) {
		int saved = errno;
		kill(reaper, SIGKILL);
		give_up("cannot make a process in the control group", strerror(saved));
	}
	if (child == 0) {
		close(go[1]);
		for (int number = 1; number < 65; number++)
			signal(number, SIG_DFL);
		/* Opened for both ways (fifo(7)), the pipe has a writer as long as the program itself has it: no end of the
		 * file is read, which QEMU would take for its own, even when B dies. */
		if (spec->input) {
			snprintf(text, sizeof text, "/proc/self/fd/%d", input[0]);
			int both = open(text, O_RDWR | O_CLOEXEC);
			if (both < 0 || dup2(both, 0) < 0)
				_exit(CAGE_FAILED);
		}
		dup2(output[1], 1);
		dup2(output[1], 2);
		cage_enter(spec, go[0], said[1]);
	}
	close(output[1]);
	close(go[0]);
	close(said[1]);
	if (spec->input) {
		close(input[0]);
		close(input[1]);
	}
	for (size_t i = 0; i < spec->fd_count; i++)
		close(spec->fds[i]);

	/* Only B: a signal from outside of a pid namespace comes to its first process, C, once it has a handler. */
	sigaction(SIGTERM, &(struct sigaction){.sa_sigaction = note_told, .sa_flags = SA_SIGINFO | SA_RESTART}, NULL);
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	unsigned long long start_time = record_start_time(child);
	/* A yadod that has died cannot take the program over, and the next one may be about to start it itself. */
	if (!is_awaited()) {
		kill(reaper, SIGKILL); /* it may not have asked yet to be told of our end */
		_exit(1);
	}
	if (pidfd < 0 || start_time == 0 || record_pid(spec->run_dir, child, start_time) < 0) {
		int saved = errno;
		close(go[1]);
		kill(reaper, SIGKILL);
		give_up("cannot write the run directory's pid file", strerror(saved));
	}
	/* A child that has failed by now says why below; without this byte it ends. */
	int placed = !spec->scope || await_scope(reaper, child);
	if (placed) {
		ssize_t n = write(go[1], "g", 1);
		(void)n;
	}
	close(go[1]);
	if (read_reason(said[0], reason, sizeof reason) == 0 && !placed)
		strcpy(reason, "yadod has not put it into its scope");
	if (reason[0]) {
		waitpid(child, NULL, 0);
		record_forget(spec->run_dir);
		kill(reaper, SIGKILL);
		give_up(reason, NULL);
	}
	close(said[0]);
	snprintf(text, sizeof text, "ok %d %llu\n", (int)child, start_time);
	if (!answer(text))
		kill(child, SIGKILL);

	int status = follow(spec, child, pidfd, output[0], &log);
	if (record_exit(spec->run_dir, status, told_by) < 0) {
		int length =
			snprintf(text, sizeof text, "yado-launch: cannot write the exit record: %s\n", strerror(errno));
		log_write(&log, text, (size_t)length);
	}
	kill(reaper, SIGKILL);
	_exit(0);
}

/* yadod is the last to go when memory runs out (its unit's OOMScoreAdjust=); a guest is worth what it uses. */
static void reset_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		give_up("cannot set /proc/self/oom_score_adj", strerror(errno));
	close(fd);
}

int main(void)
{
	static Spec spec;
	static char why[256];
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	if (fcntl(LAUNCH_FD_SPEC, F_GETFD) < 0 || fcntl(LAUNCH_FD_STATUS, F_GETFD) < 0) {
		fprintf(stderr, "yado-launch is started by yadod and gets its instructions on a descriptor\n");
		return 2;
	}
	if (spec_read(&spec, why, sizeof why) < 0)
		give_up(why, NULL);
	close(LAUNCH_FD_SPEC);
	fcntl(LAUNCH_FD_STATUS, F_SETFD, FD_CLOEXEC);
	if (spec.lifeline)
		fcntl(LAUNCH_FD_LIFELINE, F_SETFD, FD_CLOEXEC);
	if (spec.filter_length)
		close(LAUNCH_FD_SECCOMP);
	reset_oom_score();
	if (setsid() < 0 && getpgrp() != getpid())
		give_up("cannot make a session", strerror(errno));
	pid_t pid = group_fork(spec.group);
	if (pid < 0)
		give_up(spec.group ? "cannot make a process in the control group" : "cannot fork", strerror(errno));
	if (pid > 0)
		_exit(0);
	launch(&spec);
}
