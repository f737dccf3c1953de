/* A WebSocket as a client, by libwebsockets, in an event loop of its own that ends with it.
 *
 * The other side accepts the handshake before it knows whether the request is allowed, and closes with 4000 + status if
 * it is not. It takes nothing from us until then. So a ping goes out first: its pong, or a first message, tells that
 * the request was allowed. */
#include "remote/websocket.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "remote/words.h"

enum {
	OPEN_TIMEOUT_S = 30, /* from the connection to the first sign that the request was allowed */
	CLOSE_STATUS_BASE = 4000,
	KEEPALIVE_S = 30,
	STUCK_S = 60,        /* longer than any turn of the loop may be */
	ALIVE_S = 20,        /* between two signs of life; the other side waits 30 s for one after its ping */
	END_TIMEOUT_S = 20,
	MESSAGE_MAX = 32768,
};

static void keep_close(WebSocket *socket, const unsigned char *bytes, gsize length)
{
	if (length < 2)
		return;
	socket->close_code = bytes[0] << 8 | bytes[1];
	g_free(socket->close_reason);
	socket->close_reason = g_utf8_make_valid((const char *)bytes + 2, (gssize)length - 2);
}

static int add_headers(WebSocket *socket, unsigned char **inout_at, unsigned char *end)
{
	struct lws *wire = socket->wire;
	if (!socket->authorize || !socket->peer->token)
		return 0;
	g_autofree char *bearer = g_strconcat("Bearer ", socket->peer->token, NULL);
	int failed = lws_add_http_header_by_token(wire, WSI_TOKEN_HTTP_AUTHORIZATION, (unsigned char *)bearer,
		(int)strlen(bearer), inout_at, end);
	explicit_bzero(bearer, strlen(bearer));
	return failed;
}

static void set_open(WebSocket *socket)
{
	if (socket->is_open)
		return;
	socket->is_open = TRUE;
	lws_set_timer_usecs(socket->wire, ALIVE_S * LWS_USEC_PER_SEC);
	socket->use->opened(socket);
}

static int write_wire(WebSocket *socket)
{
	if (!socket->pinged) {
		unsigned char ping[LWS_PRE];
		socket->pinged = TRUE;
		return lws_write(socket->wire, ping + LWS_PRE, 0, LWS_WRITE_PING) < 0 ? -1 : 0;
	}
	if (socket->owes_sign) {
		unsigned char pong[LWS_PRE];
		socket->owes_sign = FALSE;
		if (lws_write(socket->wire, pong + LWS_PRE, 0, LWS_WRITE_PONG) < 0)
			return -1;
		if (websocket_is_sending(socket) || socket->end_code)
			lws_callback_on_writable(socket->wire);
		return 0;
	}
	if (websocket_is_sending(socket)) {
		gsize length = MIN(socket->out->len - LWS_PRE, MESSAGE_MAX);
		if (lws_write(socket->wire, socket->out->data + LWS_PRE, length, LWS_WRITE_BINARY) < 0)
			return -1;
		g_byte_array_remove_range(socket->out, LWS_PRE, (guint)length);
		if (websocket_is_sending(socket) || socket->end_code)
			lws_callback_on_writable(socket->wire);
		else if (socket->use->sent)
			socket->use->sent(socket);
		return 0;
	}
	if (socket->end_code) {
		lws_close_reason(socket->wire, (enum lws_close_status)socket->end_code, NULL, 0);
		return -1;
	}
	return 0;
}

