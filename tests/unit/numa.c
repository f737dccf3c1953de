/* Guests on the host's NUMA nodes, on made-up hosts. */
#include "guest/resources/numa.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "made-up-host.h"

/* Two nodes with four CPUs and 4 GiB each, of which 7 is offline, and a third that has memory alone. */
static char *make_host(void)
{
	char *root = g_build_filename(scratch, "two", NULL);
	put(root, "/sys/devices/system/cpu/online", "0-6\n");
	put(root, "/sys/devices/cpu_core/cpus", "0-3\n");
	put(root, "/sys/devices/cpu_atom/cpus", "4-7\n");
	put(root, "/sys/devices/system/node/online", "0-2,4\n");
	put(root, "/sys/devices/system/node/node0/cpulist", "0-3\n");
	put(root, "/sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:  4194304 kB\n");
	put(root, "/sys/devices/system/node/node1/cpulist", "4-7\n");
	put(root, "/sys/devices/system/node/node1/meminfo", "Node 1 MemTotal:  4194304 kB\n");
	put(root, "/sys/devices/system/node/node2/cpulist", "\n");
	put(root, "/sys/devices/system/node/node2/meminfo", "Node 2 MemTotal:  4194304 kB\n");
	put(root, "/sys/devices/system/node/node4/cpulist", "\n");
	put(root, "/sys/devices/system/node/node4/meminfo", "Node 4 MemTotal:  0 kB\n");
	put(root, "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "100\n");
	put(root, "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "412\n");
	return root;
}

static json_object *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	json_object *json = json_parse(text, strlen(text), &error);
	g_assert_no_error(error);
	return json;
}

#define GUEST(cpu, memory, numa) \
	"{\"cpu\":{\"sockets\":2,\"cores\":2,\"threads\":1" cpu "},\"memory\":" #memory ",\"numa\":{" numa "}}"



static void test_checks(void)
{
	static const struct {
		const char *guest, *field, *says, *hint;
	} cases[] = {
		{GUEST("", 2147483648, ""), NULL, NULL, NULL},
		{GUEST("", 2147483648, "\"node0\":{\"host_nodes\":\"0-1\"}"), NULL, NULL, NULL},
		{GUEST("", 2147483648, "\"node0\":{\"host_nodes\":\"2\"}"), NULL, NULL, NULL},
		{GUEST("", 2147483648, "\"node0\":{\"host_nodes\":\"0,3\"}"), "numa.node0.host_nodes",
		 "has no NUMA node 3", "it has 0-2,4"},
		{GUEST("", 2147483648, "\"node0\":{\"host_nodes\":\"4\"}"), "numa.node0.host_nodes",
		 "4 of this host has no memory", "node show"},
		{GUEST("", 2147483648, "\"node1\":{\"host_nodes\":\"0\"}"), "numa.node1", "no such NUMA node",
		 "it has one, node0"},
		{GUEST("", 2147483648, "\"first\":{\"host_nodes\":\"0\"}"), "numa.first", "no such NUMA node", "node0"},
		{GUEST(",\"numa\":2", 2147483648, "\"node0\":{\"host_nodes\":\"0\"},\"node2\":{\"host_nodes\":\"1\"}"),
		 "numa.node2", "no such NUMA node", "node0 to node1"},
		{GUEST(",\"numa\":2", 2147483648, "\"node0\":{\"host_nodes\":\"0\"},\"node1\":{\"host_nodes\":\"1\"}"),
		 NULL, NULL, NULL},
		{GUEST("", 10737418240, "\"node0\":{\"host_nodes\":\"1\"}"), "numa.node0.host_nodes",
		 "has 4 GiB, and the guest's node0 needs 10 GiB", "preferred"},
		{GUEST("", 10737418240, "\"node0\":{\"host_nodes\":\"0-2\"}"), NULL, NULL, NULL},
		/* What it may grow to has to be there too: the first of its nodes grows. */
		{GUEST(",\"numa\":2},\"memory_max\":8589934592,\"x\":{", 4294967296,
		       "\"node0\":{\"host_nodes\":\"0\"},\"node1\":{\"host_nodes\":\"1\"}"), "numa.node0.host_nodes",
		 "needs 6 GiB with all that memory_max allows", "preferred"},
		{GUEST("},\"memory_max\":4294967296,\"x\":{", 2147483648, "\"node0\":{\"host_nodes\":\"0\"}"), NULL, NULL, NULL},
		{GUEST("", 10737418240, "\"node0\":{\"host_nodes\":\"1\",\"policy\":\"preferred\"}"), NULL, NULL, NULL},
		{GUEST(",\"kind\":\"efficiency\"", 2147483648, "\"node0\":{\"host_nodes\":\"0\"}"),
		 "numa.node0.host_nodes", "none of their CPUs (0-3) is of kind 'efficiency'", "cpu.kind"},
	};
	g_autofree char *root = make_host();
	g_autoptr(Processors) processors = processors_read(root);
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		json_auto json_object *guest = parse(cases[i].guest);
		gboolean good = numa_check(processors, NULL, guest, &error);
		g_assert_cmpint(good, ==, cases[i].field == NULL);
		if (good)
			continue;
		g_assert_cmpstr(error_field(error), ==, cases[i].field);
		g_assert_nonnull(strstr(error->message, cases[i].says));
		g_assert_nonnull(strstr(error_hint(error), cases[i].hint));
	}
}

