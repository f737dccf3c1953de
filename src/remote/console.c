/* Consoles.
 *
 * The request brings a ticket; a WebSocket with it is the console. It runs in a child of ours for as long as it lasts,
 * so that it flows while the command makes other requests. Bytes go both ways with back-pressure: neither side is read
 * while what it sent before has not been taken by the other. */
#include "remote/console.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "remote/websocket.h"

enum { CHUNK = 32768, TIMEOUT_MS = 60000, LAST_BYTES_MS = 30000, REPORT_MAX = 4096, CHILD_FD = 3, CHILD_REPORT = 4 };

typedef struct Console {
	int fd, report;
	GByteArray *pending; /* of the guest's, for the command */
} Console;

gboolean console_is_asked_for(const Frame *request)
{
	const char *path = json_get_str(request->head, "path", "");
	g_autofree char *plain = g_strndup(path, strcspn(path, "?"));
	return g_strcmp0(json_get_str(request->head, "method", NULL), "POST") == 0 &&
	       (g_str_has_suffix(plain, "/console/serial") || g_str_has_suffix(plain, "/console/vnc"));
}

/* Tells the parent how the opening went: an error as JSON, or nothing; then the end of the socket. */
static void tell(Console *console, const GError *error)
{
	if (error) {
		json_auto json_object *json = error_to_json(error);
		const char *text = json_object_to_json_string(json);
		fd_write_all(console->report, text, strlen(text));
	} else {
		fd_write_all(console->report, "", 1);
	}
	fd_close(console->report);
	console->report = -1;
}

static void opened(WebSocket *socket)
{
	tell(socket->data, NULL);
	websocket_hold_fd(socket, FALSE);
}

