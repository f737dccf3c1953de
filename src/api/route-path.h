/* Paths and scopes of routes by name, for the descriptions of the API. */
#pragma once
#include "api/route.h"

typedef struct PathParameter {
	char *name;
	gboolean number; /* else text */
	const char *help, *help_ja;
} PathParameter;

/* "/vms/{vm}/start", below /api/v1 unless route->top; caller frees. The parameters in their order; clear them. */
char *route_path(const Route *route, PathParameter ret_parameters[3], guint *ret_count);
void path_parameters_clear(PathParameter parameters[3], guint count);
const char *scope_name(Scope scope);
