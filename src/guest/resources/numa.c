/* The guest's NUMA nodes on the host's.
 *
 * Memory goes where the kernel is told to take it from (mbind(2), by QEMU's memory backends). Processors follow:
 * without a pin of their own they are kept on the CPUs of the same nodes, since memory at hand is what one places a
 * guest for. */
#include "guest/resources/numa.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "qemu/memory.h"
#include "qemu/vcpus.h"

static gboolean refuse(GError **error, ErrorCode code, guint node, const char *hint, const char *format, ...)
	G_GNUC_PRINTF(5, 6);
static gboolean refuse(GError **error, ErrorCode code, guint node, const char *hint, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_autofree char *field = g_strdup_printf("numa.node%u.host_nodes", node);
	error_set_field(error, code, field, hint, "%s: %s", field, text);
	return FALSE;
}

static Cpus ids_of(const Processors *processors)
{
	Cpus ids = {0};
	for (guint i = 0; i < processors->nodes->len; i++)
		cpus_add(&ids, g_array_index(processors->nodes, NumaNode, i).id);
	return ids;
}

static guint64 memory_of(const Processors *processors, const Cpus *nodes)
{
	guint64 memory = 0;
	for (guint i = 0; i < processors->nodes->len; i++) {
		const NumaNode *node = &g_array_index(processors->nodes, NumaNode, i);
		memory += cpus_has(nodes, node->id) ? node->memory : 0;
	}
	return memory;
}

/* Empty where nodes have memory alone. */
static Cpus cpus_of(const Processors *processors, const Cpus *nodes)
{
	Cpus cpus = {0};
	for (guint i = 0; i < processors->nodes->len; i++) {
		const NumaNode *node = &g_array_index(processors->nodes, NumaNode, i);
		if (cpus_has(nodes, node->id))
			cpus = cpus_or(&cpus, &node->cpus);
	}
	return cpus_both(&cpus, &processors->online);
}

static gboolean is_bound(json_object *document, guint node)
{
	return g_str_equal(json_get_str(qemu_memory_place(document, node), "policy", "bind"), "bind");
}

/* ---- checks ---- */

/* Which nodes the guest has is `cpu.numa`'s to say. */
static gboolean check_keys(json_object *document, GError **error)
{
	json_object *numa = json_get(document, "numa");
	guint nodes = qemu_memory_nodes(document), known = 0;
	for (guint node = 0; node < nodes; node++)
		known += qemu_memory_place(document, node) != NULL;
	if (!numa || (guint)json_object_object_length(numa) == known)
		return TRUE;
	json_object_object_foreach (numa, key, entry) {
		(void)entry;
		guint node = 0;
		for (g_autofree char *name = NULL; node < nodes; node++) {
			g_free(name);
			name = g_strdup_printf("node%u", node);
			if (g_str_equal(key, name))
				break;
		}
		if (node < nodes)
			continue;
		g_autofree char *field = g_strdup_printf("numa.%s", key);
		g_autofree char *last =
			g_strdup_printf("its nodes are node0 to node%u; cpu.numa says how many", nodes - 1);
		error_set_field(error, ERROR_INVALID, field,
				nodes > 1 ? last : "it has one, node0; cpu.numa would give it more",
				"%s: the guest has no such NUMA node", field);
		return FALSE;
	}
	return TRUE;
}

/* What it grows by while it runs is in its first node. */
static gint64 most_of_node(json_object *document, guint node)
{
	gint64 memory = json_get_int(document, "memory", 0), max = json_get_int(document, "memory_max", memory);
	return qemu_memory_of_node(document, node) + (node == 0 ? MAX(max - memory, 0) : 0);
}

static gboolean check_place(const Processors *processors, json_object *document, guint node, const Cpus *wanted,
			    GError **error)
{
	Cpus ids = ids_of(processors), absent = cpus_without(wanted, &ids);
	g_autofree char *list = cpus_format(&absent), *all = cpus_format(&ids);
	g_autofree char *hint = g_strdup_printf("it has %s", all);
	if (processors->nodes->len == 0)
		return refuse(error, ERROR_UNSUPPORTED, node, "leave it out", "this host's kernel knows no NUMA nodes");
	if (*list)
		return refuse(error, ERROR_UNSUPPORTED, node, hint, "this host has no NUMA node %s", list);
	guint64 there = memory_of(processors, wanted), needed = (guint64)most_of_node(document, node);
	gboolean grows = needed > (guint64)qemu_memory_of_node(document, node);
	g_autofree char *has = units_format_size(there), *needs = units_format_size(needed);
	g_autofree char *named = cpus_format(wanted);
	if (there == 0)
		return refuse(error, ERROR_UNSUPPORTED, node, "name one with memory; 'yado node show' has them",
			      "NUMA node %s of this host has no memory", named);
	if (is_bound(document, node) && there < needed)
		return refuse(error, ERROR_UNSUPPORTED, node, "name more of them, or use policy 'preferred'",
			      "NUMA node %s of this host has %s, and the guest's node%u needs %s%s", named, has, node,
			      needs, grows ? " with all that memory_max allows" : "");
	return TRUE;
}

static gboolean is_as_before(json_object *present, json_object *document, guint node)
{
	return present && json_equal(qemu_memory_place(present, node), qemu_memory_place(document, node)) &&
	       most_of_node(present, node) == most_of_node(document, node);
}

