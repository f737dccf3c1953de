/* A small file system that a test fills. Needs root, as the tests as a whole do. */
#pragma once
#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/file.h"

/* A tmpfs on that directory, seen by this thread and those that it starts: nothing is left behind if the test dies.
 * options as of mount(8): "size=2m". */
static inline void small_disk_mount(const char *dir, const char *options)
{
	g_assert_no_errno(unshare(CLONE_NEWNS));
	g_assert_no_errno(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	g_assert_no_errno(mount("tmpfs", dir, "tmpfs", 0, options));
}

/* Takes all the room that is left there; returns the file that has it. Caller frees. */
static inline char *small_disk_fill(const char *dir)
{
	char *path = g_build_filename(dir, "filler", NULL);
	fd_auto int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	g_assert_no_errno(fd);
	g_autofree char *zeros = g_malloc0(65536);
	for (gsize chunk = 65536; chunk > 0; chunk /= 2)
		while (write(fd, zeros, chunk) > 0)
			;
	return path;
}
