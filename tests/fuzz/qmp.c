/* Fuzz target of the QMP reader. The first byte says into which pieces the rest is cut: what comes out must not
 * depend on that, and broken must stay broken. */
#include <stdlib.h>

#include "base/json.h"
#include "qemu/qmp.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Messages until the end or the error; *ret_broken tells which. */
static guint read_all(const char *data, gsize size, gsize piece, gboolean *ret_broken)
{
	QmpReader *reader = qmp_reader_new();
	json_object *message = NULL;
	guint count = 0;
	int found = 0;
	for (gsize at = 0; at < size && found >= 0; at += piece) {
		qmp_reader_feed(reader, data + at, MIN(piece, size - at));
		while ((found = qmp_reader_next(reader, &message, NULL)) > 0) {
			g_assert_true(json_object_is_type(message, json_type_object));
			json_object_put(message);
			count++;
		}
	}
	*ret_broken = found < 0;
	if (found < 0) {
		qmp_reader_feed(reader, "{}\n", 3);
		g_assert_cmpint(qmp_reader_next(reader, &message, NULL), ==, -1);
	}
	qmp_reader_free(reader);
	return count;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	gboolean whole_broken, cut_broken;
	if (size < 2)
		return 0;
	const char *text = (const char *)data + 1;
	guint whole = read_all(text, size - 1, size - 1, &whole_broken);
	guint cut = read_all(text, size - 1, (gsize)data[0] + 1, &cut_broken);
	if (whole != cut || whole_broken != cut_broken)
		abort();
	return 0;
}
