/* Files of the host as they are. Environments and arguments of other people's processes are not among them. */
#include <string.h>

#include "doctor/collect.h"
#include "doctor/kernel-log.h"

static const struct {
	const char *name, *path, *what;
} files[] = {
	{"host/os-release", "/etc/os-release", "which Debian"},
	{"host/cmdline", "/proc/cmdline", "the kernel's command line"},
	{"host/kernel", "/proc/version", "the kernel"},
	{"host/cpuinfo", "/proc/cpuinfo", "processors"},
	{"host/meminfo", "/proc/meminfo", "memory"},
	{"host/loadavg", "/proc/loadavg", "load"},
	{"host/pressure-cpu", "/proc/pressure/cpu", "how much waits for processors"},
	{"host/pressure-io", "/proc/pressure/io", "how much waits for disks"},
	{"host/pressure-memory", "/proc/pressure/memory", "how much waits for memory"},
	{"host/mounts", "/proc/self/mountinfo", "mounted file systems"},
	{"host/modules", "/proc/modules", "kernel modules"},
	{"host/mdstat", "/proc/mdstat", "software RAID"},
	{"host/diskstats", "/proc/diskstats", "counters of disks"},
	{"host/swaps", "/proc/swaps", "swap"},
	{"host/cgroups", "/proc/cgroups", "control groups"},
	{"host/controllers", "/sys/fs/cgroup/cgroup.controllers", "controllers of version 2"},
	{"host/interfaces", "/proc/net/dev", "counters of network interfaces"},
	{"host/resolv.conf", "/etc/resolv.conf", "name servers"},
	{"host/clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource", "source of the clock"},
	{"host/kvm-nested-intel", "/sys/module/kvm_intel/parameters/nested", "nested virtualization (Intel)"},
	{"host/kvm-nested-amd", "/sys/module/kvm_amd/parameters/nested", "nested virtualization (AMD)"},
};

static const char *const settings[] = {
	"fs/aio-max-nr", "fs/file-max", "fs/file-nr", "fs/inotify/max_user_instances", "fs/protected_hardlinks",
	"kernel/dmesg_restrict", "kernel/pid_max", "kernel/tainted", "kernel/threads-max", "kernel/unprivileged_bpf_disabled",
	"net/bridge/bridge-nf-call-iptables", "net/core/somaxconn", "net/ipv4/ip_forward", "net/ipv6/conf/all/disable_ipv6",
	"net/ipv6/conf/all/forwarding", "vm/max_map_count", "vm/nr_hugepages", "vm/overcommit_memory", "vm/swappiness"};

static void add_settings(const Host *host, Archive *archive)
{
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(settings); i++) {
		g_autofree char *path = g_strconcat("/proc/sys/", settings[i], NULL);
		g_autofree char *value = host_read_line(host, path);
		g_string_append_printf(text, "%s = %s\n", settings[i], value ? value : "(not there)");
	}
	archive_add(archive, "host/sysctl", "settings of the kernel", text->str, text->len);
}

static void add_faults(const Host *host, Archive *archive)
{
	static const char dir[] = "/sys/devices/system/cpu/vulnerabilities";
	g_auto(GStrv) names = host_list(host, dir);
	g_autoptr(GString) text = g_string_new(NULL);
	for (char **name = names; *name; name++) {
		g_autofree char *path = g_build_filename(dir, *name, NULL);
		g_autofree char *value = host_read_line(host, path);
		g_string_append_printf(text, "%s: %s\n", *name, value ? value : "?");
	}
	archive_add(archive, "host/cpu-faults", "known faults of the CPU", text->str, text->len);
}

void collect_files(const Host *host, Archive *archive)
{
	for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *text = host_read(host, files[i].path, ARCHIVE_FILE_MAX);
		if (text)
			archive_add(archive, files[i].name, files[i].what, text, strlen(text));
		else
			archive_miss(archive, files[i].name, files[i].what, "not there, or not to be read");
	}
	add_settings(host, archive);
	add_faults(host, archive);
	g_autofree char *reason = NULL;
	g_autofree char *log = kernel_log_read(host, &reason);
	if (log)
		archive_add(archive, "host/kernel.log", "the kernel's log of this boot", log, strlen(log));
	else
		archive_miss(archive, "host/kernel.log", "the kernel's log of this boot", reason);
}
