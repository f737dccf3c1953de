/* The API's resources: one file each, with its routes as a const table of small handlers (docs/api.md lists them). */
#pragma once
#include "api/server.h"
#include "guest/services.h"

typedef struct Api Api;

/* Serves the resources; `services` is lent. Give api_handle to server_new() with the Api as data. NULL with an error if
 * a route does not say who may use it. */
Api *api_new(Services *services, GError **error);
void api_free(Api *api);
gboolean api_handle(Request *request, Response *response, gpointer api, GError **error);
/* What of that can be done in the loop's own thread (ServerQuick). */
gboolean api_answer_quickly(Request *request, Response *response, gpointer api);
