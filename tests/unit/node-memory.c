/* KSM and huge pages of made-up hosts, and what is said where they do not suffice. */
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/resources/ksm.h"
#include "guest/resources/memory.h"
#include "guest/resources/node-memory.h"
#include "guest/resources/numa.h"
#include "made-up-host.h"

#define KSM "/sys/kernel/mm/ksm/"
#define MM "/sys/kernel/mm/hugepages/"
#define NODE "/sys/devices/system/node/"
#define MIB (G_GINT64_CONSTANT(1) << 20)
#define GIB (G_GINT64_CONSTANT(1) << 30)

static char *make_root(const char *name)
{
	char *root = g_build_filename(scratch, name, NULL);
	g_assert_cmpint(g_mkdir_with_parents(root, 0700), ==, 0);
	return root;
}

static void put_pages(const char *root, const char *size, const char *total, const char *unused, const char *promised)
{
	const char *const files[][2] = {{"nr_hugepages", total}, {"free_hugepages", unused}, {"resv_hugepages", promised}};
	for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_strdup_printf(MM "hugepages-%s/%s", size, files[i][0]);
		put(root, path, files[i][1]);
	}
}

static json_object *guest(gint64 memory, const char *pages)
{
	json_object *document = json_object_new_object();
	json_set_int(document, "memory", memory);
	json_set_str(document, "hugepages", pages);
	return document;
}

static void assert_run(const char *root, const char *expected)
{
	g_autofree char *path = g_strconcat(root, KSM "run", NULL), *text = NULL;
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_cmpstr(g_strstrip(text), ==, expected);
}

/* ---- KSM ---- */

static void test_ksm_is_switched(void)
{
	static const struct {
		const char *run, *state, *wanted, *after;
	} cases[] = {
		{"0\n", "off", "on", "1"}, {"2\n", "off", "on", "1"}, {"1\n", "on", "on", "1"},
		{"1\n", "on", "off", "2"}, {"0\n", "off", "off", "2"}, {"2\n", "off", "off", "2"},
		{"0\n", "off", "leave", "0"}, {"1\n", "on", "leave", "1"},
	};
	g_autofree char *root = make_root("ksm");
	put(root, KSM "pages_sharing", "10\n");
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		gint64 before = -9;
		json_auto json_object *shown = json_object_new_object();
		put(root, KSM "run", cases[i].run);
		g_test_message("%s of %s", cases[i].wanted, cases[i].run);
		ksm_describe(root, shown);
		g_assert_cmpstr(json_get_str(shown, "ksm_state", NULL), ==, cases[i].state);
		g_assert_cmpint(json_get_int(shown, "ksm_saved", 0), ==, 10 * sysconf(_SC_PAGESIZE));
		g_assert_true(ksm_check(root, "n1", cases[i].wanted, &error));
		g_assert_true(ksm_apply(root, cases[i].wanted, &before, &error));
		g_assert_no_error(error);
		assert_run(root, cases[i].after);
		/* Not saved: as it was, whichever kind of "off" that is. */
		ksm_restore(root, before);
		g_autofree char *was = g_strndup(cases[i].run, 1);
		assert_run(root, was);
	}
}

static void assert_refused(gboolean done, GError **ret_error, ErrorCode code, const char *says, const char *hint)
{
	const GError *error = *ret_error;
	g_assert_false(done);
	g_assert_cmpint(error_code(error), ==, code);
	g_assert_nonnull(strstr(error->message, says));
	if (hint)
		g_assert_nonnull(strstr(error_hint(error), hint));
}

static void test_a_kernel_without_ksm(void)
{
	g_autoptr(GError) error = NULL, late = NULL;
	g_autofree char *root = make_root("without");
	gint64 before;
	json_auto json_object *shown = json_object_new_object();
	ksm_describe(root, shown);
	g_assert_cmpstr(json_get_str(shown, "ksm_state", NULL), ==, "absent");
	g_assert_null(json_get(shown, "ksm_saved"));
	g_assert_true(ksm_check(root, "n1", "off", NULL) && ksm_check(root, "n1", "leave", NULL));
	g_assert_true(ksm_apply(root, "off", &before, NULL));
	ksm_restore(root, before);
	assert_refused(ksm_check(root, "n1", "on", &error), &error, ERROR_UNSUPPORTED, "node n1 cannot merge pages", "CONFIG_KSM");
	g_assert_cmpstr(error_field(error), ==, "ksm");
	/* It was there when it was set. */
	assert_refused(ksm_apply(root, "on", &before, &late), &late, ERROR_NOT_FOUND, "cannot switch the merging of pages (KSM) on", NULL);
}

