/* nghttp2 reads and makes the frames; here are the streams: each is an Exchange. What a client can make us keep is
 * bounded: streams at once, their heads, what waits for each stream (its source is not read beyond WAITING_MAX, and a
 * client that does not take anything for BODY_SECONDS loses the stream), acknowledgements (nghttp2's own bound), and
 * resets: who opens streams only to reset them, or to have them reset, is sent away.
 *
 * A CONNECT, also an extended one (RFC 8441), is refused: WebSockets are for HTTP/1.1 here. */
#include "httpd/http2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

#include "httpd/exchange.h"

enum {
	WINDOW = 256 << 10, /* of a connection, for bodies */
	STREAM_WINDOW = 64 << 10,
	CHECK_SECONDS = 5,
	TABLE_SIZE = 4096,
};

typedef struct Http2 {
	Connection *connection;
	nghttp2_session *session;
	GQueue streams;
	gint64 head_us;   /* when the head began that is incomplete; 0: none is */
	gint64 resets_us; /* begin of the time in which resets are counted */
	guint resets;
} Http2;

typedef struct Stream {
	Http2 *http;
	gint32 id;
	GList link;
	Head head;
	Refusal refusal;
	gboolean refused; /* by its head */
	gboolean started;
	Exchange *exchange;
	GByteArray *out;
	gsize out_start;
	gboolean out_ends; /* no more will come into `out` */
	gboolean deferred; /* nghttp2 waits for data */
	gboolean was_full;
	gboolean paused; /* the request's body */
	gboolean body_ended;
	gboolean bodyless; /* HEAD */
	gboolean answered; /* all of the answer has gone out */
	gsize unconsumed;  /* of the window, while paused */
	gint64 progress_us;
} Stream;

static gsize stream_pending(const Stream *stream)
{
	return stream->out->len - stream->out_start;
}

static void touch(Stream *stream)
{
	stream->progress_us = front_now(stream->http->connection->front);
}

static void reset(Stream *stream, guint32 code)
{
	nghttp2_submit_rst_stream(stream->http->session, NGHTTP2_FLAG_NONE, stream->id, code);
	connection_wake(stream->http->connection);
}

static Stream *stream_new(Http2 *http, gint32 id)
{
	Stream *stream = g_new0(Stream, 1);
	stream->http = http;
	stream->id = id;
	stream->link.data = stream;
	stream->out = g_byte_array_new();
	head_init(&stream->head);
	stream->head.http2 = TRUE;
	touch(stream);
	g_queue_push_tail_link(&http->streams, &stream->link);
	connection_deadline(http->connection, CHECK_SECONDS);
	return stream;
}

static void stream_free(Stream *stream)
{
	Http2 *http = stream->http;
	g_queue_unlink(&http->streams, &stream->link);
	exchange_free(stream->exchange);
	http->connection->front->answers -= stream_pending(stream);
	g_byte_array_unref(stream->out);
	head_clear(&stream->head);
	g_free(stream);
	if (http->streams.length == 0)
		connection_deadline(http->connection, IDLE_SECONDS);
}

/* --- The answer --- */
static void stream_write(Stream *stream, const void *data, gsize length)
{
	if (stream_pending(stream) == 0)
		touch(stream);
	g_byte_array_append(stream->out, data, (guint)length);
	stream->http->connection->front->answers += length;
	if (stream_pending(stream) > WAITING_MAX)
		stream->was_full = TRUE;
}

/* nghttp2 takes what the client's windows allow. */
static ssize_t on_read(nghttp2_session *session, gint32 id, guint8 *buffer, size_t length, guint32 *flags,
	nghttp2_data_source *source, void *data)
{
	Stream *stream = source->ptr;
	gsize pending = stream_pending(stream);
	(void)session;
	(void)id;
	(void)data;
	length = MIN(length, pending);
	if (length == 0 && !stream->out_ends) {
		stream->deferred = TRUE;
		return NGHTTP2_ERR_DEFERRED;
	}
	memcpy(buffer, stream->out->data + stream->out_start, length);
	stream->out_start += length;
	stream->http->connection->front->answers -= length;
	touch(stream);
	if (stream_pending(stream) == 0) {
		g_byte_array_set_size(stream->out, 0);
		stream->out_start = 0;
		if (stream->out_ends)
			*flags |= NGHTTP2_DATA_FLAG_EOF;
	} else if (stream->out_start > WAITING_MAX) {
		g_byte_array_remove_range(stream->out, 0, (guint)stream->out_start);
		stream->out_start = 0;
	}
	return (ssize_t)length;
}

