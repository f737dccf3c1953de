/* yado-remote: carries the requests of one command to another host over HTTPS and WebSockets.
 *
 * The command starts it with a socket as descriptor 3, on which it speaks frames as yadod does (docs/protocol.md). The
 * first request is of our own: CONNECT with {"url","token"?,"fingerprint"?,"probe"?,"language"?} says where and with
 * what; a secret never comes as an argument or in the environment. With "probe", the certificate is looked at before
 * anything else is sent, and the answer tells of it. Requests are served one after another; a console gets a process of
 * its own. The program ends with the command. */
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "remote/console.h"
#include "remote/follow.h"
#include "remote/transfer.h"
#include "remote/upload.h"
#include "remote/words.h"

gboolean speak_japanese;

enum { CONTROL_FD = 3, PROBE_TIMEOUT_MS = 15000 };

/* What the other side shows: {"fingerprint","trusted","problem"?}. Nothing of ours is sent but a greeting. */
static json_object *probe(Remote *remote, GError **error)
{
	/* A request without the token: only its handshake matters, which a certificate that is not trusted ends. */
	g_autofree char *token = g_steal_pointer(&remote->peer.token);
	HttpCall call = {.method = "GET", .path = "/healthz", .file = -1, .timeout_ms = PROBE_TIMEOUT_MS};
	g_autoptr(GError) why = NULL;
	gboolean answered = http_perform(remote->http, &call, &why);
	http_call_clear(&call);
	remote->peer.token = g_steal_pointer(&token);
	const Trust *trust = &remote->peer.trust;
	if (!answered && !(trust->seen && trust->problem && !trust->fingerprint)) {
		g_propagate_error(error, g_steal_pointer(&why));
		return NULL;
	}
	json_object *seen = json_object_new_object();
	json_set_str(seen, "fingerprint", trust->seen);
	json_set_bool(seen, "trusted", answered);
	if (!answered)
		json_set_str(seen, "problem", trust->problem);
	return seen;
}

static void connect_peer(Remote *remote, Frame *request)
{
	gsize length;
	const char *bytes = g_bytes_get_data(request->body, &length);
	json_auto json_object *body = json_parse(bytes, length, NULL);
	g_autoptr(GError) error = NULL;
	json_object *answer = NULL;
	speak_japanese = strcmp(json_get_str(body, "language", "en"), "ja") == 0;
	/* A connection to the former one is not to be used again. */
	http_free(remote->http);
	remote->http = http_new(&remote->peer, &remote->control);
	if (peer_configure(&remote->peer, body, &error))
		answer = json_get_bool(body, "probe", FALSE) ? probe(remote, &error) : json_object_new_object();
	if (!answer) {
		control_respond_error(&remote->control, error);
		return;
	}
	json_set_str(answer, "url", remote->peer.url);
	json_object *head = json_object_new_object();
	json_set_int(head, "status", 200);
	control_respond(&remote->control, head, answer);
}

static void serve(Remote *remote, Frame *request)
{
	const char *method = json_get_str(request->head, "method", ""), *path = json_get_str(request->head, "path", "");
	g_autofree char *plain = g_strndup(path, strcspn(path, "?"));
	if (strcmp(method, "CONNECT") == 0) {
		connect_peer(remote, request);
	} else if (!remote->peer.url) {
		g_autoptr(GError) error = NULL;
		error_set(&error, ERROR_INVALID, NULL, "yado-remote was not told where to connect");
		control_respond_error(&remote->control, error);
	} else if (json_get_path(request->head, "headers.upgrade")) {
		follow_events(remote, request);
	} else if (console_is_asked_for(request)) {
		console_open(remote, request);
	} else if (strcmp(method, "POST") == 0 && strcmp(plain, "/api/v1/images") == 0 && request->fd_count > 0) {
		upload_image(remote, request);
	} else if (strcmp(method, "POST") == 0 && g_str_has_suffix(plain, "/guest/file") && request->fd_count > 0) {
		transfer_send_file(remote, request);
	} else {
		transfer_request(remote, request);
	}
}

int main(void)
{
	/* Ctrl-C is for the command, whose end is ours. A console's process is nobody's to wait for. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	int type;
	socklen_t size = sizeof type;
	if (getsockopt(CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0) {
		fprintf(stderr, "yado-remote: it is started by yado --remote\n");
		return 2;
	}
	Remote remote = {.control = {.fd = CONTROL_FD, .reader = frame_reader_new(), .waiting = G_QUEUE_INIT}};
	remote.http = http_new(&remote.peer, &remote.control);
	for (;;) {
		g_autoptr(Frame) request = control_next_request(&remote.control);
		if (!request)
			break;
		serve(&remote, request);
	}
	http_free(remote.http);
	frame_reader_free(remote.control.reader);
	g_queue_clear_full(&remote.control.waiting, (GDestroyNotify)frame_free);
	peer_clear(&remote.peer);
	return 0;
}
