/* One route as an operation of the API's description: its parameters, its body, its answers, and who may ask. */
#include <string.h>

#include "api/idempotency.h"
#include "api/openapi.h"
#include "api/query.h"
#include "api/route-path.h"
#include "base/json.h"

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
	json_object *schema = openapi_type(known->type == PARAMETER_TEXT ? "string" : "integer");
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
		json_object *schema = openapi_type(parameters[i].number ? "integer" : "string");
		json_object *json = parameter(parameters[i].name, "path", schema, parameters[i].help);
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
		openapi_append_camel(name, *step);
	}
	return g_string_free(name, FALSE);
}

static void add_header(json_object *list, const char *name, const char *type, const char *help)
{
	json_object_array_add(list, parameter(name, "header", openapi_type(type), help));
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
		add_header(list, "if-match", "string", "revision (etag) that the document must still have");
	if (route->bulk)
		add_header(list, "upload-offset", "integer", "where in the file this part begins: what has arrived so far");
	/* Parts of what has no revision would be parts of different files. */
	if (route->answer == ANSWER_BYTES && route->if_match)
		add_header(list, "range", "string", "one part: bytes=FIRST-LAST");
	if (idempotency_is_allowed(route))
		add_header(list, "idempotency-key", "string",
			   "the same request sent again with it is answered as the first was");
}

/* ---- bodies ---- */

static json_object *describe_body(const Route *route, json_object *schemas)
{
	json_object *body = json_object_new_object();
	if (route->bulk) {
		json_set(body, "content", openapi_content("application/octet-stream", NULL));
		json_set_bool(body, "required", TRUE);
		return body;
	}
	gboolean patch = g_str_equal(route->method, "PATCH"), required = patch;
	json_object *types = openapi_json(openapi_refer(schemas, route->body, patch ? VIEW_PATCH : VIEW_CREATE));
	if (patch) {
		json_object *media = json_object_new_object();
		json_set(media, "schema", openapi_refer(schemas, route->body, VIEW_PATCH));
		json_set(types, "application/merge-patch+json", media);
	}
	for (const Field *field = route->body->fields; field->name; field++)
		required |= (field->flags & FIELD_REQUIRED) != 0;
	json_set(body, "content", types);
	json_set_bool(body, "required", required);
	return body;
}

static json_object *list_of(json_object *row)
{
	static const char *const required[] = {"items", NULL};
	json_object *properties = json_object_new_object(), *items = openapi_type("array");
	json_object *next = openapi_type("string");
	json_set(items, "items", row);
	json_set_str(next, "description", "there when more follow; to be given back as after");
	json_set(properties, "items", items);
	json_set(properties, "next", next);
	return openapi_object(properties, required);
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
	json_object *plan = route->plannable ? openapi_reference("schemas", "PlanAnswer") : NULL;
	json_object *document = NULL;
	switch (route->answer) {
	case ANSWER_UNSET:
		break;
	case ANSWER_LIST:
		document = list_of(openapi_refer(schemas, route->result, VIEW_ANSWER));
		break;
	case ANSWER_CREATED:
		openapi_add_response(responses, "201", "made",
				     openapi_json(openapi_refer(schemas, route->result, VIEW_ANSWER)));
		break;
	case ANSWER_MAYBE_TASK:
	case ANSWER_DOCUMENT:
	case ANSWER_OBJECT:
		document = openapi_refer(schemas, route->result, VIEW_ANSWER);
		break;
	case ANSWER_EMPTY: {
		static const char *const none[] = {NULL};
		document = openapi_object(json_object_new_object(), none);
		break;
	}
	case ANSWER_TASK:
		break;
	case ANSWER_TEXT:
		openapi_add_response(responses, "200", "text", openapi_content("text/plain", openapi_type("string")));
		break;
	case ANSWER_BYTES:
		openapi_add_response(responses, "200", "the whole file",
				     openapi_content("application/octet-stream", NULL));
		openapi_add_response(responses, "206", "the part that was asked for",
				     openapi_content("application/octet-stream", NULL));
		break;
	case ANSWER_TICKET:
		openapi_add_response(responses, "201", "a ticket",
				     openapi_json(openapi_refer(schemas, route->result, VIEW_ANSWER)));
		openapi_add_response(responses, "200", "on the node's own socket: the console's descriptor", NULL);
		break;
	case ANSWER_EVENTS:
	case ANSWER_CONSOLE:
		openapi_add_response(responses, "101", "a WebSocket", NULL);
		break;
	}
	if (route->answer == ANSWER_TASK || route->answer == ANSWER_MAYBE_TASK)
		openapi_add_response(responses, "202", "a task does it",
			     openapi_json(openapi_reference("schemas", "TaskReference")));
	if (document && plan)
		document = either(document, plan);
	if (document || plan)
		openapi_add_response(responses, "200", document ? "done" : "what would happen (plan=1)",
			     openapi_json(document ? document : plan));
	if (route->answer == ANSWER_TEXT)
		openapi_add_response(responses, "503", "text that says what does not work",
				     openapi_content("text/plain", openapi_type("string")));
	json_set(responses, "4XX", openapi_reference("responses", "Error"));
	json_set(responses, "5XX", openapi_reference("responses", "Error"));
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

void openapi_add_route(const Route *route, json_object *paths, json_object *schemas)
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
