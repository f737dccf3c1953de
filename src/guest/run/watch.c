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
#include "guest/run/watch.h"

#include <glib-unix.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/console/console.h"
#include "guest/devices/helper.h"
#include "guest/devices/watchdog.h"
#include "guest/guests.h"
#include "guest/lifecycle.h"
#include "guest/live/live.h"
#include "guest/live/memory.h"
#include "guest/run/adopt.h"
#include "guest/run/exit.h"
#include "guest/run/needs.h"
#include "guest/run/power.h"
#include "guest/run/question.h"
#include "guest/run/restart.h"
#include "guest/tools/agent.h"
#include "guest/tools/freeze.h"
#include "guest/tools/leftover.h"

enum {
	QUERY_TIMEOUT_MS = 5000,
	SILENCE_MS = 5000, /* until a silent monitor is asked again */
	LATE_MS = 1000,
	QUERY_TRIES = 5,
	DYING_TIMEOUT_MS = 2000, /* from a monitor's end to its process's */
	RESET_AGAIN_S = 2, /* from a reset to the firmware's own */
};

static void look_later(Vm *vm);

static void react_query(Vm *vm, gpointer data)
{
	(void)data;
	/* A thread that waits for its turn asks after this event too. */
	g_mutex_lock(&vm->lock);
	gboolean waits = vm->querying && vm->queries_waiting > 0;
	g_mutex_unlock(&vm->lock);
	if (!waits)
		vm_query_state(vm);
}

/* After a reset that somebody asked for, firmware that finds itself begun already may reset once more: that is no
 * news. */
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

gboolean vm_is_claimed(Vm *vm)
{
	g_autofree char *object = g_strdup_printf("vm/%" G_GINT64_FORMAT, vm->id);
	return tasks_claimed_by(vm->services->tasks, object) != 0;
}

/* What has come while a task was at work on the guest may have come too late for that task. */
static void react_late(Vm *vm, gpointer data)
{
	(void)data;
	if (vm_is_claimed(vm))
		look_later(vm);
	else if (live_memory_came(vm) || live_device_went(vm))
		vm_submit(vm, &vm_apply_kind, "yado", NULL, NULL);
}

static gboolean on_late(gpointer data)
{
	Vm *vm = data;
	g_mutex_lock(&vm->lock);
	g_clear_pointer(&vm->late_timer, g_source_unref);
	g_mutex_unlock(&vm->lock);
	guests_react(vm->services->guests, vm_ref(vm), react_late, NULL);
	return G_SOURCE_REMOVE;
}

static void look_later(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	if (vm->late_timer || vm->pidfd < 0)
		return;
	vm->late_timer = g_timeout_source_new(LATE_MS);
	g_source_set_callback(vm->late_timer, on_late, vm_ref(vm), (GDestroyNotify)vm_unref);
	g_source_attach(vm->late_timer, qmp_monitor_context());
}

/* The guest has taken, or given back, what it did not while a task waited for that. */
static void react_memory(Vm *vm, gpointer data)
{
	(void)data;
	if (vm_is_claimed(vm))
		look_later(vm);
	else if (live_memory_came(vm))
		vm_submit(vm, &vm_apply_kind, "yado", NULL, NULL);
}

/* The guest let go of a device. If no task waits for that, it comes late: what was left undone is done now. */
static void react_unplug(Vm *vm, gpointer data)
{
	(void)data;
	if (vm_is_claimed(vm))
		look_later(vm);
	else if (live_waits(vm))
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
	GSource *late_timer = g_steal_pointer(&vm->late_timer);
	vm->pid = 0;
	vm->adopting = FALSE;
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
	end_source(late_timer);
	if (qmp) {
		qmp_close(qmp);
		qmp_unref(qmp);
	}
	fd_close(pidfd);
}

/* Which disks stopped the guest, and why. */
static gboolean describe_io_error(Vm *vm, guint64 mark)
{
	g_autoptr(GArray) disks = question_ask(vm);
	gboolean no_space = FALSE;
	for (guint i = 0; i < disks->len; i++)
		no_space |= g_array_index(disks, QuestionDisk, i).no_space;
	g_autofree char *reason = question_reason(vm, disks);
	const char *code = no_space ? "no-space" : "io-error";
	/* Asked again, the same answer is no news. */
	g_mutex_lock(&vm->lock);
	gboolean known =
		vm->state == VM_PAUSED && g_str_equal(vm->reason_code, code) && g_str_equal(vm->reason, reason);
	g_mutex_unlock(&vm->lock);
	return known || vm_set_state_since(vm, mark, VM_PAUSED, code, reason);
}

