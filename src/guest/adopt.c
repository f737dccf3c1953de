/* Adoption at the daemon's start. */
#include "guest/adopt.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/agent.h"
#include "guest/console.h"
#include "guest/power.h"

enum { MONITOR_TIMEOUT_MS = 5000, HARDWARE_BYTES_MAX = 1 << 20 };

static void restore_applied(Vm *vm)
{
	g_autofree char *path = g_build_filename(vm->run_dir, "applied.json", NULL);
	g_autofree char *text = NULL;
	gsize length = 0;
	if (!file_read(path, HARDWARE_BYTES_MAX, &text, &length, NULL))
		return;
	json_auto json_object *hardware = json_parse(text, length, NULL);
	if (hardware)
		vm_set_applied(vm, hardware);
}

static void adopt_running(Vm *vm, const LaunchRecord *record, int pidfd)
{
	g_autoptr(GError) error = NULL;

	g_mutex_lock(&vm->lock);
	vm->pid = record->pid;
	vm->start_time = record->start_time;
	vm->pidfd = pidfd;
	g_mutex_unlock(&vm->lock);
	vm_recall_reason(vm);
	restore_applied(vm);
	if (!vm_connect_monitor(vm, MONITOR_TIMEOUT_MS, &error)) {
		vm_set_state(vm, VM_UNKNOWN, "unresponsive", "QEMU runs, but its monitor cannot be reached: %s",
			     error->message);
		vm_watch_exit(vm);
		return;
	}
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, NULL);
	json_auto json_object *status = qmp ? qmp_command(qmp, "query-status", NULL, MONITOR_TIMEOUT_MS, &error) : NULL;
	const char *name = json_get_str(status, "status", "");
	/* A start that was interrupted before `cont`. */
	if (g_str_equal(name, "prelaunch")) {
		vm_set_state(vm, VM_STARTING, NULL, NULL);
		vm_expect_exit(vm, "start-failed", "its start was interrupted");
		vm_end_process(vm, MONITOR_TIMEOUT_MS, NULL);
		return;
	}
	vm_set_state(vm, g_str_equal(name, "running") || g_str_equal(name, "shutdown") ||
				 g_str_equal(name, "guest-panicked") || g_str_equal(name, "io-error")
			     ? VM_RUNNING
			     : VM_PAUSED,
		     NULL, NULL);
	if (!console_open(vm, &error))
		g_warning("VM %" G_GINT64_FORMAT ": no serial console: %s", vm->id, error->message);
	vm_query_state(vm);
	if (vm_state_is_alive(vm_get_state(vm))) {
		vm_watch_exit(vm);
		agent_query_port(vm);
	}
}

void vm_adopt(Vm *vm)
{
	g_autoptr(GError) error = NULL;
	LaunchRecord record;

	if (!launch_read_record(vm->run_dir, &record, &error)) {
		g_warning("VM %" G_GINT64_FORMAT ": %s", vm->id, error->message);
		return;
	}
	int pidfd = record.running ? process_open(record.pid, record.start_time) : -1;
	if (pidfd >= 0) {
		adopt_running(vm, &record, pidfd);
		return;
	}
	vm_recall_reason(vm);
	if (record.present)
		vm_settle_absent(vm);
	else if (vm_is_wanted(vm)) {
		vm_set_state(vm, VM_STOPPED, "node-restart", "the node was restarted while it ran");
		vm_record_reason(vm, FALSE);
	}
}
