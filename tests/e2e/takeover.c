/* Shows what code that runs in a process's place could do: attaches to it with ptrace and makes it execute system calls
 * of our choice, with its own uid, view, filter and namespaces. x86-64.
 *
 *   takeover PID open PATH [rw] | connect IP PORT | connect-unix PATH | kill PID | ptrace PID | read-memory PID |
 *                unshare FLAGS | setns FD | mount PATH | exec PATH
 *
 * Prints one line, "ok N" or the name of the error ("EACCES"), or "killed SIGNAL" if the attempt cost the process its
 * life (a seccomp filter), and exits 0; 2 if the attempt could not be made.
 *
 * The thread is stopped, its registers are saved, and the two bytes of a syscall instruction are looked for in its vdso
 * or libc mapping (readable and executable there already, so nothing is written into its code). Strings go below the
 * red zone of its stack. Each call is single-stepped; afterwards registers and stack are put back and it runs on. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RED_ZONE = 128, SPACE = 4096 };

static pid_t victim;
static struct user_regs_struct saved;
static uint64_t instruction, space;
static char former[SPACE];

__attribute__((noreturn)) static void give_up(const char *what)
{
	fprintf(stderr, "takeover: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void copy_out(uint64_t address, void *data, size_t length)
{
	struct iovec local = {data, length}, remote = {(void *)(uintptr_t)address, length};
	if (process_vm_readv(victim, &local, 1, &remote, 1, 0) != (ssize_t)length)
		give_up("cannot read its memory");
}

static void copy_in(uint64_t address, const void *data, size_t length)
{
	struct iovec local = {(void *)(uintptr_t)data, length}, remote = {(void *)(uintptr_t)address, length};
	if (process_vm_writev(victim, &local, 1, &remote, 1, 0) != (ssize_t)length)
		give_up("cannot write its memory");
}

static uint64_t find_instruction(void)
{
	char path[64], line[512];
	static unsigned char code[1 << 20];
	snprintf(path, sizeof path, "/proc/%d/maps", (int)victim);
	FILE *maps = fopen(path, "re");
	if (!maps)
		give_up("cannot read its maps");
	while (fgets(line, sizeof line, maps)) {
		unsigned long from, to;
		char mode[8];
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[0] != 'r' || mode[2] != 'x' ||
			strstr(line, "vsyscall"))
			continue;
		size_t length = to - from < sizeof code ? to - from : sizeof code;
		struct iovec local = {code, length}, remote = {(void *)from, length};
		if (process_vm_readv(victim, &local, 1, &remote, 1, 0) != (ssize_t)length)
			continue;
		unsigned char *found = memmem(code, length, "\x0f\x05", 2);
		if (found) {
			fclose(maps);
			return from + (uint64_t)(found - code);
		}
	}
	fclose(maps);
	errno = ENOENT;
	give_up("no syscall instruction found");
}

/* The attempt ended the process: that is an answer too. */
__attribute__((noreturn)) static void tell_death(int status)
{
	if (WIFSIGNALED(status))
		printf("killed %s\n", sigabbrev_np(WTERMSIG(status)));
	else
		printf("exited %d\n", WEXITSTATUS(status));
	exit(0);
}

/* Whether the thread has ended while others of its process live on: then nobody tells its tracer. */
static int is_zombie(void)
{
	char path[64], text[512] = "";
	snprintf(path, sizeof path, "/proc/%d/stat", (int)victim);
	FILE *file = fopen(path, "re");
	if (!file)
		return 1;
	char *end = fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
	fclose(file);
	return !end || end[2] == 'Z' || end[2] == 'X';
}

static int wait_stop(void)
{
	int status;
	for (;;) {
		pid_t pid = waitpid(victim, &status, __WALL | WNOHANG);
		if (pid < 0)
			give_up("cannot wait for it");
		if (pid > 0)
			return status;
		if (is_zombie()) {
			printf("killed SYS\n"); /* only a filter ends a thread alone */
			exit(0);
		}
		usleep(200);
	}
}

/* Runs one system call in it; the result as the kernel gives it. */
static long call6(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	struct user_regs_struct registers = saved;
	int status;
	registers.rip = instruction;
	registers.rax = (unsigned long long)number;
	registers.orig_rax = (unsigned long long)-1; /* no restart of the call that it was stopped in */
	registers.rdi = a;
	registers.rsi = b;
	registers.rdx = c;
	registers.r10 = d;
	registers.r8 = e;
	registers.r9 = f;
	if (ptrace(PTRACE_SETREGS, victim, NULL, &registers) < 0)
		give_up("cannot set its registers");
	for (int tries = 0; tries < 100; tries++) {
		if (ptrace(PTRACE_SINGLESTEP, victim, NULL, NULL) < 0)
			give_up("cannot run it");
		status = wait_stop();
		if (!WIFSTOPPED(status))
			tell_death(status);
		if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXEC << 8)))
			return 0;
		if (WSTOPSIG(status) != SIGTRAP)
			continue; /* a signal of its own, dropped */
		if (ptrace(PTRACE_GETREGS, victim, NULL, &registers) < 0)
			give_up("cannot read its registers");
		return (long)registers.rax;
	}
	give_up("it does not get to the call");
}

static long call(long number, uint64_t a, uint64_t b, uint64_t c)
{
	return call6(number, a, b, c, 0, 0, 0);
}

