/* yado vm get-file, put-file: files out of a guest and into it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/ask.h"
#include "cli/bytes.h"
#include "cli/download.h"
#include "cli/format.h"
#include "cli/messages/files.h"
#include "cli/messages/guest-tools.h"

enum { CHUNK = 1 << 18, PUT_TIMEOUT_MS = 900000 /* the longest that a request may take */ };

const Option get_file_options[] = {
	{"force", 'f', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_force)},
	{0}};
const Option put_file_options[] = {
	{"mode", 'm', "OCTAL", NULL, COMPLETE_NOTHING, TEXT(m_opt_file_mode)},
	{0}};

static char *file_path(const char *id, const char *path)
{
	g_autofree char *escaped = g_uri_escape_string(path, NULL, FALSE);
	g_autofree char *suffix = g_strconcat("/guest/file?path=", escaped, NULL);
	return ask_path("/vms/", id, suffix);
}

/* To standard output, as it comes. */
static gboolean pass_on(const Reply *reply, const char *what, GError **error)
{
	gint64 length = json_get_int(reply->head, "content_length", 0), done = 0;
	g_autofree char *chunk = g_malloc(CHUNK);
	while (done < length) {
		ssize_t n = recv(reply->fds[0], chunk, (gsize)MIN(length - done, CHUNK), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (!fd_write_all(STDOUT_FILENO, chunk, (gsize)n)) {
			error_set_errno(error, errno, T(m_cannot_write), T(m_stdout));
			return FALSE;
		}
		done += n;
	}
	if (done == length)
		return TRUE;
	g_autofree char *came = units_format_size((guint64)done), *whole = units_format_size((guint64)length);
	error_set(error, ERROR_UNAVAILABLE, T(m_try_again), T(m_download_cut), what, came, whole);
	return FALSE;
}

Exit vm_get_file_exec(Cli *cli, Arguments *arguments)
{
	g_autoptr(GError) error = NULL;
	const char *from = arguments_word(arguments, 1), *to = arguments_word(arguments, 2);
	g_autofree char *name = g_path_get_basename(from);
	gboolean out = g_strcmp0(to, "-") == 0;
	if (!to)
		to = name;
	if (!out && access(to, F_OK) == 0 && !arguments_has(arguments, "force"))
		return usage_error(T(m_file_exists_hint), T(m_file_exists), to);
	Exit code = EXIT_DONE;
	g_autofree char *path = file_path(arguments_word(arguments, 0), from);
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, &code);
	if (!reply)
		return code;
	if (!(out ? pass_on(reply, from, &error) : download_save(cli, from, reply, to, 0600, &error)))
		return report(error);
	g_autofree char *size = units_format_size((guint64)json_get_int(reply->head, "content_length", 0));
	if (!out && !cli->quiet)
		fprintf(stderr, T(m_file_got), from, to, size);
	return EXIT_DONE;
}

/* Standard input, kept until its size is known. */
static int spool_input(GError **error)
{
	fd_auto int file = memfd_create("input", MFD_CLOEXEC);
	g_autofree char *chunk = g_malloc(CHUNK);
	ssize_t n;
	if (file < 0) {
		error_set_errno(error, errno, T(m_cannot_read), T(m_stdin));
		return -1;
	}
	while ((n = read(STDIN_FILENO, chunk, CHUNK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !fd_write_all(file, chunk, (gsize)n)) {
			error_set_errno(error, errno, T(m_cannot_read), T(m_stdin));
			return -1;
		}
	}
	lseek(file, 0, SEEK_SET);
	return fd_steal(&file);
}

static int open_source(const char *name, GError **error)
{
	struct stat status;
	if (strcmp(name, "-") == 0)
		return spool_input(error);
	fd_auto int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0) {
		error_set_errno(error, errno, T(m_cannot_open), name);
		return -1;
	}
	if (!S_ISREG(status.st_mode)) {
		error_set(error, ERROR_INVALID, T(m_not_regular_hint), T(m_not_regular), name);
		return -1;
	}
	return fd_steal(&fd);
}

Exit vm_put_file_exec(Cli *cli, Arguments *arguments)
{
	g_autoptr(GError) error = NULL;
	const char *from = arguments_word(arguments, 1), *to = arguments_word(arguments, 2);
	const char *mode = arguments_get(arguments, "mode", NULL);
	fd_auto int source = open_source(from, &error);
	Client *client = source >= 0 ? ask_client(cli, &error) : NULL;
	if (!client)
		return report(error);
	g_autofree char *path = file_path(arguments_word(arguments, 0), to);
	g_autofree char *escaped = mode ? g_uri_escape_string(mode, NULL, FALSE) : NULL;
	g_autofree char *full = g_strconcat("/api/v1", path, mode ? "&permissions=" : "", escaped, NULL);
	g_autoptr(Bytes) bytes = bytes_new(cli);
	client_set_progress(client, bytes_on_progress, bytes);
	g_autoptr(Reply) reply = client_request(client, "POST", full, NULL, NULL, &source, 1, PUT_TIMEOUT_MS, &error);
	client_set_progress(client, NULL, NULL);
	if (!reply)
		return report(error);
	if (cli->json) {
		return finish(cli, g_steal_pointer(&reply), &guest_file_table, NULL);
	}
	g_autofree char *size = units_format_size((guint64)json_get_int(reply->body, "size", 0));
	g_autofree char *where = format_safe(json_get_str(reply->body, "path", to));
	if (!cli->quiet)
		fprintf(stderr, T(m_file_put), where, size);
	if (!cli->quiet && !json_get_bool(reply->body, "atomic", FALSE))
		fprintf(stderr, "%s", T(m_file_not_atomic));
	return EXIT_DONE;
}
