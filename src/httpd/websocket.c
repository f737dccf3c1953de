/* A WebSocket is one request to yadod. Its answer is a stream of events, which become text messages, or the socket of a
 * console, whose bytes become binary ones. Nothing of the client is read before that answer.
 *
 * Neither side is read faster than the other takes it: events are acknowledged (by credit) when what waits for the
 * client is below its bound, a console's socket is not read above it, and the client is not read while its bytes wait
 * for the console. A ping each PING_SECONDS finds clients that are gone. */
#include "httpd/websocket.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "httpd/backend.h"
#include "httpd/bulk.h"
#include "httpd/translate.h"
#include "httpd/websocket-frame.h"

enum { REASON_MAX = 123, EARLY_MAX = 32 << 10 };

typedef struct WebSocket {
	Connection *connection;
	WebSocketReader reader;
	GByteArray *early; /* what came before yadod's answer */
	Request *request;
	Bulk *console;
	gsize owed;    /* credit for events that wait for the client */
	gboolean open; /* yadod has answered */
	gboolean over; /* the close frame is sent */
	gboolean pinged;
	gboolean stalled; /* the console does not take what the client sends */
} WebSocket;

static void send_frame(WebSocket *socket, WebSocketOpcode opcode, const void *data, gsize length)
{
	guint8 header[10];
	connection_write(socket->connection, header, websocket_make_header(header, opcode, length));
	connection_write(socket->connection, data, length);
}

/* Says why, once, and ends. */
static void close_with(WebSocket *socket, guint code, const char *reason)
{
	guint8 payload[2 + REASON_MAX] = {(guint8)(code >> 8), (guint8)code};
	const char *end = NULL;
	if (socket->over)
		return;
	gsize length = reason ? strnlen(reason, REASON_MAX) : 0;
	g_utf8_validate(reason ? reason : "", (gssize)length, &end);
	length = reason ? (gsize)(end - reason) : 0;
	memcpy(payload + 2, reason ? reason : "", length);
	send_frame(socket, OPCODE_CLOSE, payload, code == CLOSE_NO_CODE ? 0 : 2 + length);
	socket->over = TRUE;
	if (socket->request) {
		request_cancel(socket->request);
		socket->request = NULL;
	}
	g_clear_pointer(&socket->console, bulk_free);
	connection_finish(socket->connection);
}

static void update_reading(WebSocket *socket)
{
	connection_pause(
		socket->connection, !socket->open || socket->stalled || connection_is_full(socket->connection));
}

/* --- Consoles --- */
static void on_console_data(gpointer data, const void *bytes, gsize length)
{
	WebSocket *socket = data;
	send_frame(socket, OPCODE_BINARY, bytes, length);
	if (connection_is_full(socket->connection))
		bulk_pause(socket->console, TRUE);
}

static void on_console_ended(gpointer data)
{
	close_with(data, CLOSE_NORMAL, NULL);
}

static void on_console_taken(gpointer data)
{
	WebSocket *socket = data;
	socket->stalled = FALSE;
	update_reading(socket);
}

static const BulkOps console_ops = {.taken = on_console_taken, .data = on_console_data, .ended = on_console_ended};

/* --- From the client --- */
static void take_event(WebSocket *socket, WebSocketEvent event, const guint8 *payload, gsize length)
{
	switch (event) {
	case EVENT_MESSAGE:
		if (socket->console && length > 0 && !bulk_write(socket->console, payload, length))
			socket->stalled = TRUE;
		break;
	case EVENT_PING:
		send_frame(socket, OPCODE_PONG, payload, length);
		break;
	case EVENT_CLOSE:
		close_with(socket, socket->reader.code, NULL);
		break;
	case EVENT_ERROR:
		close_with(socket, socket->reader.code, "the frame breaks the rules of WebSocket");
		break;
	default:
		break;
	}
}

static void take(WebSocket *socket, const guint8 *data, gsize length)
{
	while (length > 0 && !socket->over) {
		const guint8 *payload;
		gsize used, payload_length;
		WebSocketEvent event = websocket_read(&socket->reader, data, length, &used, &payload, &payload_length);
		data += used;
		length -= used;
		take_event(socket, event, payload, payload_length);
	}
}

static void on_receive(Connection *connection, const guint8 *data, gsize length)
{
	WebSocket *socket = connection->state;
	socket->pinged = FALSE; /* it lives */
	if (socket->open) {
		take(socket, data, length);
	} else if (socket->early->len + length > EARLY_MAX) {
		close_with(socket, CLOSE_POLICY, "too much before the answer");
	} else {
		g_byte_array_append(socket->early, data, (guint)length);
	}
	update_reading(socket);
}

/* --- From yadod --- */
static void refuse(WebSocket *socket, int status, GBytes *body)
{
	gsize length;
	const char *text = g_bytes_get_data(body, &length);
	json_auto json_object *json = length > 0 ? json_parse(text, length, NULL) : NULL;
	close_with(socket, 4000 + (guint)status, json_get_str(json_get(json, "error"), "message", "refused"));
}

static void open_socket(WebSocket *socket)
{
	g_autoptr(GByteArray) early = g_steal_pointer(&socket->early);
	socket->open = TRUE;
	take(socket, early->data, early->len);
	update_reading(socket);
}

static void on_response(gpointer data, json_object *head, GBytes *body, int fd)
{
	WebSocket *socket = data;
	gboolean stream = json_get_bool(head, "stream", FALSE);
	int status = (int)json_get_int(head, "status", 502);
	if (!stream)
		socket->request = NULL;
	if (status >= 400) {
		fd_close(fd);
		refuse(socket, status, body);
	} else if (fd >= 0) {
		socket->console = bulk_new(socket->connection->front, fd, TRUE, &console_ops, socket);
		if (socket->console)
			open_socket(socket);
		else
			close_with(socket, CLOSE_TRY_LATER, "the console cannot be watched");
	} else if (stream) {
		open_socket(socket);
	} else {
		close_with(socket, 4000 + 422, "this is not to be asked as a WebSocket");
	}
}

