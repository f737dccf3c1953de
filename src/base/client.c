/* The blocking client. One stream is in use at a time; frames of streams that were given up (a late response, events
 * on their way when a stream was cancelled) are dropped as they come, and their descriptors closed. Once the
 * connection has failed, every further call says so. */
#include "base/client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/frame.h"
#include "base/json.h"

enum {
	SEND_TIMEOUT_MS = 30000,
	CONNECT_TIMEOUT_S = 5,
	FOLLOW_TIMEOUT_MS = 60000,		    /* for the response that opens a stream of events */
	ANSWER_GRACE_MS = 1000,			    /* lets the server's own word about a passed deadline arrive */
	CREDIT_STEP = FRAME_CREDIT_INITIAL / 4, /* credit is given back in portions */
};

static const char hint_again[] = "try again";
static const char hint_down[] = "is yadod running? another socket is given with --socket or YADO_SOCKET; see "
				"'systemctl status yadod' or its log";

struct Client {
	int fd;
	FrameReader *reader;
	const char *hint; /* what to do when the connection is lost */
	guint32 stream; /* last one used */
	gboolean lost;
	ClientProgress progress; /* may be NULL */
	gpointer progress_data;
};

void reply_free(Reply *reply)
{
	if (!reply)
		return;
	if (reply->head)
		json_object_put(reply->head);
	if (reply->body)
		json_object_put(reply->body);
	if (reply->raw)
		g_bytes_unref(reply->raw);
	for (guint i = 0; i < G_N_ELEMENTS(reply->fds); i++)
		fd_close(reply->fds[i]);
	g_free(reply);
}

Client *client_connect(const char *path, GError **error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path) {
		error_set(error, ERROR_INVALID, "use a shorter path", "socket path '%s' is over %zu bytes", path,
			  sizeof address.sun_path - 1);
		return NULL;
	}
	strcpy(address.sun_path, path);
	fd_auto int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		error_set_errno(error, errno, "cannot make a socket");
		return NULL;
	}
	/* Bounds connect() too, when the queue of the listening side is full. */
	struct timeval timeout = {.tv_sec = CONNECT_TIMEOUT_S};
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		gboolean denied = errno == EACCES || errno == EPERM;
		error_set(error, denied ? ERROR_FORBIDDEN : ERROR_UNAVAILABLE,
			  denied ? "run the command as root" : hint_down, "cannot connect to '%s': %s", path,
			  g_strerror(errno));
		return NULL;
	}
	Client *client = client_open(fd_steal(&fd));
	client->hint = hint_down;
	return client;
}

Client *client_open(int fd)
{
	Client *client = g_new0(Client, 1);
	client->fd = fd;
	client->hint = hint_again;
	client->reader = frame_reader_new();
	return client;
}

void client_set_progress(Client *client, ClientProgress callback, gpointer data)
{
	client->progress = callback;
	client->progress_data = data;
}

void client_free(Client *client)
{
	if (!client)
		return;
	fd_close(client->fd);
	frame_reader_free(client->reader);
	g_free(client);
}

static gboolean lose(Client *client, const char *why, GError **error)
{
	client->lost = TRUE;
	error_set(error, ERROR_UNAVAILABLE, client->hint, "the connection to yadod was lost: %s", why);
	return FALSE;
}

/* What a response of status >= 400 says. */
static void error_from_frame(const Frame *frame, GError **error)
{
	gsize length;
	const char *text = g_bytes_get_data(frame->body, &length);
	json_auto json_object *body = length > 0 ? json_parse(text, length, NULL) : NULL;
	json_object *details = json_get(body, "error");
	if (json_object_is_type(details, json_type_object))
		g_propagate_error(error, error_new_from_json(details));
	else
		error_set(error, ERROR_FAILED, NULL, "yadod answered with status %d and gave no reason",
			  (int)json_get_int(frame->head, "status", 0));
}

