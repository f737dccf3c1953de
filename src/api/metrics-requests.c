/* Counting requests: a few atomic additions each, in a table that is made once and never changes its form. */
#include "api/metrics.h"

enum { CLASSES = 6, BUCKETS = 8 }; /* 1xx to 5xx; 0 is not used */

static const gint64 bounds_us[BUCKETS] = {1000, 5000, 20000, 100000, 500000, 2000000, 10000000, 60000000};
static const char *const bounds_text[BUCKETS] = {"0.001", "0.005", "0.02", "0.1", "0.5", "2", "10", "60"};

typedef struct Counts {
	guint64 of_class[CLASSES];
	guint64 of_bucket[BUCKETS]; /* not cumulated */
	guint64 count, sum_us;
} Counts;

/* Route -> Counts, of all routes. */
static GHashTable *table(void)
{
	static GHashTable *counts;
	static gsize made;
	if (g_once_init_enter(&made)) {
		counts = g_hash_table_new(NULL, NULL);
		for (const Route *const *list = route_tables; *list; list++)
			for (const Route *route = *list; route->method; route++)
				g_hash_table_insert(counts, (gpointer)route, g_new0(Counts, 1));
		g_once_init_leave(&made, 1);
	}
	return counts;
}

static void add(guint64 *counter, guint64 value)
{
	__atomic_fetch_add(counter, value, __ATOMIC_RELAXED);
}

static guint64 get(const guint64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void metrics_count(const Route *route, int status, gint64 duration_us)
{
	Counts *counts = g_hash_table_lookup(table(), route);
	add(&counts->of_class[CLAMP(status / 100, 1, CLASSES - 1)], 1);
	for (guint i = 0; i < BUCKETS; i++) {
		if (duration_us <= bounds_us[i]) {
			add(&counts->of_bucket[i], 1);
			break;
		}
	}
	add(&counts->sum_us, (guint64)MAX(duration_us, 0));
	add(&counts->count, 1);
}

static void add_duration(MetricsPage *page, const Route *route, const Counts *counts)
{
	/* A request that is counted meanwhile is in all of the buckets above its own or in none. */
	guint64 count = get(&counts->count), below = 0;
	for (guint i = 0; i < BUCKETS; i++) {
		below = MIN(below + get(&counts->of_bucket[i]), count);
		const char *const labels[] = {"method", route->method, "route", route->pattern, "le", bounds_text[i], NULL};
		metrics_add(page, "yado_api_request_duration_seconds_bucket", (double)below, labels);
	}
	const char *const last[] = {"method", route->method, "route", route->pattern, "le", "+Inf", NULL};
	const char *const labels[] = {"method", route->method, "route", route->pattern, NULL};
	metrics_add(page, "yado_api_request_duration_seconds_bucket", (double)count, last);
	metrics_add(page, "yado_api_request_duration_seconds_sum", (double)get(&counts->sum_us) / G_USEC_PER_SEC, labels);
	metrics_add(page, "yado_api_request_duration_seconds_count", (double)count, labels);
}

void metrics_add_requests(MetricsPage *page)
{
	for (const Route *const *list = route_tables; *list; list++) {
		for (const Route *route = *list; route->method; route++) {
			const Counts *counts = g_hash_table_lookup(table(), route);
			if (!get(&counts->count))
				continue;
			for (guint i = 1; i < CLASSES; i++) {
				g_autofree char *name = g_strdup_printf("%uxx", i);
				const char *const labels[] = {"method", route->method, "route", route->pattern,
							      "status", name, NULL};
				if (get(&counts->of_class[i]))
					metrics_add(page, "yado_api_requests_total", (double)get(&counts->of_class[i]),
						    labels);
			}
			add_duration(page, route, counts);
		}
	}
}
