/* The node's processors.
 *
 * Kinds: on a hybrid processor of Intel's the kernel has a performance monitor for each kind, and says which CPUs it is
 * for (/sys/devices/cpu_core/cpus, cpu_atom/cpus). Elsewhere it says how much a CPU can do of what the strongest can
 * (cpu_capacity, 0 to 1024): those as strong as the strongest are performance, all others are efficiency. */
#include "qemu/processors.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum { SYSFS_MAX = 65536, CPUINFO_MAX = 16 << 20 };

void processors_free(Processors *processors)
{
	if (!processors)
		return;
	g_free(processors->model);
	g_free(processors->vendor);
	g_array_unref(processors->nodes);
	g_free(processors);
}

static char *read_text(const char *root, const char *path, gsize max)
{
	g_autofree char *whole = g_strconcat(root, path, NULL);
	char *text = NULL;
	return file_read(whole, max, &text, NULL, NULL) ? text : NULL;
}

static gboolean read_cpus(const char *root, const char *path, Cpus *ret_cpus)
{
	g_autofree char *text = read_text(root, path, SYSFS_MAX);
	return text && cpus_parse(text, ret_cpus);
}

static gint64 read_of_cpu(const char *root, guint cpu, const char *file, gint64 fallback)
{
	g_autofree char *path = g_strdup_printf("/sys/devices/system/cpu/cpu%u/%s", cpu, file);
	g_autofree char *text = read_text(root, path, SYSFS_MAX);
	char *end = NULL;
	gint64 number = text ? g_ascii_strtoll(text, &end, 10) : 0;
	return text && end != text ? number : fallback;
}

/* "model name\t: AMD EPYC", of the first processor; caller frees. */
static char *find_in_cpuinfo(const char *cpuinfo, const char *name)
{
	const char *line = cpuinfo ? strstr(cpuinfo, name) : NULL;
	const char *colon = line ? strchr(line, ':') : NULL;
	return colon ? g_strstrip(g_strndup(colon + 1, strcspn(colon + 1, "\n"))) : g_strdup("");
}

static void find_kinds(Processors *processors, const char *root)
{
	Cpus core = {0}, atom = {0};
	if (read_cpus(root, "/sys/devices/cpu_core/cpus", &core) &&
	    read_cpus(root, "/sys/devices/cpu_atom/cpus", &atom)) {
		processors->performance = cpus_both(&core, &processors->online);
		processors->efficiency = cpus_both(&atom, &processors->online);
	} else {
		gint64 strongest = 0;
		for (guint cpu = 0; cpu < CPUS_MAX; cpu++)
			if (cpus_has(&processors->online, cpu))
				strongest = MAX(strongest, read_of_cpu(root, cpu, "cpu_capacity", 0));
		for (guint cpu = 0; strongest > 0 && cpu < CPUS_MAX; cpu++)
			if (cpus_has(&processors->online, cpu) &&
			    read_of_cpu(root, cpu, "cpu_capacity", 0) == strongest)
				cpus_add(&processors->performance, cpu);
		if (strongest > 0)
			processors->efficiency = cpus_without(&processors->online, &processors->performance);
	}
	if (cpus_count(&processors->performance) == 0 || cpus_count(&processors->efficiency) == 0)
		processors->performance = processors->efficiency = (Cpus){0};
}

/* Threads of one core have the same pair of package and core id. */
static void count_cores(Processors *processors, const char *root)
{
	g_autoptr(GHashTable) packages = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	g_autoptr(GHashTable) cores = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	for (guint cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (!cpus_has(&processors->online, cpu))
			continue;
		gint64 package = read_of_cpu(root, cpu, "topology/physical_package_id", 0);
		gint64 core = package << 32 | read_of_cpu(root, cpu, "topology/core_id", cpu);
		g_hash_table_add(packages, g_memdup2(&package, sizeof package));
		g_hash_table_add(cores, g_memdup2(&core, sizeof core));
	}
	processors->sockets = g_hash_table_size(packages);
	processors->cores = g_hash_table_size(cores);
}

/* "Node 0 MemTotal:       16316412 kB" in bytes. */
static guint64 find_memory(const char *meminfo, const char *word)
{
	const char *at = meminfo ? strstr(meminfo, word) : NULL;
	return at ? g_ascii_strtoull(at + strlen(word), NULL, 10) * 1024 : 0;
}

static void find_nodes(Processors *processors, const char *root)
{
	Cpus ids;
	if (!read_cpus(root, "/sys/devices/system/node/online", &ids))
		return;
	for (guint id = 0; id < CPUS_MAX; id++) {
		if (!cpus_has(&ids, id))
			continue;
		g_autofree char *list = g_strdup_printf("/sys/devices/system/node/node%u/cpulist", id);
		g_autofree char *file = g_strdup_printf("/sys/devices/system/node/node%u/meminfo", id);
		g_autofree char *meminfo = read_text(root, file, SYSFS_MAX);
		NumaNode node = {.id = id, .memory = find_memory(meminfo, "MemTotal:")};
		read_cpus(root, list, &node.cpus); /* a node may have memory alone */
		g_array_append_val(processors->nodes, node);
	}
}

