/* Whole files, out of a guest and into it.
 *
 * A file goes in beside the one whose place it takes, with that one's owner and mode, and is renamed when all of it is
 * there: nobody in the guest sees a part. That needs commands (guest-exec) and a shell; without, the file itself is
 * written, and whoever asked is told. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/tools/ask.h"
#include "guest/tools/exec.h"
#include "guest/tools/file.h"
#include "guest/tools/leftover.h"

enum {
	STALL_MS = 60000,
	SMALL_MAX = 1 << 20, /* of a file that does not know its size, as in /proc */
	SCRIPT_TIMEOUT_MS = 20000,
};

static gboolean check_path(const char *path, GError **error)
{
	gboolean windows = g_ascii_isalpha(path[0]) && path[1] == ':';
	if (strlen(path) <= GUEST_PATH_MAX && (path[0] == '/' || windows))
		return TRUE;
	error_set_field(error, ERROR_INVALID, "path", NULL, "path must be an absolute path in the guest");
	return FALSE;
}

static gboolean is_wanted(GuestWanted wanted, gpointer data, GError **error)
{
	if (wanted(data))
		return TRUE;
	error_set(error, ERROR_CANCELLED, NULL, "it is not wanted any more");
	return FALSE;
}

/* --- Out of the guest --- */

struct GuestGet {
	Vm *vm;
	gint64 handle, size;
	GByteArray *whole; /* of a file that does not know its size */
};

void guest_get_free(GuestGet *get)
{
	if (!get)
		return;
	if (get->handle >= 0)
		guest_file_close(get->vm, get->handle);
	if (get->whole)
		g_byte_array_unref(get->whole);
	vm_unref(get->vm);
	g_free(get);
}

/* /proc's files have no size until they are read. */
static gboolean read_whole(GuestGet *get, GError **error)
{
	gboolean end = FALSE;
	get->whole = g_byte_array_new();
	while (!end && get->whole->len < SMALL_MAX) {
		g_autoptr(GByteArray) piece = guest_file_read(get->vm, get->handle, GUEST_FILE_PIECE, &end, error);
		if (!piece)
			return FALSE;
		g_byte_array_append(get->whole, piece->data, piece->len);
		end |= piece->len == 0;
	}
	get->size = get->whole->len;
	return TRUE;
}

/* A directory can be opened, and is said to be endless. */
static gboolean can_be_read(GuestGet *get, GError **error)
{
	gboolean end;
	g_autoptr(GByteArray) piece = guest_file_read(get->vm, get->handle, 1, &end, error);
	return piece != NULL;
}

static gboolean measure(GuestGet *get, GError **error)
{
	g_autoptr(GError) failure = NULL;
	get->size = guest_file_measure(get->vm, get->handle, 0, &failure);
	if (get->size > GUEST_FILE_MAX && !can_be_read(get, error))
		return FALSE;
	if (get->size > GUEST_FILE_MAX) {
		error_set(error, ERROR_TOO_LARGE, "carry it over the network, or by a disk",
			  "the file has %" G_GINT64_FORMAT " bytes; the agent's way is for at most %" G_GINT64_FORMAT,
			  get->size, GUEST_FILE_MAX);
		return FALSE;
	}
	if (get->size > 0)
		return TRUE;
	/* A pipe or a device has no end to look for. */
	if (get->size < 0 && error_code(failure) != ERROR_FAILED) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	return read_whole(get, error);
}

GuestGet *guest_get_open(Vm *vm, const char *path, gint64 *ret_size, GError **error)
{
	if (!check_path(path, error))
		return NULL;
	gint64 handle = guest_file_open(vm, path, "rb", error);
	if (handle < 0)
		return NULL;
	GuestGet *get = g_new0(GuestGet, 1);
	get->vm = vm_ref(vm);
	get->handle = handle;
	if (!measure(get, error)) {
		guest_get_free(get);
		return NULL;
	}
	*ret_size = get->size;
	return get;
}

