/* What stays behind in the run directory: who runs, how it ended, what it wrote. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

/* Start time of a process in clock ticks since boot (proc(5), stat field 22); 0 if it cannot be read. */
unsigned long long record_start_time(pid_t pid);
/* 0, or -1 with errno. */
int record_pid(const char *run_dir, pid_t pid, unsigned long long start_time);
int record_exit(const char *run_dir, int wait_status, pid_t told_by);
void record_forget(const char *run_dir);

/* The bounded log. Failures to write are not reported: there is nobody to report them to, and the program goes on. */
typedef struct Log {
	const char *path;
	int fd;
	size_t length;
} Log;
int log_open(Log *log, const char *path);
void log_write(Log *log, const char *data, size_t length);
