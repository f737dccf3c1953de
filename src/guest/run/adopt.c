/* Adoption at the daemon's start, and of what could not be asked then or has fallen silent since.
 *
 * What is true is asked of QEMU. What QEMU cannot say, two files in the guest's run directory tell: "memory.json",
 * which the daemon renews with each change (reason, since when, why the end is expected, restarts so far), and the
 * launcher's log, in which QEMU's second monitor writes every event with its time. Events later than the remembered
 * `since` are news that no daemon saw: above all a reboot, which leaves no other trace. The run directory is gone after
 * a reboot of the node, as is the process.
 *
 * QEMU may have been taken over by its guest: the log is bounded, a line that is not an event is skipped, and all that
 * an event can do is to choose among the reasons below. */
#include "guest/run/adopt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/console/console.h"
#include "guest/devices/helper.h"
#include "guest/devices/passthrough.h"
#include "guest/devices/watchdog.h"
#include "guest/guests.h"
#include "guest/run/exit.h"
#include "guest/run/power.h"
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
	RECORD_TIMEOUT_MS = 3000,
	DYING_TIMEOUT_MS = 1000, /* for a process whose monitor is gone already */
	HARDWARE_BYTES_MAX = 1 << 20,
	MEMORY_BYTES_MAX = 64 * 1024,
	RESTARTS_MAX = 100, /* restart.max's bound */
};

static char *memory_path(Vm *vm)
{
	return g_build_filename(vm->run_dir, "memory.json", NULL);
}

void vm_remember(Vm *vm)
{
	/* So that two threads do not write in another order than that of their changes. The file is void after a
	 * boot. */
	static GMutex writing;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&writing);
	json_auto json_object *json = json_object_new_object();
	json_object *restarts = json_object_new_array();
	g_mutex_lock(&vm->lock);
	json_set_str(json, "boot", process_boot_id());
	json_set_str(json, "state", vm_state_name(vm->state));
	json_set_str(json, "reason_code", vm->reason_code);
	json_set_str(json, "reason", vm->reason);
	json_set_int(json, "since_us", vm->since_us);
	json_set_int(json, "memory_base", vm->memory_base);
	json_set_bool(json, "memory_shared", vm->memory_shared);
	if (vm->exit_code) {
		json_set_str(json, "exit_code", vm->exit_code);
		json_set_str(json, "exit_reason", vm->exit_reason);
	}
	for (guint i = 0; i < vm->restarts_us->len; i++)
		json_object_array_add(restarts, json_object_new_int64(g_array_index(vm->restarts_us, gint64, i)));
	g_mutex_unlock(&vm->lock);
	json_set(json, "restarts_us", restarts);

	/* A guest that never ran has no run directory, and needs none. */
	if (!g_file_test(vm->run_dir, G_FILE_TEST_IS_DIR))
		return;
	g_autofree char *path = memory_path(vm);
	g_autofree char *text = json_dup_text(json);
	g_autoptr(GError) error = NULL;
	if (!file_replace(path, text, strlen(text), 0600, &error))
		g_warning("VM %" G_GINT64_FORMAT ": what a restarted daemon should know cannot be written: %s", vm->id,
			  error->message);
}

/* NULL if there is none of this boot. */
static json_object *read_memory(Vm *vm)
{
	g_autofree char *path = memory_path(vm);
	g_autofree char *text = NULL;
	gsize length = 0;
	if (!file_read(path, MEMORY_BYTES_MAX, &text, &length, NULL))
		return NULL;
	json_auto json_object *memory = json_parse(text, length, NULL);
	return g_str_equal(json_get_str(memory, "boot", ""), process_boot_id()) ? g_steal_pointer(&memory) : NULL;
}

