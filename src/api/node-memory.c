/* /nodes/{}/memory: how guests share a node's memory. */
#include "api/nodes.h"
#include "api/route.h"
#include "base/json.h"
#include "guest/resources/node-memory.h"
#include "store/store.h"

static gboolean get_memory(Call *call, GError **error)
{
	gint64 rev = 0;
	json_object *memory = node_check(call, error) ? node_memory_describe(call->services, &rev, error) : NULL;
	if (!memory)
		return FALSE;
	return rev ? answer_document(call, 200, memory, rev) : answer_json(call, 200, memory);
}

static gboolean change_memory(Call *call, GError **error)
{
	gint64 rev = 0;
	g_autoptr(GError) refusal = NULL;
	json_auto json_object *patch = node_check(call, error) ? call_body(call, error) : NULL;
	json_auto json_object *present = patch ? node_memory_describe(call->services, &rev, error) : NULL;
	if (!present)
		return FALSE;
	json_auto json_object *setting = node_memory_plan(call->services, patch, &refusal);
	if (setting)
		call_check_rev(call, rev, &refusal);
	if (refusal && call->plan)
		return answer_refused(call, g_steal_pointer(&refusal));
	if (refusal) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	if (call->plan) {
		json_auto json_object *after = json_merge_patch(present, setting);
		return answer_document_plan(call, present, after, rev, NULL);
	}
	return node_memory_change(call->services, setting, rev, call->request->user, error) && get_memory(call, error);
}

const Route node_memory_routes[] = {
	{"GET", "/nodes/{}/memory", get_memory, "how guests share a node's memory", PRIVILEGE_NODE_READ, SCOPE_NODE,
	 .answer = ANSWER_DOCUMENT, .result = &node_memory_table,
	 .summary_ja = "ノードのメモリの分け方"},
	{"PATCH", "/nodes/{}/memory", change_memory, "change how guests share a node's memory", PRIVILEGE_NODE_MANAGE,
	 SCOPE_NODE, .plannable = TRUE, .if_match = TRUE, .body = &node_memory_table, .answer = ANSWER_DOCUMENT,
	 .result = &node_memory_table,
	 .summary_ja = "ノードのメモリの分け方の変更"},
	{NULL},
};
