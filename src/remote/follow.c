/* Events from a WebSocket to the command, only as fast as it grants credit: without credit nothing is read, and the
 * other side notices that its reader is slow. */
#include "remote/follow.h"

#include "base/error.h"
#include "base/json.h"
#include "remote/websocket.h"

typedef struct Follow {
	Remote *remote;
	GByteArray *message; /* pieces of one that is not complete */
} Follow;

static void opened(WebSocket *socket)
{
	Follow *follow = socket->data;
	json_object *head = json_object_new_object();
	json_set_int(head, "status", 200);
	json_set_bool(head, "stream", TRUE);
	control_respond(&follow->remote->control, head, NULL);
}

/* Without credit no more is read; what libwebsockets has read already, a few TLS records at most, still comes. */
static void mind_credit(WebSocket *socket)
{
	Follow *follow = socket->data;
	websocket_hold(socket, follow->remote->control.credit <= 0);
}

static void received(WebSocket *socket, const guint8 *bytes, gsize length, gboolean final)
{
	Follow *follow = socket->data;
	if (follow->message->len + length > FRAME_LENGTH_MAX - 4) {
		websocket_end(socket, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE);
		return;
	}
	g_byte_array_append(follow->message, bytes, (guint)length);
	if (!final)
		return;
	json_object *event = json_parse((const char *)follow->message->data, follow->message->len, NULL);
	g_byte_array_set_size(follow->message, 0);
	if (!json_object_is_type(event, json_type_object)) {
		if (event)
			json_object_put(event);
		websocket_end(socket, LWS_CLOSE_STATUS_INVALID_PAYLOAD);
		return;
	}
	control_event(&follow->remote->control, event);
	mind_credit(socket);
}

/* Credit, a cancellation, or the command's end. */
static gboolean command_spoke(WebSocket *socket)
{
	Follow *follow = socket->data;
	control_read(&follow->remote->control);
	if (follow->remote->control.over || follow->remote->control.cancelled)
		websocket_abandon(socket);
	else
		mind_credit(socket);
	return !follow->remote->control.over;
}

static const WebSocketUse use = {.opened = opened, .received = received, .fd_readable = command_spoke};

void follow_events(Remote *remote, Frame *request)
{
	g_autoptr(GByteArray) message = g_byte_array_new();
	Follow follow = {.remote = remote, .message = message};
	WebSocket socket = {
		.use = &use,
		.peer = &remote->peer,
		.path = json_get_str(request->head, "path", "/"),
		.authorize = TRUE,
		.fd = remote->control.fd,
		.data = &follow,
	};
	g_autoptr(GError) error = NULL;
	gboolean was_open = websocket_run(&socket, &error);
	if (!was_open && error)
		control_respond_error(&remote->control, error);
	else if (was_open && socket.close_code == LWS_CLOSE_STATUS_NORMAL)
		control_end_events(&remote->control);
	else if (was_open && !socket.abandoned)
		control_cancel(&remote->control);
	websocket_clear(&socket);
}
