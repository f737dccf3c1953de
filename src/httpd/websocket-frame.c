/* A frame's header is checked as soon as it is there, so that nothing is kept of a frame that breaks the rules: one
 * that is not masked, has reserved bits (no extension was agreed on) or a reserved opcode, a control frame in pieces or
 * of more than 125 bytes, a length written longer than it has to be, a continuation of nothing, a message within
 * another. A message may come in pieces, but neither in more bytes nor in more pieces than are bounded. */
#include "httpd/websocket-frame.h"

#include <string.h>

#include "httpd/front.h"

enum { FRAGMENTS_MAX = 1024, CONTROL_MAX = 125 };

void websocket_reader_init(WebSocketReader *reader)
{
	memset(reader, 0, sizeof *reader);
	reader->message = g_byte_array_new();
	reader->control = g_byte_array_new();
}

void websocket_reader_clear(WebSocketReader *reader)
{
	g_byte_array_unref(reader->message);
	g_byte_array_unref(reader->control);
}

static gboolean is_control(guint opcode)
{
	return opcode >= OPCODE_CLOSE;
}

static guint header_size(const guint8 *header)
{
	guint length = header[1] & 0x7f;
	return 6 + (length == 126 ? 2 : length == 127 ? 8 : 0);
}

static gboolean fail(WebSocketReader *reader, guint code)
{
	reader->failed = TRUE;
	reader->code = code;
	return FALSE;
}

/* From the first two bytes. */
static gboolean check_start(WebSocketReader *reader)
{
	const guint8 *header = reader->header;
	guint opcode = header[0] & 0x0f, length = header[1] & 0x7f;
	gboolean final = header[0] & 0x80,
		 known = opcode <= OPCODE_BINARY || (opcode >= OPCODE_CLOSE && opcode <= OPCODE_PONG);
	if ((header[0] & 0x70) || !(header[1] & 0x80) || !known)
		return fail(reader, CLOSE_PROTOCOL);
	if (is_control(opcode) && (!final || length > CONTROL_MAX))
		return fail(reader, CLOSE_PROTOCOL);
	if (opcode == OPCODE_CONTINUATION && !reader->message_opcode)
		return fail(reader, CLOSE_PROTOCOL);
	if ((opcode == OPCODE_TEXT || opcode == OPCODE_BINARY) && reader->message_opcode)
		return fail(reader, CLOSE_PROTOCOL);
	return TRUE;
}

/* From the whole header. */
static gboolean begin_payload(WebSocketReader *reader)
{
	const guint8 *header = reader->header;
	guint short_length = header[1] & 0x7f, bytes = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
	guint64 length = bytes ? 0 : short_length;
	for (guint i = 0; i < bytes; i++)
		length = length << 8 | header[2 + i];
	if ((bytes == 2 && length < 126) || (bytes == 8 && (length < 65536 || length >> 63)))
		return fail(reader, CLOSE_PROTOCOL);
	reader->opcode = header[0] & 0x0f;
	reader->final = (header[0] & 0x80) != 0;
	if (!is_control(reader->opcode)) {
		if (reader->opcode != OPCODE_CONTINUATION) {
			reader->message_opcode = reader->opcode;
			reader->fragments = 0;
			g_byte_array_set_size(reader->message, 0);
		}
		if (length > MESSAGE_MAX - reader->message->len)
			return fail(reader, CLOSE_TOO_BIG);
		if (++reader->fragments > FRAGMENTS_MAX)
			return fail(reader, CLOSE_POLICY);
	} else {
		g_byte_array_set_size(reader->control, 0);
	}
	reader->left = length;
	reader->mask_at = 0;
	reader->in_payload = TRUE;
	return TRUE;
}

static void take_payload(WebSocketReader *reader, const guint8 *data, gsize length)
{
	GByteArray *into = is_control(reader->opcode) ? reader->control : reader->message;
	const guint8 *mask = reader->header + header_size(reader->header) - 4;
	guint at = into->len;
	g_byte_array_append(into, data, (guint)length);
	for (gsize i = 0; i < length; i++)
		into->data[at + i] ^= mask[reader->mask_at++ & 3];
	reader->left -= length;
}

/* RFC 6455 §7.4 and what IANA has added; codes that are only for local use must not come. */
static gboolean is_close_code(guint code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static WebSocketEvent read_close(WebSocketReader *reader)
{
	const GByteArray *payload = reader->control;
	reader->code = CLOSE_NO_CODE;
	if (payload->len == 0)
		return EVENT_CLOSE;
	guint code = payload->len >= 2 ? (guint)payload->data[0] << 8 | payload->data[1] : 0;
	if (!is_close_code(code))
		fail(reader, CLOSE_PROTOCOL);
	else if (!g_utf8_validate_len((const char *)payload->data + 2, payload->len - 2, NULL))
		fail(reader, CLOSE_NOT_UTF8);
	else
		reader->code = code;
	return reader->failed ? EVENT_ERROR : EVENT_CLOSE;
}

static WebSocketEvent end_frame(WebSocketReader *reader)
{
	reader->in_payload = FALSE;
	reader->header_length = 0;
	switch (reader->opcode) {
	case OPCODE_CLOSE:
		return read_close(reader);
	case OPCODE_PING:
		return EVENT_PING;
	case OPCODE_PONG:
		return EVENT_PONG;
	default:
		break;
	}
	if (!reader->final)
		return EVENT_NONE;
	gboolean text = reader->message_opcode == OPCODE_TEXT;
	reader->message_opcode = 0;
	if (text && !g_utf8_validate_len((const char *)reader->message->data, reader->message->len, NULL)) {
		fail(reader, CLOSE_NOT_UTF8);
		return EVENT_ERROR;
	}
	return EVENT_MESSAGE;
}

WebSocketEvent websocket_read(WebSocketReader *reader, const guint8 *data, gsize length, gsize *ret_used,
	const guint8 **ret_payload, gsize *ret_length)
{
	WebSocketEvent event = EVENT_NONE;
	gsize used = 0;
	while (event == EVENT_NONE && !reader->failed) {
		if (!reader->in_payload) {
			if (used == length)
				break;
			reader->header[reader->header_length++] = data[used++];
			if (reader->header_length == 2 && !check_start(reader))
				break;
			if (reader->header_length < 2 || reader->header_length < header_size(reader->header))
				continue;
			if (!begin_payload(reader))
				break;
		}
		gsize part = (gsize)MIN(reader->left, length - used);
		take_payload(reader, data + used, part);
		used += part;
		if (reader->left > 0)
			break;
		event = end_frame(reader);
	}
	*ret_used = used;
	const GByteArray *payload = event == EVENT_MESSAGE ? reader->message : reader->control;
	*ret_payload = payload->data;
	*ret_length = payload->len;
	return reader->failed ? EVENT_ERROR : event;
}

gsize websocket_make_header(guint8 header[10], WebSocketOpcode opcode, gsize length)
{
	header[0] = (guint8)(0x80 | opcode);
	if (length < 126) {
		header[1] = (guint8)length;
		return 2;
	}
	guint bytes = length < 65536 ? 2 : 8;
	header[1] = bytes == 2 ? 126 : 127;
	for (guint i = 0; i < bytes; i++)
		header[2 + i] = (guint8)((guint64)length >> (8 * (bytes - 1 - i)));
	return 2 + bytes;
}