/* What was accepted does not keep anybody from changing something else when the host has become another. */
static void test_unchanged(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *root = make_host();
	g_autoptr(Processors) processors = processors_read(root);
	json_auto json_object *guest = parse(GUEST("", 2147483648, "\"node0\":{\"host_nodes\":\"7\"}"));
	json_auto json_object *larger = parse(GUEST("", 4294967296, "\"node0\":{\"host_nodes\":\"7\"}"));
	g_assert_true(numa_check(processors, guest, guest, &error));
	g_assert_false(numa_check(processors, guest, larger, &error));
	g_assert_cmpint(error_code(error), ==, ERROR_UNSUPPORTED);
}

static void assert_cpus(const Processors *processors, const char *text, guint node, const char *expected)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *guest = parse(text);
	Cpus cpus;
	g_assert_true(numa_choose_cpus(processors, guest, node, &cpus, &error));
	g_assert_no_error(error);
	g_autofree char *list = cpus_format(&cpus);
	g_assert_cmpstr(list, ==, expected);
}

#define SPLIT "\"node0\":{\"host_nodes\":\"0\"},\"node1\":{\"host_nodes\":\"1\"}"

static void test_cpus(void)
{
	g_autofree char *root = make_host();
	g_autoptr(Processors) processors = processors_read(root);
	assert_cpus(processors, GUEST("", 2147483648, ""), 0, "0-6");
	assert_cpus(processors, GUEST("", 2147483648, "\"node0\":{\"host_nodes\":\"1\"}"), 0, "4-6");
	assert_cpus(processors, GUEST("", 2147483648, "\"node0\":{\"host_nodes\":\"2\"}"), 0, "0-6");
	assert_cpus(processors, GUEST(",\"numa\":2", 2147483648, SPLIT), 0, "0-3");
	assert_cpus(processors, GUEST(",\"numa\":2", 2147483648, SPLIT), 1, "4-6");
	assert_cpus(processors, GUEST(",\"numa\":2,\"pin\":\"3-4\"", 2147483648, SPLIT), 1, "3-4");
	assert_cpus(processors, GUEST(",\"kind\":\"efficiency\"", 2147483648, "\"node0\":{\"host_nodes\":\"0-1\"}"), 0,
		    "4-6");
	json_auto json_object *two = parse(GUEST(",\"numa\":2", 2147483648, SPLIT)),
			      *one = parse(GUEST("", 2147483648, ""));
	const guint expected[] = {0, 0, 1, 1};
	for (guint cpu = 0; cpu < 4; cpu++) {
		g_assert_cmpuint(numa_node_of_cpu(two, cpu), ==, expected[cpu]);
		g_assert_cmpuint(numa_node_of_cpu(one, cpu), ==, 0);
	}
	g_assert_cmpuint(numa_node_of_cpu(two, G_MAXINT64), ==, 1); /* a QEMU may say anything */
	g_assert_cmpuint(numa_node_of_cpu(two, G_MININT64), ==, 0);
}

