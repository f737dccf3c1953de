/* Idempotency-Key: a POST that is sent again with the same key is done once, and answered alike each time. */
#pragma once
#include "api/route.h"

/* Opens or makes DIR/requests.db; the store keeps the key with which requests are told apart. */
Idempotency *idempotency_open(const char *dir, Store *store, GError **error);
void idempotency_close(Idempotency *idempotency);

/* Whether the route honours the header (for the description of the API). */
gboolean idempotency_is_allowed(const Route *route);
/* Calls the route's handler; with the header only if this is the first time, else answers as then, with
 * call->replayed set. To be called when everything else about the request has been checked. */
gboolean idempotency_handle(Call *call, GError **error);
