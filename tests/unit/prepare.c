/* Checks of a guest's document that look at several fields at once. */
#include "guest/prepare/prepare.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/resources/memory.h"
#include "qemu/throttle.h"

#define MIB (G_GINT64_CONSTANT(1) << 20)

static json_object *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	json_object *json = json_parse(text, strlen(text), &error);
	g_assert_no_error(error);
	return json;
}

/* field NULL: it is taken. */
static void assert_refused(gboolean taken, GError *error, const char *field)
{
	g_assert_cmpstr(error ? error_field(error) : NULL, ==, field);
	g_assert_cmpint(taken, ==, field == NULL);
	g_clear_error(&error);
}

static void test_gateways(void)
{
	static const struct {
		const char *card, *field;
	} cases[] = {
		{"{}", NULL},
		{"{\"address\":\"192.0.2.10/24\",\"gateway\":\"192.0.2.1\"}", NULL},
		{"{\"address\":\"192.0.2.10/25\",\"gateway\":\"192.0.2.129\"}", "cloud_init.nics.nic0.gateway"},
		{"{\"address\":\"192.0.2.10/32\",\"gateway\":\"192.0.2.1\"}", "cloud_init.nics.nic0.gateway"},
		{"{\"address\":\"192.0.2.10/0\",\"gateway\":\"198.51.100.1\"}", NULL},
		{"{\"gateway\":\"192.0.2.1\"}", "cloud_init.nics.nic0.gateway"},
		{"{\"address6\":\"2001:db8::10/64\",\"gateway6\":\"2001:db8::1\"}", NULL},
		{"{\"address6\":\"2001:db8::10/64\",\"gateway6\":\"2001:db8:0:1::1\"}",
		 "cloud_init.nics.nic0.gateway6"},
		/* Routers are often known by their link-local addresses. */
		{"{\"address6\":\"2001:db8::10/64\",\"gateway6\":\"fe80::1\"}", NULL},
		{"{\"address\":\"192.0.2.10/24\",\"gateway6\":\"fe80::1\"}", "cloud_init.nics.nic0.gateway6"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		GError *error = NULL;
		g_autofree char *text =
			g_strdup_printf("{\"nics\":{\"nic0\":{}},\"cloud_init\":{\"nics\":{\"nic0\":%s}}}",
					cases[i].card);
		json_auto json_object *document = parse(text);
		g_test_message("%s", cases[i].card);
		gboolean taken = prepare_check_cloud_init(document, &error);
		assert_refused(taken, error, cases[i].field);
	}
	GError *error = NULL;
	json_auto json_object *other = parse("{\"nics\":{\"nic0\":{}},\"cloud_init\":{\"nics\":{\"nic1\":{}}}}");
	gboolean taken = prepare_check_cloud_init(other, &error);
	assert_refused(taken, error, "cloud_init.nics.nic1");
}

static void test_memory(void)
{
	static const struct {
		gint64 memory, max, min; /* MiB */
		const char *field;
	} cases[] = {
		{512, 0, 0, NULL},
		{512, 0, 256, NULL},
		{512, 0, 513, "memory_min"},
		{512, 256, 0, "memory_max"},
		{512, 4096, 0, NULL},
		{512, 512, 512, NULL},
		{513, 4096, 0, "memory"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		GError *error = NULL;
		json_auto json_object *document = parse("{\"hugepages\":\"none\"}");
		json_set_int(document, "memory", cases[i].memory * MIB);
		if (cases[i].max)
			json_set_int(document, "memory_max", cases[i].max * MIB);
		if (cases[i].min)
			json_set_int(document, "memory_min", cases[i].min * MIB);
		g_test_message("%s", json_object_to_json_string(document));
		gboolean taken = memory_check("", document, &error);
		assert_refused(taken, error, cases[i].field);
	}
}

static void test_limits(void)
{
	static const struct {
		const char *disk, *field;
	} cases[] = {
		{"{}", NULL},
		{"{\"limit_iops\":100}", NULL},
		{"{\"limit_iops\":100,\"limit_iops_burst\":200,\"limit_burst_seconds\":5}", NULL},
		{"{\"limit_iops_burst\":200}", "disks.disk0.limit_iops_burst"},
		{"{\"limit_iops\":100,\"limit_iops_burst\":99}", "disks.disk0.limit_iops_burst"},
		{"{\"limit_iops\":100,\"limit_read_iops\":50}", "disks.disk0.limit_read_iops"},
		{"{\"limit_iops\":100,\"limit_read_bandwidth\":50}", NULL},
		{"{\"limit_iops\":100,\"limit_burst_seconds\":5}", "disks.disk0.limit_burst_seconds"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		GError *error = NULL;
		json_auto json_object *disk = parse(cases[i].disk);
		g_test_message("%s", cases[i].disk);
		gboolean taken = qemu_check_throttle("disk0", disk, &error);
		assert_refused(taken, error, cases[i].field);
	}
}

/* What is not limited is set to nothing: QEMU keeps what it is not told. */
static void test_limits_in_words(void)
{
	json_auto json_object *document = parse(
		"{\"disks\":{\"a\":{\"bus\":\"virtio-blk\",\"limit_iops\":100,\"limit_iops_burst\":300,\"limit_burst_seconds\":7},\"b\":{\"bus\":\"virtio-scsi\"}}}");
	json_auto json_object *one = qemu_disk_throttle(document, "a"), *other = qemu_disk_throttle(document, "b");
	g_assert_cmpstr(json_get_str(one, "id", ""), ==, "/machine/peripheral/disk-a/virtio-backend");
	g_assert_cmpint(json_get_int(one, "iops", -1), ==, 100);
	g_assert_cmpint(json_get_int(one, "iops_max", -1), ==, 300);
	g_assert_cmpint(json_get_int(one, "iops_max_length", -1), ==, 7);
	g_assert_cmpint(json_get_int(one, "bps_wr", -1), ==, 0);
	g_assert_cmpstr(json_get_str(other, "id", ""), ==, "/machine/peripheral/disk-b");
	g_assert_cmpint(json_get_int(other, "iops", -1), ==, 0);
	g_assert_cmpint(json_get_int(other, "iops_max", -1), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/prepare/a gateway is in the network of its card's address", test_gateways);
	g_test_add_func("/prepare/sizes of memory fit each other", test_memory);
	g_test_add_func("/prepare/limits of a disk fit each other", test_limits);
	g_test_add_func("/prepare/a limit that is taken off is set to nothing", test_limits_in_words);
	return g_test_run();
}
