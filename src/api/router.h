/* Finds the route of a method and a path among all tables. */
#pragma once
#include "api/route.h"

typedef struct Router Router;

/* tables: NULL-terminated, as route_tables. NULL with an error that names the route if one of them does not say who may
 * use it, and what it answers. */
Router *router_new(const Route *const *tables, GError **error);
void router_free(Router *router);

/* `path` is decoded; it is cut into its steps, of which those in place of {} go to args. NULL if there is none;
 * *ret_known is then whether there is one of another method. */
const Route *router_find(const Router *router, const char *method, char *path, char *args[3], gboolean *ret_known);
