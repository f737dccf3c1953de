/* Pages of lists. `next` is the position of a page's last row, and there only when another row that is kept follows: no
 * page but that of an empty list is empty. */
#include "api/list.h"

#include <string.h>

#include "api/filter.h"
#include "base/error.h"
#include "base/json.h"

enum { PIECE = 500 };

gboolean call_keeps(Call *call, json_object *row)
{
	return !call->filter || filter_match(call->filter, row);
}

json_object *cut_fields(Call *call, json_object *row)
{
	if (!call->fields)
		return json_object_get(row);
	json_object *cut = json_object_new_object();
	for (char **name = call->fields; *name; name++) {
		json_object *value = NULL;
		if (json_object_object_get_ex(row, *name, &value))
			json_set(cut, *name, json_object_get(value));
	}
	return cut;
}

gboolean answer_items(Call *call, json_object *items)
{
	return answer_items_next(call, items, NULL);
}

gboolean answer_items_next(Call *call, json_object *items, json_object *next)
{
	json_object *answer = json_object_new_object();
	for (size_t i = 0; i < json_object_array_length(items); i++)
		json_object_array_put_idx(items, i, cut_fields(call, json_object_array_get_idx(items, i)));
	json_set(answer, "items", items);
	if (next)
		json_set(answer, "next", json_object_get(next));
	return answer_json(call, 200, answer);
}

static const char *key_of(json_object *row)
{
	return json_get_str(row, "id", json_get_str(row, "name", ""));
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(key_of(*(json_object *const *)a), key_of(*(json_object *const *)b));
}

gboolean answer_page(Call *call, json_object *items, GError **error)
{
	gint64 limit = call_number(call, "limit");
	const char *after = call_query(call, "after"), *last = NULL;
	json_auto json_object *all = items;
	json_object_array_sort(all, compare_keys);
	json_object *page = json_object_new_array();
	json_auto json_object *next = NULL;
	(void)error;
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		json_object *item = json_object_array_get_idx(all, i);
		const char *key = key_of(item);
		if ((after && strcmp(key, after) <= 0) || !call_keeps(call, item))
			continue;
		if ((gint64)json_object_array_length(page) == limit) {
			next = json_object_new_string(last);
			break;
		}
		json_object_array_add(page, json_object_get(item));
		last = key;
	}
	return answer_items_next(call, page, next);
}

gboolean list_check_time(Call *call, GError **error)
{
	if (g_get_monotonic_time() < call->request->deadline_us && stream_is_open(call->request->stream))
		return TRUE;
	error_set(error, ERROR_TIMEOUT, "ask for fewer rows, or filter less narrowly",
		  "the rows that the filter keeps were not found in time");
	return FALSE;
}

gboolean answer_fetched(Call *call, const char *key, ListFetch fetch, ListCheck may_see, GError **error)
{
	gint64 position = 0, last = 0;
	gsize limit = (gsize)call_number(call, "limit"), fetched;
	const char *after = call_query(call, "after");
	if (after && !g_ascii_string_to_signed(after, 10, 0, G_MAXINT64, &position, NULL)) {
		error_set_field(error, ERROR_INVALID, "after", NULL, "after must be what a page gave as next");
		return FALSE;
	}
	gsize piece = call->filter || may_see ? MAX(limit + 1, PIECE) : limit + 1;
	json_auto json_object *page = json_object_new_array();
	json_auto json_object *next = NULL;
	do {
		if (!list_check_time(call, error))
			return FALSE;
		json_auto json_object *rows = fetch(call, position, (guint)piece, error);
		if (!rows)
			return FALSE;
		fetched = json_object_array_length(rows);
		for (gsize i = 0; i < fetched && !next; i++) {
			json_object *row = json_object_array_get_idx(rows, i);
			position = json_get_int(row, key, 0);
			if ((may_see && !may_see(call, row)) || !call_keeps(call, row))
				continue;
			if (json_object_array_length(page) == limit) {
				next = text_of_number(last);
				break;
			}
			json_object_array_add(page, json_object_get(row));
			last = position;
		}
	} while (!next && fetched == piece);
	return answer_items_next(call, json_object_get(page), next);
}