static void handle_panic(Vm *vm)
{
	static const char text[] = "the guest's kernel panicked";
	g_autofree char *limit = NULL;
	/* STOP and GUEST_PANICKED both led here, on two threads: one takes it. */
	g_mutex_lock(&vm->lock);
	gboolean mine = vm->state != VM_PANICKED && vm_state_allows(vm->state, VM_PANICKED);
	if (mine)
		vm->state = VM_PANICKED;
	g_mutex_unlock(&vm->lock);
	if (!mine)
		return;
	gboolean again = restart_decide(vm, &limit);
	vm_set_state(vm, VM_PANICKED, "panic", "%s%s", text, limit ? limit : "");
	if (again)
		restart_submit(vm, &vm_reboot_kind, text);
}

/* Asks once. FALSE if the state has changed meanwhile: the answer may be older than that. */
static gboolean query_state(Vm *vm)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, NULL);
	g_mutex_lock(&vm->lock);
	VmState state = vm->state;
	guint64 mark = vm->state_changes;
	gboolean adopting = vm->adopting;
	g_mutex_unlock(&vm->lock);
	/* While it starts, the starting thread itself says what is true; so does its adoption. */
	if (!qmp || adopting || state == VM_STARTING || state == VM_STOPPED)
		return TRUE;
	json_auto json_object *answer = qmp_command(qmp, "query-status", NULL, QUERY_TIMEOUT_MS, &error);
	g_mutex_lock(&vm->lock);
	gboolean present = vm->qmp == qmp, overtaken = vm->state_changes != mark;
	g_mutex_unlock(&vm->lock);
	if (!present)
		return TRUE;
	if (overtaken)
		return FALSE;
	if (!answer && error_code(error) != ERROR_TIMEOUT)
		return TRUE;
	if (!answer) {
		g_autofree char *reason =
			g_strdup_printf("QEMU's monitor did not answer within %d s", QUERY_TIMEOUT_MS / 1000);
		gboolean set = vm_set_state_since(vm, mark, VM_UNKNOWN, "unresponsive", reason);
		vm_watch_silence(vm);
		return set;
	}
	const char *status = json_get_str(answer, "status", "");
	gboolean runs = state == VM_RUNNING || state == VM_UNKNOWN;
	if (g_str_equal(status, "running"))
		return state == VM_RUNNING || state == VM_STOPPING ||
		       vm_set_state_since(vm, mark, VM_RUNNING, "resumed", "resumed");
	if (g_str_equal(status, "io-error"))
		return describe_io_error(vm, mark);
	if (g_str_equal(status, "guest-panicked"))
		handle_panic(vm);
	else if (g_str_equal(status, "shutdown"))
		vm_end_powered_off(vm, qmp);
	else if (g_str_equal(status, "internal-error"))
		return vm_set_state_since(vm, mark, VM_PAUSED, "internal-error",
					  "QEMU stopped on an internal error; see its log");
	else if (g_str_equal(status, "watchdog") && runs)
		return vm_set_state_since(vm, mark, VM_PAUSED, "watchdog", "paused: the watchdog ran out");
	else if (g_str_equal(status, "suspended") && runs)
		/* ACPI S3: Windows does that after half an hour without a user. */
		return vm_set_state_since(vm, mark, VM_PAUSED, "asleep",
					  "the guest has gone to sleep; resume wakes it");
	else if (g_str_equal(status, "paused") && runs)
		return vm_set_state_since(vm, mark, VM_PAUSED, "paused", "paused");
	return TRUE;
}

/* FALSE if meanwhile another thread has asked, and got its answer. */
static gboolean begin_query(Vm *vm, guint64 *ret_turn)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	guint64 wanted = ++vm->queries_wanted;
	vm->queries_waiting++;
	while (vm->querying && vm->queries_done < wanted)
		g_cond_wait(&vm->changed, &vm->lock);
	vm->queries_waiting--;
	if (vm->queries_done >= wanted)
		return FALSE;
	vm->querying = TRUE;
	*ret_turn = vm->queries_wanted;
	return TRUE;
}

static void end_query(Vm *vm, guint64 turn)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	vm->querying = FALSE;
	vm->queries_done = turn;
	g_cond_broadcast(&vm->changed);
}

/* An answer is true when it is given. One thread at a time asks, or else, on a busy machine, the older of two answers
 * would be taken for the news; and what a task has done since the question counts more than the answer. */
void vm_query_state(Vm *vm)
{
	guint64 turn = 0;
	if (!begin_query(vm, &turn))
		return;
	for (guint i = 0; i < QUERY_TRIES && !query_state(vm); i++)
		;
	end_query(vm, turn);
}

