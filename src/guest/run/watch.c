/* Following a guest's process.
 *
 * Two things are watched on the monitor thread: the pidfd (the process ended) and the monitor's events. Neither is
 * acted on there: both queue a reaction, which asks QEMU for its true state or settles the exit. Events are only a
 * reason to ask, so a missed one (no daemon was running) loses nothing: adoption asks the same questions (and reads
 * what no question answers from QEMU's log, adopt.c).
 *
 * A reaction may run late, when the guest has been stopped and started anew by a task. So it acts only on the process
 * that it was told of: the state is taken from the monitor that is still the guest's, and an exit is settled only when
 * the pidfd says that there was one. */
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/console/console.h"
#include "guest/devices/helper.h"
#include "guest/devices/passthrough.h"
#include "guest/devices/tpm.h"
#include "guest/devices/watchdog.h"
#include "guest/guests.h"
#include "guest/lifecycle.h"
#include "guest/live/memory.h"
#include "guest/run/adopt.h"
#include "guest/run/open.h"
#include "guest/run/power.h"
#include "guest/run/question.h"
#include "guest/tools/agent.h"
#include "guest/tools/freeze.h"
#include "guest/tools/leftover.h"
#include "net/shape.h"
#include "sandbox/groups.h"

enum {
	QUERY_TIMEOUT_MS = 5000,
	QUIT_TIMEOUT_MS = 5000,
	SILENCE_MS = 5000, /* until a silent monitor is asked again */
	DYING_TIMEOUT_MS = 2000, /* from a monitor's end to its process's */
	CGROUP_TIMEOUT_MS = 10000,
	TPM_TIMEOUT_MS = 5000,
	RESTART_WINDOW_S = 600,
	RESET_AGAIN_S = 2,
};

void vm_set_since(Vm *vm, gint64 since_us)
{
	g_mutex_lock(&vm->lock);
	vm->since_us = since_us;
	VmState state = vm->state;
	g_mutex_unlock(&vm->lock);
	vm_set_state(vm, state, NULL, NULL); /* renews the row */
}

static void react_query(Vm *vm, gpointer data)
{
	(void)data;
	vm_query_state(vm);
}

/* After a reset that somebody asked for, firmware that finds itself begun already may reset once more: that is no news. */
static void react_reset(Vm *vm, gpointer data)
{
	(void)data;
	g_mutex_lock(&vm->lock);
	gboolean asked = g_str_equal(vm->reason_code, "user-reset") &&
			 g_get_real_time() - vm->since_us < RESET_AGAIN_S * G_USEC_PER_SEC;
	g_mutex_unlock(&vm->lock);
	if (!asked && !watchdog_has_reset(vm) && vm_get_state(vm) == VM_RUNNING)
		vm_set_state(vm, VM_RUNNING, "guest-reboot", "the guest rebooted");
}

static void react_exit(Vm *vm, gpointer data)
{
	(void)data;
	vm_settle_exit(vm);
}

static void react_silence(Vm *vm, gpointer data)
{
	(void)data;
	vm_regain(vm);
}

/* With the process goes its monitor; QEMU has no reason to close it before. */
static void react_lost(Vm *vm, gpointer data)
{
	(void)data;
	g_mutex_lock(&vm->lock);
	gboolean lost = vm->qmp && !qmp_is_open(vm->qmp);
	fd_auto int pidfd = lost && vm->pidfd >= 0 ? dup(vm->pidfd) : -1;
	g_mutex_unlock(&vm->lock);
	if (pidfd < 0 || process_wait(pidfd, DYING_TIMEOUT_MS) || vm_get_state(vm) == VM_STARTING)
		return;
	vm_set_state(vm, VM_UNKNOWN, "unresponsive", "QEMU runs, but has closed its monitor");
	vm_watch_silence(vm);
}

/* The guest has taken, or given back, what it did not while a task waited for that. */
static void react_memory(Vm *vm, gpointer data)
{
	g_autofree char *object = g_strdup_printf("vm/%" G_GINT64_FORMAT, vm->id);
	(void)data;
	if (!tasks_claimed_by(vm->services->tasks, object) && live_memory_came(vm))
		vm_submit(vm, &vm_apply_kind, "yado", NULL, NULL);
}

