/* The node's processors out of made-up trees, and what nodes have in common out of their lists. */
#include "qemu/processors.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "qemu/cpu-features.h"
#include "made-up-host.h"

static void put_of_cpu(const char *root, guint cpu, const char *file, guint number)
{
	g_autofree char *path = g_strdup_printf("/sys/devices/system/cpu/cpu%u/%s", cpu, file);
	g_autofree char *text = g_strdup_printf("%u\n", number);
	put(root, path, text);
}

static char *make_root(const char *name, const char *online)
{
	char *root = g_build_filename(scratch, name, NULL);
	put(root, "/sys/devices/system/cpu/online", online);
	return root;
}

static void assert_list(const Cpus *cpus, const char *expected)
{
	g_autofree char *text = cpus_format(cpus);
	g_assert_cmpstr(text, ==, expected);
}

static void test_lists(void)
{
	static const char *const good[][2] = {{"0", "0"}, {"0-3,8\n", "0-3,8"}, {"5,4,3", "3-5"}, {" 1-1 ", "1"},
					      {"8191", "8191"}, {"0,2-3,2", "0,2-3"}};
	static const char *const bad[] = {"", "\n", "a", "-1", "3-1", "1,", ",1", "1-", "0-8192", "99999999999", "1 2",
					  "1--2"};
	for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
		Cpus cpus;
		g_assert_true(cpus_parse(good[i][0], &cpus));
		assert_list(&cpus, good[i][1]);
	}
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		Cpus cpus = {.bits = {1}};
		g_assert_false(cpus_parse(bad[i], &cpus));
		assert_list(&cpus, "0");
	}
}

/* As a Core i7-1260P has it: two threads on each of four performance cores, eight efficiency cores; one is offline. */
static void test_hybrid(void)
{
	g_autofree char *root = make_root("hybrid", "0-14\n");
	put(root, "/sys/devices/cpu_core/cpus", "0-7\n");
	put(root, "/sys/devices/cpu_atom/cpus", "8-15\n");
	put(root, "/proc/cpuinfo",
	    "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: 12th Gen Core\n\nprocessor\t: 1\n");
	for (guint cpu = 0; cpu < 15; cpu++) {
		put_of_cpu(root, cpu, "topology/physical_package_id", 0);
		put_of_cpu(root, cpu, "topology/core_id", cpu < 8 ? cpu / 2 * 4 : cpu + 8);
	}
	g_autoptr(Processors) processors = processors_read(root);
	g_assert_true(processors_are_hybrid(processors));
	assert_list(&processors->performance, "0-7");
	assert_list(&processors->efficiency, "8-14");
	g_assert_cmpuint(processors->sockets, ==, 1);
	g_assert_cmpuint(processors->cores, ==, 11);
	g_assert_cmpstr(processors->model, ==, "12th Gen Core");
	json_auto json_object *json = processors_describe(processors);
	json_object *kinds = json_get(json, "kinds");
	g_assert_cmpuint(json_get_count(kinds), ==, 2);
	g_assert_cmpstr(json_get_str(json_object_array_get_idx(kinds, 1), "kind", ""), ==, "efficiency");
	g_assert_cmpstr(json_get_str(json_object_array_get_idx(kinds, 1), "cpus", ""), ==, "8-14");
	g_assert_cmpint(json_get_int(json_object_array_get_idx(kinds, 1), "count", 0), ==, 7);
}

static void test_choice(void)
{
	static const struct {
		const char *pin, *kind, *cpus, *field, *says;
	} cases[] = {
		{NULL, NULL, "0-14", NULL, NULL},
		{NULL, "any", "0-14", NULL, NULL},
		{"1,3", NULL, "1,3", NULL, NULL},
		{NULL, "performance", "0-7", NULL, NULL},
		{NULL, "efficiency", "8-14", NULL, NULL},
		{"6-9", "efficiency", "8-9", NULL, NULL},
		{"14-15", NULL, NULL, "cpu.pin", "no CPU 15"},
		{"0-3", "efficiency", NULL, "cpu.pin", "none of 0-3 is of kind 'efficiency'"},
	};
	g_autofree char *root = g_build_filename(scratch, "hybrid", NULL), *plain = make_root("single", "0-3\n");
	g_autoptr(Processors) hybrid = processors_read(root), single = processors_read(plain);
	g_autoptr(GError) refusal = NULL;
	Cpus cpus;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		gboolean good = processors_choose(hybrid, cases[i].pin, cases[i].kind, &cpus, &error);
		g_assert_cmpint(good, ==, cases[i].cpus != NULL);
		if (good) {
			assert_list(&cpus, cases[i].cpus);
			continue;
		}
		g_assert_cmpstr(error_field(error), ==, cases[i].field);
		g_assert_nonnull(strstr(error->message, cases[i].says));
	}
	g_assert_false(processors_choose(single, NULL, "performance", &cpus, &refusal));
	g_assert_cmpstr(error_field(refusal), ==, "cpu.kind");
	g_assert_nonnull(strstr(refusal->message, "of one kind"));
}

