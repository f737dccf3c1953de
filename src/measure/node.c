/* Reading what the kernel counts of the machine (proc(5), and the kernel's Documentation/block/stat.rst). */
#include "measure/node.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { SECTOR = 512, TEXT_MAX = 1 << 16 };

/* user, nice, system, idle, iowait, irq, softirq, steal; what guests take is in the first. */
static void read_cpu(Counters *cpu)
{
	guint64 ticks[8], all = 0;
	g_autofree char *text = NULL;
	/* The file has a line for each interrupt too. */
	if (!file_read("/proc/stat", 16 << 20, &text, NULL, NULL) ||
	    sscanf(text, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4],
		   &ticks[5], &ticks[6], &ticks[7]) != G_N_ELEMENTS(ticks))
		return;
	for (guint i = 0; i < G_N_ELEMENTS(ticks); i++)
		all += ticks[i];
	cpu->of[0] = all - ticks[3] - ticks[4];
	cpu->at_us = (gint64)all;
	cpu->devices = (guint)sysconf(_SC_NPROCESSORS_ONLN);
}

static gboolean read_meminfo(const char *text, const char *name, guint64 *ret_bytes)
{
	const char *line = strstr(text, name);
	if (line)
		*ret_bytes = g_ascii_strtoull(line + strlen(name), NULL, 10) * 1024;
	return line != NULL;
}

static void read_memory(NodeCounters *counters)
{
	guint64 total, available;
	g_autofree char *text = NULL;
	counters->memory_known = file_read("/proc/meminfo", TEXT_MAX, &text, NULL, NULL) &&
				 read_meminfo(text, "MemTotal:", &total) &&
				 read_meminfo(text, "MemAvailable:", &available);
	if (counters->memory_known)
		counters->memory = total - MIN(available, total);
}

static void read_load(NodeCounters *counters)
{
	g_autofree char *text = NULL;
	counters->load_known = file_read("/proc/loadavg", 256, &text, NULL, NULL);
	if (counters->load_known)
		counters->load = g_ascii_strtod(text, NULL);
}

static gboolean read_disk(const char *dir, guint64 *ret_values)
{
	guint64 read, written;
	g_autofree char *path = g_build_filename(dir, "stat", NULL), *text = NULL;
	if (!file_read(path, 1024, &text, NULL, NULL) ||
	    sscanf(text, "%*u %*u %lu %*u %*u %*u %lu", &read, &written) != 2)
		return FALSE;
	ret_values[0] = read * SECTOR;
	ret_values[1] = written * SECTOR;
	return TRUE;
}

static gboolean read_nic(const char *dir, guint64 *ret_values)
{
	static const char *const names[] = {"rx_bytes", "tx_bytes"};
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(dir, "statistics", names[i], NULL), *text = NULL;
		if (!file_read(path, 64, &text, NULL, NULL))
			return FALSE;
		ret_values[i] = g_ascii_strtoull(text, NULL, 10);
	}
	return TRUE;
}

/* What belongs to a device is no bridge, tap, loop or mapping, which would count the same bytes once more. */
static void read_devices(const char *parent, gboolean (*read)(const char *dir, guint64 *ret_values), Counters *counters)
{
	const char *name;
	g_autoptr(GDir) entries = g_dir_open(parent, 0, NULL);
	while (entries && (name = g_dir_read_name(entries))) {
		guint64 values[2];
		char dir[256], device[sizeof dir + 16];
		g_snprintf(dir, sizeof dir, "%s/%s", parent, name);
		g_snprintf(device, sizeof device, "%s/device", dir);
		if (access(device, F_OK) < 0 || !read(dir, values))
			continue;
		counters->devices++;
		counters->of[0] += values[0];
		counters->of[1] += values[1];
	}
	if (counters->devices)
		counters->at_us = g_get_monotonic_time();
}

void node_read_counters(NodeCounters *ret_counters)
{
	NodeCounters counters = {.load = 0};
	read_cpu(&counters.cpu);
	read_memory(&counters);
	read_load(&counters);
	read_devices("/sys/block", read_disk, &counters.disks);
	read_devices("/sys/class/net", read_nic, &counters.nics);
	*ret_counters = counters;
}
