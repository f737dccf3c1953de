/* The socket's file: made with its mode, and a dead predecessor replaced. */
#include "api/server-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

/* TRUE when the path is free: nothing there, or a socket behind which nobody listens, which is removed. */
static gboolean clear_path(const struct sockaddr_un *address, GError **error)
{
	const char *path = address->sun_path;
	struct stat info;
	if (lstat(path, &info) < 0) {
		if (errno == ENOENT)
			return TRUE;
		error_set_errno(error, errno, "cannot look at '%s'", path);
		return FALSE;
	}
	if (!S_ISSOCK(info.st_mode)) {
		error_set(error, ERROR_EXISTS, "move it away",
			  "cannot listen at '%s': there is something that is no socket", path);
		return FALSE;
	}
	fd_auto int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0) {
		error_set_errno(error, errno, "cannot make a socket");
		return FALSE;
	}
	/* EAGAIN: somebody listens and is busy. */
	if (connect(probe, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN) {
		error_set(error, ERROR_CONFLICT, "stop the yadod that runs, or give this one another directory",
			  "cannot listen at '%s': somebody answers there already", path);
		return FALSE;
	}
	if (errno != ECONNREFUSED || unlink(path) < 0) {
		error_set_errno(error, errno, "cannot replace the socket '%s'", path);
		return FALSE;
	}
	return TRUE;
}

int server_bind(const char *path, const ServerOptions *options, struct stat *ret_info, GError **error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path) {
		error_set(error, ERROR_INVALID, "use a run directory with a shorter path",
			  "cannot listen at '%s': the path has %zu bytes, a Unix socket's may have %zu", path,
			  strlen(path), sizeof address.sun_path - 1);
		return -1;
	}
	strcpy(address.sun_path, path);
	/* One at a time looks, removes and binds: two that start together must not remove each other's socket. */
	g_autofree char *directory = g_path_get_dirname(path);
	fd_auto int lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX) < 0) {
		error_set_errno(error, errno, "cannot open the directory '%s' for a socket", directory);
		return -1;
	}
	if (!clear_path(&address, error))
		return -1;
	fd_auto int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode of an unbound socket is the one that bind() gives to the file (unix(7) leaves it to the umask). */
	if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
	    (options->front && lchown(path, options->uid, (gid_t)-1) < 0) || listen(fd, CONNECTIONS_MAX) < 0 ||
	    lstat(path, ret_info) < 0) {
		error_set_errno(error, errno, "cannot listen at '%s'", path);
		return -1;
	}
	return fd_steal(&fd);
}
