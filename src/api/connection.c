/* Connections: what a peer sends, frame by frame, and what becomes of it. A request is answered at once, or becomes a job
 * (api/server-job.c); credit and cancel act on a stream; whatever breaks the protocol gets its reason on stream 0 and ends
 * the connection, with everything open on it. Runs in the loop alone. */
#include "api/server-internal.h"

#include <errno.h>

#include "api/request.h"
#include "base/error.h"
#include "base/file.h"

void connection_unref(Connection *connection)
{
	if (--connection->refs > 0)
		return;
	frame_reader_free(connection->reader);
	g_hash_table_unref(connection->streams);
	g_free(connection);
}

static void end_streams(Connection *connection)
{
	g_autoptr(GList) streams = g_hash_table_get_values(connection->streams);
	for (GList *link = streams; link; link = link->next)
		stream_end(link->data);
}

void connection_close(Connection *connection, const char *why)
{
	if (connection->fd < 0)
		return;
	g_debug("connection %d of uid %u is closed: %s", connection->fd, connection->uid, why);
	end_streams(connection);
	loop_source_free(connection->source);
	fd_close(fd_steal(&connection->fd));
	g_queue_clear_full(&connection->writes, write_free);
	connection->queued = 0;
	g_hash_table_remove(connection->server->connections, connection);
}

/* A protocol error: says so on stream 0 and closes. */
static void connection_refuse(Connection *connection, const GError *error)
{
	g_debug("connection %d of uid %u broke the protocol: %s", connection->fd, connection->uid, error->message);
	end_streams(connection);
	connection->closing = TRUE;
	connection_queue(connection, write_new(encode_error(0, error), NULL));
	connection_flush(connection);
}

static void answer_error(Connection *connection, guint32 stream, const GError *error)
{
	connection_queue(connection, write_new(encode_error(stream, error), NULL));
}

static void handle_request(Connection *connection, Frame *frame)
{
	Server *server = connection->server;
	g_autoptr(GError) error = NULL;
	guint32 id = frame->stream;
	if (id <= connection->last_stream) {
		error_set(&error, ERROR_INVALID, "number streams upwards from 1",
			  "stream %u is not above the last one, %u", id, connection->last_stream);
		frame_free(frame);
		connection_refuse(connection, error);
		return;
	}
	connection->last_stream = id;
	if (g_hash_table_size(connection->streams) >= FRAME_STREAMS_MAX || connection->jobs >= FRAME_STREAMS_MAX ||
	    server->jobs >= JOBS_MAX) {
		error_set(&error, ERROR_TOO_MANY, "wait for answers before you ask for more",
			  "too many requests are open (at most %d on a connection, %d in all)", FRAME_STREAMS_MAX,
			  JOBS_MAX);
		frame_free(frame);
		answer_error(connection, id, error);
		return;
	}
	if (server->options.front)
		frame_close_fds(frame);
	Request request = {.peer_uid = connection->uid,
			   .front = server->options.front,
			   .user = server->options.front ? NULL : "root"};
	gboolean well_formed = request_parse(&request, frame, &error);
	/* What has grown so much stops the reading first. */
	Write *answer = well_formed && connection->queued <= WRITE_PAUSE ? job_answer_now(server, &request, id) : NULL;
	if (!well_formed || answer) {
		connection_queue(connection, answer ? answer : write_new(encode_error(id, error), NULL));
		request_clear(&request);
		frame_free(frame);
		return;
	}
	Job *job = g_new0(Job, 1);
	job->connection = connection;
	connection->refs++;
	job->frame = frame;
	job->stream = stream_new(connection, id);
	job->request = request;
	job->request.stream = job->stream;
	job->stream->deadline_us = job->request.deadline_us;
	timer_at(server, job->request.deadline_us);
	g_hash_table_insert(connection->streams, GUINT_TO_POINTER(id), stream_ref(job->stream));
	connection->jobs++;
	server->jobs++;
	/* Without a new thread it waits for one that is busy, or for its deadline. */
	if (!g_thread_pool_push(server->pool, job, &error))
		g_warning("a request waits for a thread: %s", error->message);
}