/* FALSE if the command is gone. */
static gboolean flush(Console *console)
{
	while (console->pending->len > 0) {
		ssize_t n =
			send(console->fd, console->pending->data, console->pending->len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		g_byte_array_remove_range(console->pending, 0, (guint)n);
	}
	return TRUE;
}

static void pass_on(WebSocket *socket)
{
	Console *console = socket->data;
	if (!flush(console)) {
		websocket_end(socket, LWS_CLOSE_STATUS_NORMAL);
		return;
	}
	websocket_hold(socket, console->pending->len > 0);
	if (console->pending->len > 0)
		websocket_want_fd(socket);
}

static void received(WebSocket *socket, const guint8 *bytes, gsize length, gboolean final)
{
	Console *console = socket->data;
	(void)final;
	g_byte_array_append(console->pending, bytes, (guint)length);
	pass_on(socket);
}

static gboolean keys_came(WebSocket *socket)
{
	Console *console = socket->data;
	guint8 bytes[CHUNK];
	if (!socket->is_open) {
		websocket_abandon(socket); /* the command has left before anything was there */
		return FALSE;
	}
	ssize_t n = recv(console->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	websocket_hold_fd(socket, TRUE);
	websocket_send(socket, bytes, (gsize)n);
	return TRUE;
}

static void sent(WebSocket *socket)
{
	websocket_hold_fd(socket, FALSE);
}

static const WebSocketUse use = {
	.subprotocol = "binary",
	.holds_fd = TRUE,
	.opened = opened,
	.received = received,
	.sent = sent,
	.fd_readable = keys_came,
	.fd_writable = pass_on,
};

/* What the guest sent last is for the command even if the connection has ended. */
static void deliver_rest(Console *console)
{
	struct pollfd ready = {.fd = console->fd, .events = POLLOUT};
	while (console->pending->len > 0 && poll(&ready, 1, LAST_BYTES_MS) > 0 && flush(console))
		;
}

static void run_child(Remote *remote, const char *path, int fd, int report)
{
	/* The parent's connection and the command's socket are not ours. */
	int own[2] = {fcntl(fd, F_DUPFD, CHILD_REPORT + 1), fcntl(report, F_DUPFD, CHILD_REPORT + 1)};
	if (own[0] < 0 || own[1] < 0 || dup2(own[0], CHILD_FD) < 0 || dup2(own[1], CHILD_REPORT) < 0 ||
	    close_range(CHILD_REPORT + 1, ~0U, 0) < 0)
		return;
	Console console = {.fd = CHILD_FD, .report = CHILD_REPORT, .pending = g_byte_array_new()};
	WebSocket socket = {.use = &use, .peer = &remote->peer, .path = path, .fd = CHILD_FD, .data = &console};
	g_autoptr(GError) error = NULL;
	if (websocket_run(&socket, &error))
		deliver_rest(&console);
	else if (console.report >= 0 && error)
		tell(&console, error);
}

/* What the child says about the opening; FALSE with its error. */
static gboolean await_child(Remote *remote, int report, GError **error)
{
	char text[REPORT_MAX];
	gsize length = 0;
	for (gint64 end = g_get_monotonic_time() + (gint64)TIMEOUT_MS * 1000;;) {
		struct pollfd ready[2] = {{.fd = report, .events = POLLIN},
					  {.fd = remote->control.fd, .events = POLLIN}};
		gint64 left = (end - g_get_monotonic_time()) / 1000;
		if (left <= 0 || (poll(ready, 2, (int)left) < 0 && errno != EINTR) ||
		    !control_is_wanted(&remote->control)) {
			error_set(error, ERROR_TIMEOUT, NULL, "'%s' did not open the console in time",
				  remote->peer.authority);
			return FALSE;
		}
		if (!ready[0].revents)
			continue;
		ssize_t n = read(report, text + length, sizeof text - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0 && length == 0 && text[0] == 0)
			return TRUE;
		if (n > 0 && (length += (gsize)n) < sizeof text)
			continue;
		json_auto json_object *json = json_parse(text, length, NULL);
		if (json)
			g_propagate_error(error, error_new_from_json(json));
		else
			error_set(error, ERROR_FAILED, NULL, "the console's process ended early");
		return FALSE;
	}
}

static gboolean start(Remote *remote, const char *path, int *ret_fd, GError **error)
{
	int ends[2], reports[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		error_set_errno(error, errno, "cannot make a socket for the console");
		return FALSE;
	}
	fd_auto int theirs = ends[0], ours = ends[1];
	if (pipe2(reports, O_CLOEXEC) < 0) {
		error_set_errno(error, errno, "cannot make a pipe");
		return FALSE;
	}
	fd_auto int report_in = reports[0], report_out = reports[1];
	pid_t pid = fork();
	if (pid < 0) {
		error_set_errno(error, errno, "cannot start the console's process");
		return FALSE;
	}
	if (pid == 0) {
		run_child(remote, path, ours, report_out);
		_exit(0);
	}
	fd_close(fd_steal(&report_out));
	if (!await_child(remote, report_in, error))
		return FALSE;
	*ret_fd = fd_steal(&theirs);
	return TRUE;
}

void console_open(Remote *remote, Frame *request)
{
	gsize length;
	const char *bytes = g_bytes_get_data(request->body, &length);
	json_auto json_object *body = length > 0 ? json_parse(bytes, length, NULL) : NULL;
	g_autoptr(GError) error = NULL;
	int fd = -1;
	json_auto json_object *ticket =
		transfer_ask(remote, "POST", json_get_str(request->head, "path", "/"), body, TIMEOUT_MS, &error);
	const char *secret = json_get_str(ticket, "ticket", NULL), *path = json_get_str(ticket, "path", NULL);
	if (ticket && (!secret || !path))
		error_set(&error, ERROR_FAILED, "are both sides of the same version?",
			  "'%s' gave no ticket for the console", remote->peer.authority);
	if (!error) {
		g_autofree char *escaped = g_uri_escape_string(secret, NULL, FALSE);
		g_autofree char *full = g_strconcat(path, strchr(path, '?') ? "&" : "?", "ticket=", escaped, NULL);
		start(remote, full, &fd, &error);
	}
	if (error) {
		control_respond_error(&remote->control, error);
		return;
	}
	json_object *head = json_object_new_object();
	json_set_int(head, "status", 200);
	control_respond_fd(&remote->control, head, fd);
}
