/* Connections on top of libwebsockets' raw sockets: lws accepts TLS, decrypts, encrypts and watches the socket.
 *
 * Why not its HTTP roles: they decode the path's escapes and take `..` and `//` out before anybody sees them, accept
 * bare line feeds, hide a header line behind one that has no colon, and answer without bound what an HTTP/2 client asks
 * for (SETTINGS, PING). The front has to refuse all of that (docs/front.md), so head.c parses HTTP/1.1, http2.c gives
 * HTTP/2 to nghttp2, and websocket.c has the frames of WebSocket.
 *
 * What is written waits in `out` until the end of the loop's turn, so that a head and its body leave in one record and
 * one system call. lws keeps what the socket does not take (at most one record) and calls back when that has left. */
#include "httpd/connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "httpd/accept.h"
#include "httpd/http1.h"
#include "httpd/http2.h"
#include "httpd/tls.h"

enum { RECORD_MAX = 16384 };

void connection_adopt(Front *front, int fd, Peer *peer, const char *address)
{
	Connection *connection = g_new0(Connection, 1);
	connection->front = front;
	connection->peer = peer;
	connection->out = g_byte_array_new();
	connection->link.data = connection->flush_link.data = connection;
	g_strlcpy(connection->address, address, sizeof connection->address);
	g_queue_push_tail_link(&front->connections, &connection->link);
	front->connection_count++;
	peer->connections++;

	lws_adopt_desc_t adopt = {
		.vh = front->vhost,
		.type = LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL,
		.fd.sockfd = fd,
		.opaque = connection,
	};
	/* A handshake that fails at once destroys both sides during the call; WSI_CREATE tells that there was one. */
	front->adopting = connection;
	struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&adopt);
	if (!wsi && front->adopting == connection)
		connection_callback(NULL, LWS_CALLBACK_WSI_DESTROY, connection, NULL, 0);
	front->adopting = NULL;
}

static void destroy(Connection *connection)
{
	Front *front = connection->front;
	g_queue_unlink(&front->connections, &connection->link);
	if (connection->flushing)
		g_queue_unlink(&front->flushes, &connection->flush_link);
	front->answers -= connection_pending(connection);
	front->connection_count--;
	peer_release(front, connection->peer);
	g_byte_array_unref(connection->out);
	g_bytes_unref(connection->body);
	g_free(connection);
}

static gsize out_pending(const Connection *connection)
{
	return connection->out->len - connection->out_start;
}

static gsize body_pending(const Connection *connection)
{
	return connection->body ? g_bytes_get_size(connection->body) - connection->body_start : 0;
}

gsize connection_pending(const Connection *connection)
{
	return out_pending(connection) + body_pending(connection);
}

gboolean connection_is_full(const Connection *connection)
{
	return connection_pending(connection) > WAITING_MAX;
}

/* At the end of this turn of the loop what waits is sent, or the connection ended: never while its protocol's code is
 * still on the stack. */
void connection_wake(Connection *connection)
{
	if (connection->flushing)
		return;
	connection->flushing = TRUE;
	g_queue_push_tail_link(&connection->front->flushes, &connection->flush_link);
}

/* So many bytes of the body go to the end of `out`; without any left it is let go. */
static void move_body(Connection *connection, gsize length)
{
	const guint8 *body = connection->body ? g_bytes_get_data(connection->body, NULL) : NULL;
	length = MIN(length, body_pending(connection));
	if (length > 0)
		g_byte_array_append(connection->out, body + connection->body_start, (guint)length);
	connection->body_start += length;
	if (body_pending(connection) == 0)
		g_clear_pointer(&connection->body, g_bytes_unref);
}

/* FALSE: nothing can be written any more. */
static gboolean begin_write(Connection *connection, gsize length)
{
	if (connection->killed || connection->finishing || length == 0)
		return FALSE;
	if (connection_pending(connection) == 0)
		connection->progress_us = front_now(connection->front);
	move_body(connection, G_MAXSIZE);
	connection->front->answers += length;
	return TRUE;
}

static void end_write(Connection *connection)
{
	if (connection_is_full(connection))
		connection->was_full = TRUE;
	connection_wake(connection);
}

void connection_write(Connection *connection, const void *data, gsize length)
{
	if (!begin_write(connection, length))
		return;
	g_byte_array_append(connection->out, data, (guint)length);
	end_write(connection);
}

