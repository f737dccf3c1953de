/* What a guest's memory asks of its document and of the node. root: "", or where a test has its own /sys. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

typedef struct HugePages {
	gint64 total, free; /* set aside; of these, neither used nor promised to somebody */
} HugePages;

/* Of one size, in bytes; FALSE: the node's kernel has none of that. */
gboolean memory_read_pages(const char *root, gint64 page, HugePages *ret_pages);
/* Whether the sizes of a document fit each other, and the node has pages of that size; ERROR_INVALID names the field. */
gboolean memory_check(const char *root, json_object *document, GError **error);
/* Why what the guest's balloon takes away would be of no use to the node; NULL: it becomes free there. Static. */
const char *memory_balloon_hindrance(json_object *document);
/* Whether the node has enough free huge pages for a start of the guest; ERROR_CONFLICT says how to set them. */
gboolean memory_check_start(const char *root, json_object *document, GError **error);