static long open_path(char **args)
{
	copy_in(space, args[0], strlen(args[0]) + 1);
	return call(SYS_openat, (uint64_t)AT_FDCWD, space, args[1] && strcmp(args[1], "rw") == 0 ? O_RDWR : O_RDONLY);
}

static long connect_to(int family, const void *address, size_t length)
{
	long fd = call(SYS_socket, (uint64_t)family, SOCK_STREAM, 0);
	if (fd < 0)
		return fd;
	copy_in(space, address, length);
	long result = call(SYS_connect, (uint64_t)fd, space, length);
	call(SYS_close, (uint64_t)fd, 0, 0);
	return result;
}

static long connect_ip(char **args)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	if (!args[1] || inet_pton(AF_INET, args[0], &address.sin_addr) != 1) {
		errno = EINVAL;
		give_up("give an IPv4 address and a port");
	}
	address.sin_port = htons((uint16_t)atoi(args[1]));
	return connect_to(AF_INET, &address, sizeof address);
}

static long connect_unix(char **args)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s", args[0]);
	return connect_to(AF_UNIX, &address, sizeof address);
}

static long kill_pid(char **args)
{
	return call(SYS_kill, (uint64_t)atol(args[0]), 0, 0); /* signal 0: whether it could */
}

static long ptrace_pid(char **args)
{
	return call(SYS_ptrace, PTRACE_ATTACH, (uint64_t)atol(args[0]), 0);
}

/* One byte at its own stack's address; where nobody else may look, the kernel says so before it looks there. */
static long read_memory(char **args)
{
	uint64_t local[2] = {space, 1}, remote[2] = {saved.rsp, 1};
	uint64_t vectors = space + SPACE / 2;
	copy_in(vectors, local, sizeof local);
	copy_in(vectors + sizeof local, remote, sizeof remote);
	return call6(SYS_process_vm_readv, (uint64_t)atol(args[0]), vectors, 1, vectors + sizeof local, 1, 0);
}

static long unshare_flags(char **args)
{
	return call(SYS_unshare, strtoull(args[0], NULL, 0), 0, 0);
}

static long set_namespace(char **args)
{
	return call(SYS_setns, (uint64_t)atol(args[0]), 0, 0);
}

static long mount_tmpfs(char **args)
{
	copy_in(space, args[0], strlen(args[0]) + 1);
	copy_in(space + SPACE / 2, "tmpfs", sizeof "tmpfs");
	return call6(SYS_mount, space + SPACE / 2, space, space + SPACE / 2, 0, 0, 0);
}

static long exec_path(char **args)
{
	uint64_t argv[2] = {space, 0};
	copy_in(space, args[0], strlen(args[0]) + 1);
	copy_in(space + SPACE / 2, argv, sizeof argv);
	return call(SYS_execve, space, space + SPACE / 2, space + SPACE / 2 + 8);
}

static const struct {
	const char *name;
	long (*run)(char **args);
} attempts[] = {
	{"open", open_path},
	{"connect", connect_ip},
	{"connect-unix", connect_unix},
	{"kill", kill_pid},
	{"ptrace", ptrace_pid},
	{"read-memory", read_memory},
	{"unshare", unshare_flags},
	{"setns", set_namespace},
	{"mount", mount_tmpfs},
	{"exec", exec_path},
};

int main(int argc, char **argv)
{
	long (*run)(char **args) = NULL;
	int status;
	for (size_t i = 0; argc >= 4 && i < sizeof attempts / sizeof *attempts; i++)
		if (strcmp(argv[2], attempts[i].name) == 0)
			run = attempts[i].run;
	if (!run || strlen(argv[3]) >= SPACE / 2) {
		fprintf(stderr, "usage: takeover PID open PATH [rw] | connect IP PORT | connect-unix PATH | kill PID | "
				"ptrace PID | read-memory PID | unshare FLAGS | setns FD | mount PATH | exec PATH\n");
		return 2;
	}
	victim = atoi(argv[1]);
	if (ptrace(PTRACE_SEIZE, victim, NULL, (void *)PTRACE_O_TRACEEXEC) < 0 ||
		ptrace(PTRACE_INTERRUPT, victim, NULL, NULL) < 0 || waitpid(victim, &status, __WALL) < 0)
		give_up("cannot stop it");
	if (!WIFSTOPPED(status))
		tell_death(status);
	if (ptrace(PTRACE_GETREGS, victim, NULL, &saved) < 0)
		give_up("cannot read its registers");
	instruction = find_instruction();
	space = (saved.rsp - RED_ZONE - SPACE) & ~(uint64_t)15;
	copy_out(space, former, sizeof former);
	long result = run(argv + 3);
	if (run == exec_path && result >= 0) {
		printf("ok %ld\n", result);
		ptrace(PTRACE_DETACH, victim, NULL, NULL);
		return 0;
	}
	if (run == open_path && result >= 0)
		call(SYS_close, (uint64_t)result, 0, 0);
	copy_in(space, former, sizeof former);
	if (ptrace(PTRACE_SETREGS, victim, NULL, &saved) < 0 || ptrace(PTRACE_DETACH, victim, NULL, NULL) < 0)
		give_up("cannot let it run on");
	if (result < 0 && result > -4096)
		printf("%s\n", strerrorname_np((int)-result));
	else
		printf("ok %ld\n", result);
	return 0;
}