gboolean numa_check(const Processors *processors, json_object *present, json_object *document, GError **error)
{
	if (!check_keys(document, error))
		return FALSE;
	for (guint node = 0; node < qemu_memory_nodes(document); node++) {
		Cpus wanted, cpus;
		if (!qemu_memory_host_nodes(document, node, &wanted) || is_as_before(present, document, node))
			continue;
		if (!check_place(processors, document, node, &wanted, error) ||
		    !numa_choose_cpus(processors, document, node, &cpus, error))
			return FALSE;
	}
	return TRUE;
}

static gint64 read_free(const char *root, guint host_node, gint64 page)
{
	g_autofree char *path =
		g_strdup_printf("%s/sys/devices/system/node/node%u/hugepages/hugepages-%" G_GINT64_FORMAT
				"kB/free_hugepages",
				root, host_node, page / 1024);
	g_autofree char *text = NULL;
	return file_read(path, 64, &text, NULL, NULL) ? g_ascii_strtoll(text, NULL, 10) : 0;
}

/* The kernel promises huge pages of any node, and kills who then finds none on those that it is bound to. */
gboolean numa_check_pages(const char *root, json_object *document, GError **error)
{
	gint64 page = qemu_memory_page(document);
	for (guint node = 0; page && node < qemu_memory_nodes(document); node++) {
		Cpus wanted;
		gint64 there = 0, needed = (qemu_memory_of_node(document, node) + page - 1) / page;
		if (!qemu_memory_host_nodes(document, node, &wanted) || !is_bound(document, node))
			continue;
		for (guint host_node = 0; host_node < CPUS_MAX; host_node++)
			there += cpus_has(&wanted, host_node) ? read_free(root, host_node, page) : 0;
		if (there >= needed)
			continue;
		g_autofree char *named = cpus_format(&wanted), *size = units_format_size((guint64)page);
		g_autofree char *hint = g_strdup_printf(
			"set them aside there: /sys/devices/system/node/nodeN/hugepages/hugepages-%" G_GINT64_FORMAT
			"kB/nr_hugepages",
			page / 1024);
		return refuse(error, ERROR_CONFLICT, node, hint,
			      "the guest's node%u needs %" G_GINT64_FORMAT " huge pages of %s, and %" G_GINT64_FORMAT
			      " are free on NUMA node %s of this host",
			      node, needed, size, there, named);
	}
	return TRUE;
}

/* ---- processors ---- */

guint numa_node_of_cpu(json_object *document, gint64 cpu)
{
	guint nodes = qemu_memory_nodes(document);
	return (guint)CLAMP(cpu / MAX(qemu_vcpus_max(json_get(document, "cpu")) / nodes, 1), 0, nodes - 1);
}

gboolean numa_choose_cpus(const Processors *processors, json_object *document, guint node, Cpus *ret_cpus,
			  GError **error)
{
	json_object *cpu = json_get(document, "cpu");
	const char *pin = json_get_str(cpu, "pin", NULL), *kind = json_get_str(cpu, "kind", NULL);
	Cpus nodes, chosen;
	if (!processors_choose(processors, pin, kind, &chosen, error))
		return FALSE;
	if (!pin && qemu_memory_host_nodes(document, node, &nodes)) {
		Cpus near = cpus_of(processors, &nodes), both = cpus_both(&near, &chosen);
		g_autofree char *list = cpus_format(&near);
		if (cpus_count(&both) > 0)
			chosen = both;
		else if (cpus_count(&near) > 0)
			return refuse(error, ERROR_UNSUPPORTED, node, "choose other nodes, or leave cpu.kind out",
				      "none of their CPUs (%s) is of kind '%s'", list, kind);
	}
	*ret_cpus = chosen;
	return TRUE;
}

char *numa_explain(const Processors *processors, json_object *document, guint node, char **ret_text_ja)
{
	const char *policy = json_get_str(qemu_memory_place(document, node), "policy", "bind");
	gboolean bind = g_str_equal(policy, "bind"), preferred = g_str_equal(policy, "preferred");
	const char *how = bind ? "only" : preferred ? "while there is some" : "in turn";
	const char *how_ja = bind ? "のみ" : preferred ? "を優先" : "を順番に使用";
	Cpus nodes, cpus;
	if (!qemu_memory_host_nodes(document, node, &nodes) ||
	    !numa_choose_cpus(processors, document, node, &cpus, NULL))
		return NULL;
	Cpus near = cpus_of(processors, &nodes), far = cpus_without(&cpus, &near);
	g_autofree char *of = cpus_format(&nodes), *on = cpus_format(&cpus), *away = cpus_format(&far);
	g_autofree char *warning = NULL, *warning_ja = NULL;
	if (*away && json_get(json_get(document, "cpu"), "pin")) {
		warning = g_strdup_printf("; CPU %s of cpu.pin is on another node, and reaches this memory slowly", away);
		warning_ja = g_strdup_printf("。cpu.pin のCPU %s は別のノードにあり、このメモリへのアクセスが遅い", away);
	} else if (*away) {
		warning = g_strdup("; that has no CPUs of its own");
		warning_ja = g_strdup("。そのノード自身にCPUはない");
	}
	*ret_text_ja = g_strdup_printf("node%u: メモリはホストのNUMAノード %s%s、プロセッサーはCPU %s で動く%s", node,
				       of, how_ja, on, warning_ja ? warning_ja : "");
	return g_strdup_printf(
		"node%u: its memory comes from NUMA node %s of the host %s, its processors run on CPU %s%s", node, of,
		how, on, warning ? warning : "");
}
