/* Up to CONNECTIONS connections, each with up to 256 streams; a further one is opened when those that are there are
 * full, and kept. What is asked during one turn of the loop leaves in one write. If yadod ends, everything that waits
 * is told so, and the next request connects anew: there is no timer that tries again while nobody asks.
 *
 * A connection may be closed by what it reads (a frame that breaks the rules): yadod is trusted, but a misunderstanding
 * must end. While its frames are handed out, it is only marked broken, and freed after that. */
#include "httpd/backend.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/frame.h"
#include "base/json.h"
#include "httpd/log.h"

enum {
	CONNECTIONS = 16,
	UNSENT_MAX = 8 << 20, /* bytes that yadod does not take: no more are given to it */
	CREDIT_PORTION = FRAME_CREDIT_INITIAL / 4,
};

typedef struct Link {
	Backend *backend;
	uv_poll_t *poll; /* of its own, as it is freed later */
	int fd;
	FrameReader *reader;
	GHashTable *requests; /* stream -> Request */
	guint32 last_stream;
	GByteArray *out;
	gboolean writable_wanted, reading, broken;
} Link;

struct Request {
	Link *link;
	guint32 stream;
	const RequestOps *ops;
	gpointer data;
	gsize consumed; /* not yet granted again */
};

struct Backend {
	Front *front;
	struct sockaddr_un address;
	Link *links[CONNECTIONS];
	gboolean complained;
};

static void on_poll(uv_poll_t *poll, int status, int events);

Backend *backend_new(Front *front, const char *path)
{
	Backend *backend = g_new0(Backend, 1);
	backend->front = front;
	backend->address.sun_family = AF_UNIX;
	g_strlcpy(backend->address.sun_path, path, sizeof backend->address.sun_path);
	return backend;
}

static void on_closed(uv_handle_t *handle)
{
	g_free(handle);
}

static gboolean steal_any(gpointer stream, gpointer request, gpointer ret)
{
	(void)stream;
	*(Request **)ret = request;
	return TRUE;
}

static void link_free(Link *link)
{
	g_hash_table_unref(link->requests);
	frame_reader_free(link->reader);
	g_byte_array_unref(link->out);
	g_free(link);
}

/* Everything that waits on it is told. */
static void link_break(Link *link, const char *why)
{
	Backend *backend = link->backend;
	if (link->broken)
		return;
	link->broken = TRUE;
	log_warning("the connection to yadod has ended: %s", why);
	for (guint i = 0; i < CONNECTIONS; i++)
		if (backend->links[i] == link)
			backend->links[i] = NULL;
	uv_poll_stop(link->poll);
	uv_close((uv_handle_t *)link->poll, on_closed);
	fd_close(link->fd);
	/* What is called here may cancel others of this connection. */
	Request *request = NULL;
	while (g_hash_table_find(link->requests, steal_any, &request)) {
		g_hash_table_remove(link->requests, GUINT_TO_POINTER(request->stream));
		request->ops->end(request->data, END_LOST);
		g_free(request);
	}
	if (!link->reading)
		link_free(link);
}

static Link *link_open(Backend *backend)
{
	fd_auto int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&backend->address, sizeof backend->address) < 0) {
		if (!backend->complained)
			log_warning("cannot reach yadod at %s: %s", backend->address.sun_path, g_strerror(errno));
		backend->complained = TRUE;
		return NULL;
	}
	uv_poll_t *poll = g_new0(uv_poll_t, 1);
	if (uv_poll_init(backend->front->loop, poll, fd) != 0) {
		g_free(poll);
		return NULL;
	}
	if (backend->complained)
		log_message("yadod is there again");
	backend->complained = FALSE;
	Link *link = g_new0(Link, 1);
	link->backend = backend;
	link->fd = fd_steal(&fd);
	link->poll = poll;
	link->poll->data = link;
	link->reader = frame_reader_new();
	link->requests = g_hash_table_new(NULL, NULL);
	link->out = g_byte_array_new();
	uv_poll_start(link->poll, UV_READABLE, on_poll);
	return link;
}

/* One with a free stream, the fullest first: the others stay idle, or are never opened. */
static Link *find_link(Backend *backend)
{
	for (guint i = 0; i < CONNECTIONS; i++) {
		if (!backend->links[i])
			backend->links[i] = link_open(backend);
		Link *link = backend->links[i];
		if (!link)
			return NULL;
		if (g_hash_table_size(link->requests) < FRAME_STREAMS_MAX && link->last_stream < G_MAXUINT32 &&
			link->out->len < UNSENT_MAX)
			return link;
	}
	return NULL;
}

static gboolean queue_frame(Link *link, const Frame *frame)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) bytes = frame_encode(frame, &error);
	if (!bytes) {
		log_warning("a request cannot be passed: %s", error->message);
		return FALSE;
	}
	gsize length;
	const guint8 *data = g_bytes_get_data(bytes, &length);
	g_byte_array_append(link->out, data, (guint)length);
	return TRUE;
}

