/* Heads and their translation: bytes to a frame's head, and a response's head to HTTP. The first byte chooses: a
 * request as HTTP/1.1 text (looked at in two pieces), the same as fields of HTTP/2, or a response's head as JSON. What
 * is accepted must keep what docs/front.md promises, whatever it was made from. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/frame.h"
#include "base/json.h"
#include "httpd/front.h"
#include "httpd/translate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_passed(const Head *head)
{
	Refusal refusal;
	if (!translate_check(head, &refusal)) {
		g_autofree char *body = refusal_body(&refusal);
		g_assert(refusal.status >= 400 && g_utf8_validate(body, -1, NULL));
		return;
	}
	const char *target = head_target(head);
	g_assert(target[0] == '/' && !strpbrk(target, " \r\n#\\"));
	g_autofree char *path = g_strndup(target, strcspn(target, "?"));
	g_autofree char *plain = g_uri_unescape_string(path, NULL);
	g_assert(plain && !strstr(plain, "//"));
	g_auto(GStrv) steps = g_strsplit(plain, "/", -1);
	for (char **step = steps; *step; step++)
		g_assert(strcmp(*step, ".") != 0 && strcmp(*step, "..") != 0);
	if (translate_destination(head) == DESTINATION_PAGE)
		return;

	g_autoptr(Frame) frame = frame_new(FRAME_REQUEST, 1);
	frame->head = translate_request(head, "192.0.2.1", &refusal);
	if (!frame->head)
		return;
	g_assert(!(json_get(frame->head, "token") && json_get(frame->head, "session")));
	/* It must be a frame that yadod takes, and the same again there. */
	g_autoptr(GBytes) bytes = frame_encode(frame, NULL);
	g_assert(bytes);
	g_autoptr(FrameReader) reader = frame_reader_new();
	g_autoptr(Frame) read = NULL;
	gsize length;
	const guint8 *encoded = g_bytes_get_data(bytes, &length);
	frame_reader_feed(reader, encoded, length, NULL, 0);
	g_assert(frame_reader_next(reader, &read, NULL) == 1 && json_equal(read->head, frame->head));
}

static void try_text(const char *data, gsize size)
{
	Head head;
	Refusal refusal;
	gsize scanned = 0, first = size > 0 ? (guint8)data[0] % size : 0;
	head_init(&head);
	gssize end = head_find_end(data, first, &scanned, &refusal);
	if (end == 0)
		end = head_find_end(data, size, &scanned, &refusal);
	gsize at_once = 0;
	Refusal other;
	g_assert(head_find_end(data, size, &at_once, &other) == end);
	if (end > 0 && head_parse(&head, data, (gsize)end, &refusal))
		check_passed(&head);
	head_clear(&head);
}

/* Lines "name value", without what nghttp2 would refuse. */
static void try_fields(const char *data, gsize size)
{
	g_autofree char *text = g_strndup(data, size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", 100);
	Head head;
	Refusal refusal;
	gboolean good = TRUE;
	head_init(&head);
	head.http2 = TRUE;
	for (char **line = lines; *line && good; line++) {
		char *space = strchr(*line, ' ');
		if (!space || space == *line)
			continue;
		*space = '\0';
		for (char *c = space + 1; *c; c++)
			if ((guchar)*c < 0x20)
				*c = '?';
		good = **line == ':' ? head_add_pseudo(&head, *line, space + 1, strlen(space + 1), &refusal)
				     : head_add(&head, *line, strlen(*line), space + 1, strlen(space + 1), &refusal);
	}
	if (good && head_finish(&head, &refusal))
		check_passed(&head);
	head_clear(&head);
}

static void try_response(const char *data, gsize size)
{
	json_auto json_object *json = json_parse(data, size, NULL);
	Fields fields = {0};
	if (!json || !json_object_is_type(json, json_type_object))
		return;
	int status = translate_status(json);
	g_assert(status >= 200 && status <= 599 && status_text(status));
	fields_add_response(&fields, json, TRUE);
	fields_add_security(&fields, FALSE);
	g_assert(fields.count < FIELDS_MAX);
	for (guint i = 0; i < fields.count; i++)
		g_assert(!strpbrk(fields.items[i].name, "\r\n: ") && !strpbrk(fields.items[i].value, "\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const char *text = (const char *)data + 1;
	if (data[0] == 'R')
		try_response(text, size - 1);
	else if (data[0] == '2')
		try_fields(text, size - 1);
	else
		try_text(text, size - 1);
	return 0;
}
