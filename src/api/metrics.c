/* /metrics: all that this node can tell of itself, for Prometheus and what reads its format. */
#include "api/metrics.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "api/nodes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum { DEADLINE_US = 1500000, INLINE_MAX = 900000, SEND_TIMEOUT_S = 30 };

#define TYPE "text/plain; version=0.0.4; charset=utf-8"

static void add(MetricsPage *page, const char *name, double value)
{
	metrics_add(page, name, value, NULL);
}

/* proc(5): the second number of statm is what is resident, in pages. */
static void add_daemon(MetricsPage *page, Services *services)
{
	struct rusage usage;
	g_autofree char *text = NULL;
	add(page, "yado_daemon_uptime_seconds",
	    (double)(g_get_monotonic_time() - services->started_us) / G_USEC_PER_SEC);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		add(page, "yado_daemon_cpu_seconds_total",
		    (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / G_USEC_PER_SEC);
	if (file_read("/proc/self/statm", 256, &text, NULL, NULL) && strchr(text, ' '))
		add(page, "yado_daemon_memory_bytes",
		    (double)g_ascii_strtoull(strchr(text, ' ') + 1, NULL, 10) * (double)sysconf(_SC_PAGESIZE));
}

static void add_node(MetricsPage *page, Services *services)
{
	const char *const build[] = {"version", YADO_VERSION, "qemu", services->host->version, NULL};
	struct sysinfo info;
	gint64 available = node_memory_available();
	metrics_add(page, "yado_build_info", 1, build);
	add(page, "yado_node_cpus", (double)sysconf(_SC_NPROCESSORS_ONLN));
	if (available)
		add(page, "yado_node_memory_available_bytes", (double)available);
	if (sysinfo(&info) != 0)
		return;
	add(page, "yado_node_memory_bytes", (double)info.totalram * info.mem_unit);
	add(page, "yado_node_uptime_seconds", (double)info.uptime);
}

static void add_tasks(MetricsPage *page, Services *services)
{
	json_auto json_object *counts = tasks_counts(services->tasks);
	for (size_t i = 0; i < json_object_array_length(counts); i++) {
		json_object *entry = json_object_array_get_idx(counts, i);
		const char *state = json_get_str(entry, "state", "");
		const char *const labels[] = {"kind", json_get_str(entry, "kind", ""), "state", state, NULL};
		gboolean now = g_str_equal(state, "queued") || g_str_equal(state, "running");
		metrics_add(page, now ? "yado_tasks" : "yado_tasks_ended_total", (double)json_get_int(entry, "count", 0),
			    labels);
	}
}

static void add_audit(MetricsPage *page, Services *services)
{
	gint64 last;
	guint waiting;
	if (!audit_count(services->audit, &last, &waiting, NULL))
		return;
	add(page, "yado_audit_entries_total", (double)last);
	add(page, "yado_audit_waiting", waiting);
}

typedef struct Sending {
	int fd;
	char *text;
} Sending;

static gpointer send_text(gpointer data)
{
	Sending *sending = data;
	if (!fd_write_all(sending->fd, sending->text, strlen(sending->text)))
		g_debug("metrics were not read to their end: %s", g_strerror(errno));
	fd_close(sending->fd);
	g_free(sending->text);
	g_free(sending);
	return NULL;
}

/* What does not fit into a frame goes through a socket of its own (docs/front.md, Bodies of bytes). */
static gboolean answer_long_text(Call *call, char *text, GError **error)
{
	int ends[2];
	struct timeval timeout = {.tv_sec = SEND_TIMEOUT_S};
	gsize length = strlen(text);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		error_set_errno(error, errno, "cannot make a socket for the metrics");
		g_free(text);
		return FALSE;
	}
	setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	Sending *sending = g_new0(Sending, 1);
	*sending = (Sending){ends[0], text};
	answer_header(call, "content-type", TYPE);
	json_set_int(call->response->head, "content_length", (gint64)length);
	call->response->status = 200;
	call->response->fds[0] = ends[1];
	call->response->fd_count = 1;
	g_thread_unref(g_thread_new("metrics", send_text, sending));
	return TRUE;
}

static gboolean get_metrics(Call *call, GError **error)
{
	g_autoptr(MetricsPage) page = metrics_page_new();
	add_node(page, call->services);
	add_daemon(page, call->services);
	add_tasks(page, call->services);
	add_audit(page, call->services);
	metrics_add_requests(page);
	metrics_add_guests(page, call->services, g_get_monotonic_time() + DEADLINE_US);
	char *text = metrics_page_text(page);
	return strlen(text) > INLINE_MAX ? answer_long_text(call, text, error) : answer_text(call, 200, TYPE, text);
}

const Route metrics_routes[] = {
	{"GET", "/metrics", get_metrics, "all metrics in Prometheus' text format", PRIVILEGE_METRICS_READ, SCOPE_GLOBAL,
	 .answer = ANSWER_TEXT, .top = TRUE,
	 .summary_ja = "Prometheus形式の全メトリクス"},
	{NULL},
};