/* The guest let go of a device. If no task waits for that, it comes late: what was left undone is done now. */
static void react_unplug(Vm *vm, gpointer data)
{
	g_autofree char *object = g_strdup_printf("vm/%" G_GINT64_FORMAT, vm->id);
	(void)data;
	if (!tasks_claimed_by(vm->services->tasks, object) && live_waits(vm))
		vm_submit(vm, &vm_apply_kind, "yado", NULL, NULL);
}

static void queue(Vm *vm, GuestReaction reaction, gpointer data)
{
	guests_react(vm->services->guests, vm_ref(vm), reaction, data);
}

static void on_event(Qmp *qmp, const char *event, json_object *data, gpointer user_data)
{
	static const char *const state_events[] = {"STOP",	     "RESUME",	 "SHUTDOWN",   "GUEST_PANICKED",
						   "BLOCK_IO_ERROR", "SUSPEND", "WAKEUP", NULL};
	Vm *vm = user_data;

	(void)qmp;
	if (!event)
		guests_react_slowly(vm->services->guests, vm_ref(vm), react_lost, NULL);
	else if (g_str_equal(event, "RESET") && json_get_bool(data, "guest", FALSE))
		queue(vm, react_reset, NULL);
	else if (g_str_equal(event, "DEVICE_DELETED"))
		queue(vm, react_unplug, NULL);
	else if (g_str_equal(event, "MEMORY_DEVICE_SIZE_CHANGE"))
		queue(vm, react_memory, NULL);
	else if (g_str_equal(event, "VSERPORT_CHANGE"))
		agent_look(vm);
	else if (g_str_equal(event, "WATCHDOG"))
		watchdog_fired(vm, data);
	else if (g_strv_contains(state_events, event))
		queue(vm, react_query, NULL);
}

gboolean vm_connect_monitor(Vm *vm, guint timeout_ms, GError **error)
{
	g_mutex_lock(&vm->lock);
	pid_t pid = vm->pid;
	g_mutex_unlock(&vm->lock);
	g_autofree char *path = vm_socket_path(vm, "qmp");
	Qmp *qmp = pid ? qmp_connect(path, timeout_ms, on_event, vm, error) : NULL;
	if (pid && !qmp)
		return FALSE;
	g_mutex_lock(&vm->lock);
	gboolean ours = pid && vm->pid == pid;
	Qmp *old = ours ? vm->qmp : qmp;
	if (ours)
		vm->qmp = qmp;
	g_mutex_unlock(&vm->lock);
	if (old) {
		qmp_close(old);
		qmp_unref(old);
	}
	if (!ours)
		error_set(error, ERROR_CONFLICT, NULL, "its process has ended");
	return ours;
}

Qmp *vm_reach_monitor(Vm *vm, guint timeout_ms, GError **error)
{
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, NULL);
	if (qmp && qmp_is_open(qmp))
		return g_steal_pointer(&qmp);
	return vm_connect_monitor(vm, timeout_ms, error) ? vm_ref_qmp(vm, error) : NULL;
}

static gboolean on_exit_ready(int fd, GIOCondition condition, gpointer data)
{
	(void)fd;
	(void)condition;
	queue(data, react_exit, NULL);
	return G_SOURCE_REMOVE;
}

void vm_watch_exit(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	int pidfd = vm->pidfd;
	if (pidfd >= 0 && !vm->exit_source) {
		GSource *source = g_unix_fd_source_new(pidfd, G_IO_IN);
		g_source_set_callback(source, G_SOURCE_FUNC(on_exit_ready), vm_ref(vm), (GDestroyNotify)vm_unref);
		g_source_attach(source, qmp_monitor_context());
		vm->exit_source = source;
	}
	g_mutex_unlock(&vm->lock);
	/* Whatever happened between `cont` and now is found by asking. */
	queue(vm, react_query, NULL);
}

static gboolean on_silence(gpointer data)
{
	Vm *vm = data;
	g_mutex_lock(&vm->lock);
	g_clear_pointer(&vm->silence_timer, g_source_unref);
	g_mutex_unlock(&vm->lock);
	guests_react_slowly(vm->services->guests, vm_ref(vm), react_silence, NULL);
	return G_SOURCE_REMOVE;
}

