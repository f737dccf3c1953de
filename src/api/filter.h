/* The filter of a list: terms separated by spaces, all of which must hold for a row.
 *
 *   state:running     equal; of a list: one element is; nothing after the colon: the field is absent or empty
 *   name~web          a part of it, in letters of any case; of a list: of one element
 *   memory>1G cpus<=4 compared: > >= < <=; numbers, sizes in units, and texts (times) letter by letter
 *   -state:stopped    not so
 *   web "two words"   a part of the id or the name, or where there is no name, of any text column
 *
 * A field may be one of an object within ("space.free<10G"). A value with spaces stands in double quotes, within which
 * \ keeps the meaning from the next character. Fields and their types are those of the row's table. */
#pragma once
#include <json-c/json.h>

#include "schema/schema.h"

enum { FILTER_LENGTH_MAX = 1024, FILTER_TERMS_MAX = 32 };

typedef struct Filter Filter; /* of one thread at a time */

/* ERROR_INVALID, with the field at fault in the message. */
Filter *filter_new(const Table *table, const char *text, GError **error);
void filter_free(Filter *filter); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Filter, filter_free)
gboolean filter_match(Filter *filter, json_object *row);
/* The same for a row as JSON text, as json-c writes it without spaces. Only what is asked for is read. */
gboolean filter_match_text(Filter *filter, const char *row, gsize length);
