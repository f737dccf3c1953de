/* The server: accepts connections, wakes for what threads have left and for what is late, and owns it all.
 *
 * The loop's thread alone touches sockets, connections and the tables of streams. What only reads memory it
 * answers itself, as handing it over would cost more than the answer. Any other request frame becomes a job; a
 * thread of the pool runs the handler, encodes the answer and puts the job into the inbox; the inbox's source wakes
 * the loop, which queues the answer on the connection. Events come by the same way: stream_send_event() queues the
 * encoded frame on the stream, under the inbox's lock, and the loop moves it to the connection as the peer's credit
 * allows. A stream ends by its response, by the end of its events, by either side's cancel, by its deadline, or with
 * its connection; a handler that is still running then finishes for nobody: its answer is dropped in the loop.
 *
 * What a peer can make us hold is bounded: open streams and running jobs of a connection, connections, the events
 * queued on a stream, and the bytes queued on a connection, which first stop the reading of further requests, then
 * end it. A handler may wait, within its deadline, and costs a thread meanwhile; threads are made as they are needed
 * and go when they are idle. */
#include "api/server-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

enum {
	/* Of which a request that waits for a task holds one for as long as it waits. Idle ones end. */
	THREADS_MAX = 64,
	FRONT_THREADS_MAX = 128, /* shared by many who do not know each other (crowd.h) */
	PROGRESS_US = 30 * G_USEC_PER_SEC,
	ACCEPT_PAUSE_US = G_USEC_PER_SEC,
};

/* A fresh socket has room for one small frame. */
static void turn_away(int fd, const GError *error)
{
	g_autoptr(GBytes) bytes = encode_error(0, error);
	gsize length;
	const void *data = g_bytes_get_data(bytes, &length);
	if (send(fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		g_debug("a refused peer left before it was told");
	g_debug("a connection is refused: %s", error->message);
	fd_close(fd);
}

static void server_accept(gpointer data)
{
	Server *server = data;
	guint connections_max = server->options.front ? FRONT_CONNECTIONS_MAX : CONNECTIONS_MAX;
	int fd;
	while ((fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		g_autoptr(GError) error = NULL;
		struct ucred peer = {.uid = (uid_t)-1};
		socklen_t size = sizeof peer;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != server->options.uid)
			error_set(&error, ERROR_FORBIDDEN,
				  server->options.front ? "use api.sock or HTTPS" : "run the command as root",
				  "this socket is for %s; uid %d may not use it",
				  server->options.front ? "yado-httpd" : "root", (int)peer.uid);
		else if (g_hash_table_size(server->connections) >= connections_max)
			error_set(&error, ERROR_TOO_MANY, "close some, or use fewer at a time",
				  "there are already %u connections", connections_max);
		if (error)
			turn_away(fd, error);
		else
			connection_add(server, fd, peer.uid);
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	/* Out of descriptors or memory: the socket stays readable, so look again later instead of spinning. */
	g_warning("cannot accept a connection: %s", g_strerror(errno));
	server->accept_us = g_get_monotonic_time() + ACCEPT_PAUSE_US;
	g_source_modify_unix_fd(server->listener, server->listener_tag, 0);
	timer_at(server, server->accept_us);
}

static void server_expire(gpointer data)
{
	Server *server = data;
	gint64 now = g_get_monotonic_time();
	g_source_set_ready_time(server->timer, -1);
	if (server->accept_us && server->accept_us <= now) {
		server->accept_us = 0;
		g_source_modify_unix_fd(server->listener, server->listener_tag, G_IO_IN);
	} else if (server->accept_us) {
		timer_at(server, server->accept_us);
	}
	g_autoptr(GList) connections = g_hash_table_get_keys(server->connections);
	for (GList *link = connections; link; link = link->next) {
		Connection *connection = link->data;
		connection->refs++;
		gint64 next = connection_expire(connection, now);
		if (next >= 0)
			timer_at(server, next);
		connection_unref(connection);
	}
}

static void server_collect(gpointer data)
{
	Server *server = data;
	Inbox *inbox = server->inbox;
	g_mutex_lock(&inbox->lock);
	g_source_set_ready_time(inbox->wake, -1);
	inbox->woken = FALSE;
	GQueue jobs = inbox->jobs, streams = inbox->streams;
	g_queue_init(&inbox->jobs);
	g_queue_init(&inbox->streams);
	for (GList *link = streams.head; link; link = link->next)
		((Stream *)link->data)->touched = FALSE;
	g_mutex_unlock(&inbox->lock);

	Job *job;
	while ((job = g_queue_pop_head(&jobs))) {
		job_finish(job);
		connection_flush(job->connection);
		job_free(job);
	}
	Stream *stream;
	while ((stream = g_queue_pop_head(&streams))) {
		Connection *connection = stream->connection;
		if (connection) {
			connection->refs++;
			stream_pump(stream);
			connection_flush(connection);
			connection_unref(connection);
		} else {
			stream_tell_end(stream);
		}
		stream_unref(stream);
	}
}

Server *server_new(const char *path, const ServerOptions *options, ServerHandler handler, gpointer data,
		   GError **error)
{
	struct stat info;
	fd_auto int fd = server_bind(path, options, &info, error);
	if (fd < 0)
		return NULL;
	Server *server = g_new0(Server, 1);
	server->pool = g_thread_pool_new(job_run, server, options->front ? FRONT_THREADS_MAX : THREADS_MAX, FALSE, NULL);
	server->path = g_strdup(path);
	server->device = info.st_dev;
	server->inode = info.st_ino;
	server->progress_us = PROGRESS_US;
	server->handler = handler;
	server->data = data;
	server->options = *options;
	server->context = g_main_context_ref(options->context ? options->context : g_main_context_default());
	server->connections = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)connection_unref, NULL);
	server->inbox = g_new0(Inbox, 1);
	g_atomic_ref_count_init(&server->inbox->refs);
	g_mutex_init(&server->inbox->lock);
	g_cond_init(&server->inbox->quiet);
	server->inbox->wake = loop_source_new(server->context, server_collect, server);
	server->timer = loop_source_new(server->context, server_expire, server);
	server->fd = fd_steal(&fd);
	server->listener = loop_source_new(server->context, server_accept, server);
	server->listener_tag = g_source_add_unix_fd(server->listener, server->fd, G_IO_IN);
	return server;
}

void server_free(Server *server)
{
	if (!server)
		return;
	struct stat info;
	if (lstat(server->path, &info) == 0 && info.st_dev == server->device && info.st_ino == server->inode)
		unlink(server->path);
	loop_source_free(server->listener);
	fd_close(server->fd);
	g_autoptr(GList) connections = g_hash_table_get_keys(server->connections);
	for (GList *link = connections; link; link = link->next)
		connection_close(link->data, "the server ends");
	/* Jobs that have not begun find their stream closed and end at once. */
	g_thread_pool_free(server->pool, FALSE, TRUE);

	Inbox *inbox = server->inbox;
	g_mutex_lock(&inbox->lock);
	inbox->closed = TRUE;
	g_source_destroy(inbox->wake);
	g_mutex_unlock(&inbox->lock);
	g_queue_clear_full(&inbox->jobs, job_free);
	g_queue_clear_full(&inbox->streams, (GDestroyNotify)stream_unref);
	inbox_unref(inbox);
	loop_source_free(server->timer);
	g_hash_table_unref(server->connections);
	g_main_context_unref(server->context);
	g_free(server->path);
	g_free(server);
}
