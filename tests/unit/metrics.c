/* The text format of metrics: what is written for values and labels of all kinds, and counts of requests. */
#include "api/metrics.h"

#include <string.h>

static char *text_of(const char *name, double value, const char *const *labels)
{
	g_autoptr(MetricsPage) page = metrics_page_new();
	metrics_add(page, name, value, labels);
	g_autofree char *text = metrics_page_text(page);
	const char *sample = strstr(text, "# TYPE");
	g_assert_nonnull(sample);
	return g_strdup(strchr(sample, '\n') + 1);
}

static void assert_text(const char *name, double value, const char *const *labels, const char *expected)
{
	g_autofree char *text = text_of(name, value, labels);
	g_assert_cmpstr(text, ==, expected);
}

static void test_labels(void)
{
	const char *const plain[] = {"state", "running", NULL};
	const char *const hostile[] = {"id", "1", "name", "a\"b\\c\nd}{,=\t宿", "state", "", NULL};
	assert_text("yado_vms", 3, plain, "yado_vms{state=\"running\"} 3\n");
	assert_text("yado_node_cpus", 8, NULL, "yado_node_cpus 8\n");
	assert_text("yado_vm_state", 1, hostile,
		    "yado_vm_state{id=\"1\",name=\"a\\\"b\\\\c\\nd}{,=\t宿\",state=\"\"} 1\n");
}

static void test_numbers(void)
{
	assert_text("yado_node_cpus", 0, NULL, "yado_node_cpus 0\n");
	assert_text("yado_node_cpus", 9007199254740991, NULL, "yado_node_cpus 9007199254740991\n");
	assert_text("yado_node_cpus", 0.25, NULL, "yado_node_cpus 0.25\n");
	assert_text("yado_node_cpus", 1234567.000001, NULL, "yado_node_cpus 1234567.000001\n");
	assert_text("yado_node_cpus", 1e300, NULL, "yado_node_cpus 1e+300\n");
	assert_text("yado_node_cpus", -1, NULL, "yado_node_cpus -1\n");
}

/* Samples of a family stand together, whatever the order in which they come; a family without any is not there. */
static void test_groups(void)
{
	const char *const a[] = {"storage", "a", NULL}, *const b[] = {"storage", "b", NULL};
	g_autoptr(MetricsPage) page = metrics_page_new();
	metrics_add(page, "yado_storage_free_bytes", 1, a);
	metrics_add(page, "yado_storage_size_bytes", 2, a);
	metrics_add(page, "yado_storage_free_bytes", 3, b);
	g_autofree char *text = metrics_page_text(page);
	g_assert_cmpstr(text, ==,
			"# HELP yado_storage_size_bytes Size of the file system that the storage is on.\n"
			"# TYPE yado_storage_size_bytes gauge\n"
			"yado_storage_size_bytes{storage=\"a\"} 2\n"
			"# HELP yado_storage_free_bytes What is free there.\n"
			"# TYPE yado_storage_free_bytes gauge\n"
			"yado_storage_free_bytes{storage=\"a\"} 1\n"
			"yado_storage_free_bytes{storage=\"b\"} 3\n");
}

static char *requests_text(void)
{
	g_autoptr(MetricsPage) page = metrics_page_new();
	metrics_add_requests(page);
	return metrics_page_text(page);
}

static void assert_line(const char *text, const char *line)
{
	g_autofree char *framed = g_strdup_printf("\n%s\n", line);
	if (!strstr(text, framed))
		g_error("no line '%s' in: %s", line, text);
}

static gpointer count_many(gpointer data)
{
	for (guint i = 0; i < 20000; i++)
		metrics_count(data, i % 4 == 0 ? 404 : 200, i % 2 ? 300 : 30000);
	return NULL;
}

static void test_requests(void)
{
	const Route *route = &health_routes[0];
	g_autofree char *before = requests_text();
	g_assert_cmpstr(before, ==, ""); /* what was never asked for is not there */
	metrics_count(route, 200, 1000);
	metrics_count(route, 503, 61 * G_USEC_PER_SEC);
	g_autofree char *text = requests_text();
	assert_line(text, "yado_api_requests_total{method=\"GET\",route=\"/healthz\",status=\"2xx\"} 1");
	assert_line(text, "yado_api_requests_total{method=\"GET\",route=\"/healthz\",status=\"5xx\"} 1");
#define BUCKET "yado_api_request_duration_seconds_bucket{method=\"GET\",route=\"/healthz\",le="
	assert_line(text, BUCKET "\"0.001\"} 1");
	assert_line(text, BUCKET "\"60\"} 1");
	assert_line(text, BUCKET "\"+Inf\"} 2");
	assert_line(text, "yado_api_request_duration_seconds_sum{method=\"GET\",route=\"/healthz\"} 61.001");

	GThread *threads[4];
	for (guint i = 0; i < 4; i++)
		threads[i] = g_thread_new("count", count_many, (gpointer)route);
	for (guint i = 0; i < 4; i++)
		g_thread_join(threads[i]);
	g_autofree char *after = requests_text();
	assert_line(after, "yado_api_requests_total{method=\"GET\",route=\"/healthz\",status=\"2xx\"} 60001");
	assert_line(after, "yado_api_requests_total{method=\"GET\",route=\"/healthz\",status=\"4xx\"} 20000");
	assert_line(after, BUCKET "\"0.001\"} 40001");
	assert_line(after, BUCKET "\"0.1\"} 80001");
	assert_line(after, "yado_api_request_duration_seconds_count{method=\"GET\",route=\"/healthz\"} 80002");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/metrics/labels are escaped", test_labels);
	g_test_add_func("/metrics/whole numbers stay exact", test_numbers);
	g_test_add_func("/metrics/a family's samples stand together", test_groups);
	g_test_add_func("/metrics/requests are counted once, by many threads at a time", test_requests);
	return g_test_run();
}
