/* Frames of WebSocket (RFC 6455 §5), as a server reads and makes them. Pure. */
#pragma once
#include <glib.h>

typedef enum WebSocketOpcode {
	OPCODE_CONTINUATION = 0,
	OPCODE_TEXT = 1,
	OPCODE_BINARY = 2,
	OPCODE_CLOSE = 8,
	OPCODE_PING = 9,
	OPCODE_PONG = 10,
} WebSocketOpcode;

typedef enum WebSocketCode {
	CLOSE_NORMAL = 1000,
	CLOSE_PROTOCOL = 1002,
	CLOSE_NO_CODE = 1005, /* never sent: a close frame without a code */
	CLOSE_NOT_UTF8 = 1007,
	CLOSE_POLICY = 1008,
	CLOSE_TOO_BIG = 1009,
	CLOSE_RESTART = 1012,
	CLOSE_TRY_LATER = 1013,
} WebSocketCode;

typedef enum WebSocketEvent {
	EVENT_NONE,    /* more bytes are needed */
	EVENT_MESSAGE, /* whole, text or binary */
	EVENT_PING,
	EVENT_PONG,
	EVENT_CLOSE, /* with `code` of the client */
	EVENT_ERROR, /* `code` is what to close with; nothing more is read */
} WebSocketEvent;

typedef struct WebSocketReader {
	guint8 header[14];
	guint header_length;
	guint64 left; /* of the frame's payload */
	guint mask_at;
	GByteArray *message, *control;
	guint opcode;         /* of the frame */
	guint message_opcode; /* 0: no message has begun */
	guint fragments;
	gboolean final, in_payload, failed;
	guint code;
} WebSocketReader;

void websocket_reader_init(WebSocketReader *reader);
void websocket_reader_clear(WebSocketReader *reader);
/* Reads up to the next event; *ret_used bytes were taken. The payload (of an event with one) is lent until the next
 * call. */
WebSocketEvent websocket_read(WebSocketReader *reader, const guint8 *data, gsize length, gsize *ret_used,
	const guint8 **ret_payload, gsize *ret_length);

/* The header of a whole unmasked frame; 2 to 10 bytes. */
gsize websocket_make_header(guint8 header[10], WebSocketOpcode opcode, gsize length);
