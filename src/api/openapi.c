/* The description of the API: OpenAPI 3.1, made from the routes, the parameters and the tables of fields at the first
 * request, and kept as text.
 *
 * One path for each pattern, one operation for each route. A table becomes a component as it is answered ("Vm"), sent
 * ("VmCreate") or sent to change one ("VmPatch"); only those that a route names are there. What OpenAPI has no word for
 * stands in extensions: x-privilege and x-scope (what the asker must have been granted, and on what), x-websocket. */
#include <string.h>

#include "api/idempotency.h"
#include "api/query.h"
#include "api/route-path.h"
#include "base/json.h"

typedef enum View { VIEW_ANSWER, VIEW_CREATE, VIEW_PATCH } View;

static const char *const view_suffixes[] = {[VIEW_ANSWER] = "", [VIEW_CREATE] = "Create", [VIEW_PATCH] = "Patch"};

/* "access-settings" -> "AccessSettings" */
static void append_camel(GString *text, const char *words)
{
	gboolean upper = TRUE;
	for (const char *c = words; *c; c++) {
		if (!g_ascii_isalnum(*c)) {
			upper = TRUE;
			continue;
		}
		g_string_append_c(text, upper ? g_ascii_toupper(*c) : *c);
		upper = FALSE;
	}
}

static json_object *type_of(const char *type)
{
	json_object *schema = json_object_new_object();
	json_set_str(schema, "type", type);
	return schema;
}

static json_object *object_of(json_object *properties, const char *const *required)
{
	json_object *schema = type_of("object"), *list = json_object_new_array();
	for (; *required; required++)
		json_object_array_add(list, json_object_new_string(*required));
	json_set(schema, "properties", properties);
	json_set(schema, "required", list);
	json_set_bool(schema, "additionalProperties", FALSE);
	return schema;
}

static json_object *reference(const char *kind, const char *name)
{
	json_object *json = json_object_new_object();
	g_autofree char *path = g_strdup_printf("#/components/%s/%s", kind, name);
	json_set_str(json, "$ref", path);
	return json;
}

/* A reference to the table's component, which is made when it is first named. NULL: any object. */
static json_object *refer(json_object *schemas, const Table *table, View view)
{
	if (!table)
		return type_of("object");
	g_autoptr(GString) name = g_string_new(NULL);
	append_camel(name, table->name);
	g_string_append(name, view_suffixes[view]);
	if (!json_get(schemas, name->str))
		json_set(schemas, name->str,
			 view == VIEW_ANSWER ? schema_describe(table) : schema_describe_input(table, view == VIEW_PATCH));
	return reference("schemas", name->str);
}

static json_object *content(const char *type, json_object *schema)
{
	json_object *json = json_object_new_object(), *media = json_object_new_object();
	if (schema)
		json_set(media, "schema", schema);
	json_set(json, type, media);
	return json;
}

/* ---- parameters ---- */

static json_object *parameter(const char *name, const char *in, json_object *schema, const char *help)
{
	json_object *json = json_object_new_object();
	json_set_str(json, "name", name);
	json_set_str(json, "in", in);
	json_set_str(json, "description", help);
	if (g_str_equal(in, "path"))
		json_set_bool(json, "required", TRUE);
	json_set(json, "schema", schema);
	return json;
}

static json_object *describe_query(const Parameter *known)
{
	json_object *schema = type_of(known->type == PARAMETER_TEXT ? "string" : "integer");
	if (known->type == PARAMETER_TEXT) {
		json_set_int(schema, "maxLength", known->max);
	} else {
		json_set_int(schema, "minimum", known->min);
		json_set_int(schema, "maximum", known->type == PARAMETER_SWITCH ? 1 : known->max);
		json_set_int(schema, "default", known->fallback);
	}
	if (known->type == PARAMETER_NUMBER && known->fallback < known->min)
		json_object_object_del(schema, "default");
	if (known->values) {
		json_object *values = json_object_new_array();
		for (const char *const *value = known->values; *value; value++)
			json_object_array_add(values, json_object_new_string(*value));
		json_set(schema, "enum", values);
	}
	json_object *json = parameter(known->name, "query", schema, known->help);
	json_set_str(json, "x-description-ja", known->help_ja);
	return json;
}

/* The path as OpenAPI writes it; its parameters are added to the list. */
static char *describe_path(const Route *route, json_object *list)
{
	PathParameter parameters[3];
	guint count;
	char *path = route_path(route, parameters, &count);
	for (guint i = 0; i < count; i++) {
		json_object *json = parameter(parameters[i].name, "path",
					      type_of(parameters[i].number ? "integer" : "string"), parameters[i].help);
		json_set_str(json, "x-description-ja", parameters[i].help_ja);
		json_object_array_add(list, json);
	}
	path_parameters_clear(parameters, count);
	return path;
}

/* A name for programs: "getVmsByVm" of GET /vms/{vm}. */
static char *name_operation(const char *method, const char *path)
{
	g_auto(GStrv) steps = g_strsplit(path + 1, "/", -1);
	GString *name = g_string_new(method);
	for (char **step = steps; *step; step++) {
		if (**step == '{')
			g_string_append(name, "By");
		append_camel(name, *step);
	}
	return g_string_free(name, FALSE);
}

