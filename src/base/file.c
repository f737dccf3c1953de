/* Files and descriptors. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

int fd_steal(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

void fd_close(int fd)
{
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
}

gboolean fd_write_all(int fd, const void *data, gsize length)
{
	const char *next = data;
	while (length > 0) {
		ssize_t n = write(fd, next, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return FALSE;
		next += n;
		length -= (gsize)n;
	}
	return TRUE;
}

gboolean file_read(const char *path, gsize max_bytes, char **ret_data, gsize *ret_length, GError **error)
{
	fd_auto int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		error_set_errno(error, errno, "cannot open '%s'", path);
		return FALSE;
	}
	/* The size of /proc and /sys files is not known before reading. */
	g_autoptr(GByteArray) data = g_byte_array_new();
	for (;;) {
		guint8 chunk[16384];
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error_set_errno(error, errno, "cannot read '%s'", path);
			return FALSE;
		}
		if (n == 0)
			break;
		if (data->len + (gsize)n > max_bytes) {
			error_set(error, ERROR_TOO_LARGE, NULL, "'%s' is larger than %zu bytes", path, max_bytes);
			return FALSE;
		}
		g_byte_array_append(data, chunk, (guint)n);
	}
	if (ret_length)
		*ret_length = data->len;
	g_byte_array_append(data, (const guint8 *)"", 1);
	*ret_data = (char *)g_byte_array_free(g_steal_pointer(&data), FALSE);
	return TRUE;
}

gboolean dir_sync(const char *path, GError **error)
{
	fd_auto int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0) {
		error_set_errno(error, errno, "cannot sync directory '%s'", path);
		return FALSE;
	}
	return TRUE;
}

static gboolean write_beside(const char *path, const char *data, gsize length, guint mode, gboolean durable,
			     GError **error)
{
	g_autofree char *temporary = g_strdup_printf("%s.XXXXXX", path);
	fd_auto int fd = g_mkstemp_full(temporary, O_WRONLY | O_CLOEXEC, (int)mode);
	if (fd < 0) {
		error_set_errno(error, errno, "cannot create a file beside '%s'", path);
		return FALSE;
	}
	if (!fd_write_all(fd, data, length) || fchmod(fd, mode) < 0 || (durable && fsync(fd) < 0) ||
	    rename(temporary, path) < 0) {
		int saved = errno;
		unlink(temporary);
		error_set_errno(error, saved, "cannot write '%s'", path);
		return FALSE;
	}
	return TRUE;
}

gboolean file_replace(const char *path, const char *data, gsize length, guint mode, GError **error)
{
	return write_beside(path, data, length, mode, FALSE, error);
}

gboolean file_write_atomic(const char *path, const char *data, gsize length, guint mode, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(path);
	return write_beside(path, data, length, mode, TRUE, error) && dir_sync(dir, error);
}

gboolean file_lock(const char *path, int *ret_fd, pid_t *ret_holder, GError **error)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	fd_auto int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	*ret_fd = -1;
	if (fd < 0) {
		error_set_errno(error, errno, "cannot open '%s'", path);
		return FALSE;
	}
	if (fcntl(fd, F_SETLK, &lock) == 0) {
		*ret_fd = fd_steal(&fd);
		return TRUE;
	}
	if (errno != EAGAIN && errno != EACCES) {
		error_set_errno(error, errno, "cannot lock '%s'", path);
		return FALSE;
	}
	*ret_holder = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? lock.l_pid : 0;
	return TRUE;
}

gboolean dir_make(const char *path, guint mode, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(path);
	if (g_mkdir_with_parents(parent, 0755) < 0 || (mkdir(path, mode) < 0 && errno != EEXIST)) {
		error_set_errno(error, errno, "cannot create directory '%s'", path);
		return FALSE;
	}
	return TRUE;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info;
	(void)type;
	(void)where;
	return remove(path);
}

gboolean dir_remove(const char *path, GError **error)
{
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT) {
		error_set_errno(error, errno, "cannot remove '%s'", path);
		return FALSE;
	}
	return TRUE;
}