void vm_watch_silence(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	if (vm->silence_timer || vm->pidfd < 0)
		return;
	vm->silence_timer = g_timeout_source_new(SILENCE_MS);
	g_source_set_callback(vm->silence_timer, on_silence, vm_ref(vm), (GDestroyNotify)vm_unref);
	g_source_attach(vm->silence_timer, qmp_monitor_context());
}

static void end_source(GSource *source)
{
	if (source)
		g_source_destroy(source);
	g_clear_pointer(&source, g_source_unref);
}

void vm_release_process(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	Qmp *qmp = g_steal_pointer(&vm->qmp);
	int pidfd = fd_steal(&vm->pidfd);
	GSource *exit_source = g_steal_pointer(&vm->exit_source);
	GSource *silence_timer = g_steal_pointer(&vm->silence_timer);
	vm->pid = 0;
	vm->balloon = (VmBalloon){0};
	g_mutex_unlock(&vm->lock);
	/* Without a process, nobody connects to the agent anew. */
	agent_disconnect(vm);
	helper_release(vm);
	freeze_release(vm);
	leftover_clear(vm);
	console_close(vm);
	end_source(exit_source);
	end_source(silence_timer);
	if (qmp) {
		qmp_close(qmp);
		qmp_unref(qmp);
	}
	fd_close(pidfd);
}

/* Which disks stopped the guest, and why. */
static void describe_io_error(Vm *vm)
{
	g_autoptr(GArray) disks = question_ask(vm);
	gboolean no_space = FALSE;
	for (guint i = 0; i < disks->len; i++)
		no_space |= g_array_index(disks, QuestionDisk, i).no_space;
	g_autofree char *reason = question_reason(vm, disks);
	const char *code = no_space ? "no-space" : "io-error";
	/* Asked again, the same answer is no news. */
	g_mutex_lock(&vm->lock);
	gboolean known = vm->state == VM_PAUSED && g_str_equal(vm->reason_code, code) && g_str_equal(vm->reason, reason);
	g_mutex_unlock(&vm->lock);
	if (!known)
		vm_set_state(vm, VM_PAUSED, code, "%s", reason);
}

typedef enum Restart { RESTART_NEVER, RESTART_AGAIN, RESTART_ENOUGH } Restart;

static Restart may_restart(Vm *vm, guint *ret_recent)
{
	json_auto json_object *document = vm_dup_document(vm, NULL);
	json_object *restart = json_get(document, "restart");
	guint max = (guint)json_get_int(restart, "max", 3), recent = 0;
	gint64 now = g_get_monotonic_time();

	if (!g_str_equal(json_get_str(restart, "policy", "never"), "on-crash"))
		return RESTART_NEVER;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	for (guint i = 0; i < vm->restarts_us->len; i++)
		recent += now - g_array_index(vm->restarts_us, gint64, i) < RESTART_WINDOW_S * G_USEC_PER_SEC;
	*ret_recent = recent;
	if (recent >= max)
		return RESTART_ENOUGH;
	if (vm->restarts_us->len >= max)
		g_array_remove_index(vm->restarts_us, 0);
	g_array_append_val(vm->restarts_us, now);
	return RESTART_AGAIN;
}

static char *describe_limit(guint recent)
{
	return g_strdup_printf("; it was restarted %u %s within %d minutes and stays down", recent,
			       recent == 1 ? "time" : "times", RESTART_WINDOW_S / 60);
}

/* Before tasks_start() too: then the task waits for it. */
static void submit_restart(Vm *vm, const TaskKind *kind, const char *cause)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *args = json_object_new_object();
	json_set_str(args, "cause", cause);
	if (!vm_submit(vm, kind, "yado", args, &error))
		g_warning("cannot restart VM %" G_GINT64_FORMAT ": %s", vm->id, error->message);
}

