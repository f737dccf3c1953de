/* The message reader of QMP and of the guest agent: bytes in, JSON objects out. Pure.
 *
 * Both protocols write one JSON object a line. A line is searched for its end only once, however it was cut into
 * pieces, and is bounded, as is the number of values in it, so that neither memory nor time depends on what a peer
 * makes up. Byte 0xFF, which is in no UTF-8 text, is the guest agent's sentinel (guest-sync-delimited): what stood
 * before it in the line is forgotten. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "qemu/qmp.h"

enum { MESSAGE_MAX = 16 << 20, VALUES_MAX = 50000, COMPACT_AT = 64 << 10 };

struct QmpReader {
	GByteArray *data;
	gsize start;   /* of the line being read */
	gsize scanned; /* no line end before this */
	gsize tail;    /* bytes fed since the last line end */
	gboolean too_long;
	gboolean broken;
};

QmpReader *qmp_reader_new(void)
{
	QmpReader *reader = g_new0(QmpReader, 1);
	reader->data = g_byte_array_new();
	return reader;
}

void qmp_reader_free(QmpReader *reader)
{
	if (!reader)
		return;
	g_byte_array_unref(reader->data);
	g_free(reader);
}

void qmp_reader_feed(QmpReader *reader, const char *data, gsize length)
{
	if (reader->too_long || reader->broken || length == 0)
		return;
	const char *first = memchr(data, '\n', length);
	if (reader->tail + (first ? (gsize)(first - data) : length) > MESSAGE_MAX) {
		/* Whole lines that came before are still handed out. */
		g_byte_array_set_size(reader->data, (guint)(reader->data->len - reader->tail));
		reader->scanned = MIN(reader->scanned, reader->data->len);
		reader->start = MIN(reader->start, reader->data->len);
		reader->too_long = TRUE;
		return;
	}
	const char *last = first ? memrchr(data, '\n', length) : NULL;
	reader->tail = last ? length - (gsize)(last - data) - 1 : reader->tail + length;
	g_byte_array_append(reader->data, (const guint8 *)data, (guint)length);
}

/* One line; 0 if it is empty. */
static int parse_line(const char *line, gsize length, json_object **ret_message, GError **error)
{
	while (length > 0 && g_ascii_isspace(line[length - 1]))
		length--;
	if (length == 0)
		return 0;
	json_auto json_object *message = json_parse_bounded(line, length, VALUES_MAX, error);
	if (!message)
		return -1;
	if (!json_object_is_type(message, json_type_object)) {
		error_set(error, ERROR_INVALID, NULL, "a message is not a JSON object");
		return -1;
	}
	*ret_message = g_steal_pointer(&message);
	return 1;
}

int qmp_reader_next(QmpReader *reader, json_object **ret_message, GError **error)
{
	GByteArray *data = reader->data;
	while (!reader->broken && reader->scanned < data->len) {
		guint8 byte = data->data[reader->scanned++];
		if (byte == 0xFF) {
			reader->start = reader->scanned;
		} else if (byte == '\n') {
			const char *line = (const char *)data->data + reader->start;
			gsize length = reader->scanned - 1 - reader->start;
			reader->start = reader->scanned;
			int found = parse_line(line, length, ret_message, error);
			if (found > 0)
				return 1;
			if (found < 0) {
				reader->broken = TRUE;
				return -1;
			}
		}
	}
	if (reader->start == data->len || reader->start > COMPACT_AT) {
		g_byte_array_remove_range(data, 0, (guint)reader->start);
		reader->scanned -= reader->start;
		reader->start = 0;
	}
	if (reader->broken) {
		error_set(error, ERROR_INVALID, NULL, "the stream is broken");
		return -1;
	}
	if (reader->too_long) {
		error_set(error, ERROR_TOO_LARGE, NULL, "a message is longer than %d bytes", (int)MESSAGE_MAX);
		return -1;
	}
	return 0;
}