static void test_capacity(void)
{
	g_autofree char *root = make_root("capacity", "0-5\n");
	for (guint cpu = 0; cpu < 6; cpu++)
		put_of_cpu(root, cpu, "cpu_capacity", cpu < 4 ? 446 : 1024);
	g_autoptr(Processors) processors = processors_read(root);
	assert_list(&processors->performance, "4-5");
	assert_list(&processors->efficiency, "0-3");
}

static void test_of_one_kind(void)
{
	g_autofree char *even = make_root("even", "0-1\n"), *plain = make_root("plain", "0-1\n");
	g_autofree char *offline = make_root("offline", "0-3\n");
	put_of_cpu(even, 0, "cpu_capacity", 1024);
	put_of_cpu(even, 1, "cpu_capacity", 1024);
	/* A hybrid processor all of whose efficiency cores are switched off. */
	put(offline, "/sys/devices/cpu_core/cpus", "0-3\n");
	put(offline, "/sys/devices/cpu_atom/cpus", "4-7\n");
	for (guint i = 0; i < 3; i++) {
		g_autoptr(Processors) processors = processors_read(i == 0 ? even : i == 1 ? plain : offline);
		g_assert_false(processors_are_hybrid(processors));
		json_auto json_object *json = processors_describe(processors);
		g_assert_cmpuint(json_get_count(json_get(json, "kinds")), ==, 0);
	}
}

static void test_numa(void)
{
	g_autofree char *root = make_root("numa", "0-3\n");
	put(root, "/sys/devices/system/node/online", "0,2\n");
	put(root, "/sys/devices/system/node/node0/cpulist", "0-3\n");
	put(root, "/sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:        2048 kB\nNode 0 MemFree: 1 kB\n");
	put(root, "/sys/devices/system/node/node2/cpulist", "\n"); /* memory alone */
	put(root, "/sys/devices/system/node/node2/meminfo", "Node 2 MemTotal:        4096 kB\n");
	g_autoptr(Processors) processors = processors_read(root);
	g_assert_cmpuint(processors->nodes->len, ==, 2);
	const NumaNode *first = &g_array_index(processors->nodes, NumaNode, 0), *second = first + 1;
	g_assert_cmpuint(first->memory, ==, 2 << 20);
	assert_list(&first->cpus, "0-3");
	g_assert_cmpuint(second->id, ==, 2);
	assert_list(&second->cpus, "");
}

static void test_this_machine(void)
{
	g_autoptr(Processors) processors = processors_read("");
	g_assert_cmpuint(cpus_count(&processors->online), >=, 1);
	g_assert_cmpuint(processors->cores, >=, 1);
	g_assert_cmpuint(processors->cores, <=, cpus_count(&processors->online));
	g_assert_cmpuint(processors->sockets, >=, 1);
}

/* ---- features ---- */

static const Features *get_features(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *program = g_find_program_in_path("qemu-system-x86_64");
	QemuHost host = {.program = program};
	const Features *features = features_get(&host, &error);
	g_assert_no_error(error);
	g_assert_true(features == features_get(&host, &error));
	return features;
}

static void test_features(void)
{
	const Features *features = get_features();
	const char *const *offered = (const char *const *)features->offered;
	gpointer is_offered;
	g_assert_true(g_strv_contains(offered, "sse2") && g_strv_contains(offered, "svm"));
	g_assert_false(g_strv_contains(offered, "sse4_1") || g_strv_contains(offered, "check"));
	g_assert_true(g_strv_contains((const char *const *)features->models, "qemu64-v1"));
	g_assert_false(g_strv_contains((const char *const *)features->models, "max"));
	g_assert_true(g_hash_table_lookup_extended(features->known, "avx512f", NULL, &is_offered));
	g_assert_false(is_offered);
	g_assert_true(g_hash_table_contains(features->known, "sse4_1")); /* as people may write it */
	g_assert_false(g_hash_table_contains(features->known, "enforce"));
}

