/* Bulk: a file on its way in or out on behalf of who asked, cut when the right to it is withdrawn. */
#pragma once
#include "api/route.h"
#include "storage/transfer.h"

typedef struct Bulk Bulk;

/* Follows who may do what; once, before the first request. */
void bulk_start(Services *services);

enum { BULK_USER_MAX = 16 }; /* of one user at a time, so that nobody holds all that there may be */

/* From now on it is looked at who asks: the privilege on the path, or (some) anywhere below it. One reference is for
 * bulk_end(), which may come before the other's holder goes on. ERROR_TOO_MANY. */
Bulk *bulk_new(Call *call, Privilege privilege, const char *path, gboolean some, GError **error);
/* Cut at once if the right has gone meanwhile. */
void bulk_set_transfer(Bulk *bulk, Transfer *transfer);
Bulk *bulk_ref(Bulk *bulk);
void bulk_unref(Bulk *bulk);
/* Sends so many bytes of a regular file (lent), from its offset on, as long as who asks has the privilege on the path. The
 * socket from which they come, or -1. */
int bulk_send(Call *call, int file, guint64 length, Privilege privilege, const char *path, GError **error);
/* It is over; gives a reference back. TRUE if it was cut for want of the right. */
gboolean bulk_end(Bulk *bulk);