/* A file of /proc/sys that nobody may write, not even root. */
static void test_a_switch_that_cannot_be_written(void)
{
	g_autoptr(GError) error = NULL, late = NULL;
	g_autofree char *root = make_root("fixed");
	g_autofree char *path = g_strconcat(root, KSM "run", NULL);
	gint64 before;
	put(root, KSM "pages_sharing", "0\n");
	g_assert_cmpint(symlink("/proc/sys/kernel/ostype", path), ==, 0);
	g_assert_cmpstr(ksm_state(root), ==, "off");
	g_assert_true(ksm_check(root, "n1", "leave", NULL));
	assert_refused(ksm_check(root, "n1", "on", &error), &error, ERROR_UNSUPPORTED, "cannot be switched on on node n1", "read-only");
	assert_refused(ksm_apply(root, "on", &before, &late), &late, ERROR_FAILED, "cannot switch", NULL);
}

/* ---- huge pages ---- */

static void test_pages_are_counted(void)
{
	g_autofree char *root = make_root("counted");
	json_auto json_object *none = json_object_new_object(), *some = json_object_new_object();
	node_memory_describe_host(root, none);
	g_assert_null(json_get(none, "hugepages_2m"));
	g_assert_null(json_get(none, "hugepages_1g"));
	put_pages(root, "2048kB", "100\n", "60\n", "20\n");
	put_pages(root, "1048576kB", "0\n", "0\n", "0\n");
	node_memory_describe_host(root, some);
	/* What is promised to a guest is not free for another. */
	g_assert_cmpint(json_get_int(json_get(some, "hugepages_2m"), "total", -1), ==, 100);
	g_assert_cmpint(json_get_int(json_get(some, "hugepages_2m"), "free", -1), ==, 40);
	g_assert_cmpint(json_get_int(json_get(some, "hugepages_1g"), "total", -1), ==, 0);
}

static void test_a_start_needs_pages(void)
{
	static const struct {
		gint64 memory;
		const char *pages, *says, *hint;
	} cases[] = {
		{64 * MIB, "none", NULL, NULL},
		{80 * MIB, "2M", NULL, NULL},
		{82 * MIB, "2M", "needs 41 huge pages of 2 MiB, and 40 are free", "echo 101 > "},
		{2 * GIB, "1G", NULL, NULL},
		{4 * GIB, "1G", "needs 4 huge pages of 1 GiB, and 2 are free", "hugepagesz=1G hugepages=5;"},
	};
	g_autofree char *root = make_root("start");
	put_pages(root, "2048kB", "100\n", "60\n", "20\n");
	put_pages(root, "1048576kB", "3\n", "2\n", "0\n");
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		json_auto json_object *document = guest(cases[i].memory, cases[i].pages);
		g_test_message("%s", json_object_to_json_string(document));
		g_assert_true(memory_check(root, document, NULL));
		gboolean enough = memory_check_start(root, document, &error);
		if (cases[i].says) {
			assert_refused(enough, &error, ERROR_CONFLICT, cases[i].says, cases[i].hint);
			g_assert_cmpstr(error_field(error), ==, "hugepages");
		} else {
			g_assert_true(enough);
		}
	}
}

static void test_a_kernel_without_pages_of_that_size(void)
{
	g_autoptr(GError) error = NULL, late = NULL;
	g_autofree char *root = make_root("sizes");
	json_auto json_object *document = guest(GIB, "1G"), *other = guest(GIB, "2M");
	put_pages(root, "2048kB", "512\n", "512\n", "0\n");
	g_assert_true(memory_check(root, other, NULL) && memory_check_start(root, other, NULL));
	assert_refused(memory_check(root, document, &error), &error, ERROR_INVALID, "no pages of 1G", "another size");
	/* The node has come up with another kernel. */
	assert_refused(memory_check_start(root, document, &late), &late, ERROR_CONFLICT, "no huge pages of 1 GiB", "another size");
}

