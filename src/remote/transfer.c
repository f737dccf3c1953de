/* Requests and their answers. A file that comes back is given to the command as one end of a socket while the rest of
 * it still comes: what the command does not take is not read from the network. */
#include "remote/transfer.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

typedef struct Download {
	Remote *remote;
	const HttpCall *call;
	int fd; /* our end; -1 until it has begun */
} Download;

typedef struct Sending {
	Remote *remote;
	gint64 size;
} Sending;

static json_object *head_of(const HttpCall *call)
{
	json_object *head = json_object_new_object();
	json_set_int(head, "status", call->status);
	if (call->etag)
		json_set_str(head, "etag", call->etag);
	return head;
}

void transfer_respond(Remote *remote, const HttpCall *call)
{
	json_object *head = head_of(call);
	json_auto json_object *body = json_parse((const char *)call->answer->data, call->answer->len, NULL);
	if (call->status == 202 && json_get_int(body, "task", 0) > 0)
		json_set_int(head, "task", json_get_int(body, "task", 0));
	if (call->status >= 400 && !json_get(body, "error"))
		control_respond(&remote->control, head, peer_error_body(&remote->peer, call->status, NULL));
	else
		control_respond_bytes(&remote->control, head, (const char *)call->answer->data, call->answer->len);
}

json_object *transfer_ask(Remote *remote, const char *method, const char *path, json_object *body, guint timeout_ms,
			  GError **error)
{
	g_autofree char *text = body ? json_dup_text(body) : NULL;
	HttpCall call = {.method = method, .path = path, .body = text, .file = -1, .timeout_ms = timeout_ms};
	json_object *answer = NULL;
	if (http_perform(remote->http, &call, error)) {
		answer = json_parse((const char *)call.answer->data, call.answer->len, NULL);
		json_auto json_object *made = NULL;
		json_object *details = json_get(answer, "error");
		if (call.status >= 400 && !details)
			details = json_get(made = peer_error_body(&remote->peer, call.status, NULL), "error");
		if (call.status >= 400) {
			g_propagate_error(error, error_new_from_json(details));
			json_clear(&answer);
			answer = NULL;
		} else if (!answer) {
			answer = json_object_new_object();
		}
	}
	http_call_clear(&call);
	return answer;
}

void transfer_progress(Remote *remote, const char *step, gint64 done, gint64 total)
{
	json_object *event = json_object_new_object(), *progress = json_object_new_object();
	json_set_str(progress, "step", step);
	json_set_int(progress, "done", done);
	json_set_int(progress, "total", total);
	json_set_str(progress, "unit", "B");
	json_set(event, "progress", progress);
	control_event(&remote->control, event);
}

static gboolean begin_download(gint64 length, gpointer data)
{
	Download *download = data;
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return FALSE;
	download->fd = ends[0];
	json_object *head = json_object_new_object();
	json_set_int(head, "status", download->call->status);
	json_set_int(head, "content_length", length);
	control_respond_fd(&download->remote->control, head, ends[1]);
	return TRUE;
}

/* Waits for the command as long as it takes; libcurl's own timeout counts what comes from the network. */
static gboolean take_download(const void *bytes, gsize length, gpointer data)
{
	Download *download = data;
	return fd_write_all(download->fd, bytes, length);
}

/* "/api/v1/images/NAME/disk" takes its time, and so do a support bundle and a file of a guest. */
static gboolean may_be_file(const char *path)
{
	const char *images = "/api/v1/images/";
	return (g_str_has_prefix(path, images) && strchr(path + strlen(images), '/')) ||
	       g_str_has_suffix(path, "/support-bundle") || strstr(path, "/guest/file?");
}

void transfer_request(Remote *remote, Frame *request)
{
	json_object *headers = json_copy(json_get(request->head, "headers"));
	if (headers)
		json_object_object_del(headers, "upgrade");
	gsize length;
	const char *bytes = g_bytes_get_data(request->body, &length);
	g_autofree char *body = length > 0 ? g_strndup(bytes, length) : NULL;
	const char *path = json_get_str(request->head, "path", "/");
	Download download = {.remote = remote, .fd = -1};
	HttpCall call = {
		.method = json_get_str(request->head, "method", "GET"),
		.path = path,
		.headers = headers,
		.body = body,
		.file = -1,
		.timeout_ms = may_be_file(path) ? 0 : (guint)json_get_int(request->head, "deadline_ms", 60000),
		.begin = begin_download,
		.take = take_download,
		.data = &download,
	};
	download.call = &call;
	g_autoptr(GError) error = NULL;
	gboolean answered = http_perform(remote->http, &call, &error);
	/* Once it has begun, a file that ends early says enough. */
	if (download.fd >= 0)
		fd_close(download.fd);
	else if (answered)
		transfer_respond(remote, &call);
	else
		control_respond_error(&remote->control, error);
	http_call_clear(&call);
	if (headers)
		json_object_put(headers);
}

static void on_sent(gint64 count, gpointer data)
{
	const Sending *sending = data;
	transfer_progress(sending->remote, "upload", count, sending->size);
}

void transfer_send_file(Remote *remote, Frame *request)
{
	struct stat status;
	fd_auto int file = frame_steal_fd(request, 0);
	g_autoptr(GError) error = NULL;
	if (fstat(file, &status) < 0 || !S_ISREG(status.st_mode)) {
		error_set(&error, ERROR_INVALID, NULL, "it must be a regular file");
		control_respond_error(&remote->control, error);
		return;
	}
	Sending sending = {remote, status.st_size};
	HttpCall call = {
		.method = json_get_str(request->head, "method", "POST"),
		.path = json_get_str(request->head, "path", "/"),
		.file = file,
		.length = status.st_size,
		.sent = on_sent,
		.data = &sending,
	};
	if (http_perform(remote->http, &call, &error))
		transfer_respond(remote, &call);
	else
		control_respond_error(&remote->control, error);
	http_call_clear(&call);
}
