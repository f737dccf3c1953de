/* Adoption at the daemon's start, and of what could not be asked then or has fallen silent since.
 *
 * What is true is asked of QEMU. What QEMU cannot say, two files in the guest's run directory tell: what the former
 * daemon knew (remember.h), and every event of QEMU with its time (events.h). Events later than the remembered `since`
 * are news that no daemon saw: above all a reboot, which leaves no other trace. The run directory is gone after a
 * reboot of the node, as is the process. */
#include "guest/run/adopt.h"

#include <signal.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/console/console.h"
#include "guest/devices/helper.h"
#include "guest/devices/passthrough.h"
#include "guest/devices/watchdog.h"
#include "guest/guests.h"
#include "guest/run/events.h"
#include "guest/run/exit.h"
#include "guest/run/power.h"
#include "guest/run/remember.h"
#include "guest/run/wanted.h"
#include "guest/run/watch.h"
#include "guest/tools/agent.h"
#include "guest/tools/freeze.h"
#include "guest/tools/leftover.h"
#include "net/shape.h"
#include "sandbox/groups.h"
#include "schema/schema.h"

enum {
	MONITOR_TIMEOUT_MS = 5000,
	END_TIMEOUT_MS = 5000,
	DYING_TIMEOUT_MS = 1000, /* for a process whose monitor is gone already */
	HARDWARE_BYTES_MAX = 1 << 20,
};

/* Takes a state that was found, not reached by a transition. */
static void take_state(Vm *vm, VmState state)
{
	g_mutex_lock(&vm->lock);
	vm->state = state;
	g_mutex_unlock(&vm->lock);
	vm_set_state(vm, state, NULL, NULL); /* renews the row */
}

static void restore_applied(Vm *vm)
{
	g_autofree char *path = g_build_filename(vm->run_dir, "applied.json", NULL);
	g_autofree char *text = NULL;
	gsize length = 0;
	if (!file_read(path, HARDWARE_BYTES_MAX, &text, &length, NULL))
		return;
	json_auto json_object *present = json_parse(text, length, NULL);
	if (!json_object_is_type(present, json_type_object))
		return;
	/* An earlier release knew fewer fields; what it started has their defaults. */
	schema_fill(&vm_table, present);
	json_auto json_object *hardware = vm_hardware(present);
	vm_set_applied(vm, hardware);
}

/* What happened while nobody looked, beyond the present state: when it came about, and a reboot. */
static void catch_up(Vm *vm, VmState remembered, gint64 since_us)
{
	VmState state = vm_get_state(vm);
	gint64 at = 0;
	if (state == VM_RUNNING && remembered == VM_RUNNING && watchdog_catch_up(vm, since_us))
		return;
	if (state == VM_RUNNING && remembered == VM_RUNNING) {
		at = vm_find_event(vm, "RESET", "guest", since_us, NULL);
		if (at)
			vm_set_state(vm, VM_RUNNING, "guest-reboot", "the guest rebooted");
	} else if (state != remembered && (state == VM_PANICKED || state == VM_PAUSED)) {
		at = vm_find_event(vm, state == VM_PANICKED ? "GUEST_PANICKED" : "STOP", NULL, since_us, NULL);
	}
	if (at)
		vm_set_since(vm, at);
}

/* A start that was interrupted before `cont`. Its task, which will be recovered, begins it anew. */
static void end_unbegun(Vm *vm)
{
	g_autoptr(GError) error = NULL;
	take_state(vm, VM_STARTING);
	vm_expect_exit(vm, "start-failed", "its start was interrupted");
	if (!vm_end_process(vm, END_TIMEOUT_MS, &error)) {
		g_warning("VM %" G_GINT64_FORMAT ": %s", vm->id, error->message);
		vm_watch_exit(vm); /* it may yet end */
	}
}

/* Whether the guest was not taken over yet; from now on it is. */
static gboolean begin_take_over(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	gboolean mine = vm->adopting;
	vm->adopting = FALSE;
	return mine;
}

/* What the former daemon knew of the guest, and what QEMU says of it now. FALSE if QEMU does not say. */
static gboolean take_over(Vm *vm, GError **error)
{
	g_autoptr(Qmp) qmp = vm_reach_monitor(vm, MONITOR_TIMEOUT_MS, error);
	json_auto json_object *status = qmp ? qmp_command(qmp, "query-status", NULL, MONITOR_TIMEOUT_MS, error) : NULL;
	g_autoptr(GError) console_error = NULL;
	if (!status)
		return FALSE;
	if (!begin_take_over(vm))
		return TRUE;
	if (g_str_equal(json_get_str(status, "status", ""), "prelaunch")) {
		end_unbegun(vm);
		return TRUE;
	}
	json_auto json_object *memory = vm_read_remembered(vm);
	const char *name = json_get_str(memory, "state", vm_state_name(VM_RUNNING));
	vm_recall(vm, memory); /* one that was silent until now was "unknown" meanwhile */
	/* A shutdown or start that was under way is recovered by its task; until then the guest just runs. */
	VmState state = g_str_equal(name, vm_state_name(VM_PAUSED))	? VM_PAUSED
			: g_str_equal(name, vm_state_name(VM_PANICKED)) ? VM_PANICKED
			: g_str_equal(name, vm_state_name(VM_UNKNOWN))	? VM_UNKNOWN
									: VM_RUNNING;
	gboolean interrupted = g_str_equal(name, vm_state_name(VM_STARTING));
	take_state(vm, state);
	if (interrupted)
		vm_set_state(vm, state, "started", "started");
	if (!console_open(vm, &console_error))
		g_warning("VM %" G_GINT64_FORMAT ": no serial console: %s", vm->id, console_error->message);
	vm_query_state(vm);
	if (!vm_state_is_alive(vm_get_state(vm)))
		return TRUE;
	if (!interrupted)
		catch_up(vm, state, json_get_int(memory, "since_us", G_MAXINT64));
	vm_watch_exit(vm);
	helper_adopt(vm);
	agent_look(vm);
	freeze_adopt(vm);
	leftover_adopt(vm);
	return TRUE;
}

