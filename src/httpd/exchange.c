/* A request's life: its head is checked and translated; a JSON body is collected and goes with it in one frame, bytes
 * go to the worker's socket that yadod's interim response brings; the answer goes back whole, or from a socket.
 * Requests for the page are answered here.
 *
 * Callbacks to the carrier are the last thing that a function does: the carrier may free the exchange in them. */
#include "httpd/exchange.h"

#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/json.h"
#include "httpd/bulk.h"
#include "httpd/log.h"
#include "httpd/page.h"

struct Exchange {
	Connection *connection;
	const CarrierOps *ops;
	gpointer carrier;
	json_object *head; /* for yadod, until it is sent */
	GByteArray *body;  /* collected, or bytes that came before the worker's socket */
	gsize body_max;
	gsize counted; /* what of it is in the sums */
	Request *request;
	Bulk *bulk;
	guint64 left; /* of a streamed answer */
	gboolean is_bulk, body_ended, answered;
};

static const Refusal busy = {503, ERROR_UNAVAILABLE, "the front has too much to do", "try again later"};
static const Refusal absent = {
	503, ERROR_UNAVAILABLE, "yadod does not answer", "try again; if it stays so, look at its log"};

/* What each answer has, whatever it is; the date is made once a second (RFC 9110 §5.6.7). */
static void add_common(Fields *fields, gboolean page)
{
	static char text[32];
	static time_t made;
	time_t now = time(NULL);
	struct tm parts;
	if (now != made && gmtime_r(&now, &parts)) {
		strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
		made = now;
	}
	fields_add(fields, "date", text);
	fields_add_security(fields, page);
}

Exchange *exchange_new(Connection *connection, const CarrierOps *ops, gpointer carrier)
{
	Exchange *exchange = g_new0(Exchange, 1);
	exchange->connection = connection;
	exchange->ops = ops;
	exchange->carrier = carrier;
	return exchange;
}

static void drop_body(Exchange *exchange)
{
	exchange->connection->front->bodies -= exchange->counted;
	exchange->connection->peer->bodies -= exchange->counted;
	exchange->counted = 0;
	g_clear_pointer(&exchange->body, g_byte_array_unref);
}

void exchange_free(Exchange *exchange)
{
	if (!exchange)
		return;
	if (exchange->request)
		request_cancel(exchange->request);
	bulk_free(exchange->bulk);
	drop_body(exchange);
	g_clear_pointer(&exchange->head, json_object_put);
	g_free(exchange);
}

void exchange_refuse(Exchange *exchange, const Refusal *refusal)
{
	g_autofree char *body = refusal_body(refusal);
	Answer answer = {
		.status = refusal->status, .body = body, .length = strlen(body), .last = refusal->status == 400};
	exchange->answered = TRUE;
	drop_body(exchange);
	fields_add(&answer.fields, "content-type", "application/json");
	if (refusal->status == 503)
		fields_add(&answer.fields, "retry-after", "1");
	add_common(&answer.fields, FALSE);
	exchange->ops->answer(exchange->carrier, &answer);
}

static void answer_page(Exchange *exchange, const Head *head)
{
	const PageFile *file = page_find(exchange->connection->front->page, head_target(head));
	const char *method = head_method(head), *known = head_get(head, HEADER_IF_NONE_MATCH);
	if (!file || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)) {
		exchange_refuse(
			exchange, file ? &(Refusal){405, ERROR_METHOD, "files of the page can only be read", NULL}
				       : &(Refusal){404, ERROR_NOT_FOUND, "there is no such page", NULL});
		return;
	}
	const char *accepted = head_get(head, HEADER_ACCEPT_ENCODING);
	gboolean zipped = file->gzipped && accepted &&
			  g_regex_match_simple("(^|[, ])gzip *(,|;q=(0\\.[0-9]*[1-9]|1)|$)", accepted, 0, 0);
	if (zipped)
		file = file->gzipped;
	Answer answer = {.status = 200, .body = file->data, .length = file->length};
	if (known && strcmp(known, file->etag) == 0)
		answer = (Answer){.status = 304};
	else
		fields_add(&answer.fields, "content-type", file->type);
	if (zipped)
		fields_add(&answer.fields, "content-encoding", "gzip");
	fields_add(&answer.fields, "vary", "accept-encoding");
	fields_add(&answer.fields, "etag", file->etag);
	fields_add(&answer.fields, "cache-control", file->immutable ? "max-age=31536000, immutable" : "no-cache");
	add_common(&answer.fields, TRUE);
	exchange->answered = TRUE;
	exchange->ops->answer(exchange->carrier, &answer);
}

