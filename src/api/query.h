/* What queries may say: every parameter is declared once, for the check before a handler and for the description of
 * the API. */
#pragma once
#include "api/route.h"

typedef enum ParameterType { PARAMETER_TEXT, PARAMETER_NUMBER, PARAMETER_SWITCH /* 0 or 1 */ } ParameterType;

typedef struct Parameter {
	const char *name;
	ParameterType type;
	gint64 min, max, fallback; /* NUMBER: inclusive; TEXT: max bytes */
	const char *const *values; /* TEXT: one of these; NULL: any */
	const char *help, *help_ja;
} Parameter;

extern const Parameter query_parameters[]; /* ends with a NULL name */
/* NULL if there is none of that name. */
const Parameter *parameter_find(const char *name);
/* Whether the route knows the parameter; "plan" is known where it can be answered. */
gboolean route_has_parameter(const Route *route, const char *name);
/* What is wrong with what the route says about its query, or NULL; completes "the route …". */
const char *query_find_fault(const Route *route);
/* Refuses parameters that the route does not know and values that they cannot have; reads fields and filter into the
 * call, which query_clear() takes out again. */
gboolean query_check(Call *call, GError **error);
void query_clear(Call *call);
