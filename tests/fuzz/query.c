/* Fuzzes what a client can write behind a path's question mark, and a filter with a row that it is held against: bytes
 * -> query -> numbers and switches; up to the first newline a filter, behind it a row as text. Nothing may crash, a
 * refusal must say why, and a row that can be parsed must be kept or not alike as text and as JSON. */
#include <stdint.h>
#include <string.h>

#include "api/filter.h"
#include "api/query.h"
#include "api/request.h"
#include "base/error.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const Route route = {.method = "GET", .query = "limit after fields filter from timeout state facts seq",
			    .result = &vm_row_table, .plannable = TRUE};

static void check_refusal(gboolean ok, GError **error)
{
	g_assert_true(ok == !*error);
	g_assert_true(!*error || g_utf8_validate((*error)->message, -1, NULL));
	g_clear_error(error);
}

static void fuzz_query(const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GHashTable) query = query_parse(text, &error);
	check_refusal(query != NULL, &error);
	if (!query)
		return;
	char path[] = "/api/v1/vms";
	Request request = {.method = "GET", .path = path, .query = query};
	Call call = {.route = &route, .request = &request};
	gboolean ok = query_check(&call, &error);
	check_refusal(ok, &error);
	if (ok) {
		gint64 limit = call_number(&call, "limit"), position;
		g_assert_true(limit >= 1 && limit <= LIST_LIMIT_MAX);
		g_assert_cmpint(call_number(&call, "timeout"), <=, 60);
		(void)call_switch(&call, "facts");
		ok = call_int(&call, "after", 0, G_MAXINT64, 0, &position, &error);
		check_refusal(ok, &error);
		g_assert_true(position >= 0);
	}
	query_clear(&call);
}

static void fuzz_filter(const char *text, const char *row, gsize length)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Filter) filter = filter_new(&vm_row_table, text, &error);
	check_refusal(filter != NULL, &error);
	if (!filter)
		return;
	gboolean as_text = filter_match_text(filter, row, length);
	json_auto json_object *json = json_parse(row, length, NULL);
	if (!json || !json_object_is_type(json, json_type_object))
		return;
	/* As a server writes it: without spaces, and each member once. */
	g_autofree char *plain = json_dup_text(json);
	gboolean as_plain = filter_match_text(filter, plain, strlen(plain));
	g_assert_cmpint(as_plain, ==, filter_match(filter, json));
	if (strlen(plain) == length && memcmp(plain, row, length) == 0)
		g_assert_cmpint(as_text, ==, as_plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = memchr(data, '\n', size);
	gsize first = newline ? (gsize)(newline - data) : size;
	g_autofree char *text = g_strndup((const char *)data, first);
	/* An exact copy, so that the sanitizer sees a read past the end. */
	gsize length = newline ? size - first - 1 : 0;
	g_autofree char *row = length ? g_memdup2(newline + 1, length) : NULL;
	fuzz_query(text);
	fuzz_filter(text, row ? row : "", length);
	return 0;
}