/* Frames of a stream that has ended may still be on their way; those of one that never was are an error. */
static void handle_on_stream(Connection *connection, const Frame *frame)
{
	g_autoptr(GError) error = NULL;
	Stream *stream = g_hash_table_lookup(connection->streams, GUINT_TO_POINTER(frame->stream));
	if (frame->stream > connection->last_stream) {
		error_set(&error, ERROR_INVALID, NULL, "stream %u was never opened", frame->stream);
	} else if (frame->type == FRAME_RESPONSE || frame->type == FRAME_EVENT) {
		error_set(&error, ERROR_INVALID, NULL, "responses and events are the server's to send");
	} else if (!stream) {
		return;
	} else if (frame->type == FRAME_CREDIT) {
		if (stream->credit + frame->credit <= FRAME_CREDIT_MAX) {
			stream->credit += frame->credit;
			stream_pump(stream);
			return;
		}
		error_set(&error, ERROR_INVALID, NULL, "more than %d bytes of credit on stream %u", FRAME_CREDIT_MAX,
			  frame->stream);
	} else if (frame->type == FRAME_CANCEL) {
		stream_end(stream);
		return;
	} else {
		/* Bulk data come as descriptors, never through this process. */
		if (frame->length > 0) {
			connection_queue(connection, write_new(encode_empty(FRAME_CANCEL, frame->stream), NULL));
			stream_end(stream);
		}
		return;
	}
	connection_refuse(connection, error);
}

static void connection_read(Connection *connection)
{
	int received = frame_receive(connection->fd, connection->reader);
	int failure = errno;
	while (connection->fd >= 0 && !connection->closing) {
		g_autoptr(GError) error = NULL;
		Frame *frame = NULL;
		int state = frame_reader_next(connection->reader, &frame, &error);
		if (state == 0)
			break;
		if (state < 0) {
			connection_refuse(connection, error);
		} else if (frame->type == FRAME_REQUEST) {
			handle_request(connection, frame);
		} else {
			handle_on_stream(connection, frame);
			frame_free(frame);
		}
	}
	if (received < 0)
		connection_close(connection, failure ? g_strerror(failure) : "the peer left");
	if (connection->fd < 0)
		return;
	connection->partial_us = 0;
	if (frame_reader_is_partial(connection->reader)) {
		connection->partial_us = g_get_monotonic_time();
		timer_at(connection->server, connection->partial_us + connection->server->progress_us);
	}
	connection_flush(connection);
}

static void connection_ready(gpointer data)
{
	Connection *connection = data;
	GIOCondition got = g_source_query_unix_fd(connection->source, connection->tag);
	connection->refs++;
	if (got & G_IO_OUT)
		connection_flush(connection);
	if (connection->fd >= 0 && (connection->condition & G_IO_IN) && (got & (G_IO_IN | G_IO_HUP | G_IO_ERR)))
		connection_read(connection);
	else if (connection->fd >= 0 && (got & (G_IO_HUP | G_IO_ERR)))
		connection_close(connection, "the peer left");
	connection_unref(connection);
}

void connection_add(Server *server, int fd, uid_t uid)
{
	Connection *connection = g_new0(Connection, 1);
	connection->refs = 1;
	connection->server = server;
	connection->fd = fd;
	connection->uid = uid;
	connection->reader = frame_reader_new();
	connection->streams = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)stream_unref);
	g_queue_init(&connection->writes);
	g_hash_table_add(server->connections, connection);
	connection->source = loop_source_new(server->context, connection_ready, connection);
	connection->condition = G_IO_IN;
	connection->tag = g_source_add_unix_fd(connection->source, fd, G_IO_IN);
}

static gint64 earlier(gint64 a, gint64 b)
{
	return a < 0 || b < a ? b : a;
}

gint64 connection_expire(Connection *connection, gint64 now)
{
	gint64 next = -1, progress_us = connection->server->progress_us;
	if (connection->queued > 0 && connection->write_us + progress_us <= now) {
		connection_close(connection, "the peer has not read for too long");
		return -1;
	}
	gboolean reading = connection->condition & G_IO_IN;
	if (reading && connection->partial_us && connection->partial_us + progress_us <= now) {
		connection_close(connection, "the peer has left a frame unfinished for too long");
		return -1;
	}
	if (connection->queued > 0)
		next = earlier(next, connection->write_us + progress_us);
	if (reading && connection->partial_us)
		next = earlier(next, connection->partial_us + progress_us);
	g_autoptr(GError) late = NULL;
	error_set(&late, ERROR_TIMEOUT, "what it started goes on; see 'yado task list', or allow more time",
		  "the request was not answered before its deadline");
	g_autoptr(GList) streams = g_hash_table_get_values(connection->streams);
	for (GList *link = streams; link; link = link->next) {
		Stream *stream = link->data;
		if (stream->deadline_us == 0)
			continue;
		if (stream->deadline_us > now) {
			next = earlier(next, stream->deadline_us);
			continue;
		}
		answer_error(connection, stream->id, late);
		stream_end(stream);
	}
	connection_flush(connection);
	return next;
}