static int on_wire(struct lws *wire, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	struct lws_context *context = lws_get_context(wire);
	WebSocket *socket = context ? lws_context_user(context) : NULL;
	(void)user;
	switch ((int)reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		socket->wire = wire;
		return add_headers(socket, in, *(unsigned char **)in + length);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		socket->refused = (int)lws_http_client_http_response(wire);
		socket->failure = in && length ? g_utf8_make_valid(in, (gssize)length) : NULL;
		socket->over = TRUE;
		break;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		socket->established = TRUE;
		lws_set_timer_usecs(wire, OPEN_TIMEOUT_S * LWS_USEC_PER_SEC);
		lws_callback_on_writable(wire);
		break;
	case LWS_CALLBACK_TIMER:
		if (!socket->is_open)
			return -1;
		/* A ping of the other side may wait behind what a held terminal does not take: so a pong goes out
		 * unasked (RFC 6455 §5.5.3). */
		socket->owes_sign = TRUE;
		lws_callback_on_writable(wire);
		lws_set_timer_usecs(wire, ALIVE_S * LWS_USEC_PER_SEC);
		break;
	case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
		set_open(socket);
		break;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		if (socket->end_code)
			break;
		set_open(socket);
		socket->use->received(socket, in, length,
			lws_is_final_fragment(wire) && lws_remaining_packet_payload(wire) == 0);
		break;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return write_wire(socket);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		keep_close(socket, in, length);
		break;
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_WSI_DESTROY:
		if (wire == socket->wire) {
			socket->wire = NULL;
			socket->over = TRUE;
		}
		break;
	}
	return 0;
}

static int on_local(struct lws *local, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	WebSocket *socket = lws_context_user(lws_get_context(local));
	(void)user, (void)in, (void)length;
	switch ((int)reason) {
	case LWS_CALLBACK_RAW_RX_FILE:
		return socket->use->fd_readable(socket) ? 0 : -1;
	case LWS_CALLBACK_RAW_WRITEABLE_FILE:
		socket->use->fd_writable(socket);
		break;
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		socket->local = NULL;
		websocket_end(socket, LWS_CLOSE_STATUS_NORMAL);
		break;
	}
	return 0;
}

static const struct lws_protocols protocols[] = {
	{.name = "wire", .callback = on_wire, .rx_buffer_size = 32768},
	{.name = "local", .callback = on_local},
	{0}};

void websocket_send(WebSocket *socket, const void *bytes, gsize length)
{
	g_byte_array_append(socket->out, bytes, (guint)length);
	if (socket->wire)
		lws_callback_on_writable(socket->wire);
}

gboolean websocket_is_sending(const WebSocket *socket)
{
	return socket->out->len > LWS_PRE;
}

void websocket_hold(WebSocket *socket, gboolean hold)
{
	socket->holds_wire = hold;
}

/* Only between turns: held from within its callback, libwebsockets (4.1.6) keeps the rest of what it has read, and now
 * and then gives that to itself for ever. */
static void apply_hold(WebSocket *socket)
{
	gboolean hold = socket->holds_wire && !socket->end_code;
	if (!socket->wire || hold == socket->wire_held)
		return;
	socket->wire_held = hold;
	lws_rx_flow_control(socket->wire, !hold);
}

void websocket_hold_fd(WebSocket *socket, gboolean hold)
{
	socket->holds_fd = hold;
	if (socket->local)
		lws_rx_flow_control(socket->local, !hold);
}

void websocket_want_fd(WebSocket *socket)
{
	socket->wants_fd = TRUE;
}

void websocket_end(WebSocket *socket, int code)
{
	if (!socket->end_code)
		socket->end_code = code;
	if (!socket->wire || !socket->established) {
		socket->over = TRUE;
		return;
	}
	/* What is on the way goes out first, and the other side's farewell is awaited, but neither for ever. */
	lws_set_timeout(socket->wire, PENDING_TIMEOUT_USER_OK, END_TIMEOUT_S);
	lws_callback_on_writable(socket->wire);
}

void websocket_abandon(WebSocket *socket)
{
	socket->abandoned = TRUE;
}

static void explain(WebSocket *socket, GError **error)
{
	const Peer *peer = socket->peer;
	int status = socket->close_code >= CLOSE_STATUS_BASE + 400 && socket->close_code < CLOSE_STATUS_BASE + 600
			     ? socket->close_code - CLOSE_STATUS_BASE
			     : !socket->established && socket->refused >= 400 ? socket->refused : 0;
	if (status) {
		json_auto json_object *body = peer_error_body(peer, status, socket->close_reason);
		g_propagate_error(error, error_new_from_json(json_get(body, "error")));
		return;
	}
	if (!socket->established && trust_explain(&peer->trust, peer->authority, error))
		return;
	if (socket->established)
		error_set(error, ERROR_UNAVAILABLE, SAY("try again", "やり直してください"),
			  SAY("'%s' closed the connection%s%s", "'%s' が接続を閉じました%s%s"), peer->authority,
			  socket->close_reason && *socket->close_reason ? ": " : " without a word",
			  socket->close_reason ? socket->close_reason : "");
	else
		error_set(error, ERROR_UNAVAILABLE,
			  SAY("check the address, and that yado-httpd runs there and its port is open",
			      "アドレスと、そこで yado-httpd が動きポートが開いていることを確認してください"),
			  SAY("cannot connect to '%s': %s", "'%s' に接続できません: %s"), peer->authority,
			  socket->failure ? socket->failure : "it did not answer");
}