static void describe_parameters(const Route *route, json_object *list)
{
	g_auto(GStrv) words = g_strsplit(route->query ? route->query : "", " ", -1);
	for (char **word = words; *word; word++) {
		const Parameter *known = parameter_find(*word);
		if (known)
			json_object_array_add(list, describe_query(known));
	}
	if (route->plannable)
		json_object_array_add(list, describe_query(parameter_find("plan")));
	if (route->if_match)
		json_object_array_add(list, parameter("if-match", "header", type_of("string"),
						      "revision (etag) that the document must still have"));
	if (route->bulk)
		json_object_array_add(list, parameter("upload-offset", "header", type_of("integer"),
						      "where in the file this part begins: what has arrived so far"));
	if (route->answer == ANSWER_BYTES)
		json_object_array_add(list, parameter("range", "header", type_of("string"), "one part: bytes=FIRST-LAST"));
	if (idempotency_is_allowed(route))
		json_object_array_add(list, parameter("idempotency-key", "header", type_of("string"),
						      "the same request sent again with it is answered as the first was"));
}

/* ---- bodies ---- */

static json_object *describe_body(const Route *route, json_object *schemas)
{
	json_object *body = json_object_new_object();
	if (route->bulk) {
		json_set(body, "content", content("application/octet-stream", NULL));
		json_set_bool(body, "required", TRUE);
		return body;
	}
	gboolean patch = g_str_equal(route->method, "PATCH"), required = patch;
	json_object *types = content("application/json", refer(schemas, route->body, patch ? VIEW_PATCH : VIEW_CREATE));
	if (patch) {
		json_object *media = json_object_new_object();
		json_set(media, "schema", refer(schemas, route->body, VIEW_PATCH));
		json_set(types, "application/merge-patch+json", media);
	}
	for (const Field *field = route->body->fields; field->name; field++)
		required |= (field->flags & FIELD_REQUIRED) != 0;
	json_set(body, "content", types);
	json_set_bool(body, "required", required);
	return body;
}

static void add_response(json_object *responses, const char *status, const char *help, json_object *body)
{
	json_object *response = json_object_new_object();
	json_set_str(response, "description", help);
	if (body)
		json_set(response, "content", body);
	json_set(responses, status, response);
}

static json_object *list_of(json_object *row)
{
	static const char *const required[] = {"items", NULL};
	json_object *properties = json_object_new_object(), *items = type_of("array"), *next = type_of("string");
	json_set(items, "items", row);
	json_set_str(next, "description", "there when more follow; to be given back as after");
	json_set(properties, "items", items);
	json_set(properties, "next", next);
	return object_of(properties, required);
}

static json_object *either(json_object *first, json_object *second)
{
	json_object *schema = json_object_new_object(), *list = json_object_new_array();
	json_object_array_add(list, first);
	json_object_array_add(list, second);
	json_set(schema, "anyOf", list);
	return schema;
}

static void describe_answer(const Route *route, json_object *responses, json_object *schemas)
{
	json_object *plan = route->plannable ? reference("schemas", "PlanAnswer") : NULL;
	json_object *document = NULL;
	switch (route->answer) {
	case ANSWER_UNSET:
		break;
	case ANSWER_LIST:
		document = list_of(refer(schemas, route->result, VIEW_ANSWER));
		break;
	case ANSWER_CREATED:
		add_response(responses, "201", "made", content("application/json", refer(schemas, route->result, VIEW_ANSWER)));
		break;
	case ANSWER_MAYBE_TASK:
	case ANSWER_DOCUMENT:
	case ANSWER_OBJECT:
		document = refer(schemas, route->result, VIEW_ANSWER);
		break;
	case ANSWER_EMPTY: {
		static const char *const none[] = {NULL};
		document = object_of(json_object_new_object(), none);
		break;
	}
	case ANSWER_TASK:
		break;
	case ANSWER_TEXT:
		add_response(responses, "200", "text", content("text/plain", type_of("string")));
		break;
	case ANSWER_BYTES:
		add_response(responses, "200", "the whole file", content("application/octet-stream", NULL));
		add_response(responses, "206", "the part that was asked for", content("application/octet-stream", NULL));
		break;
	case ANSWER_TICKET:
		add_response(responses, "201", "a ticket", content("application/json", refer(schemas, route->result, VIEW_ANSWER)));
		add_response(responses, "200", "on the node's own socket: the console's descriptor", NULL);
		break;
	case ANSWER_EVENTS:
	case ANSWER_CONSOLE:
		add_response(responses, "101", "a WebSocket", NULL);
		break;
	}
	if (route->answer == ANSWER_TASK || route->answer == ANSWER_MAYBE_TASK)
		add_response(responses, "202", "a task does it",
			     content("application/json", reference("schemas", "TaskReference")));
	if (document && plan)
		document = either(document, plan);
	if (document || plan)
		add_response(responses, "200", document ? "done" : "what would happen (plan=1)",
			     content("application/json", document ? document : plan));
	if (route->answer == ANSWER_TEXT)
		add_response(responses, "503", "text that says what does not work", content("text/plain", type_of("string")));
	json_set(responses, "4XX", reference("responses", "Error"));
	json_set(responses, "5XX", reference("responses", "Error"));
}

