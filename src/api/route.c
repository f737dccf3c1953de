/* Finding the route of a request, and the short ways to read it and to answer. */
#include "api/route.h"

#include <string.h>

#include "api/api.h"
#include "api/audit.h"
#include "api/crowd.h"
#include "api/idempotency.h"
#include "api/metrics.h"
#include "api/permit.h"
#include "api/query.h"
#include "api/router.h"
#include "base/error.h"
#include "base/json.h"
#include "store/store.h"

enum { BODY_VALUES_MAX = 10000 };

struct Api {
	Services *services;
	Router *router;
	Crowd *crowd;
};

/* In the order in which the description of the API has them. */
const Route *const route_tables[] = {
	vm_routes,
	vm_action_routes,
	vm_firmware_routes,
	handed_routes,
	console_routes,
	guest_tool_routes,
	guest_exec_routes,
	guest_file_routes,
	image_routes,
	image_file_routes,
	preset_routes,
	upload_routes,
	storage_routes,
	mapping_routes,
	task_routes,
	node_routes,
	node_memory_routes,
	measurement_routes,
	doctor_routes,
	history_routes,
	event_routes,
	schema_routes,
	openapi_routes,
	user_routes,
	role_routes,
	token_routes,
	session_routes,
	setting_routes,
	audit_routes,
	health_routes,
	metrics_routes,
	NULL,
};

Api *api_new(Services *services, GError **error)
{
	Router *router = router_new(route_tables, error);
	if (!router)
		return NULL;
	Api *api = g_new0(Api, 1);
	api->services = services;
	api->router = router;
	api->crowd = crowd_new();
	return api;
}

void api_free(Api *api)
{
	if (!api)
		return;
	router_free(api->router);
	crowd_free(api->crowd);
	g_free(api);
}

static gboolean check_if_match(Call *call, const Route *route, GError **error)
{
	if (route->if_match || !json_get(call->request->headers, "if-match"))
		return TRUE;
	error_set_field(error, ERROR_INVALID, "if-match", "leave it out", "%s %s has no revision to compare with",
			call->request->method, call->request->path);
	return FALSE;
}

/* On the front, what answers with events or a console is asked for by WebSockets, and nothing else is. */
static gboolean check_upgrade(Call *call, const Route *route, GError **error)
{
	const Request *request = call->request;
	gboolean get = g_str_equal(route->method, "GET");
	gboolean streams = get && (route->answer == ANSWER_EVENTS || route->answer == ANSWER_CONSOLE);
	if (!request->front || request->upgrade == streams)
		return TRUE;
	if (streams)
		error_set_field(error, ERROR_INVALID, "upgrade", "connect to it with a WebSocket",
				"GET %s answers with a stream", request->path);
	else
		error_set_field(error, ERROR_INVALID, "upgrade", "ask for it without a WebSocket",
				"GET %s is no stream and no console", request->path);
	return FALSE;
}

/* An empty object is what clients send that always send one. */
static gboolean check_no_body(Call *call, GError **error)
{
	const Route *route = call->route;
	if (route->body || route->bulk || g_bytes_get_size(call->request->body) == 0)
		return TRUE;
	json_auto json_object *body = call_body(call, error);
	if (!body)
		return FALSE;
	if (json_object_object_length(body) == 0)
		return TRUE;
	error_set(error, ERROR_INVALID, "send none", "%s %s takes no body", route->method, call->request->path);
	return FALSE;
}

static void call_clear(Call *call)
{
	query_clear(call);
	call->request->user = ""; /* it was the principal's */
	g_clear_pointer(&call->rights, rights_unref);
	g_clear_pointer(&call->principal, principal_unref);
	g_free((char *)call->object);
}

static gboolean serve(Call *call, GError **error)
{
	const Route *route = call->route;
	return permit_route(call, error) && query_check(call, error) && check_if_match(call, route, error) &&
	       check_upgrade(call, route, error) && check_no_body(call, error) && idempotency_handle(call, error);
}

/* A wrong secret is counted once. */
static gboolean identify(Call *call, GError **error)
{
	if (!call->request->refusal)
		return permit_identify(call, error);
	call->request->user = "";
	g_propagate_error(error, g_steal_pointer(&call->request->refusal));
	return FALSE;
}

/* The record of it is on the disk before the answer goes out. */
static gboolean serve_recorded(Api *api, Call *call, GError **error)
{
	g_autoptr(GError) failure = NULL;
	gint64 began_us = g_get_monotonic_time();
	gboolean identified = identify(call, &failure);
	gboolean familiar = identified && !call->principal &&
			    access_knows_address(call->services->access, call->request->address);
	gboolean entered = identified && crowd_enter(api->crowd, call, familiar, &failure);
	gboolean ok = entered && serve(call, &failure);
	audit_call(call, failure);
	metrics_count(call->route, failure ? error_code_status(error_code(failure)) : call->response->status,
		      g_get_monotonic_time() - began_us);
	if (entered)
		crowd_leave(api->crowd, call);
	if (failure)
		g_propagate_error(error, g_steal_pointer(&failure));
	return ok;
}

