/* Prometheus' text format, version 0.0.4: what each metric is, and how its samples are written. */
#include <string.h>

#include "api/metrics.h"

typedef struct Family {
	const char *name, *type, *help;
} Family;

static const Family families[] = {
	{"yado_build_info", "gauge", "Version of Yado and of its QEMU; always 1."},
	{"yado_node_memory_bytes", "gauge", "Memory of the node."},
	{"yado_node_memory_available_bytes", "gauge", "Memory that could be given to guests without swapping."},
	{"yado_node_cpus", "gauge", "Processors of the node that are online."},
	{"yado_node_uptime_seconds", "gauge", "Time since the node's boot."},
	{"yado_daemon_uptime_seconds", "gauge", "Time since the daemon's start."},
	{"yado_daemon_memory_bytes", "gauge", "Resident memory of the daemon."},
	{"yado_daemon_cpu_seconds_total", "counter", "Processor time that the daemon has used."},
	{"yado_vms", "gauge", "Guests by state."},
	{"yado_vm_state", "gauge", "The state that the guest is in; always 1."},
	{"yado_vm_up", "gauge", "Whether the guest's process lives."},
	{"yado_vm_vcpus", "gauge", "Virtual processors of the running guest."},
	{"yado_vm_cpu_seconds_total", "counter", "Processor time that the guest has used since its start."},
	{"yado_vm_memory_limit_bytes", "gauge", "Memory that the running guest has."},
	{"yado_vm_memory_used_bytes", "gauge", "Memory of the node that the guest's processes use."},
	{"yado_vm_memory_guest_total_bytes", "gauge", "Memory that the guest sees, as its balloon's driver says."},
	{"yado_vm_memory_guest_used_bytes", "gauge", "What the guest itself uses of that, without its caches."},
	{"yado_vm_memory_taken_back_bytes", "gauge", "What the node has taken back from the guest."},
	{"yado_vm_agent_connected", "gauge", "Whether the guest's agent is connected."},
	{"yado_vm_disk_read_bytes_total", "counter", "Bytes that the guest has read since its start."},
	{"yado_vm_disk_written_bytes_total", "counter", "Bytes that the guest has written since its start."},
	{"yado_vm_disk_reads_total", "counter", "Read requests of the guest since its start."},
	{"yado_vm_disk_writes_total", "counter", "Write requests of the guest since its start."},
	{"yado_vm_nic_received_bytes_total", "counter", "Bytes that the guest has received."},
	{"yado_vm_nic_sent_bytes_total", "counter", "Bytes that the guest has sent."},
	{"yado_storage_usable", "gauge", "Whether the storage can be used now."},
	{"yado_storage_size_bytes", "gauge", "Size of the file system that the storage is on."},
	{"yado_storage_free_bytes", "gauge", "What is free there."},
	{"yado_tasks", "gauge", "Tasks that are queued or running."},
	{"yado_tasks_ended_total", "counter", "Tasks that have ended since the daemon's start."},
	{"yado_audit_entries_total", "counter", "Entries of the audit log."},
	{"yado_audit_waiting", "gauge", "Entries that could not be written yet."},
	{"yado_api_requests_total", "counter", "Requests that were answered since the daemon's start."},
	{"yado_api_request_duration_seconds", "histogram", "How long they took."},
};

struct MetricsPage {
	GString *samples[G_N_ELEMENTS(families)];
};

MetricsPage *metrics_page_new(void)
{
	MetricsPage *page = g_new0(MetricsPage, 1);
	for (guint i = 0; i < G_N_ELEMENTS(families); i++)
		page->samples[i] = g_string_new(NULL);
	return page;
}

void metrics_page_free(MetricsPage *page)
{
	for (guint i = 0; i < G_N_ELEMENTS(families); i++)
		g_string_free(page->samples[i], TRUE);
	g_free(page);
}

static guint find(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(families); i++) {
		const char *rest = g_str_has_prefix(name, families[i].name) ? name + strlen(families[i].name) : "-";
		gboolean part = g_str_equal(families[i].type, "histogram") &&
				(g_str_equal(rest, "_bucket") || g_str_equal(rest, "_sum") || g_str_equal(rest, "_count"));
		if (*rest == '\0' || part)
			return i;
	}
	g_error("there is no metric '%s'", name);
}

static void append_label(GString *text, const char *value)
{
	for (const char *c = value; *c; c++) {
		if (*c == '\\' || *c == '"')
			g_string_append_c(text, '\\');
		if (*c == '\n')
			g_string_append(text, "\\n");
		else
			g_string_append_c(text, *c);
	}
}

void metrics_add(MetricsPage *page, const char *name, double value, const char *const *labels)
{
	GString *text = page->samples[find(name)];
	char number[G_ASCII_DTOSTR_BUF_SIZE];
	g_string_append(text, name);
	for (guint i = 0; labels && labels[i]; i += 2) {
		g_string_append_printf(text, "%s%s=\"", i == 0 ? "{" : ",", labels[i]);
		append_label(text, labels[i + 1]);
		g_string_append_c(text, '"');
	}
	/* Whole numbers as such, as far as a double holds them: a counter of bytes stays exact. */
	if (value >= 0 && value < (double)(G_GUINT64_CONSTANT(1) << 53) && value == (double)(guint64)value)
		g_snprintf(number, sizeof number, "%" G_GUINT64_FORMAT, (guint64)value);
	else
		g_ascii_formatd(number, sizeof number, "%.15g", value);
	g_string_append_printf(text, "%s %s\n", labels && labels[0] ? "}" : "", number);
}

char *metrics_page_text(const MetricsPage *page)
{
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(families); i++)
		if (page->samples[i]->len > 0)
			g_string_append_printf(text, "# HELP %s %s\n# TYPE %s %s\n%s", families[i].name, families[i].help,
					       families[i].name, families[i].type, page->samples[i]->str);
	return g_string_free(text, FALSE);
}