static void handle_panic(Vm *vm)
{
	static const char text[] = "the guest's kernel panicked";
	guint recent = 0;
	/* STOP and GUEST_PANICKED both led here, on two threads: one takes it. */
	g_mutex_lock(&vm->lock);
	gboolean mine = vm->state != VM_PANICKED && vm_state_allows(vm->state, VM_PANICKED);
	if (mine)
		vm->state = VM_PANICKED;
	g_mutex_unlock(&vm->lock);
	if (!mine)
		return;
	/* Who shut it down does not want it back. */
	Restart restart = vm_is_wanted(vm) ? may_restart(vm, &recent) : RESTART_NEVER;
	g_autofree char *limit = restart == RESTART_ENOUGH ? describe_limit(recent) : g_strdup("");
	vm_set_state(vm, VM_PANICKED, "panic", "%s%s", text, limit);
	if (restart == RESTART_AGAIN)
		submit_restart(vm, &vm_reboot_kind, text);
}

static gboolean kill_process(Vm *vm, int pidfd)
{
	g_mutex_lock(&vm->lock);
	vm->killed = TRUE;
	g_mutex_unlock(&vm->lock);
	return process_signal(pidfd, SIGKILL);
}

/* The guest has powered off and QEMU waits, so that a restarted daemon could still see it. */
static void end_powered_off(Vm *vm, Qmp *qmp)
{
	g_mutex_lock(&vm->lock);
	gboolean mine = vm->qmp == qmp;
	fd_auto int pidfd = mine && vm->pidfd >= 0 ? dup(vm->pidfd) : -1;
	if (mine && !vm->exit_code) {
		vm->exit_code = g_strdup("guest-shutdown");
		vm->exit_reason = g_strdup("the guest powered off");
	}
	g_mutex_unlock(&vm->lock);
	if (pidfd < 0)
		return;
	vm_remember(vm);
	qmp_do(qmp, "quit", NULL, QUERY_TIMEOUT_MS, NULL);
	if (!process_wait(pidfd, QUIT_TIMEOUT_MS) && kill_process(vm, pidfd))
		process_wait(pidfd, QUIT_TIMEOUT_MS);
	vm_settle_exit(vm);
}

void vm_query_state(Vm *vm)
{
	g_autoptr(GError) error = NULL;
	VmState state = vm_get_state(vm);
	/* While it starts, the starting thread itself says what is true. */
	if (state == VM_STARTING || state == VM_STOPPED)
		return;
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, NULL);
	if (!qmp)
		return;
	json_auto json_object *answer = qmp_command(qmp, "query-status", NULL, QUERY_TIMEOUT_MS, &error);
	g_mutex_lock(&vm->lock);
	gboolean present = vm->qmp == qmp;
	state = vm->state;
	g_mutex_unlock(&vm->lock);
	if (!present || state == VM_STARTING || state == VM_STOPPED)
		return;
	if (!answer) {
		if (error_code(error) == ERROR_TIMEOUT) {
			vm_set_state(vm, VM_UNKNOWN, "unresponsive", "QEMU's monitor did not answer within %d s",
				     QUERY_TIMEOUT_MS / 1000);
			vm_watch_silence(vm);
		}
		return;
	}
	const char *status = json_get_str(answer, "status", "");
	if (g_str_equal(status, "running")) {
		if (state == VM_PAUSED || state == VM_PANICKED || state == VM_UNKNOWN)
			vm_set_state(vm, VM_RUNNING, "resumed", "resumed");
	} else if (g_str_equal(status, "io-error")) {
		describe_io_error(vm);
	} else if (g_str_equal(status, "guest-panicked")) {
		handle_panic(vm);
	} else if (g_str_equal(status, "shutdown")) {
		end_powered_off(vm, qmp);
	} else if (g_str_equal(status, "internal-error")) {
		vm_set_state(vm, VM_PAUSED, "internal-error", "QEMU stopped on an internal error; see its log");
	} else if (g_str_equal(status, "watchdog") && (state == VM_RUNNING || state == VM_UNKNOWN)) {
		vm_set_state(vm, VM_PAUSED, "watchdog", "paused: the watchdog ran out");
	} else if (g_str_equal(status, "suspended") && (state == VM_RUNNING || state == VM_UNKNOWN)) {
		/* ACPI S3: Windows does that after half an hour without a user. */
		vm_set_state(vm, VM_PAUSED, "asleep", "the guest has gone to sleep; resume wakes it");
	} else if (g_str_equal(status, "paused") && (state == VM_RUNNING || state == VM_UNKNOWN)) {
		vm_set_state(vm, VM_PAUSED, "paused", "paused");
	}
}