/* What there is and what there is not, is told to who has a credential. */
static gboolean refuse_unknown(Call *call, gboolean known, GError **error)
{
	const Request *request = call->request;
	g_autoptr(GError) failure = NULL;
	if (!identify(call, &failure)) {
		audit_call(call, failure);
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	if (known)
		error_set(error, ERROR_METHOD, "docs/api.md lists what there is", "'%s' does not take %s",
			  request->path, request->method);
	else
		error_set(error, ERROR_NOT_FOUND, "docs/api.md lists what there is; the API is below /api/v1",
			  "there is nothing at '%s'", request->path);
	return FALSE;
}

gboolean api_handle(Request *request, Response *response, gpointer data, GError **error)
{
	Api *api = data;
	gboolean known = FALSE;
	g_autofree char *path = g_strdup(request->path); /* args lie in it */
	Call call = {.services = api->services, .request = request, .response = response};
	call.route = router_find(api->router, request->method, path, call.args, &known);
	call.plan = call_switch(&call, "plan");
	gboolean done = call.route ? serve_recorded(api, &call, error) : refuse_unknown(&call, known, error);
	call_clear(&call);
	return done;
}

static void response_clear(Response *response)
{
	g_clear_pointer(&response->head, json_object_put);
	g_clear_pointer(&response->body, g_bytes_unref);
	response->status = 200;
}

/* What is refused is written into the audit log, on the disk, and so left to a thread. That finds the reason again; only
 * a secret that nobody knows is not looked up twice. */
gboolean api_answer_quickly(Request *request, Response *response, gpointer data)
{
	Api *api = data;
	gboolean known = FALSE, done = FALSE;
	gint64 began_us = g_get_monotonic_time();
	g_autofree char *path = g_strdup(request->path);
	Call call = {.services = api->services, .request = request, .response = response};
	call.route = router_find(api->router, request->method, path, call.args, &known);
	if (!call.route || !call.route->quick || json_get(request->headers, "idempotency-key"))
		return FALSE;
	if (permit_identify(&call, &request->refusal))
		done = crowd_has_room(api->crowd, &call) && call.route->quick(&call) && serve(&call, NULL) &&
		       response->status < 400;
	if (done)
		metrics_count(call.route, response->status, g_get_monotonic_time() - began_us);
	else
		response_clear(response);
	call_clear(&call);
	return done;
}

json_object *call_body(Call *call, GError **error)
{
	gsize length;
	const char *text = g_bytes_get_data(call->request->body, &length);
	if (length == 0)
		return json_object_new_object();
	json_object *body = json_parse_bounded(text, length, BODY_VALUES_MAX, error);
	if (body && !json_object_is_type(body, json_type_object)) {
		error_set(error, ERROR_INVALID, NULL, "the body must be a JSON object");
		g_clear_pointer(&body, json_object_put);
	}
	return body;
}

json_object *call_document(Call *call, GError **error)
{
	json_auto json_object *body = call_body(call, error);
	return body ? schema_create(call->route->body, body, error) : NULL;
}

gboolean call_int(Call *call, const char *name, gint64 min, gint64 max, gint64 fallback, gint64 *ret_value,
		  GError **error)
{
	const char *text = call_query(call, name);
	g_autoptr(GError) local = NULL;
	*ret_value = fallback;
	if (!text || g_ascii_string_to_signed(text, 10, min, max, ret_value, &local))
		return TRUE;
	error_set_field(error, ERROR_INVALID, name, NULL, "%s must be a number from %" G_GINT64_FORMAT " to %"
			G_GINT64_FORMAT, name, min, max);
	return FALSE;
}

gboolean call_if_match(Call *call, gint64 *ret_rev, GError **error)
{
	const char *text = json_get_str(call->request->headers, "if-match", NULL);
	*ret_rev = REV_ANY;
	if (!text || g_ascii_string_to_signed(text, 10, 1, G_MAXINT64, ret_rev, NULL))
		return TRUE;
	error_set_field(error, ERROR_INVALID, "if-match", "use the etag that came with the document",
			"if-match '%s' is not a revision", text);
	return FALSE;
}

gboolean path_is_below(const char *path, const char *prefix)
{
	gsize length = strlen(prefix);
	return length == 0 || prefix[length - 1] == '/' ? g_str_has_prefix(path, prefix) : g_str_equal(path, prefix);
}

gboolean call_check_rev(Call *call, gint64 present, GError **error)
{
	gint64 seen;
	if (!call_if_match(call, &seen, error))
		return FALSE;
	if (seen == REV_ANY || seen == present)
		return TRUE;
	error_set(error, ERROR_STALE, "look at it again and repeat the change",
		  "'%s' has revision %" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT, call->request->path, present, seen);
	return FALSE;
}

static GBytes *take_text(json_object *json)
{
	char *text = json_dup_text(json);
	json_object_put(json);
	return g_bytes_new_take(text, strlen(text));
}

static json_object *head(Call *call)
{
	if (!call->response->head)
		call->response->head = json_object_new_object();
	return call->response->head;
}

gboolean answer_json(Call *call, int status, json_object *body)
{
	call->response->status = status;
	call->response->body = take_text(body);
	return TRUE;
}

gboolean answer_text(Call *call, int status, const char *type, char *text)
{
	answer_header(call, "content-type", type);
	call->response->status = status;
	call->response->body = g_bytes_new_take(text, strlen(text));
	return TRUE;
}

static void set_etag(Call *call, gint64 rev)
{
	char etag[24];
	g_snprintf(etag, sizeof etag, "%" G_GINT64_FORMAT, rev);
	json_set_str(head(call), "etag", etag);
}

gboolean answer_document(Call *call, int status, json_object *body, gint64 rev)
{
	set_etag(call, rev);
	return answer_json(call, status, body);
}

gboolean answer_document_text(Call *call, int status, GString *text, gint64 rev)
{
	set_etag(call, rev);
	call->response->status = status;
	call->response->body = g_string_free_to_bytes(text);
	return TRUE;
}

gboolean answer_task(Call *call, gint64 task, json_object *body)
{
	json_object *answer = body ? body : json_object_new_object();
	json_set_int(head(call), "task", task);
	json_set_int(answer, "task", task);
	return answer_json(call, 202, answer);
}

gboolean answer_plan(Call *call, json_object *plan)
{
	json_object *answer = json_object_new_object();
	json_set(answer, "plan", plan);
	return answer_json(call, 200, answer);
}

static json_object *empty_plan(void)
{
	json_object *plan = json_object_new_object();
	json_set_int(plan, "rev", 0);
	json_set(plan, "changes", json_object_new_array());
	json_set(plan, "effects", json_object_new_array());
	json_set(plan, "refused", json_object_new_array());
	return plan;
}

gboolean answer_document_plan(Call *call, json_object *before, json_object *after, gint64 rev, const char *effect)
{
	json_object *plan = empty_plan(), *changes = json_diff(before, after);
	for (size_t i = 0; i < json_object_array_length(changes); i++)
		json_set_str(json_object_array_get_idx(changes, i), "when", "now");
	json_set_int(plan, "rev", rev);
	json_set(plan, "changes", changes);
	if (effect)
		json_object_array_add(json_get(plan, "effects"), json_object_new_string(effect));
	return answer_plan(call, plan);
}

gboolean answer_refused(Call *call, GError *error)
{
	json_object *plan = empty_plan();
	json_object_array_add(json_get(plan, "refused"), error_to_json(error));
	g_error_free(error);
	return answer_plan(call, plan);
}

gboolean answer_effects_plan(Call *call, json_object *effects)
{
	json_object *plan = empty_plan();
	json_set(plan, "effects", effects);
	return answer_plan(call, plan);
}

gboolean answer_action_plan(Call *call, GError *refusal, const char *format, ...)
{
	if (refusal)
		return answer_refused(call, refusal);
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	return answer_spoken_plan(call, NULL, text, NULL);
}

gboolean answer_spoken_plan(Call *call, GError *refusal, const char *effect, const char *effect_ja)
{
	if (refusal)
		return answer_refused(call, refusal);
	json_object *plan = empty_plan();
	json_object_array_add(json_get(plan, "effects"), json_object_new_string(effect));
	if (effect_ja) {
		json_set(plan, "effects_ja", json_object_new_array());
		json_object_array_add(json_get(plan, "effects_ja"), json_object_new_string(effect_ja));
	}
	return answer_plan(call, plan);
}

void answer_header(Call *call, const char *name, const char *value)
{
	if (!json_get(head(call), "headers"))
		json_set(head(call), "headers", json_object_new_object());
	json_set_str(json_get(head(call), "headers"), name, value);
}

gboolean answer_error(Call *call, GError *error)
{
	json_object *body = json_object_new_object();
	int status = error_code_status(error_code(error));
	json_set(body, "error", error_to_json(error));
	g_error_free(error);
	return answer_json(call, status, body);
}

gboolean answer_fd(Call *call, int fd)
{
	call->response->fds[0] = fd;
	call->response->fd_count = 1;
	return answer_json(call, 200, json_object_new_object());
}
