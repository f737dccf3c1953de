/* Downloads: the bytes come from a socket, at the pace at which they are written. */
#include "cli/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/bytes.h"
#include "cli/messages/files.h"

enum { CHUNK = 1 << 18 };

typedef struct Incoming {
	Cli *cli;
	const char *what;
	int socket;
	gint64 length;
} Incoming;

/* Takes what there is, at most `length`; how many bytes. -1 with the error if they cannot be written. */
static gint64 receive(const Incoming *incoming, int file, const char *part, GError **error)
{
	g_autoptr(Bytes) bytes = bytes_new(incoming->cli);
	g_autofree char *chunk = g_malloc(CHUNK);
	gint64 done = 0;
	while (done < incoming->length) {
		ssize_t n = recv(incoming->socket, chunk, (gsize)MIN(incoming->length - done, CHUNK), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (!fd_write_all(file, chunk, (gsize)n)) {
			error_set_errno(error, errno, T(m_cannot_write), part);
			return -1;
		}
		bytes_show(bytes, "download", done += n, incoming->length);
	}
	return done;
}

static gboolean take(int file, const char *part, gpointer data, GError **error)
{
	const Incoming *incoming = data;
	gint64 done = receive(incoming, file, part, error);
	if (done < 0)
		return FALSE;
	if (done == incoming->length)
		return TRUE;
	g_autofree char *came = units_format_size((guint64)done), *whole = units_format_size((guint64)incoming->length);
	error_set(error, ERROR_UNAVAILABLE, T(m_try_again), T(m_download_cut), incoming->what, came, whole);
	return FALSE;
}

gboolean download_write(const char *path, guint mode, DownloadWrite write, gpointer data, GError **error)
{
	g_autofree char *part = g_strconcat(path, ".part", NULL);
	gboolean private = (mode & 077) == 0;
	if (private)
		unlink(part); /* it may be somebody else's, in a directory like /tmp */
	fd_auto int file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | (private ? O_EXCL : 0),
				(mode_t)mode);
	if (file < 0) {
		error_set_errno(error, errno, T(m_cannot_write), part);
		return FALSE;
	}
	gboolean ok = write(file, part, data, error);
	if (ok && (fsync(file) < 0 || rename(part, path) < 0)) {
		error_set_errno(error, errno, T(m_cannot_write), path);
		ok = FALSE;
	}
	if (!ok)
		unlink(part);
	return ok;
}

gboolean download_save(Cli *cli, const char *what, const Reply *reply, const char *path, guint mode, GError **error)
{
	Incoming incoming = {cli, what, reply->fds[0], json_get_int(reply->head, "content_length", -1)};
	return download_write(path, mode, take, &incoming, error);
}
