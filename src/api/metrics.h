/* Metrics of the requests, and the page of all metrics. */
#pragma once
#include "api/route.h"

/* Counts a request that has been answered; from any thread. */
void metrics_count(const Route *route, int status, gint64 duration_us);

/* A page in Prometheus' text format 0.0.4: families, each with its samples together, in any order of adding. */
typedef struct MetricsPage MetricsPage;
MetricsPage *metrics_page_new(void);
void metrics_page_free(MetricsPage *page);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MetricsPage, metrics_page_free)
/* labels: NULL-terminated names and values; values are escaped here. `name` is of a family (metrics-page.c), for a
 * histogram with its suffix. */
void metrics_add(MetricsPage *page, const char *name, double value, const char *const *labels);
char *metrics_page_text(const MetricsPage *page); /* caller frees */

/* metrics-requests.c */
void metrics_add_requests(MetricsPage *page);
/* metrics-guests.c; asks for no longer than the deadline (monotonic). */
void metrics_add_guests(MetricsPage *page, Services *services, gint64 deadline_us);
/* Waits for threads that still ask; after server_free(), while what they ask is still there. */
void metrics_stop(void);