static json_object *describe_websocket(const Route *route)
{
	json_object *json = json_object_new_object();
	gboolean events = route->answer == ANSWER_EVENTS;
	json_set_str(json, "messages", events ? "text" : "binary");
	json_set_str(json, "description",
		     events ? "each message is one event, a JSON object"
			    : "bytes of the console both ways; a client may offer the subprotocol binary");
	return json;
}

/* ---- operations ---- */

/* A credential of either kind; with a cookie, what is no GET needs the CSRF token. */
static json_object *describe_security(const Route *route)
{
	json_object *ways = json_object_new_array();
	if (route->scope == SCOPE_PUBLIC)
		return ways;
	json_object *cookie = json_object_new_object(), *bearer = json_object_new_object();
	json_set(cookie, "session", json_object_new_array());
	if (!g_str_equal(route->method, "GET"))
		json_set(cookie, "csrf", json_object_new_array());
	json_set(bearer, "token", json_object_new_array());
	if (route->identify) {
		json_object *ticket = json_object_new_object();
		json_set(ticket, "ticket", json_object_new_array());
		json_object_array_add(ways, ticket);
	}
	json_object_array_add(ways, cookie);
	json_object_array_add(ways, bearer);
	return ways;
}

static void add_route(const Route *route, json_object *paths, json_object *schemas)
{
	json_object *operation = json_object_new_object(), *parameters = json_object_new_array();
	json_object *responses = json_object_new_object(), *tags = json_object_new_array();
	g_autofree char *lower = g_ascii_strdown(route->method, -1);
	g_autofree char *path = describe_path(route, parameters);
	g_autofree char *name = name_operation(lower, path);
	g_auto(GStrv) steps = g_strsplit(route->pattern + 1, "/", 2);
	json_object_array_add(tags, json_object_new_string(steps[0]));
	describe_parameters(route, parameters);
	describe_answer(route, responses, schemas);

	json_set_str(operation, "operationId", name);
	json_set_str(operation, "summary", route->summary);
	json_set_str(operation, "x-summary-ja", route->summary_ja);
	json_set(operation, "tags", tags);
	json_set(operation, "security", describe_security(route));
	json_set_str(operation, "x-privilege", privileges[route->privilege].name);
	json_set_str(operation, "x-scope", scope_name(route->scope));
	if (route->in_person)
		json_set_bool(operation, "x-in-person", TRUE); /* not for tokens */
	if (json_object_array_length(parameters) > 0)
		json_set(operation, "parameters", parameters);
	else
		json_object_put(parameters);
	if (route->body || route->bulk)
		json_set(operation, "requestBody", describe_body(route, schemas));
	json_set(operation, "responses", responses);
	if (route->answer == ANSWER_EVENTS || route->answer == ANSWER_CONSOLE)
		json_set(operation, "x-websocket", describe_websocket(route));

	json_object *item = json_get(paths, path);
	if (!item) {
		item = json_object_new_object();
		json_set(paths, path, item);
		if (route->top)
			json_set(item, "servers", json_tokener_parse("[{\"url\":\"/\"}]"));
	}
	json_set(item, lower, operation);
}

/* What is the same for all routes. */
static json_object *describe_common(json_object *schemas)
{
	static const char *const plan_required[] = {"plan", NULL}, *const error_required[] = {"error", NULL},
		*const task_required[] = {"task", NULL};
	json_object *components = json_object_new_object(), *responses = json_object_new_object();
	json_object *error = json_object_new_object(), *plan = json_object_new_object(), *task = json_object_new_object();
	json_set(error, "error", refer(schemas, &error_table, VIEW_ANSWER));
	json_set(plan, "plan", refer(schemas, &plan_table, VIEW_ANSWER));
	json_set(task, "task", type_of("integer"));
	json_set(task, "id", type_of("integer"));
	json_set(schemas, "ErrorAnswer", object_of(error, error_required));
	json_set(schemas, "PlanAnswer", object_of(plan, plan_required));
	json_set(schemas, "TaskReference", object_of(task, task_required));
	add_response(responses, "Error", "it was refused or failed",
		     content("application/json", reference("schemas", "ErrorAnswer")));
	json_set(components, "responses", responses);
	json_set(components, "securitySchemes",
		 json_tokener_parse("{\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"__Host-yado\"},"
				    "\"csrf\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"x-csrf-token\"},"
				    "\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
				    "\"ticket\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"ticket\"}}"));
	return components;
}

static json_object *describe_api(void)
{
	json_object *document = json_object_new_object(), *info = json_object_new_object();
	json_object *paths = json_object_new_object(), *schemas = json_object_new_object();
	json_object *components = describe_common(schemas);
	for (const Route *const *table = route_tables; *table; table++)
		for (const Route *route = *table; route->method; route++)
			add_route(route, paths, schemas);
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
	json_auto json_object *document = describe_api();
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
