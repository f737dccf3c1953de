/* Run directory files and the log. */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../sandbox/launch-spec.h"

static ssize_t read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n;
}

static const char *boot_id(void)
{
	static char id[64];
	if (read_text("/proc/sys/kernel/random/boot_id", id, sizeof id) > 0)
		id[strcspn(id, "\n")] = '\0';
	return id;
}

unsigned long long record_start_time(pid_t pid)
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (read_text(path, text, sizeof text) <= 0)
		return 0;
	/* The name in field 2 may hold anything: count the fields from its closing parenthesis. */
	char *next = strrchr(text, ')');
	for (int field = 2; next && field < 22; field++)
		next = strchr(next + 1, ' ');
	return next ? strtoull(next, NULL, 10) : 0;
}

/* durable: survives a power cut. */
static int write_atomic(const char *run_dir, const char *name, const char *text, size_t length, int durable)
{
	char path[4096], temporary[4096 + 8];
	if (snprintf(path, sizeof path, "%s/%s", run_dir, name) >= (int)sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(temporary, sizeof temporary, "%s.new", path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	int bad = write(fd, text, length) != (ssize_t)length || (durable && fsync(fd) < 0);
	if (close(fd) < 0 || bad || rename(temporary, path) < 0)
		return -1;
	if (!durable)
		return 0;
	int dir = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	bad = fsync(dir);
	close(dir);
	return bad;
}

int record_pid(const char *run_dir, pid_t pid, unsigned long long start_time)
{
	char text[256];
	int length = snprintf(text, sizeof text, "pid %d\nstart %llu\nboot %s\nlauncher %d\n", (int)pid, start_time,
			      boot_id(), (int)getpid());
	/* After a power cut it is of another boot, and says nothing. */
	return write_atomic(run_dir, LAUNCH_PID_FILE, text, (size_t)length, 0);
}

int record_exit(const char *run_dir, int wait_status, pid_t told_by)
{
	char text[256];
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int length = snprintf(text, sizeof text, "code %d\nsignal %d\ntime %lld\nboot %s\n",
			      WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1,
			      WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0,
			      (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000, boot_id());
	if (told_by)
		length += snprintf(text + length, sizeof text - (size_t)length, "told %d\n", (int)told_by);
	return write_atomic(run_dir, LAUNCH_EXIT_FILE, text, (size_t)length, 1);
}

void record_forget(const char *run_dir)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", run_dir, LAUNCH_PID_FILE);
	unlink(path);
}

int log_open(Log *log, const char *path)
{
	struct stat info;
	log->path = path;
	log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	log->length = log->fd >= 0 && fstat(log->fd, &info) == 0 ? (size_t)info.st_size : 0;
	return log->fd < 0 ? -1 : 0;
}

void log_write(Log *log, const char *data, size_t length)
{
	if (log->length + length > LAUNCH_LOG_MAX / 2 && log->length > 0) {
		char old[4096];
		int fd;
		if (snprintf(old, sizeof old, "%s.old", log->path) >= (int)sizeof old || rename(log->path, old) < 0)
			return;
		fd = open(log->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
		if (fd < 0)
			return;
		close(log->fd);
		log->fd = fd;
		log->length = 0;
	}
	ssize_t n = write(log->fd, data, length);
	if (n > 0)
		log->length += (size_t)n;
}