static gboolean connect_wire(WebSocket *socket)
{
	struct lws_client_connect_info info = {
		.context = socket->context,
		.address = socket->peer->host,
		.port = socket->peer->port,
		.ssl_connection = LCCSCF_USE_SSL,
		.path = socket->path,
		.host = socket->peer->authority,
		.protocol = socket->use->subprotocol,
		.local_protocol_name = protocols[0].name,
		.alpn = "http/1.1",
		.ietf_version_or_minus_one = -1,
	};
	struct lws *wire = lws_client_connect_via_info(&info);
	if (!socket->over)
		socket->wire = wire;
	return wire && !socket->over;
}

static gboolean adopt_local(WebSocket *socket)
{
	/* libwebsockets closes what it adopted. */
	lws_sock_file_fd_type descriptor = {.filefd = fcntl(socket->fd, F_DUPFD_CLOEXEC, 3)};
	if (descriptor.filefd < 0)
		return FALSE;
	struct lws_vhost *vhost = lws_get_vhost_by_name(socket->context, "default");
	socket->local = lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC, descriptor, protocols[1].name, NULL);
	websocket_hold_fd(socket, socket->use->holds_fd);
	return socket->local != NULL;
}

/* libwebsockets does not see this on a descriptor that it does not read, but poll() reports it over and over. */
static void mind_hang_up(WebSocket *socket)
{
	struct pollfd local = {.fd = socket->fd};
	if (!socket->local || !socket->holds_fd || poll(&local, 1, 0) <= 0 || !(local.revents & (POLLHUP | POLLERR)))
		return;
	while (socket->use->fd_readable(socket))
		;
	lws_set_timeout(socket->local, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void serve(WebSocket *socket)
{
	if (!connect_wire(socket) || (socket->fd >= 0 && !adopt_local(socket)))
		return;
	/* Should lws_service() ever not return, the alarm, which is put off in each turn, ends this process. */
	while (!socket->over && !socket->abandoned && lws_service(socket->context, 0) >= 0) {
		alarm(STUCK_S);
		/* Not from within its callback, after which libwebsockets forgets such a wish. */
		if (socket->wants_fd && socket->local) {
			socket->wants_fd = FALSE;
			lws_callback_on_writable(socket->local);
		}
		mind_hang_up(socket);
		apply_hold(socket);
	}
	alarm(0);
}

gboolean websocket_run(WebSocket *socket, GError **error)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	if (!tls || !trust_apply(&socket->peer->trust, tls)) {
		SSL_CTX_free(tls);
		error_set(error, ERROR_FAILED, NULL, "cannot set up TLS");
		return FALSE;
	}
	socket->out = g_byte_array_new();
	g_byte_array_set_size(socket->out, LWS_PRE);
	lws_set_log_level(0, NULL);
	unsetenv("http_proxy"); /* as http.c: no proxies */
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
		.provided_client_ssl_ctx = tls,
		.user = socket,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.ka_time = KEEPALIVE_S,
		.ka_interval = 10,
		.ka_probes = 3,
		.fd_limit_per_thread = 16,
	};
	socket->context = lws_create_context(&info);
	if (socket->context) {
		serve(socket);
		lws_context_destroy(socket->context);
	}
	SSL_CTX_free(tls);
	socket->wire = socket->local = NULL;
	if (!socket->is_open && !socket->abandoned)
		explain(socket, error);
	return socket->is_open;
}

void websocket_clear(WebSocket *socket)
{
	if (socket->out)
		g_byte_array_unref(socket->out);
	g_clear_pointer(&socket->close_reason, g_free);
	g_clear_pointer(&socket->failure, g_free);
}