void connection_write_bytes(Connection *connection, GBytes *bytes)
{
	gsize length;
	const void *data = g_bytes_get_data(bytes, &length);
	if (length <= RECORD_MAX) {
		connection_write(connection, data, length);
		return;
	}
	if (!begin_write(connection, length))
		return;
	connection->body = g_bytes_ref(bytes);
	connection->body_start = 0;
	end_write(connection);
}

void connection_set_protocol(Connection *connection, const ConnectionOps *ops, gpointer state)
{
	connection->ops = ops;
	connection->state = state;
}

void connection_deadline(Connection *connection, guint seconds)
{
	connection->deadline_us = seconds ? front_now(connection->front) + seconds * G_USEC_PER_SEC : 0;
}

void connection_be_patient(Connection *connection)
{
	connection->patient = TRUE;
}

static void update_reading(Connection *connection)
{
	gboolean mute = connection->paused || connection->stalled;
	if (connection->killed || connection->mute == mute)
		return;
	connection->mute = mute;
	lws_rx_flow_control(connection->wsi, !mute);
	if (!mute)
		connection_wake(connection); /* what is decrypted already tells nobody */
}

void connection_pause(Connection *connection, gboolean pause)
{
	connection->paused = pause && !connection->finishing;
	update_reading(connection);
}

void connection_finish(Connection *connection)
{
	if (connection->finishing || connection->killed)
		return;
	connection->finishing = TRUE;
	connection_pause(connection, FALSE);
	connection_deadline(connection, BODY_SECONDS);
	connection_wake(connection);
}

void connection_kill(Connection *connection)
{
	connection->killed = TRUE;
	connection_wake(connection);
}

/* The next record: of `out`, filled up from the body, or of the body. Nothing is left of `out` after the latter's
 * first. */
static guint8 *next_record(Connection *connection, gsize *ret_length)
{
	gsize out = out_pending(connection);
	if (out > 0 && out < RECORD_MAX)
		move_body(connection, RECORD_MAX - out);
	if (out > 0) {
		guint8 *data = connection->out->data + connection->out_start;
		*ret_length = MIN(out_pending(connection), RECORD_MAX);
		connection->out_start += *ret_length;
		return data;
	}
	guint8 *data = (guint8 *)g_bytes_get_data(connection->body, NULL) + connection->body_start;
	*ret_length = MIN(body_pending(connection), RECORD_MAX);
	connection->body_start += *ret_length;
	return data;
}

/* Sends what the socket takes; FALSE if it is gone. */
static gboolean send_out(Connection *connection)
{
	gsize pending;
	while ((pending = connection_pending(connection)) > 0 && !lws_partial_buffered(connection->wsi)) {
		gsize length;
		guint8 *data = next_record(connection, &length);
		if (lws_write(connection->wsi, data, length, LWS_WRITE_RAW) < 0)
			return FALSE;
		connection->front->answers -= length;
		connection->progress_us = front_now(connection->front);
	}
	/* While lws keeps a part of a record it reads nothing, but would be told again and again that it could. */
	connection->stalled = lws_partial_buffered(connection->wsi);
	update_reading(connection);
	if (pending == 0) {
		g_clear_pointer(&connection->body, g_bytes_unref);
		/* What was once a large answer is not kept for an idle client. */
		if (connection->out->len > RECORD_MAX) {
			g_byte_array_unref(connection->out);
			connection->out = g_byte_array_new();
		}
		g_byte_array_set_size(connection->out, 0);
		connection->out_start = 0;
	} else if (connection->out_start > WAITING_MAX) {
		g_byte_array_remove_range(connection->out, 0, (guint)connection->out_start);
		connection->out_start = 0;
	}
	return TRUE;
}

/* After the last answer: the end of TLS is said, and what still comes is read and dropped for a moment, as a socket
 * that is closed with unread bytes takes the answer away from the client (RFC 9112 §9.6). */
static void linger(Connection *connection)
{
	if (connection->finishing && connection_pending(connection) == 0 && !lws_partial_buffered(connection->wsi)) {
		SSL *ssl = lws_get_ssl(connection->wsi);
		if (ssl && !(SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN)) {
			SSL_shutdown(ssl);
			shutdown(lws_get_socket_fd(connection->wsi), SHUT_WR);
			connection_deadline(connection, LINGER_SECONDS);
		}
	}
}