/* All but the state. */
static void recall(Vm *vm, json_object *memory)
{
	json_object *restarts = json_get(memory, "restarts_us");
	const char *exit_code = json_get_str(memory, "exit_code", NULL);
	if (!memory) {
		vm_recall_reason(vm);
		return;
	}
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	g_free(vm->reason_code);
	g_free(vm->reason);
	vm->reason_code = g_strdup(json_get_str(memory, "reason_code", "none"));
	vm->reason = g_strdup(json_get_str(memory, "reason", ""));
	vm->since_us = json_get_int(memory, "since_us", vm->since_us);
	vm->memory_base = json_get_int(memory, "memory_base", 0);
	vm->memory_shared = json_get_bool(memory, "memory_shared", FALSE);
	if (exit_code) {
		vm->exit_code = g_strdup(exit_code);
		vm->exit_reason = g_strdup(json_get_str(memory, "exit_reason", ""));
	}
	gsize count = json_get_count(restarts);
	for (gsize i = 0; i < MIN(count, RESTARTS_MAX); i++) {
		gint64 at = json_object_get_int64(json_object_array_get_idx(restarts, i));
		g_array_append_val(vm->restarts_us, at);
	}
}

/* Takes a state that was found, not reached by a transition. */
static void take_state(Vm *vm, VmState state)
{
	g_mutex_lock(&vm->lock);
	vm->state = state;
	g_mutex_unlock(&vm->lock);
	vm_set_state(vm, state, NULL, NULL); /* renews the row */
}

gint64 vm_find_event(Vm *vm, const char *name, const char *member, gint64 after_us, json_object **ret_data)
{
	g_auto(GStrv) lines = launch_read_events(vm->run_dir);
	json_auto json_object *found = NULL;
	gint64 found_us = 0;
	for (char **line = lines; *line; line++) {
		/* Most lines are of other events, and need no parse. */
		if (!strstr(*line, name))
			continue;
		json_auto json_object *event = json_parse(*line, strlen(*line), NULL);
		json_object *time = json_get(event, "timestamp"), *data = json_get(event, "data");
		gint64 at = json_get_int(time, "seconds", 0) * G_USEC_PER_SEC + json_get_int(time, "microseconds", 0);
		if (!g_str_equal(json_get_str(event, "event", ""), name) || at <= after_us || at > g_get_real_time() ||
		    (member && !json_get_bool(data, member, FALSE)))
			continue;
		json_clear(&found);
		found = data ? json_object_get(data) : json_object_new_object();
		found_us = at;
	}
	if (found_us && ret_data)
		*ret_data = g_steal_pointer(&found);
	return found_us;
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

/* QEMU's monitor is connected, and QEMU says the rest. name: the state that was seen last, since_us: since when. */
static void take_over(Vm *vm, const char *name, gint64 since_us)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, NULL);
	json_auto json_object *status = qmp ? qmp_command(qmp, "query-status", NULL, MONITOR_TIMEOUT_MS, &error) : NULL;
	/* A start that was interrupted before `cont`. */
	if (g_str_equal(json_get_str(status, "status", ""), "prelaunch")) {
		take_state(vm, VM_STARTING);
		vm_expect_exit(vm, "start-failed", "its start was interrupted");
		if (!vm_end_process(vm, END_TIMEOUT_MS, &error)) {
			g_warning("VM %" G_GINT64_FORMAT ": %s", vm->id, error->message);
			vm_watch_exit(vm); /* it may yet end */
		}
		return;
	}
	/* A shutdown or start that was under way is recovered by its task; until then the guest just runs. */
	VmState state = g_str_equal(name, vm_state_name(VM_PAUSED))	? VM_PAUSED
			: g_str_equal(name, vm_state_name(VM_PANICKED)) ? VM_PANICKED
			: g_str_equal(name, vm_state_name(VM_UNKNOWN))	? VM_UNKNOWN
									: VM_RUNNING;
	gboolean interrupted = g_str_equal(name, vm_state_name(VM_STARTING));
	take_state(vm, state);
	if (interrupted)
		vm_set_state(vm, state, "started", "started");
	if (!console_open(vm, &error))
		g_warning("VM %" G_GINT64_FORMAT ": no serial console: %s", vm->id, error->message);
	vm_query_state(vm);
	if (!vm_state_is_alive(vm_get_state(vm)))
		return;
	if (!interrupted)
		catch_up(vm, state, since_us);
	vm_watch_exit(vm);
	helper_adopt(vm);
	agent_look(vm);
	freeze_adopt(vm);
	leftover_adopt(vm);
}