static gboolean send_piece(int target, const guint8 *bytes, gsize length, GuestWanted wanted, gpointer data,
			   GError **error)
{
	gint64 moved_us = g_get_monotonic_time();
	while (length > 0) {
		struct pollfd ready = {.fd = target, .events = POLLOUT};
		if (!is_wanted(wanted, data, error))
			return FALSE;
		if (poll(&ready, 1, 1000) == 0 && g_get_monotonic_time() - moved_us > STALL_MS * 1000) {
			error_set(error, ERROR_TIMEOUT, NULL, "nobody takes the file");
			return FALSE;
		}
		ssize_t n = send(target, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0) {
			error_set(error, ERROR_CANCELLED, NULL, "whoever asked for the file is gone");
			return FALSE;
		}
		moved_us = g_get_monotonic_time();
		bytes += n;
		length -= (gsize)n;
	}
	return TRUE;
}

gboolean guest_get_send(GuestGet *get, int target, GuestWanted wanted, gpointer data, GError **error)
{
	if (get->whole)
		return send_piece(target, get->whole->data, get->whole->len, wanted, data, error);
	for (gint64 done = 0; done < get->size;) {
		gboolean end = FALSE;
		gsize most = (gsize)MIN(get->size - done, GUEST_FILE_PIECE);
		g_autoptr(GByteArray) piece = guest_file_read(get->vm, get->handle, most, &end, error);
		if (!piece || !send_piece(target, piece->data, piece->len, wanted, data, error))
			return FALSE;
		if (piece->len == 0) {
			error_set(error, ERROR_FAILED, NULL, "the file became shorter while it was read");
			return FALSE;
		}
		done += piece->len;
	}
	return TRUE;
}

/* --- Into the guest --- */

/* Makes the file beside, for nobody but root; says its name and whose place it takes. */
static const char begin_script[] =
	"umask 077; p=$(readlink -f -- \"$1\") || p=$1; [ ! -d \"$p\" ] || { echo \"$p is a directory\" >&2; exit 1; "
	"}; t=\"${p%/*}/.${p##*/}.$2\"; set -C; : >\"$t\" || exit 1; printf '%s\\n%s\\n' \"$t\" \"$p\"";
static const char end_script[] =
	"t=$1; p=$2; m=$3; if [ -e \"$p\" ]; then chown \"$(stat -c %u:%g -- \"$p\")\" \"$t\" || exit 1; "
	"[ \"$m\" ] || m=$(stat -c %a -- \"$p\"); fi; chmod \"${m:-644}\" \"$t\" && sync -d \"$t\" 2>/dev/null; "
	"mv -f -- \"$t\" \"$p\" || exit 1; if command -v restorecon >/dev/null 2>&1; then restorecon \"$p\"; fi; :";

typedef struct Put {
	Vm *vm;
	const char *path;
	char *beside, *target; /* NULL: straight into the file */
	int mode;
	gint64 handle, done, size;
	int source;
	GuestWanted wanted;
	gpointer data;
} Put;

/* TRUE with `beside` NULL: this guest has no way to do that. */
static gboolean begin_beside(Put *put, GError **error)
{
	g_autoptr(GError) reason = NULL;
	g_autofree char *mark = g_strdup_printf("yado-%08x", g_random_int());
	const char *words[] = {"/bin/sh", "-c", begin_script, "yado", put->path, mark, NULL};
	g_autofree char *said = guest_exec_run(put->vm, words, SCRIPT_TIMEOUT_MS, &reason);
	if (said) {
		g_auto(GStrv) lines = g_strsplit(said, "\n", 4);
		if (g_strv_length(lines) == 3 && lines[0][0] == '/' && lines[1][0] == '/') {
			put->beside = g_strdup(lines[0]);
			leftover_note(put->vm, LEFTOVER_FILE, put->beside);
			put->target = g_strdup(lines[1]);
			return TRUE;
		}
		error_set(&reason, ERROR_FAILED, NULL, "the guest answers what cannot be");
	}
	/* With a shell that has said why, there is no other way either. */
	gboolean told = g_str_has_prefix(reason->message, "in the guest:");
	gboolean other_way = !told && (error_code(reason) == ERROR_UNSUPPORTED || error_code(reason) == ERROR_FAILED);
	if (other_way && put->mode < 0)
		return TRUE;
	if (other_way)
		error_set_field(error, ERROR_UNSUPPORTED, "mode", "leave the mode out",
				"the file's mode cannot be set, since the guest runs no commands: %s", reason->message);
	else
		g_propagate_error(error, g_steal_pointer(&reason));
	return FALSE;
}