void vm_expect_exit(Vm *vm, const char *reason_code, const char *format, ...)
{
	g_mutex_lock(&vm->lock);
	/* The first reason is the true one: a shutdown that a user asked for also looks like the guest's own. */
	gboolean first = !vm->exit_code;
	if (first) {
		va_list args;
		va_start(args, format);
		vm->exit_reason = g_strdup_vprintf(format, args);
		va_end(args);
		vm->exit_code = g_strdup(reason_code);
	}
	g_mutex_unlock(&vm->lock);
	if (first)
		vm_remember(vm);
}

void vm_forget_exit(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	gboolean was = vm->exit_code != NULL;
	g_clear_pointer(&vm->exit_code, g_free);
	g_clear_pointer(&vm->exit_reason, g_free);
	g_mutex_unlock(&vm->lock);
	if (was)
		vm_remember(vm);
}

static gboolean wait_settled(Vm *vm, guint timeout_ms, GError **error)
{
	if (vm_wait_state(vm, 1u << VM_STOPPED, timeout_ms))
		return TRUE;
	error_set(error, ERROR_TIMEOUT, "see the daemon's log",
		  "what QEMU of VM %" G_GINT64_FORMAT " left behind could not be cleared in time", vm->id);
	return FALSE;
}

gboolean vm_end_process(Vm *vm, guint timeout_ms, GError **error)
{
	g_mutex_lock(&vm->lock);
	fd_auto int pidfd = vm->pidfd >= 0 ? dup(vm->pidfd) : -1;
	g_mutex_unlock(&vm->lock);
	if (pidfd < 0)
		return wait_settled(vm, timeout_ms, error);

	/* Either way QEMU writes out what it holds. */
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, NULL);
	if (!qmp || !qmp_do(qmp, "quit", NULL, QUERY_TIMEOUT_MS, NULL))
		process_signal(pidfd, SIGTERM);
	if (!process_wait(pidfd, timeout_ms)) {
		kill_process(vm, pidfd);
		if (!process_wait(pidfd, QUIT_TIMEOUT_MS)) {
			error_set(error, ERROR_TIMEOUT,
				  "its disk or network file system may hang; see dmesg on the node",
				  "QEMU of VM %" G_GINT64_FORMAT " does not end even when killed", vm->id);
			return FALSE;
		}
	}
	vm_settle_exit(vm);
	return wait_settled(vm, timeout_ms, error);
}

/* QEMU leaves with 0 only when told to; its last event says by whom. Whom a signal came from its launcher knows, which
 * had the same: the first process of all is systemd, which stops a scope so. */
static void explain_good_end(Vm *vm, pid_t told_by, char **ret_code, char **ret_reason)
{
	json_auto json_object *data = NULL;
	vm_find_event(vm, "SHUTDOWN", NULL, 0, &data);
	const char *cause = json_get_str(data, "reason", "");
	const char *scope = groups_scope(vm->cgroup);
	if (g_str_equal(cause, "host-signal") && scope && told_by == 1) {
		*ret_code = g_strdup("scope-stopped");
		*ret_reason = g_strdup_printf("systemd stopped its scope %s", scope);
	} else if (g_str_equal(cause, "host-signal")) {
		*ret_code = g_strdup("host-signal");
		*ret_reason = g_strdup("QEMU was told to end by a signal from outside Yado");
	} else if (g_str_has_prefix(cause, "guest-")) {
		*ret_code = g_strdup("guest-shutdown");
		*ret_reason = g_strdup("the guest powered off");
	} else if (watchdog_explain_end(vm, ret_reason)) {
		*ret_code = g_strdup("watchdog");
	} else {
		*ret_code = g_strdup("quit");
		*ret_reason = g_strdup("QEMU was told to quit from outside Yado");
	}
}