static void adopt_running(Vm *vm, const LaunchRecord *record, int pidfd)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *memory = read_memory(vm);

	g_mutex_lock(&vm->lock);
	vm->pid = record->pid;
	vm->start_time = record->start_time;
	vm->pidfd = pidfd;
	g_mutex_unlock(&vm->lock);
	recall(vm, memory);
	restore_applied(vm);
	if (vm_connect_monitor(vm, MONITOR_TIMEOUT_MS, &error)) {
		take_over(vm, json_get_str(memory, "state", vm_state_name(VM_RUNNING)),
			  json_get_int(memory, "since_us", G_MAXINT64));
	} else if (process_wait(pidfd, DYING_TIMEOUT_MS)) {
		vm_settle_absent(vm);
	} else {
		take_state(vm, VM_UNKNOWN);
		vm_set_state(vm, VM_UNKNOWN, "unresponsive", "QEMU runs, but its monitor cannot be reached: %s",
			     error->message);
		vm_watch_exit(vm);
		vm_watch_silence(vm);
	}
}

void vm_regain(Vm *vm)
{
	g_autoptr(GError) error = NULL;
	if (vm_get_state(vm) != VM_UNKNOWN)
		return;
	g_autoptr(Qmp) qmp = vm_reach_monitor(vm, MONITOR_TIMEOUT_MS, NULL);
	if (qmp) {
		/* What it says changes the state as after an event; the rest is what adoption could not do. */
		if (!console_open(vm, &error))
			g_warning("VM %" G_GINT64_FORMAT ": no serial console: %s", vm->id, error->message);
		vm_query_state(vm);
		agent_look(vm);
	}
	if (vm_get_state(vm) == VM_UNKNOWN)
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
	json_auto json_object *memory = read_memory(vm);
	if (record.present) {
		recall(vm, memory);
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
		g_autofree char *object = g_strdup_printf("vm/%" G_GINT64_FORMAT, vm->id);
		if (!tasks_claimed_by(vm->services->tasks, object) &&
		    !vm_submit(vm, &vm_start_kind, "yado", NULL, &error))
			g_warning("cannot restart VM %" G_GINT64_FORMAT " after a crash: %s", vm->id, error->message);
	}
}

/* The launcher writes the record right after it has reaped QEMU; that is a moment after the pidfd became readable. A
 * launcher that is gone never will. */
gboolean adopt_read_exit(const char *run_dir, LaunchRecord *ret_record)
{
	gint64 deadline = g_get_monotonic_time() + RECORD_TIMEOUT_MS * 1000;
	do {
		gboolean read = launch_read_record(run_dir, ret_record, NULL);
		if (read && ret_record->ended)
			return TRUE;
		if (read && !ret_record->watched)
			/* It may have written it just before it ended, after our look at the file. */
			return launch_read_record(run_dir, ret_record, NULL) && ret_record->ended;
		g_usleep(2000);
	} while (g_get_monotonic_time() < deadline);
	return FALSE;
}

void adopt_wait_launchers(const char *run_dir)
{
	g_autoptr(GDir) dir = g_dir_open(run_dir, 0, NULL);
	const char *name;
	LaunchRecord record;
	adopt_read_exit(run_dir, &record);
	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(run_dir, name, NULL);
		if (g_file_test(path, G_FILE_TEST_IS_DIR))
			adopt_read_exit(path, &record);
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
	adopt_wait_launchers(run_dir);
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
