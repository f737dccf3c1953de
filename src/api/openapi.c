/* The description of the API: OpenAPI 3.1, made from the routes, the parameters and the tables of fields at the first
 * request, and kept as text.
 *
 * One path for each pattern, one operation for each route. A table becomes a component as it is answered ("Vm"), sent
 * ("VmCreate") or sent to change one ("VmPatch"); only those that a route names are there. What OpenAPI has no word for
 * stands in extensions: x-privilege and x-scope (what the asker must have been granted, and on what), x-websocket. */
#include <string.h>

#include "api/openapi.h"
#include "base/json.h"

/* What is the same for all routes. */
static json_object *describe_common(json_object *schemas)
{
	static const char *const plan_required[] = {"plan", NULL}, *const error_required[] = {"error", NULL},
		*const task_required[] = {"task", NULL};
	json_object *components = json_object_new_object(), *responses = json_object_new_object();
	json_object *error = json_object_new_object(), *plan = json_object_new_object();
	json_object *task = json_object_new_object();
	json_set(error, "error", openapi_refer(schemas, &error_table, VIEW_ANSWER));
	json_set(plan, "plan", openapi_refer(schemas, &plan_table, VIEW_ANSWER));
	json_set(task, "task", openapi_type("integer"));
	json_set(task, "id", openapi_type("integer"));
	json_set(schemas, "ErrorAnswer", openapi_object(error, error_required));
	json_set(schemas, "PlanAnswer", openapi_object(plan, plan_required));
	json_set(schemas, "TaskReference", openapi_object(task, task_required));
	openapi_add_response(responses, "Error", "it was refused or failed",
		     openapi_json(openapi_reference("schemas", "ErrorAnswer")));
	json_set(components, "responses", responses);
	json_set(components, "securitySchemes",
		 json_tokener_parse("{\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"__Host-yado\"},"
				    "\"csrf\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"x-csrf-token\"},"
				    "\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
				    "\"ticket\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"ticket\"}}"));
	return components;
}

json_object *openapi_describe(void)
{
	json_object *document = json_object_new_object(), *info = json_object_new_object();
	json_object *paths = json_object_new_object(), *schemas = json_object_new_object();
	json_object *components = describe_common(schemas);
	for (const Route *const *table = route_tables; *table; table++)
		for (const Route *route = *table; route->method; route++)
			openapi_add_route(route, paths, schemas);
	json_set_str(info, "title", "Yado");
	json_set_str(info, "version", YADO_VERSION);
	json_set(info, "license", json_tokener_parse("{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}"));
	json_set_str(document, "openapi", "3.1.0");
	json_set(document, "info", info);
	json_set(document, "servers", json_tokener_parse("[{\"url\":\"/api/v1\"}]"));
	json_set(document, "paths", paths);
	json_set(components, "schemas", schemas);
	json_set(document, "components", components);
	return document;
}

static gpointer make_text(gpointer data)
{
	(void)data;
	json_auto json_object *document = openapi_describe();
	char *text = json_dup_text(document);
	return g_bytes_new_take(text, strlen(text));
}

static gboolean get_openapi(Call *call, GError **error)
{
	static GOnce once = G_ONCE_INIT;
	(void)error;
	call->response->status = 200;
	call->response->body = g_bytes_ref(g_once(&once, make_text, NULL));
	return TRUE;
}

const Route openapi_routes[] = {
	{"GET", "/openapi.json", get_openapi, "this description of the API", PRIVILEGE_NONE, SCOPE_PUBLIC,
	 .answer = ANSWER_OBJECT, .unaudited = TRUE,
	 .summary_ja = "このAPIの記述（OpenAPI）"},
	{NULL},
};