/* It was to end, and did, but not as it should. */
static void add_bad_end(const LaunchRecord *record, char **reason)
{
	g_autofree char *former = g_steal_pointer(reason);
	if (record->exit_signal)
		*reason = g_strdup_printf("%s; meanwhile QEMU was ended by signal %d (%s)", former, record->exit_signal,
					  strsignal(record->exit_signal));
	else if (record->exit_code)
		*reason = g_strdup_printf("%s; QEMU exited with %d", former, record->exit_code);
	else
		*reason = g_steal_pointer(&former);
}

/* TRUE if the end was a crash. */
static gboolean decide_reason(Vm *vm, const LaunchRecord *record, gboolean known, char **ret_code, char **ret_reason)
{
	g_mutex_lock(&vm->lock);
	*ret_code = g_steal_pointer(&vm->exit_code);
	*ret_reason = g_steal_pointer(&vm->exit_reason);
	gboolean killed = vm->killed;
	vm->killed = FALSE;
	g_mutex_unlock(&vm->lock);
	if (*ret_code) {
		if (known && !killed)
			add_bad_end(record, ret_reason);
		return FALSE;
	}
	if (known && record->exit_code == 0) {
		explain_good_end(vm, record->told_by, ret_code, ret_reason);
		return FALSE;
	}
	*ret_code = g_strdup("crash");
	if (known && record->exit_signal) {
		*ret_reason = g_strdup_printf("crashed: QEMU was ended by signal %d (%s)", record->exit_signal,
					      strsignal(record->exit_signal));
	} else if (known) {
		g_autofree char *log = launch_read_log(vm->run_dir, 400);
		*ret_reason = g_strdup_printf("crashed: QEMU exited with %d: %s", record->exit_code, g_strstrip(log));
	} else {
		*ret_reason = g_strdup("crashed: QEMU ended, and its launcher too, so nothing is known of why");
	}
	return TRUE;
}

/* The process is gone: reason, clean-up, and what the policy says. "Stopped" comes last: from then on the guest can be
 * started again. Returns when it ended (UTC), or 0. */
static gint64 settle(Vm *vm)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *code = NULL, *reason = NULL;
	LaunchRecord record = {.exit_code = -1};
	guint recent = 0;
	gboolean known = adopt_read_exit(vm->run_dir, &record);
	gboolean crashed = decide_reason(vm, &record, known, &code, &reason);
	Restart restart = crashed && vm_is_wanted(vm) ? may_restart(vm, &recent) : RESTART_NEVER;
	g_autofree char *limit = restart == RESTART_ENOUGH ? describe_limit(recent) : g_strdup("");

	vm_release_process(vm);
	shape_end_all(vm->services->run_dir, vm->id);
	tpm_wait_end(vm, TPM_TIMEOUT_MS);
	if (!groups_end(vm->cgroup, CGROUP_TIMEOUT_MS, &error))
		g_warning("VM %" G_GINT64_FORMAT ": %s", vm->id, error->message);
	adopt_wait_launchers(vm->run_dir); /* "stopped" can be followed by a deletion at once */
	passthrough_end(vm->services, vm->run_dir);
	vm_set_applied(vm, NULL);
	g_autofree char *text = g_strconcat(reason, limit, NULL);
	gint64 ended_us = known ? record.ended_us : 0;
	/* On record before the process's own record goes: killed between the two, the next daemon settles it again. */
	vm_record_end(vm, restart == RESTART_AGAIN, code, text, ended_us ? ended_us : g_get_real_time());
	if (!launch_clear_record(vm->run_dir, NULL))
		g_warning("VM %" G_GINT64_FORMAT ": the record of its process cannot be removed", vm->id);
	g_mutex_lock(&vm->lock);
	vm->settling = FALSE;
	g_mutex_unlock(&vm->lock);
	vm_set_state(vm, VM_STOPPED, code, "%s", text);
	if (restart == RESTART_AGAIN)
		submit_restart(vm, &vm_start_kind, reason);
	return ended_us;
}

void vm_settle_exit(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	gboolean mine = vm->pidfd >= 0 && !vm->settling && process_wait(vm->pidfd, 0);
	vm->settling |= mine;
	g_mutex_unlock(&vm->lock);
	if (mine)
		settle(vm);
}

void vm_settle_absent(Vm *vm)
{
	gint64 ended_us = settle(vm);
	if (ended_us)
		vm_set_since(vm, ended_us);
}
