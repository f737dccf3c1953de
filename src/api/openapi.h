/* Inside the description of the API: its pieces (openapi-parts.c) and operations (openapi-operation.c). JSON that is
 * given is taken over. */
#pragma once
#include <json-c/json.h>

#include "api/route.h"

typedef enum View { VIEW_ANSWER, VIEW_CREATE, VIEW_PATCH } View;

/* "access-settings" becomes "AccessSettings". */
void openapi_append_camel(GString *text, const char *words);
json_object *openapi_type(const char *type);
json_object *openapi_object(json_object *properties, const char *const *required);
json_object *openapi_reference(const char *kind, const char *name);
/* A reference to the table's component, which is made when it is first named. NULL: any object. */
json_object *openapi_refer(json_object *schemas, const Table *table, View view);
json_object *openapi_content(const char *type, json_object *schema); /* schema may be NULL */
json_object *openapi_json(json_object *schema);
void openapi_add_response(json_object *responses, const char *status, const char *help, json_object *body);

/* The whole description; a new reference. */
json_object *openapi_describe(void);

void openapi_add_route(const Route *route, json_object *paths, json_object *schemas);
