/* Who a guest is to others, which must be one of its kind: UUID, MAC addresses, serial numbers and world wide names of
 * disks.
 *
 * What people ask for is checked before (unique_check). What comes into the store past that (a database that was copied
 * or edited, a guest that comes back from the history) is found when it is loaded, shown, and not started
 * (unique_check_start) until it has been mended (plan_renew). */
#pragma once
#include <json-c/json.h>

#include "guest/services.h"

typedef struct Vm Vm;
typedef struct Unique Unique; /* which guest has what; may be asked from any thread */

Unique *unique_new(void);
void unique_free(Unique *unique);
/* The guest's document is this now (NULL: it has none any more). Gives the other guests that by this may share
 * something now, or nothing any more: an array of gint64; free with g_array_unref. */
GArray *unique_follow(Unique *unique, gint64 id, json_object *document);
gboolean unique_is_shared(Unique *unique, gint64 id); /* something of it */
gboolean unique_has_mac(Unique *unique, const char *mac);
/* What of that guest's document other guests have as well, as vm_status_table has it: [{"path","value","vm"}]. */
json_object *unique_conflicts(Unique *unique, gint64 id, json_object *document);

/* ERROR_EXISTS if another guest has what is in the document and was not in `present` (may be NULL). */
gboolean unique_check(Services *services, json_object *present, json_object *document, GError **error);
/* ERROR_CONFLICT if a guest that is older (or runs) has something of this one's. The oldest may start: it was the
 * first. */
gboolean unique_check_start(Vm *vm, GError **error);
/* The document with new values: for what is named in `choice` ("uuid", "macs", "serials": true), or without any of
 * these for what is shared. New reference; ERROR_CONFLICT if that is nothing. */
json_object *unique_renew(Services *services, json_object *document, json_object *choice, GError **error);
