/* The spec that yadod hands over, parsed. See sandbox/launch-spec.h. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

typedef struct Bind {
	const char *path;
	int writable;
} Bind;

typedef struct Spec {
	const char *program, *run_dir, *log;
	const char *input; /* NULL: stdin as it is */
	char **argv; /* NULL-terminated, argv[0] is the program */
	Bind *binds;
	size_t bind_count;
	const char *cgroup; /* NULL: that of the launcher */
	const char **tasks;
	size_t tasks_count;
	int *fds; /* ascending */
	size_t fd_count;
	uid_t uid;
	const char *group; /* or NULL */
	const char *share; /* or NULL */
	int share_writable;
	int network_host, lifeline, scope, lock_memory;
	void *filter; /* struct sock_filter[filter_length] */
	size_t filter_length;
} Spec;

/* Reads LAUNCH_FD_SPEC (and LAUNCH_FD_SECCOMP). 0, or -1 with a reason in `why`. The memory stays for good. */
int spec_read(Spec *spec, char *why, size_t why_size);
