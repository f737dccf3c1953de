/* What a guest's memory asks of its document and of the node. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* Whether the sizes of a document fit each other, and the node has pages of that size; ERROR_INVALID names the
 * field. */
gboolean memory_check(json_object *document, GError **error);
/* Whether the node has enough free huge pages for a start of the guest; ERROR_CONFLICT says how to set them. */
gboolean memory_check_start(json_object *document, GError **error);
