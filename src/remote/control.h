/* The socket to the command, on which yado-remote speaks frames as yadod does. */
#pragma once
#include <glib.h>

#include "base/frame.h"

typedef struct Control {
	int fd;
	FrameReader *reader;
	GQueue waiting;  /* requests that came while another one was in work */
	guint32 stream;  /* of the request in work */
	gint64 credit;   /* bytes of events that the command takes on that stream */
	gboolean over;   /* the command is gone */
	gboolean cancelled; /* it gave up the request in work */
} Control;

/* The next request, or NULL when the command is gone. */
Frame *control_next_request(Control *control);
/* Reads what has come while a request is in work: credit, its cancellation, the command's end. */
void control_read(Control *control);
/* TRUE as long as somebody waits for the request's answer. Does not block. */
gboolean control_is_wanted(Control *control);

/* Each sends one frame on the stream of the request; references are taken over. */
void control_respond(Control *control, json_object *head, json_object *body);
void control_respond_bytes(Control *control, json_object *head, const char *body, gsize length);
void control_respond_fd(Control *control, json_object *head, int fd); /* takes over the descriptor */
void control_respond_error(Control *control, const GError *error);
void control_event(Control *control, json_object *event);
void control_end_events(Control *control);
void control_cancel(Control *control);
