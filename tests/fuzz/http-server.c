/* The server without TLS and without yadod: what clients send on a connection of HTTP/1.1 (and WebSocket) or HTTP/2, in
 * pieces, with answers, events and ends of yadod between them, clients that stop taking, and times that pass. The
 * connection and yadod are played here; the rest is the program's own.
 *
 * The first byte chooses the protocol. Then come steps: a byte that says what happens, a byte or two of length, and
 * that many bytes. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "httpd/backend.h"
#include "httpd/connection.h"
#include "httpd/http1.h"
#include "httpd/http2.h"
#include "httpd/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- yadod --- */
struct Request {
	const RequestOps *ops;
	gpointer data;
	gboolean streaming;
};
static GQueue requests = G_QUEUE_INIT;

Request *backend_send(
	Backend *backend, json_object *head, const void *body, gsize length, const RequestOps *ops, gpointer data)
{
	(void)backend;
	g_assert(json_get_str(head, "path", "")[0] == '/' && json_get_str(head, "address", NULL));
	if (length > 0)
		g_assert(body);
	if (requests.length >= 200)
		return NULL;
	Request *request = g_new0(Request, 1);
	request->ops = ops;
	request->data = data;
	g_queue_push_tail(&requests, request);
	return request;
}

void request_credit(Request *request, gsize bytes)
{
	(void)bytes;
	g_assert(g_queue_find(&requests, request));
}

void request_cancel(Request *request)
{
	g_assert(g_queue_remove(&requests, request));
	g_free(request);
}

static void respond(const uint8_t *data, size_t size)
{
	Request *request = g_queue_peek_head(&requests);
	int pair[2] = {-1, -1};
	if (!request || request->streaming || size < 1)
		return;
	json_auto json_object *head = json_object_new_object();
	json_auto json_object *more = json_parse((const char *)data + 1, size - 1, NULL);
	if (more && json_object_is_type(more, json_type_object))
		json_set(head, "headers", json_object_get(more));
	static const int statuses[] = {200, 100, 101, 403, 503, 70000, 204, 304};
	json_set_int(head, "status", statuses[data[0] & 7]);
	gboolean stream = data[0] & 8;
	json_set_bool(head, "stream", stream);
	if ((data[0] & 16) && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0) {
		json_set_int(head, "content_length", data[0] & 32 ? 5 : 0);
		close(pair[1]);
	}
	g_autoptr(GBytes) body = g_bytes_new(data + 1, data[0] & 64 ? size - 1 : 0);
	if (stream) {
		request->streaming = TRUE;
		request->ops->response(request->data, head, body, pair[0]);
		return;
	}
	g_queue_pop_head(&requests);
	request->ops->response(request->data, head, body, pair[0]);
	g_free(request);
}

static void send_event(const uint8_t *data, size_t size)
{
	Request *request = g_queue_peek_head(&requests);
	json_auto json_object *event = json_parse((const char *)data, size, NULL);
	if (request && request->streaming && event && json_object_is_type(event, json_type_object))
		request->ops->event(request->data, event, size);
}

static void end_stream(RequestEnd end)
{
	Request *request = g_queue_peek_head(&requests);
	if (!request || (!request->streaming && end == END_ORDERLY))
		return;
	g_queue_pop_head(&requests);
	request->ops->end(request->data, end);
	g_free(request);
}

/* --- The connection --- */
static gsize waiting; /* what the client has not taken */
static gboolean woken;

void connection_wake(Connection *connection)
{
	(void)connection;
	woken = TRUE;
}

void connection_write(Connection *connection, const void *data, gsize length)
{
	if (length > 0)
		g_assert(data);
	if (!connection->finishing && !connection->killed)
		waiting += length;
	if (waiting > WAITING_MAX)
		connection->was_full = TRUE;
}

void connection_write_bytes(Connection *connection, GBytes *bytes)
{
	gsize length;
	const void *data = g_bytes_get_data(bytes, &length);
	connection_write(connection, data, length);
}

gsize connection_pending(const Connection *connection)
{
	(void)connection;
	return waiting;
}

gboolean connection_is_full(const Connection *connection)
{
	(void)connection;
	return waiting > WAITING_MAX;
}

void connection_pause(Connection *connection, gboolean pause)
{
	connection->paused = pause;
}

void connection_finish(Connection *connection)
{
	connection->finishing = TRUE;
}

void connection_kill(Connection *connection)
{
	connection->killed = TRUE;
}

void connection_be_patient(Connection *connection)
{
	connection->patient = TRUE;
}

void connection_deadline(Connection *connection, guint seconds)
{
	connection->deadline_us = seconds;
}

void connection_set_protocol(Connection *connection, const ConnectionOps *ops, gpointer state)
{
	connection->ops = ops;
	connection->state = state;
}

static void drain(Connection *connection)
{
	waiting = 0;
	if (connection->was_full && connection->ops) {
		connection->was_full = FALSE;
		connection->ops->drained(connection);
	}
}

static void step(Connection *connection, uint8_t what, const uint8_t *data, size_t size)
{
	switch (what % 8) {
	case 0:
		respond(data, size);
		break;
	case 1:
		send_event(data, size);
		break;
	case 2:
		end_stream(size > 0 ? data[0] % 3 : END_ORDERLY);
		break;
	case 3:
		drain(connection);
		break;
	case 4:
		if (connection->deadline_us)
			connection->ops->expired(connection);
		break;
	case 5:
		uv_run(connection->front->loop, UV_RUN_NOWAIT);
		break;
	default:
		if (!connection->paused)
			connection->ops->receive(connection, data, size);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static Front front;
	static uv_loop_t loop;
	if (!front.loop) {
		uv_loop_init(&loop);
		front.loop = &loop;
		front.page = page_new(NULL, NULL);
	}
	Peer peer = {.connections = 1};
	Connection connection = {.front = &front, .peer = &peer, .address = "192.0.2.1"};
	waiting = 0;
	woken = FALSE;
	if (size == 0)
		return 0;
	if (data[0] & 1)
		http2_start(&connection);
	else
		http1_start(&connection);
	for (size_t at = 1; at + 2 <= size && !connection.finishing && !connection.killed;) {
		uint8_t what = data[at];
		size_t length = data[at + 1];
		at += 2;
		if ((what & 0x80) && at < size)
			length = length << 8 | data[at++];
		length = MIN(length, size - at);
		step(&connection, what & 0x7f, data + at, length);
		at += length;
		while (woken && !connection.finishing && !connection.killed && connection.ops->flush) {
			woken = FALSE;
			connection.ops->flush(&connection);
		}
	}
	connection.ops->closed(&connection);
	/* Nothing is left of it: no request, no byte in the sums, no watch in the loop. */
	g_assert(requests.length == 0 && front.bodies == 0 && front.answers == 0 && peer.bodies == 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	g_assert(!uv_loop_alive(&loop));
	return 0;
}