static void test_lacking(void)
{
	const Features *features = get_features(); /* of QEMU's translator, which has neither */
	json_auto json_object *flags = json_tokener_parse("[\"+aes\", \"-avx512f\"]");
	g_autoptr(GPtrArray) all = features_lacking(features, "Skylake-Server-v4", NULL);
	g_autoptr(GPtrArray) rest = features_lacking(features, "Skylake-Server-v4", flags);
	g_autoptr(GPtrArray) whole = features_lacking(features, "Nehalem", NULL);
	g_autoptr(GPtrArray) other = features_lacking(features, "max", NULL);
	g_assert_true(g_ptr_array_find_with_equal_func(all, "avx512f", g_str_equal, NULL));
	g_assert_true(g_ptr_array_find_with_equal_func(all, "pcid", g_str_equal, NULL));
	g_assert_false(g_ptr_array_find_with_equal_func(rest, "avx512f", g_str_equal, NULL));
	g_assert_cmpuint(rest->len, ==, all->len - 1);
	g_assert_cmpuint(whole->len, ==, 0);
	g_assert_cmpuint(other->len, ==, 0);
	/* What is of nested virtualization has its own switch. */
	g_autoptr(GPtrArray) milan = features_lacking(features, "EPYC-Milan", NULL);
	g_assert_cmpuint(milan->len, >, 0);
	g_assert_false(g_ptr_array_find_with_equal_func(milan, "nrip-save", g_str_equal, NULL));
}

static json_object *make_list(const char *features, const char *models)
{
	json_object *list = json_object_new_object();
	const char *const parts[][2] = {{"features", features}, {"models", models}};
	for (guint i = 0; i < 2; i++) {
		json_object *array = json_object_new_array();
		g_auto(GStrv) words = g_strsplit(parts[i][1], " ", -1);
		for (char **word = words; *word; word++)
			json_object_array_add(array, json_object_new_string(*word));
		json_set(list, parts[i][0], array);
	}
	return list;
}

static void test_baseline(void)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *lists = json_object_new_object();
	json_set(lists, "old", make_list("sse2 ssse3 sse4.1 aes vmx", "Conroe-v1 Penryn-v1 qemu64-v1 Unheard-of"));
	json_set(lists, "new",
		 make_list("sse2 ssse3 sse4.1 aes avx vmx", "Conroe-v1 Penryn-v1 Nehalem-v1 qemu64-v1 Unheard-of"));
	json_auto json_object *baseline = features_baseline(get_features(), lists, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(json_get_str(baseline, "model", ""), ==, "Penryn-v1");
	g_assert_cmpstr(json_object_to_json_string_ext(json_get(baseline, "flags"), JSON_C_TO_STRING_PLAIN), ==,
			"[\"+aes\"]");
	g_assert_cmpstr(json_object_to_json_string_ext(json_get(baseline, "nodes"), JSON_C_TO_STRING_PLAIN), ==,
			"[{\"node\":\"old\",\"unused\":[]},{\"node\":\"new\",\"unused\":[\"avx\"]}]");
	json_set(lists, "other", make_list("sse2", "Opteron_G1"));
	g_assert_null(features_baseline(get_features(), lists, &error));
	g_assert_cmpint(error_code(error), ==, ERROR_UNSUPPORTED);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cpus/lists are read and written as the kernel has them", test_lists);
	g_test_add_func("/processors/the cores of a hybrid processor are told apart", test_hybrid);
	g_test_add_func("/processors/a list and a kind choose among them", test_choice);
	g_test_add_func("/processors/cores are told apart by their capacity", test_capacity);
	g_test_add_func("/processors/cores of one kind have none", test_of_one_kind);
	g_test_add_func("/processors/NUMA nodes have their CPUs and memory", test_numa);
	g_test_add_func("/processors/this machine has some", test_this_machine);
	g_test_add_func("/features/QEMU says what this node offers", test_features);
	g_test_add_func("/features/what a model lacks is known", test_lacking);
	g_test_add_func("/features/the baseline is the richest model that all have", test_baseline);
	return run_with_scratch(g_test_run);
}
