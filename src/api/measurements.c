/* /vms/{}/measurements and /nodes/{}/measurements: what was measured, and what is measured now. */
#include "api/measure-follow.h"
#include "api/nodes.h"
#include "api/route.h"
#include "guest/guests.h"
#include "guest/vm.h"
#include "measure/measure.h"

static void append_series(GString *text, const RingView *view, const Series *series)
{
	for (guint i = 0; series[i].name; i++) {
		g_string_append_printf(text, "%s\"%s\":[", i ? "," : "", series[i].name);
		for (guint j = 0; j < view->count; j++) {
			if (j)
				g_string_append_c(text, ',');
			value_append(text, &series[i], view->values[j].of[i]);
		}
		g_string_append_c(text, ']');
	}
}

static gboolean answer_measurements(Call *call, gint64 object)
{
	const char *name = call_query(call, "span");
	Span span = span_from_name(name ? name : measurement_spans[SPAN_HOUR]);
	g_autofree RingView *view = g_new(RingView, 1);
	measure_read(call->services->measure, object, span, view);
	GString *text = g_string_sized_new(view->count * SERIES_MAX * 8);
	g_string_append_printf(text, "{\"span\":\"%s\",\"step_s\":%u,\"start_s\":%" G_GINT64_FORMAT ",\"series\":{",
			       measurement_spans[span], spans[span].step_s, view->start_s);
	append_series(text, view, series_of(object));
	g_string_append(text, "}}");
	call->response->status = 200;
	call->response->body = g_string_free_to_bytes(text);
	return TRUE;
}

static gboolean follow(Call *call, gint64 object, GError **error)
{
	if (!measure_stream(call->services, call->request->stream, call->principal, object, error))
		return FALSE;
	call->response->keep_stream = TRUE;
	return answer_json(call, 200, json_object_new_object());
}

static gboolean get_of_vm(Call *call, GError **error)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	return vm && answer_measurements(call, vm->id);
}

static gboolean follow_vm(Call *call, GError **error)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	return vm && follow(call, vm->id, error);
}

static gboolean get_of_node(Call *call, GError **error)
{
	return node_check(call, error) && answer_measurements(call, OBJECT_NODE);
}

static gboolean follow_node(Call *call, GError **error)
{
	return node_check(call, error) && follow(call, OBJECT_NODE, error);
}

const Route measurement_routes[] = {
	{"GET", "/vms/{}/measurements", get_of_vm, "what a guest used, over a span of time", PRIVILEGE_VM_READ, SCOPE_VM,
	 .query = "span", .answer = ANSWER_DOCUMENT, .result = &vm_measurements_table,
	 .summary_ja = "ゲストの使用量の推移"},
	{"GET", "/vms/{}/measurements/follow", follow_vm, "follow what a guest uses, every two seconds", PRIVILEGE_VM_READ,
	 SCOPE_VM, .answer = ANSWER_EVENTS,
	 .summary_ja = "ゲストの使用量を追う（2秒ごと）"},
	{"GET", "/nodes/{}/measurements", get_of_node, "what was used of a node, over a span of time", PRIVILEGE_NODE_READ,
	 SCOPE_NODE, .query = "span", .answer = ANSWER_DOCUMENT, .result = &node_measurements_table,
	 .summary_ja = "ノードの使用量の推移"},
	{"GET", "/nodes/{}/measurements/follow", follow_node, "follow what is used of a node, every two seconds",
	 PRIVILEGE_NODE_READ, SCOPE_NODE, .answer = ANSWER_EVENTS,
	 .summary_ja = "ノードの使用量を追う（2秒ごと）"},
	{NULL},
};