/* The next frame of the stream in use; deadline_us 0: without end. */
static gboolean next_frame(Client *client, gint64 deadline_us, Frame **ret_frame, GError **error)
{
	for (;;) {
		g_autoptr(Frame) frame = NULL;
		g_autoptr(GError) why = NULL;
		int state = frame_reader_next(client->reader, &frame, &why);
		if (state < 0)
			return lose(client, why->message, error);
		if (state > 0 && frame->stream == 0) {
			client->lost = TRUE;
			error_from_frame(frame, error);
			return FALSE;
		}
		if (state > 0 && frame->stream == client->stream) {
			*ret_frame = g_steal_pointer(&frame);
			return TRUE;
		}
		if (state > 0)
			continue;
		int wait_ms = -1;
		if (deadline_us > 0) {
			gint64 left = deadline_us - g_get_monotonic_time();
			wait_ms = left > 0 ? (int)MIN(left / 1000 + 1, G_MAXINT) : 0;
		}
		struct pollfd ready = {.fd = client->fd, .events = POLLIN};
		int polled = poll(&ready, 1, wait_ms);
		if (polled < 0 && errno == EINTR)
			continue;
		if (polled == 0) {
			error_set(error, ERROR_TIMEOUT, NULL, "yadod did not answer in time");
			return FALSE;
		}
		if (frame_receive(client->fd, client->reader) < 0)
			return lose(client, errno ? g_strerror(errno) : "it was closed", error);
	}
}

static gboolean send_small(Client *client, FrameType type, guint32 credit, GError **error)
{
	g_autoptr(Frame) frame = frame_new(type, client->stream);
	g_autoptr(GError) why = NULL;
	frame->credit = credit;
	return frame_send(client->fd, frame, SEND_TIMEOUT_MS, &why) || lose(client, why->message, error);
}

/* Gives back what was consumed, in portions. */
static gboolean give_credit(Client *client, guint32 length, guint32 *inout_consumed, GError **error)
{
	*inout_consumed += length;
	if (*inout_consumed < CREDIT_STEP)
		return TRUE;
	guint32 credit = *inout_consumed;
	*inout_consumed = 0;
	return send_small(client, FRAME_CREDIT, credit, error);
}

static gint64 deadline_after(guint timeout_ms)
{
	return g_get_monotonic_time() + ((gint64)timeout_ms + ANSWER_GRACE_MS) * 1000;
}

/* Sends the request on a new stream and waits for its response, of whatever status. */
static Frame *ask(Client *client, const char *method, const char *path, json_object *headers, json_object *body,
		  const int *fds, guint fd_count, guint timeout_ms, GError **error)
{
	if (client->lost || client->stream == G_MAXUINT32) {
		lose(client, "an earlier request failed", error);
		return NULL;
	}
	if (fd_count > FRAME_FDS_MAX) {
		error_set(error, ERROR_INVALID, NULL, "a request carries at most %d descriptors", FRAME_FDS_MAX);
		return NULL;
	}
	g_autoptr(Frame) request = frame_new(FRAME_REQUEST, client->stream + 1);
	request->head = json_object_new_object();
	json_set_str(request->head, "method", method);
	json_set_str(request->head, "path", path);
	if (headers)
		json_set(request->head, "headers", json_object_get(headers));
	json_set_int(request->head, "deadline_ms", MAX(timeout_ms, 1));
	if (body) {
		char *text = json_dup_text(body);
		g_bytes_unref(request->body);
		request->body = g_bytes_new_take(text, strlen(text));
	}
	for (guint i = 0; i < fd_count; i++)
		frame_add_fd(request, fds[i]);
	/* Too large a request is the caller's error and leaves the connection as it was. */
	g_autoptr(GError) why = NULL;
	g_autoptr(GBytes) fits = frame_encode(request, &why);
	gboolean sent = fits && frame_send(client->fd, request, MAX(timeout_ms, 1), &why);
	for (guint i = 0; i < fd_count; i++)
		frame_steal_fd(request, i); /* they were lent */
	if (!fits) {
		g_propagate_error(error, g_steal_pointer(&why));
		return NULL;
	}
	client->stream++;
	if (!sent && error_code(why) == ERROR_TIMEOUT) {
		client->lost = TRUE; /* a part of the frame may be on its way */
		g_propagate_error(error, g_steal_pointer(&why));
		return NULL;
	}
	guint32 consumed = 0;
	/* After a failed send there may still be a word from the server why it closed the connection. */
	gint64 deadline = deadline_after(timeout_ms);
	for (;;) {
		g_autoptr(Frame) frame = NULL;
		g_autoptr(GError) failure = NULL;
		if (!next_frame(client, deadline, &frame, &failure)) {
			if (error_code(failure) == ERROR_TIMEOUT && !client->lost)
				send_small(client, FRAME_CANCEL, 0, NULL);
			g_propagate_error(error, g_steal_pointer(&failure));
			return NULL;
		}
		if (frame->type == FRAME_RESPONSE)
			return g_steal_pointer(&frame);
		if (frame->type == FRAME_CANCEL) {
			error_set(error, ERROR_CANCELLED, NULL, "yadod gave up on %s %s", method, path);
			return NULL;
		}
		json_object *progress = frame->type == FRAME_EVENT ? json_get(frame->head, "progress") : NULL;
		if (!progress)
			continue;
		if (client->progress)
			client->progress(progress, client->progress_data);
		deadline = deadline_after(timeout_ms);
		if (!give_credit(client, frame->length, &consumed, error))
			return NULL;
	}
}

