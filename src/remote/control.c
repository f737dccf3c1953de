/* Frames to and from the command. A frame that cannot be sent means that the command is gone. */
#include "remote/control.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

enum { SEND_TIMEOUT_MS = 30000 };

/* Takes one frame that has come; FALSE: there is none. */
static gboolean take_frame(Control *control)
{
	g_autoptr(Frame) frame = NULL;
	int state = frame_reader_next(control->reader, &frame, NULL);
	control->over |= state < 0;
	if (state <= 0)
		return FALSE;
	if (frame->type == FRAME_REQUEST)
		g_queue_push_tail(&control->waiting, g_steal_pointer(&frame));
	else if (frame->stream == control->stream && frame->type == FRAME_CREDIT)
		control->credit = MIN(control->credit + frame->credit, FRAME_CREDIT_MAX);
	else if (frame->stream == control->stream && frame->type == FRAME_CANCEL)
		control->cancelled = TRUE;
	return TRUE;
}

void control_read(Control *control)
{
	if (frame_receive(control->fd, control->reader) < 0)
		control->over = TRUE;
	while (take_frame(control))
		;
}

Frame *control_next_request(Control *control)
{
	while (!control->over && g_queue_is_empty(&control->waiting))
		control_read(control);
	Frame *request = control->over ? NULL : g_queue_pop_head(&control->waiting);
	if (request) {
		control->stream = request->stream;
		control->credit = FRAME_CREDIT_INITIAL;
		control->cancelled = FALSE;
	}
	return request;
}

gboolean control_is_wanted(Control *control)
{
	struct pollfd ready = {.fd = control->fd, .events = POLLIN};
	while (!control->over && poll(&ready, 1, 0) > 0)
		control_read(control);
	return !control->over && !control->cancelled;
}

static void send_frame(Control *control, Frame *frame)
{
	if (!control->over && !frame_send(control->fd, frame, SEND_TIMEOUT_MS, NULL))
		control->over = TRUE;
	frame_free(frame);
}

static Frame *response_new(Control *control, json_object *head)
{
	Frame *frame = frame_new(FRAME_RESPONSE, control->stream);
	frame->head = head;
	return frame;
}

void control_respond_bytes(Control *control, json_object *head, const char *body, gsize length)
{
	Frame *frame = response_new(control, head);
	g_bytes_unref(frame->body);
	frame->body = g_bytes_new(body, length);
	send_frame(control, frame);
}

void control_respond(Control *control, json_object *head, json_object *body)
{
	json_auto json_object *owned = body;
	g_autofree char *text = body ? json_dup_text(body) : g_strdup("");
	control_respond_bytes(control, head, text, strlen(text));
}

void control_respond_fd(Control *control, json_object *head, int fd)
{
	Frame *frame = response_new(control, head);
	frame_add_fd(frame, fd);
	send_frame(control, frame);
}

void control_respond_error(Control *control, const GError *error)
{
	json_object *head = json_object_new_object(), *body = json_object_new_object();
	json_set_int(head, "status", error_code_status(error_code(error)));
	json_set(body, "error", error_to_json(error));
	control_respond(control, head, body);
}

void control_event(Control *control, json_object *event)
{
	Frame *frame = frame_new(FRAME_EVENT, control->stream);
	frame->head = event;
	gsize length = 0;
	json_object_to_json_string_length(event, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	control->credit -= (gint64)length + 4; /* the payload, as the receiver counts it */
	send_frame(control, frame);
}

void control_end_events(Control *control)
{
	send_frame(control, frame_new(FRAME_DATA, control->stream));
}

void control_cancel(Control *control)
{
	send_frame(control, frame_new(FRAME_CANCEL, control->stream));
}
