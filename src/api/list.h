/* Pages of lists: by the query's limit and after, of the rows that its filter keeps, with the fields that it wants. */
#pragma once
#include "api/route.h"

/* The row with the fields that the query wants; new reference. */
json_object *cut_fields(Call *call, json_object *row);

/* Whether a row belongs into the answer, beside the filter: whether who asks may see it. */
typedef gboolean (*ListCheck)(Call *call, json_object *row);
/* At most `limit` rows after a position (0: from the start), in the list's order; new reference, NULL with an error. */
typedef json_object *(*ListFetch)(Call *call, gint64 after, guint limit, GError **error);

/* ERROR_TIMEOUT once the request's time is over or its client has left. */
gboolean list_check_time(Call *call, GError **error);
/* One page of a list whose rows are fetched piece by piece; a row's position is its member `key`. `may_see` may be
 * NULL. ERROR_TIMEOUT when so few rows are kept that the request's time is over before a page is full. */
gboolean answer_fetched(Call *call, const char *key, ListFetch fetch, ListCheck may_see, GError **error);
