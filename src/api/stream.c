/* Streams: how the events of any thread reach a connection that only the loop may touch.
 *
 * stream_send_event() encodes the event and queues it on the stream under the inbox's lock; the inbox's source wakes
 * the loop, which moves it to the connection as the peer's credit allows (stream_pump()). A stream whose peer does not
 * keep up is given up rather than waited for. A stream may be held after its connection, and after the server, by who
 * sends events: it then says that it is closed. */
#include "api/server-internal.h"

#include "base/error.h"

void inbox_unref(Inbox *inbox)
{
	if (!g_atomic_ref_count_dec(&inbox->refs))
		return;
	g_source_unref(inbox->wake);
	g_mutex_clear(&inbox->lock);
	g_cond_clear(&inbox->quiet);
	g_free(inbox);
}

void inbox_wake_locked(Inbox *inbox)
{
	if (inbox->woken || inbox->closed)
		return;
	inbox->woken = TRUE;
	g_source_set_ready_time(inbox->wake, 0);
}

Stream *stream_new(Connection *connection, guint32 id)
{
	Stream *stream = g_new0(Stream, 1);
	g_atomic_ref_count_init(&stream->refs);
	stream->inbox = connection->server->inbox;
	g_atomic_ref_count_inc(&stream->inbox->refs);
	stream->id = id;
	stream->connection = connection;
	stream->credit = FRAME_CREDIT_INITIAL;
	g_queue_init(&stream->events);
	return stream;
}

Stream *stream_ref(Stream *stream)
{
	g_atomic_ref_count_inc(&stream->refs);
	return stream;
}

static void drop_events(Stream *stream)
{
	g_queue_clear_full(&stream->events, (GDestroyNotify)g_bytes_unref);
	stream->queued = 0;
}

void stream_unref(Stream *stream)
{
	if (!stream || !g_atomic_ref_count_dec(&stream->refs))
		return;
	drop_events(stream);
	inbox_unref(stream->inbox);
	g_free(stream);
}

static void stream_touch_locked(Stream *stream)
{
	if (stream->touched || stream->inbox->closed)
		return;
	stream->touched = TRUE;
	g_queue_push_tail(&stream->inbox->streams, stream_ref(stream));
	inbox_wake_locked(stream->inbox);
}

gboolean stream_is_open(Stream *stream)
{
	g_mutex_lock(&stream->inbox->lock);
	gboolean open = stream->state == STREAM_OPEN;
	g_mutex_unlock(&stream->inbox->lock);
	return open;
}

gsize stream_room(Stream *stream)
{
	g_mutex_lock(&stream->inbox->lock);
	gsize room = stream->state == STREAM_OPEN && stream->queued < STREAM_QUEUE_MAX ? STREAM_QUEUE_MAX - stream->queued : 0;
	g_mutex_unlock(&stream->inbox->lock);
	return room;
}

static gboolean send_frame(Stream *stream, const Frame *frame)
{
	g_autoptr(GError) error = NULL;
	GBytes *bytes = frame_encode(frame, &error);
	gsize size = bytes ? g_bytes_get_size(bytes) : 0;
	if (!bytes)
		g_debug("an event of stream %u is dropped with it: %s", stream->id, error->message);

	g_mutex_lock(&stream->inbox->lock);
	gboolean open = stream->state == STREAM_OPEN;
	if (open && (!bytes || stream->queued >= STREAM_QUEUE_MAX)) {
		stream->state = STREAM_OVERRUN;
		drop_events(stream);
		stream_touch_locked(stream);
		open = FALSE;
	} else if (open) {
		g_queue_push_tail(&stream->events, g_steal_pointer(&bytes));
		stream->queued += size;
		stream_touch_locked(stream);
	}
	g_mutex_unlock(&stream->inbox->lock);
	g_bytes_unref(bytes);
	return open;
}

gboolean stream_send_event(Stream *stream, json_object *event)
{
	g_return_val_if_fail(json_object_is_type(event, json_type_object), FALSE);
	if (!stream_is_open(stream))
		return FALSE;
	g_autoptr(Frame) frame = frame_new(FRAME_EVENT, stream->id);
	frame->head = json_object_get(event);
	return send_frame(stream, frame);
}