static nghttp2_nv make_field(const char *name, const char *value)
{
	return (nghttp2_nv){(guint8 *)name, (guint8 *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void on_answer(gpointer carrier, const Answer *answer)
{
	Stream *stream = carrier;
	Http2 *http = stream->http;
	nghttp2_nv fields[FIELDS_MAX + 2];
	char status[12], length[24];
	gsize count = 0;
	gboolean has_body = !stream->bodyless && !answer_is_empty(answer->status) && answer->length > 0;
	snprintf(status, sizeof status, "%d", answer->status);
	snprintf(length, sizeof length, "%zu", answer->length);
	fields[count++] = make_field(":status", status);
	for (guint i = 0; i < answer->fields.count; i++)
		fields[count++] = make_field(answer->fields.items[i].name, answer->fields.items[i].value);
	if (!answer_is_empty(answer->status))
		fields[count++] = make_field("content-length", length);
	if (has_body && !answer->streamed)
		stream_write(stream, answer->body, answer->length);
	stream->out_ends = !answer->streamed || !has_body;
	nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = on_read};
	nghttp2_submit_response(http->session, stream->id, fields, count, has_body ? &provider : NULL);
	if (stream->out_ends)
		g_clear_pointer(&stream->exchange, exchange_free);
	connection_wake(http->connection);
}

static void resume(Stream *stream)
{
	if (stream->deferred) {
		stream->deferred = FALSE;
		nghttp2_session_resume_data(stream->http->session, stream->id);
	}
	connection_wake(stream->http->connection);
}

static void on_data(gpointer carrier, const void *data, gsize length)
{
	Stream *stream = carrier;
	stream_write(stream, data, length);
	resume(stream);
}

static void on_done(gpointer carrier)
{
	Stream *stream = carrier;
	stream->out_ends = TRUE;
	g_clear_pointer(&stream->exchange, exchange_free);
	resume(stream);
}

static void on_abort(gpointer carrier)
{
	Stream *stream = carrier;
	g_clear_pointer(&stream->exchange, exchange_free);
	reset(stream, NGHTTP2_INTERNAL_ERROR);
}

static gboolean is_full(gpointer carrier)
{
	const Stream *stream = carrier;
	return stream_pending(stream) > WAITING_MAX;
}

/* A paused body gets no more window for its stream; the other streams go on. */
static void on_pause(gpointer carrier, gboolean pause)
{
	Stream *stream = carrier;
	stream->paused = pause;
	touch(stream);
	if (!pause && stream->unconsumed > 0) {
		nghttp2_session_consume_stream(stream->http->session, stream->id, stream->unconsumed);
		stream->unconsumed = 0;
		connection_wake(stream->http->connection);
	}
}

static void on_proceed(gpointer carrier)
{
	Stream *stream = carrier;
	nghttp2_nv status = make_field(":status", "100");
	if (stream->head.expects && !stream->body_ended)
		nghttp2_submit_headers(stream->http->session, NGHTTP2_FLAG_NONE, stream->id, NULL, &status, 1, NULL);
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

/* --- What nghttp2 has read --- */
static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
	Http2 *http = data;
	http->head_us = front_now(http->connection->front);
	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		nghttp2_session_set_stream_user_data(
			session, frame->hd.stream_id, stream_new(http, frame->hd.stream_id));
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const guint8 *name, size_t name_length,
	const guint8 *value, size_t length, guint8 flags, void *data)
{
	Stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	(void)flags;
	(void)data;
	/* Trailers say nothing here. */
	if (!stream || stream->refused || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	gboolean taken = name_length > 0 && name[0] == ':' ? head_add_pseudo(&stream->head, (const char *)name,
								     (const char *)value, length, &stream->refusal)
							   : head_add(&stream->head, (const char *)name, name_length,
								     (const char *)value, length, &stream->refusal);
	stream->refused = !taken;
	return 0;
}

static void start(Stream *stream)
{
	stream->started = TRUE;
	stream->exchange = exchange_new(stream->http->connection, &carrier_ops, stream);
	if (!stream->refused && !head_finish(&stream->head, &stream->refusal))
		stream->refused = TRUE;
	stream->bodyless = !stream->refused && strcmp(head_method(&stream->head), "HEAD") == 0;
	if (stream->refused)
		exchange_refuse(stream->exchange, &stream->refusal);
	else
		exchange_start(stream->exchange, &stream->head, !stream->body_ended);
}

static void count_reset(Http2 *http)
{
	gint64 now = front_now(http->connection->front);
	if (now - http->resets_us > HTTP2_RESETS_SECONDS * G_USEC_PER_SEC) {
		http->resets_us = now;
		http->resets = 0;
	}
	if (++http->resets == HTTP2_RESETS_MAX)
		nghttp2_session_terminate_session(http->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
	Http2 *http = data;
	Stream *stream =
		frame->hd.stream_id ? nghttp2_session_get_stream_user_data(session, frame->hd.stream_id) : NULL;
	if (frame->hd.type == NGHTTP2_HEADERS)
		http->head_us = 0;
	/* One with another code is counted when the stream closes. */
	if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code == NGHTTP2_NO_ERROR)
		count_reset(http);
	if (!stream || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	gboolean ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	stream->body_ended = stream->body_ended || ended;
	if (!stream->started)
		start(stream);
	if (ended && stream->exchange)
		exchange_body_end(stream->exchange);
	return 0;
}

static int on_data_chunk(
	nghttp2_session *session, guint8 flags, gint32 id, const guint8 *bytes, size_t length, void *data)
{
	Stream *stream = nghttp2_session_get_stream_user_data(session, id);
	(void)flags;
	(void)data;
	nghttp2_session_consume_connection(session, length);
	if (!stream || !stream->exchange)
		return 0;
	touch(stream);
	stream->unconsumed += length;
	exchange_body(stream->exchange, bytes, length);
	if (!stream->paused && stream->exchange) {
		nghttp2_session_consume_stream(session, id, stream->unconsumed);
		stream->unconsumed = 0;
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, gint32 id, guint32 code, void *data)
{
	Http2 *http = data;
	Stream *stream = nghttp2_session_get_stream_user_data(session, id);
	if (stream)
		stream_free(stream);
	if (code != NGHTTP2_NO_ERROR)
		count_reset(http);
	return 0;
}

/* After a whole answer, what the client still sends is not wanted (RFC 9113 §8.1). It gets no more window; only a
 * client that does not give up by itself has its stream reset, and later: a reset would take what waits of the stream
 * with it, and clients like curl before 8.0 then do not look at the answer. */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
	Stream *stream =
		frame->hd.stream_id ? nghttp2_session_get_stream_user_data(session, frame->hd.stream_id) : NULL;
	gboolean carries = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
	(void)data;
	if (!stream || !carries || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	stream->answered = TRUE;
	touch(stream);
	return 0;
}

/* --- The connection --- */
/* What nghttp2 has to say goes out, while the client takes it: once a turn of the loop, so that no stream ends while
 * its exchange is at work, and the answers of many leave together. */
static void on_flush(Connection *connection)
{
	Http2 *http = connection->state;
	const guint8 *data;
	ssize_t length = 0;
	while (!connection_is_full(connection) && (length = nghttp2_session_mem_send(http->session, &data)) > 0)
		connection_write(connection, data, (gsize)length);
	for (GList *link = http->streams.head; link; link = link->next) {
		Stream *stream = link->data;
		if (!stream->was_full || is_full(stream))
			continue;
		stream->was_full = FALSE;
		if (stream->exchange)
			exchange_drained(stream->exchange);
	}
	/* Acknowledgements to a client that takes nothing would pile up: it is not read. */
	connection_pause(connection, connection_is_full(connection));
	if (length < 0 || (!nghttp2_session_want_read(http->session) && !nghttp2_session_want_write(http->session)))
		connection_finish(connection);
}

static void on_receive(Connection *connection, const guint8 *data, gsize length)
{
	Http2 *http = connection->state;
	ssize_t taken = nghttp2_session_mem_recv(http->session, data, length);
	if (taken < 0)
		connection_finish(connection);
	else
		connection_wake(connection);
}

/* Streams whose client neither sends nor takes what it should. */
static void on_expired(Connection *connection)
{
	Http2 *http = connection->state;
	gint64 now = front_now(connection->front);
	if (http->head_us && now - http->head_us > HEAD_SECONDS * G_USEC_PER_SEC) {
		connection_kill(connection);
		return;
	}
	if (http->streams.length == 0) {
		nghttp2_session_terminate_session(http->session, NGHTTP2_NO_ERROR);
		connection_wake(connection);
		return;
	}
	connection_deadline(connection, CHECK_SECONDS);
	for (GList *link = http->streams.head; link; link = link->next) {
		Stream *stream = link->data;
		gboolean owes = stream_pending(stream) > 0 || (!stream->body_ended && !stream->paused);
		guint seconds = owes ? BODY_SECONDS : ANSWER_SECONDS;
		if (stream->answered)
			seconds = CHECK_SECONDS;
		if (now - stream->progress_us > seconds * G_USEC_PER_SEC)
			nghttp2_submit_rst_stream(http->session, NGHTTP2_FLAG_NONE, stream->id,
						  stream->answered ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
	}
	connection_wake(connection);
}

static void on_closed(Connection *connection)
{
	Http2 *http = connection->state;
	GList *link;
	while ((link = http->streams.head))
		stream_free(link->data);
	nghttp2_session_del(http->session);
	g_free(http);
}

static const ConnectionOps connection_ops = {
	.receive = on_receive,
	.flush = on_flush,
	.drained = connection_wake,
	.expired = on_expired,
	.closed = on_closed,
};

void http2_start(Connection *connection)
{
	Http2 *http = g_new0(Http2, 1);
	http->connection = connection;
	http->resets_us = front_now(connection->front);
	nghttp2_session_callbacks *callbacks;
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_option *option;
	nghttp2_option_new(&option);
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_closed_streams(option, 1);
	nghttp2_option_set_max_deflate_dynamic_table_size(option, TABLE_SIZE);
	nghttp2_session_server_new2(&http->session, callbacks, http, option);
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);

	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP2_STREAMS_MAX},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEAD_MAX},
	};
	nghttp2_submit_settings(http->session, NGHTTP2_FLAG_NONE, settings, G_N_ELEMENTS(settings));
	nghttp2_session_set_local_window_size(http->session, NGHTTP2_FLAG_NONE, 0, WINDOW);
	connection_set_protocol(connection, &connection_ops, http);
	connection_deadline(connection, IDLE_SECONDS);
}
