/* Live statistics: CPU and memory from the guest's control group, disks from QEMU, network from the tap, or for
 * user-mode cards from the guest agent, since passt does not count. */
#include "guest/run/stats.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/devices/nic.h"
#include "guest/resources/balloon.h"
#include "guest/tools/agent.h"
#include "net/tap.h"
#include "qemu/command.h"
#include "qemu/vcpus.h"
#include "sandbox/cgroup.h"

enum { COMMAND_TIMEOUT_MS = 3000 };

/* Without accounting by control groups: the process's own times (proc(5) stat, fields 14 and 15). */
static gboolean read_process_cpu(pid_t pid, guint64 *ret_usec)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
	g_autofree char *text = NULL;
	if (!file_read(path, 8192, &text, NULL, NULL) || !strrchr(text, ')'))
		return FALSE;
	g_auto(GStrv) fields = g_strsplit(strrchr(text, ')') + 2, " ", 16);
	if (g_strv_length(fields) < 14)
		return FALSE;
	guint64 ticks = g_ascii_strtoull(fields[11], NULL, 10) + g_ascii_strtoull(fields[12], NULL, 10);
	*ret_usec = ticks * G_USEC_PER_SEC / (guint64)sysconf(_SC_CLK_TCK);
	return TRUE;
}

static gboolean read_process_memory(pid_t pid, guint64 *ret_bytes)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/statm", (int)pid);
	g_autofree char *text = NULL;
	if (!file_read(path, 256, &text, NULL, NULL))
		return FALSE;
	g_auto(GStrv) fields = g_strsplit(text, " ", 3);
	if (g_strv_length(fields) < 2)
		return FALSE;
	*ret_bytes = g_ascii_strtoull(fields[1], NULL, 10) * (guint64)sysconf(_SC_PAGESIZE);
	return TRUE;
}

static void set_known(json_object *json, const char *key, gboolean known, guint64 value)
{
	if (known)
		json_set_int(json, key, (gint64)value);
	else
		json_set(json, key, NULL);
}

static json_object *disk_stats(json_object *hardware, json_object *blocks)
{
	json_object *stats = json_object_new_object();
	json_object *disks = json_get(hardware, "disks");
	json_object_object_foreach (disks, key, disk) {
		(void)disk;
		g_autofree char *node = qemu_node_name('d', key);
		for (size_t i = 0; i < json_get_count(blocks); i++) {
			json_object *block = json_object_array_get_idx(blocks, i);
			json_object *counters = json_get(block, "stats");
			if (!g_str_equal(json_get_str(block, "node-name", ""), node))
				continue;
			json_object *entry = json_object_new_object();
			json_set_int(entry, "read_bytes", json_get_int(counters, "rd_bytes", 0));
			json_set_int(entry, "write_bytes", json_get_int(counters, "wr_bytes", 0));
			json_set_int(entry, "reads", json_get_int(counters, "rd_operations", 0));
			json_set_int(entry, "writes", json_get_int(counters, "wr_operations", 0));
			json_set(stats, key, entry);
		}
	}
	return stats;
}

static json_object *nic_stats(Vm *vm, json_object *hardware)
{
	json_object *stats = json_object_new_object();
	json_object *nics = json_get(hardware, "nics");
	json_object_object_foreach (nics, key, nic) {
		guint64 rx = 0, tx = 0;
		gint64 at_us;
		gboolean known = g_str_equal(json_get_str(nic, "mode", ""), "bridge")
					 ? tap_read_counters(vm->id, nic_index(hardware, key), &rx, &tx)
					 : agent_read_counters(vm, json_get_str(nic, "mac", ""), &rx, &tx, &at_us);
		json_object *entry = json_object_new_object();
		set_known(entry, "rx_bytes", known, rx);
		set_known(entry, "tx_bytes", known, tx);
		json_set(stats, key, entry);
	}
	return stats;
}

static pid_t get_pid(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return vm->pid;
}

gboolean vm_read_cpu(Vm *vm, guint64 *ret_usec)
{
	return cgroup_read_cpu_usec(vm->cgroup, ret_usec) || read_process_cpu(get_pid(vm), ret_usec);
}

gboolean vm_read_memory(Vm *vm, guint64 *ret_bytes)
{
	return cgroup_read_memory(vm->cgroup, ret_bytes) || read_process_memory(get_pid(vm), ret_bytes);
}

/* What the host knows of it: nobody is asked. `hardware` is what the process has. */
static json_object *host_stats(Vm *vm, json_object *hardware)
{
	json_object *stats = json_object_new_object(), *cpu = json_object_new_object();
	json_object *memory = json_object_new_object();
	guint64 value = 0;
	json_set_int(stats, "at_us", g_get_real_time());
	gboolean known = vm_read_cpu(vm, &value);
	set_known(cpu, "usec", known, value);
	json_set_int(cpu, "vcpus", qemu_vcpus(json_get(hardware, "cpu")));
	json_set(stats, "cpu", cpu);
	json_set_int(memory, "limit", json_get_int(hardware, "memory", 0));
	known = vm_read_memory(vm, &value);
	set_known(memory, "used", known, value);
	balloon_describe(vm, memory);
	json_set(stats, "memory", memory);
	return stats;
}

static json_object *dup_hardware(Vm *vm, GError **error)
{
	json_object *hardware = vm_dup_applied(vm);
	if (!hardware)
		error_set(error, ERROR_CONFLICT, "reboot it", "it is not known which hardware the running process has");
	return hardware;
}

static json_object *ask_disks(Vm *vm, json_object *hardware, guint timeout_ms, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, error);
	if (!qmp)
		return NULL;
	json_auto json_object *blocks = qmp_command(qmp, "query-blockstats", NULL, timeout_ms, &failure);
	if (blocks)
		return disk_stats(hardware, blocks);
	/* If QEMU ended while it was asked, the guest's state is the answer. */
	g_autoptr(Qmp) present = error_code(failure) == ERROR_UNAVAILABLE ? vm_ref_qmp(vm, error) : qmp_ref(qmp);
	if (present)
		g_propagate_error(error, g_steal_pointer(&failure));
	return NULL;
}

json_object *vm_stats(Vm *vm, GError **error)
{
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, error);
	json_auto json_object *hardware = qmp ? dup_hardware(vm, error) : NULL;
	json_object *disks = hardware ? ask_disks(vm, hardware, COMMAND_TIMEOUT_MS, error) : NULL;
	if (!disks)
		return NULL;
	balloon_refresh(vm, COMMAND_TIMEOUT_MS, NULL); /* without its driver, what the guest uses stays unknown */
	agent_refresh(vm, AGENT_TIMEOUT_MS, NULL); /* for the cards' counters; without an agent they stay unknown */
	json_object *stats = host_stats(vm, hardware);
	json_set(stats, "disks", disks);
	json_set(stats, "nics", nic_stats(vm, hardware));
	return stats;
}

json_object *vm_stats_of_host(Vm *vm)
{
	json_auto json_object *hardware = dup_hardware(vm, NULL);
	if (!hardware)
		return NULL;
	json_object *stats = host_stats(vm, hardware);
	json_set(stats, "nics", nic_stats(vm, hardware));
	return stats;
}

json_object *vm_stats_of_disks(Vm *vm, guint timeout_ms, GError **error)
{
	json_auto json_object *hardware = dup_hardware(vm, error);
	return hardware ? ask_disks(vm, hardware, timeout_ms, error) : NULL;
}
