/* /vms/{id}/guest/file: files out of a guest and into it. Bytes go by a socket, as docs/front.md has them; on the local
 * socket a file's descriptor comes with the request. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "api/guest-work.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/tools/file.h"

static const char *path_of(Call *call, GError **error)
{
	const char *path = call_query(call, "path");
	if (!path)
		error_set_field(error, ERROR_INVALID, "path", "?path=/etc/hostname", "which file of the guest?");
	return path;
}

static void free_pair(int pair[2])
{
	fd_close(pair[0]);
	fd_close(pair[1]);
}

static gboolean make_pair(int pair[2], GError **error)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0)
		return TRUE;
	error_set_errno(error, errno, "cannot make a socket pair");
	return FALSE;
}

/* --- Out --- */

typedef struct Sending {
	GuestWork *work;
	GuestGet *get;
	int target;
} Sending;

static gpointer send_file(gpointer data)
{
	Sending *sending = data;
	g_autoptr(GError) error = NULL;
	if (!guest_get_send(sending->get, sending->target, guest_work_is_wanted, sending->work, &error))
		g_info("VM %" G_GINT64_FORMAT ": a file out of the guest ended early: %s", sending->work->vm->id,
		       error->message);
	fd_close(sending->target);
	guest_get_free(sending->get);
	guest_work_free(sending->work);
	g_free(sending);
	return NULL;
}

/* The last step of the path, as a name that any system takes. */
static void name_download(Call *call, const char *path)
{
	g_autofree char *name = g_path_get_basename(path);
	for (char *c = name; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("._-", *c))
			*c = '_';
	g_autofree char *disposition = g_strdup_printf("attachment; filename=\"%.200s\"", name);
	answer_header(call, "content-type", "application/octet-stream");
	answer_header(call, "content-disposition", disposition);
}

static gboolean start_sending(Call *call, GuestWork *work, const char *path, GError **error)
{
	gint64 size = 0;
	int pair[2];
	GuestGet *get = guest_get_open(work->vm, path, &size, error);
	if (!get || !make_pair(pair, error)) {
		guest_get_free(get);
		return FALSE;
	}
	Sending *sending = g_new(Sending, 1);
	*sending = (Sending){work, get, pair[0]};
	if (!guest_work_run(send_file, sending, error)) {
		free_pair(pair);
		guest_get_free(get);
		g_free(sending);
		return FALSE;
	}
	name_download(call, path);
	json_set_int(call->response->head, "content_length", size);
	call->response->fds[call->response->fd_count++] = pair[1];
	call->response->status = 200;
	return TRUE;
}

static gboolean get_file(Call *call, GError **error)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	const char *path = vm ? path_of(call, error) : NULL;
	GuestWork *work = path ? guest_work_new(call, vm, NULL, error) : NULL;
	if (!work)
		return FALSE;
	if (start_sending(call, work, path, error))
		return TRUE;
	guest_work_free(work);
	return FALSE;
}

/* --- In --- */

typedef struct Receiving {
	GuestWork *work;
	char *path;
	gint64 size;
	int mode, source;
} Receiving;

static void receiving_free(Receiving *receiving)
{
	fd_close(receiving->source);
	guest_work_free(receiving->work);
	g_free(receiving->path);
	g_free(receiving);
}

static gpointer receive_file(gpointer data)
{
	Receiving *receiving = data;
	GuestWork *work = receiving->work;
	g_autoptr(GError) error = NULL;
	json_object *answer = guest_put(work->vm, receiving->path, receiving->size, receiving->mode, receiving->source,
					guest_work_is_wanted, work, &error);
	json_auto json_object *event = json_object_new_object();
	json_object *response = json_object_new_object();
	json_set(event, "response", response);
	json_set_int(response, "status", answer ? 200 : error_code_status(error_code(error)));
	if (!answer) {
		answer = json_object_new_object();
		json_set(answer, "error", error_to_json(error));
	}
	json_set(response, "body", answer);
	stream_send_event(work->stream, event);
	stream_close(work->stream);
	receiving_free(receiving);
	return NULL;
}

static gboolean read_mode(Call *call, int *ret_mode, GError **error)
{
	const char *text = call_query(call, "permissions");
	guint64 mode;
	*ret_mode = -1;
	if (!text)
		return TRUE;
	if (strlen(text) >= 3 && g_ascii_string_to_unsigned(text, 8, 0, 07777, &mode, NULL)) {
		*ret_mode = (int)mode;
		return TRUE;
	}
	error_set_field(error, ERROR_INVALID, "permissions", NULL, "permissions must be an octal number, as in 644");
	return FALSE;
}

/* The bytes come by a socket that the answer brings. */
static gboolean receive_later(Call *call, Vm *vm, const char *path, int mode, GError **error)
{
	int pair[2];
	GuestWork *work = guest_work_new(call, vm, call->request->stream, error);
	if (!work)
		return FALSE;
	if (!make_pair(pair, error)) {
		guest_work_free(work);
		return FALSE;
	}
	Receiving *receiving = g_new0(Receiving, 1);
	*receiving = (Receiving){work, g_strdup(path), call->request->content_length, mode, pair[0]};
	if (!guest_work_run(receive_file, receiving, error)) {
		receiving_free(receiving);
		fd_close(pair[1]);
		return FALSE;
	}
	call->response->keep_stream = TRUE;
	call->response->fds[call->response->fd_count++] = pair[1];
	call->response->status = 100;
	return TRUE;
}

/* Of the local socket: the file is there. */
static gboolean receive_now(Call *call, Vm *vm, const char *path, int mode, GError **error)
{
	struct stat info;
	fd_auto int source = frame_steal_fd(call->request->frame, 0);
	if (source < 0 || fstat(source, &info) < 0 || !S_ISREG(info.st_mode)) {
		error_set(error, ERROR_INVALID, "send a regular file's descriptor, or bytes with a content-length",
			  "no file comes with the request");
		return FALSE;
	}
	GuestWork *work = guest_work_new(call, vm, call->request->stream, error);
	json_object *answer =
		work ? guest_put(vm, path, info.st_size, mode, source, guest_work_is_wanted, work, error) : NULL;
	guest_work_free(work);
	return answer && answer_json(call, 200, answer);
}

static gboolean put_file(Call *call, GError **error)
{
	int mode;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	const char *path = vm ? path_of(call, error) : NULL;
	if (!path || !read_mode(call, &mode, error))
		return FALSE;
	return call->request->content_length >= 0 ? receive_later(call, vm, path, mode, error)
						  : receive_now(call, vm, path, mode, error);
}

const Route guest_file_routes[] = {
	{"GET", "/vms/{}/guest/file", get_file, "a file of a guest", PRIVILEGE_VM_GUEST, SCOPE_VM, .query = "path",
	 .answer = ANSWER_BYTES, .audited = TRUE, .summary_ja = "ゲストのファイルの取得"},
	{"POST", "/vms/{}/guest/file", put_file, "put a file into a guest", PRIVILEGE_VM_GUEST, SCOPE_VM,
	 .query = "path permissions", .bulk = TRUE, .answer = ANSWER_DOCUMENT, .result = &guest_file_table,
	 .unkept = TRUE, .summary_ja = "ゲストへのファイルの書き込み"},
	{NULL},
};