/* Of all nodes together there are enough; the guest is bound to some. */
static void test_pages_of_numa_nodes(void)
{
	static const struct {
		const char *pages, *nodes;
		gint64 memory;
		const char *policy, *says;
	} cases[] = {
		{"2M", "0", 200 * MIB, "bind", NULL},
		{"2M", "0", 202 * MIB, "bind", "needs 101 huge pages of 2 MiB, and 100 are free on NUMA node 0"},
		{"2M", "0-1", 1 * GIB, "bind", NULL},
		{"2M", "0", 1 * GIB, "preferred", NULL},
		{"1G", "1", 2 * GIB, "bind", NULL},
		{"1G", "0", 1 * GIB, "bind", "and 0 are free on NUMA node 0"},
		{"none", "0", 1 * GIB, "bind", NULL},
	};
	g_autofree char *root = make_root("nodes");
	put(root, NODE "node0/hugepages/hugepages-2048kB/free_hugepages", "100\n");
	put(root, NODE "node1/hugepages/hugepages-2048kB/free_hugepages", "412\n");
	put(root, NODE "node0/hugepages/hugepages-1048576kB/free_hugepages", "0\n");
	put(root, NODE "node1/hugepages/hugepages-1048576kB/free_hugepages", "2\n");
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		json_auto json_object *document = guest(cases[i].memory, cases[i].pages);
		json_object *numa = json_object_new_object(), *place = json_object_new_object();
		json_set_str(place, "host_nodes", cases[i].nodes);
		json_set_str(place, "policy", cases[i].policy);
		json_set(numa, "node0", place);
		json_set(document, "numa", numa);
		g_test_message("%s", json_object_to_json_string(document));
		gboolean enough = numa_check_pages(root, document, &error);
		if (cases[i].says) {
			assert_refused(enough, &error, ERROR_CONFLICT, cases[i].says, "nr_hugepages");
			g_assert_cmpstr(error_field(error), ==, "numa.node0.host_nodes");
		} else {
			g_assert_true(enough);
		}
	}
}

static void test_balloons(void)
{
	static const struct {
		const char *guest, *says;
	} cases[] = {
		{"{\"hugepages\":\"none\"}", NULL},
		{"{\"hugepages\":\"none\",\"pci\":{},\"shares\":{\"s\":{}},\"memory_max\":1073741824}", NULL},
		{"{\"hugepages\":\"none\",\"pci\":{\"gpu\":{\"mapping\":\"gpu\"}}}", "locked"},
		{"{\"hugepages\":\"2M\"}", "set aside"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		json_auto json_object *document = json_tokener_parse(cases[i].guest);
		const char *said = memory_balloon_hindrance(document);
		g_assert_cmpint(said != NULL, ==, cases[i].says != NULL);
		g_assert_true(!said || strstr(said, cases[i].says));
	}
}

static void test_how_much_there_is(void)
{
	g_autofree char *root = make_root("memory");
	NodeMemory memory;
	g_assert_false(node_memory_read(root, &memory));
	put(root, "/proc/meminfo", "MemTotal:        4096 kB\nMemFree:         100 kB\nMemAvailable:    1024 kB\n");
	g_assert_true(node_memory_read(root, &memory));
	g_assert_cmpint(memory.total, ==, 4 * MIB);
	g_assert_cmpint(memory.available, ==, 1 * MIB);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ksm/switched", test_ksm_is_switched);
	g_test_add_func("/ksm/absent", test_a_kernel_without_ksm);
	g_test_add_func("/ksm/not-writable", test_a_switch_that_cannot_be_written);
	g_test_add_func("/pages/counted", test_pages_are_counted);
	g_test_add_func("/pages/start", test_a_start_needs_pages);
	g_test_add_func("/pages/size", test_a_kernel_without_pages_of_that_size);
	g_test_add_func("/pages/numa", test_pages_of_numa_nodes);
	g_test_add_func("/balloons", test_balloons);
	g_test_add_func("/memory", test_how_much_there_is);
	return run_with_scratch(g_test_run);
}