/* OpenSSL reads ahead (one system call for a record instead of two), and lws does not know of more than it was given:
 * what is in OpenSSL's buffer is taken from there. */
static void read_ahead(Connection *connection)
{
	static guint8 record[RECORD_MAX];
	SSL *ssl = lws_get_ssl(connection->wsi);
	while (!connection->mute && !connection->finishing && !connection->killed && SSL_has_pending(ssl)) {
		ERR_clear_error();
		int n = SSL_read(ssl, record, sizeof record);
		if (n > 0) {
			connection->ops->receive(connection, record, (gsize)n);
			continue;
		}
		if (SSL_get_error(ssl, n) != SSL_ERROR_WANT_READ)
			connection_kill(connection);
		return;
	}
}

static void flush(Connection *connection)
{
	read_ahead(connection);
	if (connection->ops && connection->ops->flush && !connection->finishing)
		connection->ops->flush(connection);
	if (!send_out(connection)) {
		connection_kill(connection);
		return;
	}
	if (connection->was_full && !connection_is_full(connection)) {
		connection->was_full = FALSE;
		if (connection->ops && !connection->finishing)
			connection->ops->drained(connection);
	}
	linger(connection);
}

void connections_flush(Front *front)
{
	GList *link;
	while ((link = g_queue_pop_head_link(&front->flushes))) {
		Connection *connection = link->data;
		connection->flushing = FALSE;
		if (!connection->killed && connection->established)
			flush(connection);
		if (connection->killed && connection->ops)
			lws_set_timeout(connection->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
	}
}

void connections_tick(Front *front)
{
	gint64 now = front_now(front);
	for (GList *link = front->connections.head, *next; link; link = next) {
		Connection *connection = link->data;
		next = link->next; /* ending this one does not touch another */
		if (!connection->established || connection->killed)
			continue;
		if (connection_pending(connection) > 0 && !(connection->patient && !connection->finishing) &&
			now - connection->progress_us > BODY_SECONDS * G_USEC_PER_SEC) {
			connection_kill(connection);
		} else if (connection->deadline_us && now >= connection->deadline_us) {
			connection->deadline_us = 0;
			if (connection->finishing)
				connection_kill(connection);
			else
				connection->ops->expired(connection);
		}
	}
}

/* The first bytes after the handshake: the protocol is what was agreed on in it (RFC 7301). */
static void establish(Connection *connection)
{
	connection->established = TRUE;
	lws_set_timeout(connection->wsi, NO_PENDING_TIMEOUT, 0);
	SSL *ssl = lws_get_ssl(connection->wsi);
	/* Not during the handshake, after which nobody would look for what came with its end. */
	SSL_set_read_ahead(ssl, 1);
	if (tls_chose_http2(ssl))
		http2_start(connection);
	else
		http1_start(connection);
}

static int receive(Connection *connection, const guint8 *data, gsize length)
{
	if (!connection->established)
		establish(connection);
	if (!connection->finishing && !connection->killed)
		connection->ops->receive(connection, data, length);
	read_ahead(connection);
	return connection->killed ? -1 : 0;
}

int connection_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	Connection *connection = wsi ? lws_get_opaque_user_data(wsi) : user;
	switch (reason) {
	case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
		/* `user` is the new SSL_CTX; the vhost's user pointer the front. */
		return tls_setup(((Front *)lws_context_user(lws_get_context(wsi)))->tls, user) ? 0 : -1;
	case LWS_CALLBACK_WSI_CREATE: {
		Front *front = lws_context_user(lws_get_context(wsi));
		if (front->adopting) {
			front->adopting->wsi = wsi;
			front->adopting = NULL;
		}
		return 0;
	}
	case LWS_CALLBACK_RAW_RX:
		if (!connection)
			return -1;
		return receive(connection, in, length);
	case LWS_CALLBACK_RAW_WRITEABLE:
		if (!connection || !connection->established)
			return 0;
		flush(connection);
		return connection->killed ? -1 : 0;
	case LWS_CALLBACK_RAW_CLOSE:
		if (!connection)
			return 0;
		connection->killed = TRUE;
		if (connection->ops) {
			const ConnectionOps *ops = connection->ops;
			connection->ops = NULL;
			ops->closed(connection);
		}
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		if (connection)
			destroy(connection);
		return 0;
	default:
		return 0;
	}
}