/* --- The answer --- */
static void out_data(gpointer data, const void *bytes, gsize length)
{
	Exchange *exchange = data;
	length = MIN(length, exchange->left);
	exchange->left -= length;
	if (exchange->left == 0)
		g_clear_pointer(&exchange->bulk, bulk_free);
	exchange->ops->data(exchange->carrier, bytes, length);
	if (exchange->left == 0)
		exchange->ops->done(exchange->carrier);
	else if (exchange->ops->is_full(exchange->carrier))
		bulk_pause(exchange->bulk, TRUE);
}

static void out_ended(gpointer data)
{
	Exchange *exchange = data;
	log_warning("a file has ended %" G_GUINT64_FORMAT " bytes before its end", exchange->left);
	g_clear_pointer(&exchange->bulk, bulk_free);
	exchange->ops->abort(exchange->carrier);
}

static const BulkOps out_ops = {.data = out_data, .ended = out_ended};

/* Bytes from the socket. */
static void answer_stream(Exchange *exchange, Answer *answer, guint64 length, int fd)
{
	g_clear_pointer(&exchange->bulk, bulk_free);
	answer->length = length;
	answer->streamed = length > 0;
	exchange->left = length;
	if (length == 0)
		fd_close(fd);
	else if (!(exchange->bulk = bulk_new(exchange->connection->front, fd, TRUE, &out_ops, exchange))) {
		exchange_refuse(exchange, &busy);
		return;
	}
	exchange->ops->answer(exchange->carrier, answer);
}

static void answer_with(Exchange *exchange, json_object *head, GBytes *body, int fd)
{
	Answer answer = {.status = translate_status(head), .bytes = body};
	answer.body = g_bytes_get_data(body, &answer.length);
	gint64 stream_length = json_get_int(head, "content_length", -1);
	exchange->answered = TRUE;
	drop_body(exchange);
	fields_add_response(&answer.fields, head, answer.length > 0 || fd >= 0);
	add_common(&answer.fields, FALSE);
	if (fd >= 0 && stream_length >= 0) {
		answer_stream(exchange, &answer, (guint64)stream_length, fd);
		return;
	}
	fd_close(fd);
	g_clear_pointer(&exchange->bulk, bulk_free);
	exchange->ops->answer(exchange->carrier, &answer);
}

/* --- Bytes to a worker --- */
static void in_taken(gpointer data)
{
	Exchange *exchange = data;
	exchange->ops->pause(exchange->carrier, FALSE);
}

/* The worker does not write; that it has closed is told by yadod's answer, and its socket takes nothing more. */
static void in_ignore(gpointer data)
{
	(void)data;
}

static const BulkOps in_ops = {.taken = in_taken, .ended = in_ignore};

/* The interim response. */
static void begin_upload(Exchange *exchange, int fd)
{
	exchange->bulk = bulk_new(exchange->connection->front, fd, FALSE, &in_ops, exchange);
	if (!exchange->bulk) {
		exchange_refuse(exchange, &busy);
		return;
	}
	gboolean taken = TRUE;
	if (exchange->body)
		taken = bulk_write(exchange->bulk, exchange->body->data, exchange->body->len);
	drop_body(exchange);
	if (exchange->body_ended)
		bulk_finish(exchange->bulk);
	else
		exchange->ops->proceed(exchange->carrier);
	if (taken)
		exchange->ops->pause(exchange->carrier, FALSE);
}

/* --- yadod --- */
static void on_response(gpointer data, json_object *head, GBytes *body, int fd)
{
	Exchange *exchange = data;
	gboolean stream = json_get_bool(head, "stream", FALSE);
	if (!stream)
		exchange->request = NULL;
	if (stream && exchange->is_bulk && fd >= 0 && !exchange->bulk) {
		begin_upload(exchange, fd);
		return;
	}
	if (stream) {
		/* A stream of events is for a WebSocket. */
		fd_close(fd);
		exchange_refuse(
			exchange, &(Refusal){426, ERROR_UNSUPPORTED, "this is to be asked as a WebSocket", NULL});
		return;
	}
	answer_with(exchange, head, body, fd);
}

/* The answer to an upload comes as an event, since its stream is open. */
static void on_event(gpointer data, json_object *event, gsize cost)
{
	Exchange *exchange = data;
	json_object *response = json_get(event, "response");
	request_credit(exchange->request, cost);
	if (exchange->answered || !response)
		return;
	gsize length = 0;
	json_object *body = json_get(response, "body");
	const char *text = body ? json_object_to_json_string_length(
					  body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length)
				: NULL;
	g_autoptr(GBytes) bytes = g_bytes_new(text, length);
	answer_with(exchange, response, bytes, -1);
}