gboolean stream_send_text(Stream *stream, const char *event)
{
	if (!stream_is_open(stream))
		return FALSE;
	g_autoptr(Frame) frame = frame_new(FRAME_EVENT, stream->id);
	frame->head_text = event;
	return send_frame(stream, frame);
}

void stream_close(Stream *stream)
{
	g_mutex_lock(&stream->inbox->lock);
	if (stream->state == STREAM_OPEN) {
		stream->state = STREAM_ENDING;
		stream_touch_locked(stream);
	}
	g_mutex_unlock(&stream->inbox->lock);
}

void stream_cancel(Stream *stream)
{
	g_mutex_lock(&stream->inbox->lock);
	if (stream->state == STREAM_OPEN || stream->state == STREAM_ENDING) {
		stream->state = STREAM_OVERRUN;
		drop_events(stream);
		stream_touch_locked(stream);
	}
	g_mutex_unlock(&stream->inbox->lock);
}

void stream_set_drained(Stream *stream, StreamDrained drained, gpointer data)
{
	g_mutex_lock(&stream->inbox->lock);
	stream->drained = drained;
	stream->drained_data = data;
	while (stream->draining && stream->draining != g_thread_self())
		g_cond_wait(&stream->inbox->quiet, &stream->inbox->lock);
	if (drained && stream->state == STREAM_CLOSED)
		stream_touch_locked(stream);
	g_mutex_unlock(&stream->inbox->lock);
}

/* With the lock, which is let go during the call. */
static void call_locked(Stream *stream, StreamDrained drained, gpointer data)
{
	if (!drained)
		return;
	stream->draining = g_thread_self();
	g_mutex_unlock(&stream->inbox->lock);
	drained(stream, data);
	g_mutex_lock(&stream->inbox->lock);
	stream->draining = NULL;
	g_cond_broadcast(&stream->inbox->quiet);
}

void stream_tell_end(Stream *stream)
{
	g_mutex_lock(&stream->inbox->lock);
	/* Taken away first: another one may be set while this one runs. */
	StreamDrained drained = stream->drained;
	stream->drained = NULL;
	call_locked(stream, drained, stream->drained_data);
	g_mutex_unlock(&stream->inbox->lock);
}

void stream_end(Stream *stream)
{
	Connection *connection = g_steal_pointer(&stream->connection);
	g_mutex_lock(&stream->inbox->lock);
	stream->state = STREAM_CLOSED;
	drop_events(stream);
	g_mutex_unlock(&stream->inbox->lock);
	stream_tell_end(stream);
	if (connection)
		g_hash_table_remove(connection->streams, GUINT_TO_POINTER(stream->id));
}

void stream_pump(Stream *stream)
{
	Connection *connection = stream->connection;
	if (!connection || !stream->responded)
		return;
	g_mutex_lock(&stream->inbox->lock);
	gboolean full = stream->queued >= STREAM_QUEUE_MAX / 2;
	while (stream->credit > 0 && !g_queue_is_empty(&stream->events)) {
		if (connection->queued > WRITE_PAUSE) {
			connection->starved = TRUE;
			break;
		}
		GBytes *bytes = g_queue_pop_head(&stream->events);
		stream->queued -= g_bytes_get_size(bytes);
		stream->credit -= (gint64)g_bytes_get_size(bytes) - FRAME_HEADER_SIZE;
		connection_queue(connection, write_new(bytes, NULL));
	}
	StreamState state = stream->state;
	gboolean done = state == STREAM_ENDING && g_queue_is_empty(&stream->events);
	if (full && state == STREAM_OPEN && stream->queued < STREAM_QUEUE_MAX / 2)
		call_locked(stream, stream->drained, stream->drained_data);
	g_mutex_unlock(&stream->inbox->lock);
	if (state == STREAM_OVERRUN)
		connection_queue(connection, write_new(encode_empty(FRAME_CANCEL, stream->id), NULL));
	else if (done)
		connection_queue(connection, write_new(encode_empty(FRAME_DATA, stream->id), NULL));
	if (state == STREAM_OVERRUN || done)
		stream_end(stream);
}