Processors *processors_read(const char *root)
{
	Processors *processors = g_new0(Processors, 1);
	g_autofree char *cpuinfo = read_text(root, "/proc/cpuinfo", CPUINFO_MAX);
	processors->nodes = g_array_new(FALSE, FALSE, sizeof(NumaNode));
	processors->model = find_in_cpuinfo(cpuinfo, "model name");
	processors->vendor = find_in_cpuinfo(cpuinfo, "vendor_id");
	if (!read_cpus(root, "/sys/devices/system/cpu/online", &processors->online))
		for (guint cpu = 0; cpu < g_get_num_processors() && cpu < CPUS_MAX; cpu++)
			cpus_add(&processors->online, cpu);
	find_kinds(processors, root);
	count_cores(processors, root);
	find_nodes(processors, root);
	return processors;
}

gboolean processors_have_vmx(void)
{
	static gsize known; /* 1: no, 2: yes */
	if (g_once_init_enter(&known)) {
		g_autofree char *cpuinfo = read_text("", "/proc/cpuinfo", CPUINFO_MAX);
		g_autofree char *vendor = find_in_cpuinfo(cpuinfo, "vendor_id");
		g_once_init_leave(&known, g_str_equal(vendor, "GenuineIntel") ? 2 : 1);
	}
	return known == 2;
}

gboolean processors_are_hybrid(const Processors *processors)
{
	return cpus_count(&processors->performance) > 0;
}

/* Takes over the hint. */
static gboolean refuse(GError **error, const char *field, char *hint, const char *format, ...) G_GNUC_PRINTF(4, 5);
static gboolean refuse(GError **error, const char *field, char *hint, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	error_set_field(error, ERROR_UNSUPPORTED, field, hint, "%s: %s", field, text);
	g_free(hint);
	return FALSE;
}

gboolean processors_choose(const Processors *processors, const char *pin, const char *kind, Cpus *ret_cpus,
			   GError **error)
{
	Cpus wanted = processors->online;
	if (pin && cpus_parse(pin, &wanted)) {
		Cpus absent = cpus_without(&wanted, &processors->online);
		g_autofree char *list = cpus_format(&absent), *online = cpus_format(&processors->online);
		if (*list)
			return refuse(error, "cpu.pin", g_strdup_printf("it has %s", online), "this node has no CPU %s",
				      list);
	}
	if (kind && !g_str_equal(kind, "any")) {
		const Cpus *of_kind =
			g_str_equal(kind, "performance") ? &processors->performance : &processors->efficiency;
		if (!processors_are_hybrid(processors))
			return refuse(error, "cpu.kind", g_strdup("leave it out; cpu.pin names single CPUs"),
				      "all CPUs of this node are of one kind");
		g_autofree char *list = cpus_format(of_kind);
		wanted = cpus_both(&wanted, of_kind);
		if (cpus_count(&wanted) == 0)
			return refuse(error, "cpu.pin", g_strdup_printf("those are %s", list),
				      "none of %s is of kind '%s'", pin, kind);
	}
	*ret_cpus = wanted;
	return TRUE;
}

static void describe_kind(json_object *kinds, const char *kind, const Cpus *cpus)
{
	json_object *json = json_object_new_object();
	g_autofree char *list = cpus_format(cpus);
	json_set_str(json, "kind", kind);
	json_set_str(json, "cpus", list);
	json_set_int(json, "count", cpus_count(cpus));
	json_object_array_add(kinds, json);
}

json_object *processors_describe(const Processors *processors)
{
	json_object *json = json_object_new_object(), *kinds = json_object_new_array(),
		    *nodes = json_object_new_array();
	g_autofree char *online = cpus_format(&processors->online);
	json_set_str(json, "model", processors->model);
	json_set_str(json, "vendor", processors->vendor);
	json_set_int(json, "sockets", processors->sockets);
	json_set_int(json, "cores", processors->cores);
	json_set_int(json, "threads", cpus_count(&processors->online));
	json_set_str(json, "cpus", online);
	if (processors_are_hybrid(processors)) {
		describe_kind(kinds, "performance", &processors->performance);
		describe_kind(kinds, "efficiency", &processors->efficiency);
	}
	json_set(json, "kinds", kinds);
	for (guint i = 0; i < processors->nodes->len; i++) {
		const NumaNode *node = &g_array_index(processors->nodes, NumaNode, i);
		json_object *item = json_object_new_object();
		g_autofree char *list = cpus_format(&node->cpus);
		json_set_int(item, "node", node->id);
		json_set_str(item, "cpus", list);
		json_set_int(item, "memory", (gint64)node->memory);
		json_object_array_add(nodes, item);
	}
	json_set(json, "numa", nodes);
	return json;
}
