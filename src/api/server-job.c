/* Requests: what can be answered at once is; the others become jobs. A job is a request on its way through a thread of the
 * pool and back. The thread runs the handler and encodes the answer; the loop queues that on the connection. Who cancelled, left or came to the deadline meanwhile gets nothing: the
 * answer is dropped in the loop. */
#include "api/server-internal.h"

#include "api/request.h"
#include "base/error.h"
#include "base/json.h"

enum { BODY_APART = 4096 }; /* bytes from which on a copy costs more than a second piece to send */

void job_free(gpointer data)
{
	Job *job = data;
	request_clear(&job->request);
	frame_free(job->frame);
	write_free(job->answer);
	stream_unref(job->stream);
	connection_unref(job->connection);
	g_free(job);
}

/* The response, or the error, as the frame that is sent. Takes all that the response owns. */
static Write *make_answer(guint32 stream, Response *response, GError *failure)
{
	g_autoptr(Frame) frame = frame_new(FRAME_RESPONSE, stream);
	g_autoptr(GError) error = failure;
	frame->head = response->head ? response->head : json_object_new_object();
	json_set_int(frame->head, "status", response->status);
	if (response->keep_stream)
		json_set_bool(frame->head, "stream", TRUE);
	if (response->body) {
		g_bytes_unref(frame->body);
		frame->body = response->body;
	}
	for (guint i = 0; i < MIN(response->fd_count, G_N_ELEMENTS(response->fds)); i++)
		if (response->fds[i] >= 0)
			frame_add_fd(frame, response->fds[i]);
	gboolean apart = g_bytes_get_size(frame->body) >= BODY_APART;
	GBytes *bytes = error ? NULL : apart ? frame_encode_head(frame, &error) : frame_encode(frame, &error);
	if (!bytes) {
		response->keep_stream = FALSE;
		return write_new(encode_error(stream, error), NULL); /* the frame closes the descriptors */
	}
	Write *write = write_new(bytes, apart ? g_bytes_ref(frame->body) : NULL);
	for (guint i = 0; i < frame->fd_count; i++)
		write->fds[write->fd_count++] = frame_steal_fd(frame, i);
	return write;
}

Write *job_answer_now(Server *server, Request *request, guint32 stream)
{
	Response response = {.status = 200, .fds = {-1, -1, -1, -1}};
	return server->options.quick && server->options.quick(request, &response, server->data)
		       ? make_answer(stream, &response, NULL)
		       : NULL;
}

void job_run(gpointer data, gpointer server_data)
{
	Job *job = data;
	Server *server = server_data;
	Inbox *inbox = server->inbox;
	/* Cancelled, late or orphaned while it waited for a thread: nobody wants it. */
	if (stream_is_open(job->stream)) {
		Response response = {.status = 200, .fds = {-1, -1, -1, -1}};
		GError *error = NULL;
		if (!server->handler(&job->request, &response, server->data, &error) && !error)
			error_set(&error, ERROR_FAILED, NULL, "%s %s failed and gave no reason", job->request.method,
				  job->request.path);
		job->answer = make_answer(job->stream->id, &response, error);
		job->keep_stream = response.keep_stream;
	}
	request_clear(&job->request);
	g_clear_pointer(&job->frame, frame_free);
	g_mutex_lock(&inbox->lock);
	g_queue_push_tail(&inbox->jobs, job);
	inbox_wake_locked(inbox);
	g_mutex_unlock(&inbox->lock);
}

void job_finish(Job *job)
{
	Connection *connection = job->connection;
	Stream *stream = job->stream;
	connection->jobs--;
	connection->server->jobs--;
	if (stream->connection && job->answer) {
		connection_queue(connection, g_steal_pointer(&job->answer));
		stream->responded = TRUE;
		stream->deadline_us = 0;
		if (job->keep_stream)
			stream_pump(stream);
		else
			stream_end(stream);
	}
}
