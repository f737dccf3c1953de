/* Frames of WebSocket: read in one piece and byte by byte, which must come to the same, within the bounds. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "httpd/front.h"
#include "httpd/websocket-frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read, as text: kinds of event, and their payloads. */
static GByteArray *read_all(const uint8_t *data, size_t size, size_t piece)
{
	WebSocketReader reader;
	GByteArray *seen = g_byte_array_new();
	gboolean over = FALSE;
	websocket_reader_init(&reader);
	for (size_t at = 0; at < size && !over; at += piece) {
		gsize left = MIN(piece, size - at);
		const guint8 *from = data + at;
		while (left > 0 && !over) {
			gsize used, length;
			const guint8 *payload;
			WebSocketEvent event = websocket_read(&reader, from, left, &used, &payload, &length);
			g_assert(used <= left && length <= MESSAGE_MAX);
			g_assert(reader.message->len <= MESSAGE_MAX && reader.control->len <= 125);
			from += used;
			left -= used;
			over = event == EVENT_ERROR;
			if (event == EVENT_NONE)
				continue;
			guint32 note[3] = {event, over || event == EVENT_CLOSE ? reader.code : 0, (guint32)length};
			g_byte_array_append(seen, (const guint8 *)note, over ? 8 : 12);
			if (event == EVENT_CLOSE)
				g_assert(reader.code >= 1000 && reader.code <= 4999);
			if (!over)
				g_byte_array_append(seen, payload, (guint)length);
		}
	}
	websocket_reader_clear(&reader);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GByteArray) whole = read_all(data, size, size ? size : 1);
	g_autoptr(GByteArray) bytewise = read_all(data, size, 1);
	g_assert(whole->len == bytewise->len &&
		 memcmp(whole->data ? whole->data : (guint8 *)"", bytewise->data ? bytewise->data : (guint8 *)"",
			 whole->len) == 0);
	return 0;
}