static void test_sentences(void)
{
	static const struct {
		const char *guest, *says[3];
	} cases[] = {
		{GUEST("", 2147483648, ""), {NULL}},
		{GUEST("", 2147483648, "\"node0\":{\"host_nodes\":\"1\"}"),
		 {"node0: its memory comes from NUMA node 1 of the host only, its processors run on CPU 4-6", NULL}},
		{GUEST(",\"numa\":2,\"pin\":\"2-5\"", 2147483648,
		       "\"node0\":{\"host_nodes\":\"0\",\"policy\":\"preferred\"},\"node1\":{\"host_nodes\":\"0-1\",\"policy\":\"interleave\"}"),
		 {"node0: its memory comes from NUMA node 0 of the host while there is some, its processors run on CPU "
		  "2-5; CPU 4-5 of cpu.pin is on another node, and reaches this memory slowly",
		  "node1: its memory comes from NUMA node 0-1 of the host in turn, its processors run on CPU 2-5",
		  NULL}},
		{GUEST("", 2147483648, "\"node0\":{\"host_nodes\":\"2\"}"),
		 {"node0: its memory comes from NUMA node 2 of the host only, its processors run on CPU 0-6; that has "
		  "no CPUs of its own",
		  NULL}},
	};
	g_autofree char *root = make_host();
	g_autoptr(Processors) processors = processors_read(root);
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		json_auto json_object *guest = parse(cases[i].guest);
		guint said = 0;
		for (guint node = 0; node < 2; node++) {
			g_autofree char *text_ja = NULL, *text = numa_explain(processors, guest, node, &text_ja);
			g_assert_true(!text == !text_ja);
			if (text)
				g_assert_cmpstr(text, ==, cases[i].says[said++]);
		}
		g_assert_null(cases[i].says[said]);
	}
}

#define HUGE_GUEST(memory, numa) \
	"{\"cpu\":{\"sockets\":1},\"hugepages\":\"2M\",\"memory\":" #memory ",\"numa\":{" numa "}}"

static void test_pages(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *root = make_host();
	json_auto json_object *fits = parse(HUGE_GUEST(209715200, "\"node0\":{\"host_nodes\":\"0\"}"));
	json_auto json_object *both = parse(HUGE_GUEST(1073741824, "\"node0\":{\"host_nodes\":\"0-1\"}"));
	json_auto json_object *large = parse(HUGE_GUEST(1073741824, "\"node0\":{\"host_nodes\":\"1\"}"));
	json_auto json_object *soft =
		parse(HUGE_GUEST(1073741824, "\"node0\":{\"host_nodes\":\"1\",\"policy\":\"preferred\"}"));
	json_auto json_object *anywhere = parse(HUGE_GUEST(1073741824, ""));
	g_assert_true(numa_check_pages(root, fits, NULL) && numa_check_pages(root, both, NULL));
	g_assert_true(numa_check_pages(root, soft, NULL) && numa_check_pages(root, anywhere, NULL));
	g_assert_false(numa_check_pages(root, large, &error));
	g_assert_cmpstr(error_field(error), ==, "numa.node0.host_nodes");
	g_assert_nonnull(strstr(error->message, "needs 512 huge pages of 2 MiB, and 412 are free on NUMA node 1"));
}

/* A kernel without NUMA has no folder of nodes. */
static void test_host_without(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *root = g_build_filename(scratch, "without", NULL);
	put(root, "/sys/devices/system/cpu/online", "0-1\n");
	g_autoptr(Processors) processors = processors_read(root);
	json_auto json_object *guest = parse(GUEST("", 2147483648, "\"node0\":{\"host_nodes\":\"0\"}"));
	g_assert_false(numa_check(processors, NULL, guest, &error));
	g_assert_nonnull(strstr(error->message, "knows no NUMA nodes"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/numa/what the host or the guest has not is refused", test_checks);
	g_test_add_func("/numa/what is as it was is not asked of the host again", test_unchanged);
	g_test_add_func("/numa/processors run where their node's memory is, unless they are pinned", test_cpus);
	g_test_add_func("/numa/a plan says where a guest comes to be, and which CPUs are far from its memory",
			test_sentences);
	g_test_add_func("/numa/huge pages are counted on the nodes that they are bound to", test_pages);
	g_test_add_func("/numa/a host without NUMA has no nodes to give", test_host_without);
	return run_with_scratch(g_test_run);
}
