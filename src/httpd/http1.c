/* Requests of one connection are answered in their order, one at a time: what a client sends ahead waits in `in`, and
 * past a head's size in the socket. Whatever is refused before its body was read ends the connection, since what
 * follows cannot be told from a request. */
#include "httpd/http1.h"

#include <string.h>

#include "httpd/exchange.h"
#include "httpd/websocket.h"

typedef enum Phase {
	PHASE_HEAD, /* between requests, or within a head */
	PHASE_BODY,
	PHASE_ANSWER, /* the request is complete */
	PHASE_OVER,   /* the connection ends, or is something else now */
} Phase;

typedef struct Http1 {
	Connection *connection;
	GByteArray *in;
	gsize start;   /* of what was not looked at, in `in` */
	gsize scanned; /* of it, by the search for the head's end */
	Head head;
	Phase phase;
	Exchange *exchange;
	guint64 body_left;
	gboolean keep;     /* the connection, after this answer */
	gboolean bodyless; /* the request was HEAD */
	gboolean body_paused;
	gboolean in_start; /* advance() is on the stack */
} Http1;

static void go_on(Http1 *http);

/* Enough for what comes ahead; the rest waits in the socket. Who does not take his answers is not asked for more. */
static void update_reading(Http1 *http)
{
	if (http->phase == PHASE_OVER)
		return;
	gsize held = http->in->len - http->start;
	gboolean pause = (http->phase == PHASE_ANSWER && held >= HEAD_MAX) ||
			 (http->phase == PHASE_HEAD && connection_is_full(http->connection)) ||
			 (http->phase == PHASE_BODY && http->body_paused);
	connection_pause(http->connection, pause);
}

static void set_deadline(Http1 *http)
{
	guint seconds = IDLE_SECONDS;
	if (http->phase == PHASE_HEAD && http->in->len > http->start)
		seconds = HEAD_SECONDS;
	else if (http->phase == PHASE_BODY)
		seconds = http->body_paused ? ANSWER_SECONDS : BODY_SECONDS;
	else if (http->phase == PHASE_ANSWER)
		seconds = ANSWER_SECONDS;
	connection_deadline(http->connection, seconds);
}

static void write_head(Http1 *http, const Answer *answer)
{
	static GString *text;
	if (!text)
		text = g_string_sized_new(2048);
	g_string_printf(text, "HTTP/1.1 %d %s\r\n", answer->status, status_text(answer->status));
	for (guint i = 0; i < answer->fields.count; i++) {
		g_string_append(text, answer->fields.items[i].name);
		g_string_append(text, ": ");
		g_string_append(text, answer->fields.items[i].value);
		g_string_append(text, "\r\n");
	}
	if (!answer_is_empty(answer->status))
		g_string_append_printf(text, "content-length: %zu\r\n", answer->length);
	if (!http->keep)
		g_string_append(text, "connection: close\r\n");
	g_string_append(text, "\r\n");
	connection_write(http->connection, text->str, text->len);
}

/* The answer is written: the next request, or the end. */
static void finish_exchange(Http1 *http)
{
	g_clear_pointer(&http->exchange, exchange_free);
	if (!http->keep) {
		http->phase = PHASE_OVER;
		connection_finish(http->connection);
		return;
	}
	http->phase = PHASE_HEAD;
	head_reset(&http->head);
	if (!http->in_start)
		go_on(http);
}

static void on_answer(gpointer carrier, const Answer *answer)
{
	Http1 *http = carrier;
	if (http->phase == PHASE_BODY || answer->last)
		http->keep = FALSE;
	write_head(http, answer);
	gboolean has_body = !http->bodyless && !answer_is_empty(answer->status);
	if (answer->streamed && has_body) {
		http->phase = PHASE_ANSWER;
		return;
	}
	if (has_body && answer->bytes)
		connection_write_bytes(http->connection, answer->bytes);
	else if (has_body)
		connection_write(http->connection, answer->body, answer->length);
	finish_exchange(http);
}

static void on_data(gpointer carrier, const void *data, gsize length)
{
	Http1 *http = carrier;
	connection_write(http->connection, data, length);
	set_deadline(http);
}

static void on_done(gpointer carrier)
{
	finish_exchange(carrier);
}

/* What the client has got is shorter than what it was told: it sees that the connection ends without a farewell. */
static void on_abort(gpointer carrier)
{
	Http1 *http = carrier;
	http->phase = PHASE_OVER;
	connection_kill(http->connection);
}

static gboolean is_full(gpointer carrier)
{
	Http1 *http = carrier;
	return connection_is_full(http->connection);
}

static void on_pause(gpointer carrier, gboolean pause)
{
	Http1 *http = carrier;
	if (http->body_paused == pause)
		return;
	http->body_paused = pause;
	set_deadline(http);
	if (!pause && !http->in_start)
		go_on(http);
	else
		update_reading(http);
}

static void on_proceed(gpointer carrier)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	Http1 *http = carrier;
	if (http->head.expects && http->phase == PHASE_BODY)
		connection_write(http->connection, text, sizeof text - 1);
}

static const CarrierOps carrier_ops = {
	.answer = on_answer,
	.data = on_data,
	.done = on_done,
	.abort = on_abort,
	.is_full = is_full,
	.pause = on_pause,
	.proceed = on_proceed,
};