static void on_event(gpointer data, json_object *event, gsize cost)
{
	WebSocket *socket = data;
	if (!socket->console) {
		gsize length;
		const char *text = json_object_to_json_string_length(
			event, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
		send_frame(socket, OPCODE_TEXT, text, length);
	}
	if (connection_is_full(socket->connection))
		socket->owed += cost;
	else
		request_credit(socket->request, cost);
}

static void on_end(gpointer data, RequestEnd end)
{
	WebSocket *socket = data;
	socket->request = NULL;
	if (end == END_LOST && !socket->open)
		close_with(socket, 4503, "yadod does not answer");
	else if (end == END_LOST && !socket->console)
		close_with(socket, CLOSE_RESTART, "yadod has ended");
	else if (end == END_CANCELLED)
		close_with(socket, CLOSE_TRY_LATER, "too slow, or stopped");
	else if (!socket->console)
		close_with(socket, CLOSE_NORMAL, NULL);
}

static const RequestOps request_ops = {.response = on_response, .event = on_event, .end = on_end};

/* --- The connection --- */
static void on_drained(Connection *connection)
{
	WebSocket *socket = connection->state;
	if (socket->request && socket->owed > 0)
		request_credit(socket->request, socket->owed);
	socket->owed = 0;
	if (socket->console)
		bulk_pause(socket->console, FALSE);
	update_reading(socket);
}

static void on_expired(Connection *connection)
{
	WebSocket *socket = connection->state;
	if (socket->pinged) {
		connection_kill(connection);
		return;
	}
	socket->pinged = TRUE;
	send_frame(socket, OPCODE_PING, NULL, 0);
	connection_deadline(connection, PING_SECONDS);
}

static void on_closed(Connection *connection)
{
	WebSocket *socket = connection->state;
	if (socket->request)
		request_cancel(socket->request);
	bulk_free(socket->console);
	websocket_reader_clear(&socket->reader);
	if (socket->early)
		g_byte_array_unref(socket->early);
	g_free(socket);
}

static const ConnectionOps connection_ops = {
	.receive = on_receive,
	.drained = on_drained,
	.expired = on_expired,
	.closed = on_closed,
};

/* RFC 6455 §4.2.2: 16 bytes in base64, with which the server shows that it has understood. */
static gboolean accept_key(const char *key, char accept[29])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	guchar bytes[20], digest[SHA_DIGEST_LENGTH];
	char text[24 + sizeof guid];
	if (strlen(key) != 24 || EVP_DecodeBlock(bytes, (const guchar *)key, 24) != 18 || key[22] != '=' ||
		key[23] != '=')
		return FALSE;
	memcpy(text, key, 24);
	memcpy(text + 24, guid, sizeof guid);
	SHA1((const guchar *)text, 24 + sizeof guid - 1, digest);
	EVP_EncodeBlock((guchar *)accept, digest, sizeof digest);
	return TRUE;
}

static gboolean check_handshake(const Head *head, char accept[29], Refusal *refusal)
{
	const char *key = head_get(head, HEADER_WEBSOCKET_KEY), *version = head_get(head, HEADER_WEBSOCKET_VERSION);
	if (!translate_check(head, refusal))
		return FALSE;
	if (translate_destination(head) != DESTINATION_API)
		*refusal = (Refusal){404, ERROR_NOT_FOUND, "there is no such WebSocket", NULL};
	else if (strcmp(head_method(head), "GET") != 0 || head->http10 || head->content_length > 0)
		*refusal = (Refusal){400, ERROR_INVALID, "a WebSocket begins with GET, HTTP/1.1 and no body", NULL};
	else if (!version || strcmp(version, "13") != 0)
		*refusal = (Refusal){426, ERROR_UNSUPPORTED, "sec-websocket-version is not 13", "use version 13"};
	else if (!key || !accept_key(key, accept))
		*refusal = (Refusal){400, ERROR_INVALID, "sec-websocket-key is not 16 bytes in base64", NULL};
	else
		return TRUE;
	return FALSE;
}

static void answer_handshake(Connection *connection, const Head *head, const char *accept)
{
	g_autofree char *text =
		g_strdup_printf("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
				"sec-websocket-accept: %s\r\n%s\r\n",
			accept, head->offers_binary ? "sec-websocket-protocol: binary\r\n" : "");
	connection_write(connection, text, strlen(text));
}

gboolean websocket_start(Connection *connection, const Head *head, Refusal *refusal)
{
	char accept[29];
	if (!check_handshake(head, accept, refusal))
		return FALSE;
	json_auto json_object *json = translate_request(head, connection->address, refusal);
	if (!json)
		return FALSE;
	json_set_bool(json, "upgrade", TRUE);
	answer_handshake(connection, head, accept);

	WebSocket *socket = g_new0(WebSocket, 1);
	socket->connection = connection;
	socket->early = g_byte_array_new();
	websocket_reader_init(&socket->reader);
	connection_set_protocol(connection, &connection_ops, socket);
	connection_be_patient(connection); /* a terminal may be held for long; pings tell who is gone */
	connection_deadline(connection, PING_SECONDS);
	socket->request = backend_send(connection->front->backend, json, NULL, 0, &request_ops, socket);
	if (!socket->request)
		close_with(socket, 4503, "yadod does not answer");
	update_reading(socket);
	return TRUE;
}
