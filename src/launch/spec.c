/* Reading the spec. */
#include "spec.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../sandbox/launch-spec.h"

/* Whole content with a NUL behind it, or NULL with errno. */
static char *read_all(int fd, size_t max, size_t *ret_length)
{
	char *data = malloc(max + 1);
	size_t length = 0;
	while (data && length < max) {
		ssize_t n = pread(fd, data + length, max - length, (off_t)length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return NULL;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	if (data)
		data[length] = '\0';
	*ret_length = length;
	return data;
}

static int compare_ints(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	return (x > y) - (x < y);
}

static int parse_number(const char *text, long max, long *ret_value)
{
	char *end;
	errno = 0;
	*ret_value = strtol(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *ret_value >= 0 && *ret_value <= max;
}

/* One record into the spec; 0 if it is not understood. */
static int take_record(Spec *spec, size_t *args, const char *word, char *value)
{
	long number;
	if (strcmp(word, "program") == 0)
		spec->program = spec->argv[0] = value;
	else if (strcmp(word, "arg") == 0)
		spec->argv[(*args)++] = value;
	else if (strcmp(word, "rundir") == 0)
		spec->run_dir = value;
	else if (strcmp(word, "log") == 0)
		spec->log = value;
	else if (strcmp(word, "input") == 0 && strlen(value) <= LAUNCH_INPUT_MAX)
		spec->input = value;
	else if (strcmp(word, "uid") == 0 && parse_number(value, 0xfffffffeL, &number))
		spec->uid = (uid_t)number;
	else if (strcmp(word, "network") == 0 && strcmp(value, "host") == 0)
		spec->network_host = 1;
	else if (strcmp(word, "ro") == 0 || strcmp(word, "rw") == 0)
		spec->binds[spec->bind_count++] = (Bind){value, word[1] == 'w'};
	else if (strcmp(word, "share-ro") == 0 || strcmp(word, "share-rw") == 0) {
		spec->share = value;
		spec->share_writable = word[7] == 'w';
	} else if (strcmp(word, "fd") == 0 && parse_number(value, 1 << 20, &number) && number >= LAUNCH_FD_FIRST)
		spec->fds[spec->fd_count++] = (int)number;
	else if (strcmp(word, "cgroup") == 0)
		spec->cgroup = value;
	else if (strcmp(word, "tasks") == 0)
		spec->tasks[spec->tasks_count++] = value;
	else if (strcmp(word, "group") == 0)
		spec->group = value;
	else if (strcmp(word, "scope") == 0)
		spec->scope = 1;
	else if (strcmp(word, "lifeline") == 0)
		spec->lifeline = 1;
	else if (strcmp(word, "memlock") == 0)
		spec->lock_memory = 1;
	else if (strcmp(word, "seccomp") == 0)
		spec->filter_length = 1;
	else
		return 0;
	return 1;
}

int spec_read(Spec *spec, char *why, size_t why_size)
{
	size_t length, args = 1, records = 2;
	int ended = 0;
	char *text = read_all(LAUNCH_FD_SPEC, LAUNCH_SPEC_MAX, &length);
	if (!text) {
		snprintf(why, why_size, "cannot read the spec: %s", strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < length; i++)
		records += text[i] == '\0';
	/* No list has more members than there are records. */
	spec->argv = calloc(records, sizeof *spec->argv);
	spec->binds = calloc(records, sizeof *spec->binds);
	spec->fds = calloc(records, sizeof *spec->fds);
	spec->tasks = calloc(records, sizeof *spec->tasks);
	if (!spec->argv || !spec->binds || !spec->fds || !spec->tasks) {
		snprintf(why, why_size, "not enough memory for the spec");
		return -1;
	}
	for (char *record = text; record < text + length && !ended; record += strlen(record) + 1) {
		char *space = strchr(record, ' '), *next = space ? space + 1 : NULL;
		if (space)
			*space = '\0';
		ended = strcmp(record, "end") == 0;
		if (!space || (!ended && !take_record(spec, &args, record, next))) {
			snprintf(why, why_size, "the spec has a record '%.40s' that is not understood", record);
			return -1;
		}
		record = next;
	}
	if (!ended || !spec->program || !spec->run_dir || !spec->log) {
		snprintf(why, why_size, "the spec is incomplete");
		return -1;
	}
	qsort(spec->fds, spec->fd_count, sizeof *spec->fds, compare_ints);
	if (spec->filter_length) {
		spec->filter = read_all(LAUNCH_FD_SECCOMP, BPF_MAXINSNS * sizeof(struct sock_filter), &length);
		spec->filter_length = length / sizeof(struct sock_filter);
		if (!spec->filter || spec->filter_length == 0 || length % sizeof(struct sock_filter) != 0) {
			snprintf(why, why_size, "the seccomp filter cannot be read");
			return -1;
		}
	}
	return 0;
}