Reply *client_request(Client *client, const char *method, const char *path, json_object *headers, json_object *body,
		      const int *fds, guint fd_count, guint timeout_ms, GError **error)
{
	g_autoptr(Frame) frame = ask(client, method, path, headers, body, fds, fd_count, timeout_ms, error);
	if (!frame)
		return NULL;
	int status = (int)json_get_int(frame->head, "status", 0);
	/* A stream of events is for client_follow(); nobody would read it here. */
	if (json_get_bool(frame->head, "stream", FALSE) && !send_small(client, FRAME_CANCEL, 0, error))
		return NULL;
	if (status < 100 || status >= 400) {
		error_from_frame(frame, error);
		return NULL;
	}
	gsize length;
	const char *text = g_bytes_get_data(frame->body, &length);
	g_autoptr(Reply) reply = g_new0(Reply, 1);
	reply->status = status;
	reply->head = json_object_get(frame->head);
	reply->raw = g_bytes_ref(frame->body);
	reply->body = length > 0 ? json_parse(text, length, NULL) : NULL;
	for (guint i = 0; i < G_N_ELEMENTS(reply->fds); i++)
		reply->fds[i] = frame_steal_fd(frame, i);
	return g_steal_pointer(&reply);
}

gboolean client_follow(Client *client, const char *path, ClientEvent callback, gpointer data, GError **error)
{
	/* Who carries requests over HTTPS must know before it sends this one; yadod itself knows its streams. */
	json_auto json_object *headers = json_object_new_object();
	json_set_str(headers, "upgrade", "websocket");
	g_autoptr(Frame) response = ask(client, "GET", path, headers, NULL, NULL, 0, FOLLOW_TIMEOUT_MS, error);
	if (!response)
		return FALSE;
	int status = (int)json_get_int(response->head, "status", 0);
	if (status < 100 || status >= 400) {
		error_from_frame(response, error);
		return FALSE;
	}
	if (!json_get_bool(response->head, "stream", FALSE)) {
		error_set(error, ERROR_INVALID, "ask for it with a plain request", "'%s' is not a stream of events",
			  path);
		return FALSE;
	}
	for (guint32 consumed = 0;;) {
		g_autoptr(Frame) frame = NULL;
		if (!next_frame(client, 0, &frame, error))
			return FALSE;
		if (frame->type == FRAME_CANCEL) {
			error_set(error, ERROR_CANCELLED, "follow it again; what was missed is in the present state",
				  "yadod gave up the stream of '%s', because events were not taken fast enough", path);
			return FALSE;
		}
		if (frame->type == FRAME_DATA && frame->length == 0)
			return TRUE;
		if (frame->type == FRAME_EVENT && !callback(frame->head, data))
			return send_small(client, FRAME_CANCEL, 0, error);
		if ((frame->type == FRAME_EVENT || frame->type == FRAME_DATA) &&
			!give_credit(client, frame->length, &consumed, error))
			return FALSE;
	}
}
