/* Files and descriptors: whole reads with a bound, atomic and durable writes, directories. */
#pragma once
#include <glib.h>

static inline void fd_clear(int *fd);
/* `fd_auto int fd = -1;` closes at the end of the scope. */
#define fd_auto __attribute__((cleanup(fd_clear)))
int fd_steal(int *fd); /* returns the descriptor and leaves -1 */
void fd_close(int fd); /* -1 is fine; keeps errno */
static inline void fd_clear(int *fd)
{
	fd_close(*fd);
}

/* Reads a whole file of at most max_bytes; a trailing NUL is added and not counted. ERROR_TOO_LARGE past it. */
gboolean file_read(const char *path, gsize max_bytes, char **ret_data, gsize *ret_length, GError **error);
/* Writes beside the target, fsyncs file and directory, renames: after TRUE the new content survives a power cut,
 * and at no moment does a reader see a part. */
gboolean file_write_atomic(const char *path, const char *data, gsize length, guint mode, GError **error);
/* The same without the fsyncs: a reader sees the old or the new content, a power cut may take both. For what is void
 * after a reboot anyhow. */
gboolean file_replace(const char *path, const char *data, gsize length, guint mode, GError **error);
/* Locks the file, which is made if it is not there, for this process as a whole and until it ends or closes any
 * descriptor of the file. It is fcntl(2)'s lock, since a child that has not executed its program yet would keep
 * flock(2)'s beyond our end. Another's: TRUE, *ret_fd -1, and *ret_holder the process (0: it has just gone). */
gboolean file_lock(const char *path, int *ret_fd, pid_t *ret_holder, GError **error);
/* Like mkdir -p; the last component gets the mode. */
gboolean dir_make(const char *path, guint mode, GError **error);
/* fsyncs a directory, so that names in it survive a power cut. */
gboolean dir_sync(const char *path, GError **error);
/* Removes a tree without following links; absent is fine. */
gboolean dir_remove(const char *path, GError **error);
/* Writes all bytes, retrying short writes and EINTR. FALSE with errno set. */
gboolean fd_write_all(int fd, const void *data, gsize length);