Request *backend_send(
	Backend *backend, json_object *head, const void *body, gsize length, const RequestOps *ops, gpointer data)
{
	Link *link = find_link(backend);
	if (!link)
		return NULL;
	g_autoptr(Frame) frame = frame_new(FRAME_REQUEST, link->last_stream + 1);
	frame->head = json_object_get(head);
	if (length > 0) {
		g_bytes_unref(frame->body);
		frame->body = g_bytes_new_static(body, length);
	}
	if (!queue_frame(link, frame))
		return NULL;
	link->last_stream++;
	Request *request = g_new0(Request, 1);
	request->link = link;
	request->stream = link->last_stream;
	request->ops = ops;
	request->data = data;
	g_hash_table_insert(link->requests, GUINT_TO_POINTER(request->stream), request);
	return request;
}

void request_credit(Request *request, gsize bytes)
{
	request->consumed += bytes;
	if (request->consumed < CREDIT_PORTION)
		return;
	g_autoptr(Frame) frame = frame_new(FRAME_CREDIT, request->stream);
	frame->credit = (guint32)request->consumed;
	request->consumed = 0;
	queue_frame(request->link, frame);
}

void request_cancel(Request *request)
{
	Link *link = request->link;
	g_autoptr(Frame) frame = frame_new(FRAME_CANCEL, request->stream);
	if (!link->broken)
		queue_frame(link, frame);
	g_hash_table_remove(link->requests, GUINT_TO_POINTER(request->stream));
	g_free(request);
}

static gboolean link_write(Link *link)
{
	while (link->out->len > 0) {
		ssize_t n = send(link->fd, link->out->data, link->out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			link_break(link, g_strerror(errno));
			return FALSE;
		}
		g_byte_array_remove_range(link->out, 0, (guint)n);
	}
	gboolean wanted = link->out->len > 0;
	if (wanted != link->writable_wanted) {
		link->writable_wanted = wanted;
		uv_poll_start(link->poll, UV_READABLE | (wanted ? UV_WRITABLE : 0), on_poll);
	}
	return TRUE;
}

void backend_flush(Backend *backend)
{
	for (guint i = 0; i < CONNECTIONS; i++)
		if (backend->links[i] && backend->links[i]->out->len > 0 && !backend->links[i]->writable_wanted)
			link_write(backend->links[i]);
}

/* The request is over with this frame: it leaves the table before anybody is told. */
static void finish(Link *link, Request *request)
{
	g_hash_table_remove(link->requests, GUINT_TO_POINTER(request->stream));
}

static void dispatch_response(Link *link, Request *request, Frame *frame)
{
	int fd = frame_steal_fd(frame, 0);
	if (json_get_bool(frame->head, "stream", FALSE)) {
		request->ops->response(request->data, frame->head, frame->body, fd);
		return;
	}
	finish(link, request);
	request->ops->response(request->data, frame->head, frame->body, fd);
	g_free(request);
}

/* FALSE if the connection is of no more use. */
static gboolean dispatch(Link *link, Frame *frame)
{
	if (frame->stream == 0) {
		g_autofree char *text =
			g_strndup(g_bytes_get_data(frame->body, NULL), MIN(g_bytes_get_size(frame->body), 200));
		link_break(link, text);
		return FALSE;
	}
	Request *request = g_hash_table_lookup(link->requests, GUINT_TO_POINTER(frame->stream));
	if (!request)
		return TRUE; /* it crossed a cancel */
	switch (frame->type) {
	case FRAME_RESPONSE:
		dispatch_response(link, request, frame);
		return TRUE;
	case FRAME_EVENT:
		request->ops->event(request->data, frame->head, frame->length);
		return TRUE;
	case FRAME_DATA:
	case FRAME_CANCEL:
		if (frame->type == FRAME_DATA && frame->length > 0)
			break;
		finish(link, request);
		request->ops->end(request->data, frame->type == FRAME_CANCEL ? END_CANCELLED : END_ORDERLY);
		g_free(request);
		return TRUE;
	default:
		return TRUE; /* credit: no data is ever sent */
	}
	link_break(link, "it has sent data where none is known");
	return FALSE;
}

static void link_read(Link *link)
{
	int received = frame_receive(link->fd, link->reader), why = errno;
	Frame *frame;
	int result = 0;
	g_autoptr(GError) error = NULL;
	while (!link->broken && (result = frame_reader_next(link->reader, &frame, &error)) > 0) {
		dispatch(link, frame);
		frame_free(frame);
	}
	if (link->broken)
		return;
	if (result < 0)
		link_break(link, error->message);
	else if (received < 0)
		link_break(link, why ? g_strerror(why) : "yadod has closed it");
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	Link *link = poll->data;
	if ((events & UV_WRITABLE) && !link_write(link))
		return;
	if (!(events & UV_READABLE) && status >= 0)
		return;
	link->reading = TRUE;
	link_read(link);
	link->reading = FALSE;
	if (link->broken)
		link_free(link);
}