static gboolean carry(Put *put, GError **error)
{
	g_autofree guint8 *piece = g_malloc(GUEST_FILE_WRITE);
	gint64 moved_us = g_get_monotonic_time();
	while (put->done < put->size) {
		struct pollfd ready = {.fd = put->source, .events = POLLIN};
		if (!is_wanted(put->wanted, put->data, error))
			return FALSE;
		if (poll(&ready, 1, 1000) == 0) {
			if (g_get_monotonic_time() - moved_us <= STALL_MS * 1000)
				continue;
			error_set(error, ERROR_TIMEOUT, NULL, "no more of the file comes");
			return FALSE;
		}
		ssize_t n = read(put->source, piece, (gsize)MIN(put->size - put->done, GUEST_FILE_WRITE));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0) {
			error_set(error, ERROR_INVALID, "send it again", "only a part of the file came");
			return FALSE;
		}
		if (!guest_file_write(put->vm, put->handle, piece, (gsize)n, error))
			return FALSE;
		put->done += n;
		moved_us = g_get_monotonic_time();
	}
	return TRUE;
}

static gboolean write_file(Put *put, GError **error)
{
	put->handle =
		guest_file_open(put->vm, put->beside ? put->beside : put->path, put->beside ? "r+b" : "wb", error);
	if (put->handle < 0)
		return FALSE;
	gboolean good = carry(put, error);
	good = good && guest_file_flush(put->vm, put->handle, error);
	guest_file_close(put->vm, put->handle);
	return good;
}

static gboolean finish(Put *put, GError **error)
{
	g_autofree char *mode = put->mode >= 0 ? g_strdup_printf("%o", (guint)put->mode) : g_strdup("");
	const char *words[] = {"/bin/sh", "-c", end_script, "yado", put->beside, put->target, mode, NULL};
	g_autofree char *said = guest_exec_run(put->vm, words, SCRIPT_TIMEOUT_MS, error);
	if (said)
		leftover_forget(put->vm, LEFTOVER_FILE, put->beside);
	return said != NULL;
}

/* What was begun beside is taken away; what was written straight is as long as it is, and that is told. */
static void undo(Put *put, GError **error)
{
	if (put->beside) {
		const char *words[] = {"/bin/rm", "-f", "--", put->beside, NULL};
		g_autofree char *said = guest_exec_run(put->vm, words, SCRIPT_TIMEOUT_MS, NULL);
		if (said)
			leftover_forget(put->vm, LEFTOVER_FILE, put->beside);
		else
			g_prefix_error(error, "(what came of it lies in the guest as %s) ", put->beside);
	} else if (put->handle >= 0) {
		g_prefix_error(error,
			       "(the file in the guest is cut: %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " bytes) ",
			       put->done, put->size);
	}
}

json_object *guest_put(Vm *vm, const char *path, gint64 size, int mode, int source, GuestWanted wanted, gpointer data,
		       GError **error)
{
	Put put = {.vm = vm, .path = path, .mode = mode, .handle = -1, .size = size, .source = source, .wanted = wanted,
		   .data = data};
	json_object *answer = NULL;
	if (!check_path(path, error))
		return NULL;
	if (size > GUEST_FILE_MAX) {
		error_set(error, ERROR_TOO_LARGE, "carry it over the network, or by a disk",
			  "the file has %" G_GINT64_FORMAT " bytes; the agent's way is for at most %" G_GINT64_FORMAT,
			  size, GUEST_FILE_MAX);
		return NULL;
	}
	if (begin_beside(&put, error)) {
		if (write_file(&put, error) && (!put.beside || finish(&put, error))) {
			g_autofree char *clean = tools_clean(put.target ? put.target : path, GUEST_PATH_MAX);
			answer = json_object_new_object();
			json_set_str(answer, "path", clean);
			json_set_int(answer, "size", size);
			json_set_bool(answer, "atomic", put.beside != NULL);
		} else {
			undo(&put, error);
		}
	}
	g_free(put.beside);
	g_free(put.target);
	return answer;
}
