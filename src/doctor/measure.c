/* Measuring: a file without a name in the directory (so that nothing stays, whatever happens), small writes each followed
 * by fdatasync(), then one larger piece written and read back past the page cache. Each part ends after a time as well. */
#include "doctor/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"

enum {
	SMALL = 4096,
	SYNCS_MAX = 64,
	CHUNK = 1 << 20,
	CHUNKS = 32,
	PART_US = 1500 * 1000,
	ROOM_MIN = 256 << 20, /* no trial where there is less */
	LINE_BYTES_MAX = 4096,
};

static int compare_times(const void *a, const void *b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
	return x < y ? -1 : x > y;
}

/* The median of one small durable write, in microseconds; -1. */
static gint64 time_sync(int fd, const char *chunk)
{
	gint64 times[SYNCS_MAX], begun = g_get_monotonic_time(), last = begun;
	int count = 0;
	while (count < SYNCS_MAX && last - begun < PART_US) {
		if (pwrite(fd, chunk, SMALL, (off_t)count * SMALL) != SMALL || fdatasync(fd) < 0)
			return -1;
		gint64 now = g_get_monotonic_time();
		times[count++] = now - last;
		last = now;
	}
	qsort(times, (gsize)count, sizeof *times, compare_times);
	return times[count / 2];
}

static gint64 rate(gint64 bytes, gint64 begun)
{
	return (gint64)((double)bytes * G_USEC_PER_SEC / (double)MAX(g_get_monotonic_time() - begun, 1));
}

static gint64 time_write(int fd, const char *chunk, gint64 *ret_bytes)
{
	gint64 begun = g_get_monotonic_time(), done = 0;
	while (done < (gint64)CHUNKS * CHUNK && g_get_monotonic_time() - begun < PART_US) {
		if (pwrite(fd, chunk, CHUNK, (off_t)done) != CHUNK)
			return -1;
		done += CHUNK;
	}
	*ret_bytes = done;
	return fdatasync(fd) < 0 ? -1 : rate(done, begun);
}

/* -1 where the file system does not read past the page cache (tmpfs). */
static gint64 time_read(int file, char *chunk, gint64 bytes)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	fd_auto int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	gint64 begun = g_get_monotonic_time(), done = 0;
	while (fd >= 0 && done < bytes && g_get_monotonic_time() - begun < PART_US) {
		if (pread(fd, chunk, CHUNK, (off_t)done) != CHUNK)
			return -1;
		done += CHUNK;
	}
	return fd >= 0 && done > 0 ? rate(done, begun) : -1;
}

static int open_nameless(const char *path)
{
	int fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	g_autofree char *name = g_build_filename(path, ".yado-doctor-XXXXXX", NULL);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

static void try_speed(json_object *result, const char *path)
{
	fd_auto int fd = open_nameless(path);
	char *chunk = NULL;
	if (fd < 0 || posix_memalign((void **)&chunk, SMALL, CHUNK) != 0) {
		json_set_str(result, "error", g_strerror(errno));
		return;
	}
	memset(chunk, 0xa5, CHUNK);
	gint64 bytes = 0, sync_us = time_sync(fd, chunk);
	gint64 written = sync_us < 0 ? -1 : time_write(fd, chunk, &bytes);
	gint64 read = written < 0 ? -1 : time_read(fd, chunk, bytes);
	if (written < 0)
		json_set_str(result, "error", g_strerror(errno));
	if (sync_us >= 0)
		json_set_int(result, "sync_us", sync_us);
	if (written >= 0)
		json_set_int(result, "write_bps", written);
	if (read >= 0)
		json_set_int(result, "read_bps", read);
	free(chunk);
}

int measure_main(const char *path, gboolean speed)
{
	json_auto json_object *result = json_object_new_object();
	struct statvfs space;
	struct stat info;
	if (stat(path, &info) < 0 || statvfs(path, &space) < 0) {
		json_set_str(result, "error", g_strerror(errno));
	} else {
		json_set_int(result, "device", (gint64)info.st_dev);
		json_set_int(result, "total", (gint64)(space.f_blocks * space.f_frsize));
		json_set_int(result, "free", (gint64)(space.f_bavail * space.f_frsize));
		json_set_int(result, "inodes", (gint64)space.f_files);
		json_set_int(result, "inodes_free", (gint64)space.f_favail);
		json_set_bool(result, "read_only", (space.f_flag & ST_RDONLY) != 0);
		if (speed && !(space.f_flag & ST_RDONLY) && space.f_bavail * space.f_frsize >= ROOM_MIN)
			try_speed(result, path);
	}
	printf("%s\n", json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN));
	return 0;
}

/* The line, if it comes in time. The process is then not waited for: it may hang in the kernel. */
static char *read_line(int fd, guint timeout_ms)
{
	g_autoptr(GString) line = g_string_new(NULL);
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	while (!strchr(line->str, '\n') && line->len < LINE_BYTES_MAX) {
		char chunk[512];
		gint64 left = (deadline - g_get_monotonic_time()) / 1000;
		struct pollfd end = {.fd = fd, .events = POLLIN};
		if (left <= 0 || poll(&end, 1, (int)left) <= 0)
			return NULL;
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n <= 0)
			return NULL;
		g_string_append_len(line, chunk, n);
	}
	return g_string_free(g_steal_pointer(&line), FALSE);
}

json_object *measure_directory(const Host *host, const char *path, gboolean speed, guint timeout_ms)
{
	if (host->recorded) {
		json_auto json_object *all = host_fact(host, "directories");
		json_object *one = json_get(all, path);
		return one ? json_object_get(one) : NULL;
	}
	const char *const argv[] = {"/proc/self/exe", speed ? "--measure-speed" : "--measure", path, NULL};
	fd_auto int out = -1, err = -1;
	pid_t pid;
	if (!process_spawn_piped(argv, &pid, &out, &err, NULL))
		return NULL;
	g_autofree char *line = read_line(out, timeout_ms);
	if (!line)
		kill(pid, SIGKILL);
	waitpid(pid, NULL, WNOHANG);
	return line ? json_parse(line, strlen(g_strchomp(line)), NULL) : NULL;
}