static void adopt_running(Vm *vm, const LaunchRecord *record, int pidfd)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *memory = vm_read_remembered(vm);

	g_mutex_lock(&vm->lock);
	vm->pid = record->pid;
	vm->start_time = record->start_time;
	vm->pidfd = pidfd;
	vm->adopting = TRUE;
	g_mutex_unlock(&vm->lock);
	vm_recall(vm, memory);
	restore_applied(vm);
	if (take_over(vm, &error))
		return;
	if (process_wait(pidfd, DYING_TIMEOUT_MS)) {
		vm_settle_absent(vm);
		return;
	}
	take_state(vm, VM_UNKNOWN);
	vm_set_state(vm, VM_UNKNOWN, "unresponsive", "QEMU runs, but its monitor cannot be reached: %s",
		     error->message);
	vm_watch_exit(vm);
	vm_watch_silence(vm);
}

static gboolean is_adopting(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return vm->adopting;
}

static void reach_again(Vm *vm)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Qmp) qmp = vm_reach_monitor(vm, MONITOR_TIMEOUT_MS, NULL);
	if (!qmp)
		return;
	/* What it says changes the state as after an event. */
	if (!console_open(vm, &error))
		g_warning("VM %" G_GINT64_FORMAT ": no serial console: %s", vm->id, error->message);
	vm_query_state(vm);
	agent_look(vm);
}

void vm_regain(Vm *vm)
{
	/* A task that is at work on one that was not taken over yet (its start was interrupted, or somebody stops it) ends
	 * it, and may begin it anew. */
	if (!is_adopting(vm)) {
		if (vm_get_state(vm) == VM_UNKNOWN)
			reach_again(vm);
	} else if (!vm_is_claimed(vm)) {
		take_over(vm, NULL);
	}
	if (vm_get_state(vm) == VM_UNKNOWN || is_adopting(vm))
		vm_watch_silence(vm);
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
	json_auto json_object *memory = vm_read_remembered(vm);
	if (record.present) {
		vm_recall(vm, memory);
		if (g_str_equal(json_get_str(memory, "state", ""), vm_state_name(VM_STARTING)))
			vm_expect_exit(vm, "start-failed", "its start was interrupted");
		vm_settle_absent(vm);
		return;
	}
	passthrough_end(vm->services, vm->run_dir); /* of a start that did not come to a process */
	vm_recall_reason(vm);
	/* Within one boot a process leaves its record: then the fact only says that somebody was about to start it. */
	if (!memory && vm_is_wanted(vm)) {
		vm_set_state(vm, VM_STOPPED, "node-restart", "the node was restarted while it ran");
		vm_record_reason(vm, FALSE);
	} else if (memory && vm_is_wanted(vm) && g_str_equal(vm->reason_code, "crash")) {
		/* A former daemon settled the crash and died before it asked for the restart that the policy wants. */
		if (!vm_is_claimed(vm) && !vm_submit(vm, &vm_start_kind, "yado", NULL, &error))
			g_warning("cannot restart VM %" G_GINT64_FORMAT " after a crash: %s", vm->id, error->message);
	}
}

/* Nothing can show or stop such a guest, and a new one could get its number, control group and disks. */
static void end_stray(Services *services, gint64 id, const char *run_dir)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *cgroup = groups_guest(id);
	LaunchRecord record;
	if (launch_read_record(run_dir, &record, NULL) && record.running) {
		fd_auto int pidfd = process_open(record.pid, record.start_time);
		g_warning("QEMU %d runs as VM %" G_GINT64_FORMAT ", which has no document: it is ended",
			  (int)record.pid, id);
		if (pidfd >= 0 && process_signal(pidfd, SIGKILL) && !process_wait(pidfd, END_TIMEOUT_MS)) {
			g_warning("QEMU %d does not end", (int)record.pid);
			return;
		}
	}
	shape_end_all(services->run_dir, id);
	gboolean ended = groups_end(cgroup, END_TIMEOUT_MS, &error);
	launch_await_all_exits(run_dir);
	passthrough_end(services, run_dir);
	if (!ended || !dir_remove(run_dir, &error))
		g_warning("what is left of VM %" G_GINT64_FORMAT ": %s", id, error->message);
}

void adopt_strays(Services *services)
{
	g_autofree char *path = g_build_filename(services->run_dir, "vm", NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;
	while (dir && (name = g_dir_read_name(dir))) {
		char *end = NULL;
		gint64 id = g_ascii_strtoll(name, &end, 10);
		g_autoptr(Vm) vm = id > 0 && *end == '\0' ? guests_get(services->guests, id) : NULL;
		g_autofree char *run_dir = g_build_filename(path, name, NULL);
		if (id > 0 && *end == '\0' && !vm)
			end_stray(services, id, run_dir);
	}
}
