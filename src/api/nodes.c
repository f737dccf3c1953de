/* /nodes: the machines. */
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "api/nodes.h"

#include "api/permit.h"
#include "api/route.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/run/node-shutdown.h"
#include "qemu/cpu-features.h"
#include "qemu/processors.h"
#include "sandbox/cgroup.h"
#include "sandbox/groups.h"

/* MemAvailable of /proc/meminfo: what could be given to new guests without swapping. */
gint64 node_memory_available(void)
{
	g_autofree char *text = NULL;
	if (!file_read("/proc/meminfo", 65536, &text, NULL, NULL))
		return 0;
	const char *line = strstr(text, "MemAvailable:");
	return line ? g_ascii_strtoll(line + strlen("MemAvailable:"), NULL, 10) * 1024 : 0;
}

json_object *node_describe(Services *services)
{
	struct sysinfo info;
	json_object *node = json_object_new_object();
	g_autofree char *cgroup = cgroup_describe();
	g_autofree char *groups = groups_describe();

	sysinfo(&info);
	json_set_str(node, "name", services->node);
	json_set_str(node, "version", YADO_VERSION);
	json_set_str(node, "qemu", services->host->version);
	json_set_str(node, "acceleration", services->host->kvm ? "kvm" : "tcg");
	json_set_str(node, "acceleration_reason", services->host->acceleration_reason);
	json_set_int(node, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
	json_set_int(node, "memory", (gint64)info.totalram * info.mem_unit);
	g_autoptr(Processors) processors = processors_read("");
	json_set(node, "processors", processors_describe(processors));
	json_set_str(node, "cgroup", cgroup);
	json_set_str(node, "guest_groups", groups);
	json_set_str(node, "machine", services->host->newest_machine);
	return node;
}

static json_object *describe(Services *services)
{
	struct sysinfo info;
	json_object *node = node_describe(services);
	sysinfo(&info);
	json_set_int(node, "memory_free", node_memory_available());
	json_set_int(node, "uptime", info.uptime);
	json_set_int(node, "running", guests_count_alive(services->guests));
	return node;
}

static gboolean list_nodes(Call *call, GError **error)
{
	json_object *items = json_object_new_array();
	json_object_array_add(items, describe(call->services));
	permit_filter(call, items, "/nodes", "name");
	return answer_page(call, items, error);
}

gboolean node_check(const Call *call, GError **error)
{
	if (g_str_equal(call->args[0], "self") || g_str_equal(call->args[0], call->services->node))
		return TRUE;
	error_set(error, ERROR_NOT_FOUND, "'yado node list' shows what there is", "there is no node '%s'",
		  call->args[0]);
	return FALSE;
}

static gboolean get_node(Call *call, GError **error)
{
	return node_check(call, error) && answer_json(call, 200, describe(call->services));
}

static json_object *strings_to_json(char **strings)
{
	json_object *array = json_object_new_array();
	for (char **string = strings; *string; string++)
		json_object_array_add(array, json_object_new_string(*string));
	return array;
}

static gboolean get_features(Call *call, GError **error)
{
	QemuHost *host = call->services->host;
	const Features *features =
		node_check(call, error) ? features_get(host, error) : NULL;
	if (!features)
		return FALSE;
	g_autoptr(Processors) processors = processors_read("");
	json_object *list = json_object_new_object();
	json_set_str(list, "node", call->services->node);
	json_set_str(list, "processor", processors->model);
	json_set_str(list, "qemu", host->version);
	json_set_str(list, "acceleration", host->kvm ? "kvm" : "tcg");
	json_set(list, "features", strings_to_json(features->offered));
	json_set(list, "models", strings_to_json(features->models));
	return answer_json(call, 200, list);
}

static gboolean compute_baseline(Call *call, GError **error)
{
	json_auto json_object *body = node_check(call, error) ? call_document(call, error) : NULL;
	const Features *features =
		body ? features_get(call->services->host, error) : NULL;
	if (!features)
		return FALSE;
	if (json_object_object_length(json_get(body, "nodes")) == 0) {
		error_set_field(error, ERROR_INVALID, "nodes", "give what GET /nodes/{}/cpu-features answers on each",
				"there is no node to compute a baseline of");
		return FALSE;
	}
	json_object *baseline = features_baseline(features, json_get(body, "nodes"), error);
	return baseline && answer_json(call, 200, baseline);
}

static gboolean shut_guests_down(Call *call, GError **error)
{
	json_auto json_object *body = node_check(call, error) ? call_document(call, error) : NULL;
	if (!body)
		return FALSE;
	gint64 timeout_s = json_get_int(body, "timeout", 0);
	if (call->plan)
		return answer_effects_plan(call, node_shutdown_describe(call->services, timeout_s));
	gint64 task = node_shutdown_submit(call->services, call->request->user, timeout_s, error);
	return task && answer_task(call, task, NULL);
}

const Route node_routes[] = {
	{"GET", "/nodes", list_nodes, "nodes", PRIVILEGE_NODE_READ, SCOPE_ROWS, .query = LIST_QUERY,
	 .answer = ANSWER_LIST, .result = &node_table, .summary_ja = "ノード"},
	{"GET", "/nodes/{}", get_node, "a node", PRIVILEGE_NODE_READ, SCOPE_NODE, .answer = ANSWER_DOCUMENT,
	 .result = &node_table, .summary_ja = "ノード1つ"},
	{"POST", "/nodes/{}/shutdown-guests", shut_guests_down,
	 "shut down all guests of a node, the last to start first", PRIVILEGE_NODE_MANAGE, SCOPE_NODE,
	 .plannable = TRUE, .body = &node_shutdown_request_table, .answer = ANSWER_TASK,
	 .summary_ja = "ノードの全ゲストのシャットダウン（起動と逆の順）"},
	{"GET", "/nodes/{}/cpu-features", get_features, "the CPU features and models that a node offers to guests",
	 PRIVILEGE_NODE_READ, SCOPE_NODE, .answer = ANSWER_DOCUMENT, .result = &cpu_features_table,
	 .summary_ja = "ノードがゲストに提供できるCPU機能とモデル"},
	{"POST", "/nodes/{}/baseline", compute_baseline,
	 "the CPU model that several nodes have in common, from their lists of features; changes nothing",
	 PRIVILEGE_NODE_READ, SCOPE_NODE, .body = &baseline_request_table, .answer = ANSWER_DOCUMENT,
	 .result = &baseline_table, .unaudited = TRUE,
	 .summary_ja = "複数ノードの機能一覧から、共通のCPUモデルを求める（何も変更しない）"},
	{NULL},
};