static void on_end(gpointer data, RequestEnd end)
{
	Exchange *exchange = data;
	(void)end;
	exchange->request = NULL;
	if (!exchange->answered)
		exchange_refuse(exchange, &absent);
}

static const RequestOps request_ops = {.response = on_response, .event = on_event, .end = on_end};

static void ask(Exchange *exchange)
{
	const void *body = exchange->body && !exchange->is_bulk ? exchange->body->data : NULL;
	exchange->request = backend_send(exchange->connection->front->backend, exchange->head, body,
		body ? exchange->body->len : 0, &request_ops, exchange);
	g_clear_pointer(&exchange->head, json_object_put);
	if (!exchange->is_bulk)
		drop_body(exchange);
	if (!exchange->request)
		exchange_refuse(exchange, &absent);
}

/* --- From the carrier --- */
static gboolean check(Exchange *exchange, const Head *head, gboolean has_body, Refusal *refusal)
{
	if (!translate_check(head, refusal))
		return FALSE;
	if (translate_destination(head) == DESTINATION_PAGE)
		return TRUE;
	exchange->head = translate_request(head, exchange->connection->address, refusal);
	if (!exchange->head)
		return FALSE;
	if (exchange->connection->front->answers > ANSWERS_MAX) {
		*refusal = busy;
		return FALSE;
	}
	exchange->is_bulk = (has_body || head->has_content_length) && translate_is_bulk(head);
	if (exchange->is_bulk && !head->has_content_length) {
		*refusal = (Refusal){411, ERROR_INVALID, "bytes are sent with their content-length", NULL};
		return FALSE;
	}
	exchange->body_max = translate_has_credentials(head) ? BODY_MAX : BODY_ANONYMOUS_MAX;
	if (has_body && !exchange->is_bulk && head->content_length > exchange->body_max) {
		*refusal = (Refusal){413, ERROR_TOO_LARGE, "the body is too large", NULL};
		return FALSE;
	}
	return TRUE;
}

void exchange_start(Exchange *exchange, const Head *head, gboolean has_body)
{
	Refusal refusal;
	if (!check(exchange, head, has_body, &refusal)) {
		exchange_refuse(exchange, &refusal);
	} else if (!exchange->head) {
		answer_page(exchange, head);
	} else if (exchange->is_bulk) {
		json_set_int(exchange->head, "content_length", (gint64)head->content_length);
		exchange->ops->pause(exchange->carrier, TRUE);
		ask(exchange);
	} else if (has_body) {
		exchange->ops->proceed(exchange->carrier);
	}
}

/* What is held for a client is counted, in all and for its address. */
static gboolean hold(Exchange *exchange, const void *data, gsize length)
{
	Front *front = exchange->connection->front;
	Peer *peer = exchange->connection->peer;
	if (front->bodies + length > BODIES_MAX || peer->bodies + length > BODIES_PER_ADDRESS)
		return FALSE;
	if (!exchange->body)
		exchange->body = g_byte_array_new();
	g_byte_array_append(exchange->body, data, (guint)length);
	exchange->counted += length;
	front->bodies += length;
	peer->bodies += length;
	return TRUE;
}

void exchange_body(Exchange *exchange, const void *data, gsize length)
{
	if (exchange->answered)
		return;
	if (exchange->is_bulk && exchange->bulk) {
		/* A later piece may have taken with it what an earlier one left: then nobody else says so. */
		gboolean taken = bulk_write(exchange->bulk, data, length);
		exchange->ops->pause(exchange->carrier, !taken);
		return;
	}
	gsize held = exchange->body ? exchange->body->len : 0;
	if (!exchange->is_bulk && held + length > exchange->body_max)
		exchange_refuse(exchange, &(Refusal){413, ERROR_TOO_LARGE, "the body is too large", NULL});
	else if (!hold(exchange, data, length))
		exchange_refuse(exchange, &busy);
}

void exchange_body_end(Exchange *exchange)
{
	exchange->body_ended = TRUE;
	if (exchange->answered)
		return;
	if (!exchange->is_bulk)
		ask(exchange);
	else if (exchange->bulk)
		bulk_finish(exchange->bulk);
}

void exchange_drained(Exchange *exchange)
{
	if (exchange->bulk && exchange->left > 0)
		bulk_pause(exchange->bulk, FALSE);
}
