/* The list was made from what the program does (strace over its tests) and from what glibc, OpenSSL and libuv call in
 * the same places on other machines. Opening is for reading only, but for the temporary file of a certificate, which is
 * made before this. No program is executed, no process or thread made, and of sockets only those to yadod.
 *
 * What is not listed fails with EPERM rather than ending the program: a library that tries something new goes on
 * without it. */
#include "httpd/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/error.h"

static const char *const allowed[] = {
	/* reading, writing and closing what is there */
	"read",
	"readv",
	"write",
	"writev",
	"close",
	"recvmsg",
	"recvfrom",
	"sendmsg",
	"sendto",
	"shutdown",
	"lseek",
	"fcntl",
	"fstat",
	"newfstatat",
	"stat",
	"lstat",
	"statx",
	"getdents64",
	/* connections */
	"accept4",
	"connect",
	"getsockopt",
	"setsockopt",
	"getpeername",
	"getsockname",
	/* waiting */
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"poll",
	"ppoll",
	"eventfd2",
	"pipe2",
	"timerfd_create",
	"timerfd_settime",
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"time",
	"restart_syscall",
	/* memory */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	"futex",
	"mincore",
	/* itself */
	"getpid",
	"gettid",
	"getrandom",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	"getrusage",
	"sched_yield",
	"sched_getaffinity",
	"getcpu",
	"uname",
	"sysinfo",
	"exit",
	"exit_group",
	"tgkill",
	"readlink",
	"readlinkat",
	"set_robust_list",
	"rseq",
	"membarrier",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
};

static int add_conditions(scmp_filter_ctx filter)
{
	static const char *const opens[] = {"open", "openat"};
	const guint forbidden = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
	int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, FIONBIO));
	/* Memory that is made executable is what injected code needs first. */
	if (result == 0)
		result = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (result == 0)
		result = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	for (guint i = 0; i < G_N_ELEMENTS(opens) && result == 0; i++) {
		int number = seccomp_syscall_resolve_name(opens[i]);
		struct scmp_arg_cmp flags = {i == 0 ? 1 : 2, SCMP_CMP_MASKED_EQ, forbidden, 0};
		result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &flags);
	}
	return result;
}

gboolean confine(GError **error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int result = filter ? 0 : -ENOMEM;
	for (guint i = 0; i < G_N_ELEMENTS(allowed) && result == 0; i++) {
		int number = seccomp_syscall_resolve_name(allowed[i]);
		if (number != __NR_SCMP_ERROR) /* one that this machine does not have */
			result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	if (result == 0)
		result = add_conditions(filter);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	if (result == 0)
		return TRUE;
	error_set_errno(error, -result, "cannot install the filter of system calls");
	return FALSE;
}
