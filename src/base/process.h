/* Processes: spawning with exact descriptors, and telling one process from a later one with the same pid. */
#pragma once
#include <glib.h>
#include <sys/types.h>

/* In the child, descriptor `target` is a copy of `source`; all others but 0-2 are closed on exec. */
typedef struct ProcessFd {
	int source;
	int target;
} ProcessFd;

/* Starts argv[0] (an absolute path, or looked up in PATH) with an empty signal mask. stdin is /dev/null unless a
 * mapping names 0. The child is ours to reap. */
gboolean process_spawn(const char *const *argv, const ProcessFd *fds, guint fd_count, pid_t *ret_pid, GError **error);

/* The same with stdout and stderr as pipes, whose read ends the caller gets and closes. */
gboolean process_spawn_piped(const char *const *argv, pid_t *ret_pid, int *ret_out, int *ret_err, GError **error);

/* Runs a program to its end; ret_output (may be NULL) gets stdout, at most 1 MiB, NUL-terminated, caller frees.
 * ERROR_FAILED with the end of stderr if it does not exit 0, ERROR_TIMEOUT (and the program killed) past the
 * deadline. Blocks: never on the event loop. */
gboolean process_run(const char *const *argv, guint timeout_ms, char **ret_output, GError **error);

/* The path of one of Yado's own programs ("yado-httpd"): beside this one, in the build tree that this one belongs to,
 * or where they are installed. Caller frees. */
char *process_find_program(const char *name, GError **error);

/* Start time in clock ticks since boot (proc(5), stat field 22); 0 if there is no such process or it is a zombie. */
guint64 process_start_time(pid_t pid);
/* Whether the process has ended, or its first thread has no memory any more (proc(5), statm): then only an end is left.
 * What the process had open is closed after that, and its pidfd may become readable seconds later. */
gboolean process_is_ending(pid_t pid);
/* A pidfd for exactly that process, or -1 if it is gone. Caller closes; it polls readable when the process ends. */
int process_open(pid_t pid, guint64 start_time);
/* pidfd_send_signal(2); FALSE with errno if the process is gone. */
gboolean process_signal(int pidfd, int signal);
/* Waits until the process of the pidfd has ended; FALSE past the time. */
gboolean process_wait(int pidfd, guint timeout_ms);
/* Identifies this boot of the machine (/proc/sys/kernel/random/boot_id); static. */
const char *process_boot_id(void);