static void refuse(Http1 *http, const Refusal *refusal)
{
	http->keep = FALSE;
	if (!http->exchange)
		http->exchange = exchange_new(http->connection, &carrier_ops, http);
	exchange_refuse(http->exchange, refusal);
}

static void http1_free(Http1 *http)
{
	exchange_free(http->exchange);
	head_clear(&http->head);
	g_byte_array_unref(http->in);
	g_free(http);
}

/* The connection becomes a WebSocket's; what the client has sent behind the handshake goes along. */
static void upgrade(Http1 *http)
{
	Connection *connection = http->connection;
	Refusal refusal;
	if (!websocket_start(connection, &http->head, &refusal)) {
		refuse(http, &refusal);
		return;
	}
	http->phase = PHASE_OVER;
	gsize length = http->in->len - http->start;
	if (length > 0)
		connection->ops->receive(connection, http->in->data + http->start, length);
}

static void begin(Http1 *http)
{
	gboolean has_body = http->head.content_length > 0;
	http->keep = !http->head.close;
	http->bodyless = strcmp(head_method(&http->head), "HEAD") == 0;
	http->body_left = http->head.content_length;
	http->body_paused = FALSE;
	http->phase = has_body ? PHASE_BODY : PHASE_ANSWER;
	if (http->head.upgrade && http->head.connection_upgrade) {
		upgrade(http);
		return;
	}
	http->exchange = exchange_new(http->connection, &carrier_ops, http);
	exchange_start(http->exchange, &http->head, has_body);
	if (!has_body && http->exchange)
		exchange_body_end(http->exchange);
}

/* One step; FALSE if more bytes, or the answer, have to come. */
static gboolean step(Http1 *http)
{
	gsize length = http->in->len - http->start;
	Refusal refusal;
	if (length == 0)
		return FALSE;
	const char *data = (const char *)http->in->data + http->start;
	if (http->phase == PHASE_HEAD) {
		if (connection_is_full(http->connection))
			return FALSE;
		gssize end = head_find_end(data, length, &http->scanned, &refusal);
		if (end == 0)
			return FALSE;
		if (end > 0)
			http->start += (gsize)end;
		if (end < 0 || !head_parse(&http->head, data, (gsize)end, &refusal))
			refuse(http, &refusal);
		else
			begin(http);
		return TRUE;
	}
	if (http->phase != PHASE_BODY || http->body_paused)
		return FALSE;
	length = (gsize)MIN(length, http->body_left);
	http->start += length;
	http->body_left -= length;
	if (http->body_left == 0)
		http->phase = PHASE_ANSWER;
	exchange_body(http->exchange, data, length);
	/* It may have been refused for its size. */
	if (http->body_left == 0 && http->exchange)
		exchange_body_end(http->exchange);
	return TRUE;
}

/* Goes on until something has to be waited for. What answers at once comes back here by finish_exchange() only after it
 * was called from outside, so that requests sent ahead do not pile up on the stack. FALSE if the connection is a
 * WebSocket's now, and `http` no more. */
static gboolean advance(Http1 *http)
{
	http->in_start = TRUE;
	while (step(http))
		;
	http->in_start = FALSE;
	if (http->connection->state != http) {
		http1_free(http);
		return FALSE;
	}
	if (http->start == http->in->len) {
		g_byte_array_set_size(http->in, 0);
		http->start = 0;
	} else if (http->start > HEAD_MAX) {
		g_byte_array_remove_range(http->in, 0, (guint)http->start);
		http->start = 0;
	}
	return TRUE;
}

static void go_on(Http1 *http)
{
	if (!advance(http) || http->phase == PHASE_OVER)
		return;
	set_deadline(http);
	update_reading(http);
}

static void on_receive(Connection *connection, const guint8 *data, gsize length)
{
	Http1 *http = connection->state;
	gboolean in_head = http->phase == PHASE_HEAD && http->in->len > http->start;
	gsize start = http->start;
	g_byte_array_append(http->in, data, (guint)length);
	if (!advance(http) || http->phase == PHASE_OVER)
		return;
	/* A head has its time from its first byte on, however slowly it comes. */
	if (!in_head || http->phase != PHASE_HEAD || http->start != start)
		set_deadline(http);
	update_reading(http);
}

static void on_drained(Connection *connection)
{
	Http1 *http = connection->state;
	if (http->exchange)
		exchange_drained(http->exchange);
	else
		go_on(http);
}

static void on_expired(Connection *connection)
{
	Http1 *http = connection->state;
	if (http->phase == PHASE_BODY || (http->phase == PHASE_HEAD && http->in->len > http->start))
		refuse(http, &(Refusal){408, ERROR_TIMEOUT, "the request did not come in time", NULL});
	else if (http->phase == PHASE_HEAD)
		connection_finish(connection);
	else
		connection_kill(connection);
}

static void on_closed(Connection *connection)
{
	http1_free(connection->state);
}

static const ConnectionOps connection_ops = {
	.receive = on_receive,
	.drained = on_drained,
	.expired = on_expired,
	.closed = on_closed,
};

void http1_start(Connection *connection)
{
	Http1 *http = g_new0(Http1, 1);
	http->connection = connection;
	http->in = g_byte_array_new();
	head_init(&http->head);
	connection_set_protocol(connection, &connection_ops, http);
	connection_deadline(connection, HEAD_SECONDS);
}
