/* Being in control groups before the program begins.
 *
 * Who moves another process, or one of several threads, by cgroup.procs makes the kernel stop all forks of the machine
 * for a moment, and it waits for an RCU grace period before (7 to 15 ms). Two ways do without: a process that is made
 * in its group (clone(2), CLONE_INTO_CGROUP: version 2 alone), and a process that moves nothing but the thread that
 * asks, by a 0 written to the file `tasks` (version 1 alone). */
#include "group.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t group_fork(const char *group)
{
	if (!group)
		return fork();
	int fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)fd};
	/* Behind libc's back: as there is one thread, nothing in the child has to be put right. */
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	int saved = errno;
	close(fd);
	errno = saved;
	return pid;
}

const char *group_join_tasks(const Spec *spec)
{
	for (size_t i = 0; i < spec->tasks_count; i++) {
		int fd = open(spec->tasks[i], O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1)
			return spec->tasks[i];
		close(fd);
	}
	return NULL;
}
