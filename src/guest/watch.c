/* Following a guest's process.
 *
 * Two things are watched on the monitor thread: the pidfd (the process ended) and the monitor's events. Neither is
 * acted on there: both queue a reaction, which asks QEMU for its true state or settles the exit. Events are only a
 * reason to ask, so a missed one (no daemon was running) loses nothing: adoption asks the same questions. */
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/agent.h"
#include "guest/console.h"
#include "guest/guests.h"
#include "guest/open.h"
#include "guest/power.h"
#include "sandbox/cgroup.h"

enum {
	QUERY_TIMEOUT_MS = 5000,
	QUIT_TIMEOUT_MS = 5000,
	RECORD_TIMEOUT_MS = 3000,
	CGROUP_TIMEOUT_MS = 10000,
	RESTART_WINDOW_S = 600,
};

static void react_query(Vm *vm, gpointer data)
{
	(void)data;
	vm_query_state(vm);
}

static void react_reset(Vm *vm, gpointer data)
{
	(void)data;
	if (vm_get_state(vm) == VM_RUNNING)
		vm_set_state(vm, VM_RUNNING, "guest-reboot", "the guest rebooted");
}

static void react_exit(Vm *vm, gpointer data)
{
	(void)data;
	vm_settle_exit(vm);
}

static void react_agent(Vm *vm, gpointer data)
{
	agent_set_port(vm, GPOINTER_TO_INT(data));
}

static void queue(Vm *vm, GuestReaction reaction, gpointer data)
{
	guests_react(vm->services->guests, vm_ref(vm), reaction, data);
}

static void on_event(Qmp *qmp, const char *event, json_object *data, gpointer user_data)
{
	static const char *const state_events[] = {"STOP",	     "RESUME",	 "SHUTDOWN",   "GUEST_PANICKED",
						   "BLOCK_IO_ERROR", "SUSPEND", "WATCHDOG", NULL};
	Vm *vm = user_data;

	(void)qmp;
	if (!event)
		return; /* the pidfd tells whether the process is gone */
	if (g_str_equal(event, "RESET") && json_get_bool(data, "guest", FALSE))
		queue(vm, react_reset, NULL);
	else if (g_str_equal(event, "VSERPORT_CHANGE"))
		queue(vm, react_agent, GINT_TO_POINTER(json_get_bool(data, "open", FALSE)));
	else if (g_strv_contains(state_events, event))
		queue(vm, react_query, NULL);
}

gboolean vm_connect_monitor(Vm *vm, guint timeout_ms, GError **error)
{
	g_autofree char *path = vm_socket_path(vm, "qmp");
	Qmp *qmp = qmp_connect(path, timeout_ms, on_event, vm, error);
	if (!qmp)
		return FALSE;
	g_mutex_lock(&vm->lock);
	Qmp *old = vm->qmp;
	vm->qmp = qmp;
	g_mutex_unlock(&vm->lock);
	if (old)
		qmp_unref(old);
	return TRUE;
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
		vm->exit_source = g_source_attach(source, qmp_monitor_context());
		g_source_unref(source);
	}
	g_mutex_unlock(&vm->lock);
	/* Whatever happened between `cont` and now is found by asking. */
	queue(vm, react_query, NULL);
}

void vm_release_process(Vm *vm)
{
	agent_disconnect(vm);
	console_close(vm);
	g_mutex_lock(&vm->lock);
	Qmp *qmp = g_steal_pointer(&vm->qmp);
	int pidfd = fd_steal(&vm->pidfd);
	guint source_id = vm->exit_source;
	vm->exit_source = 0;
	vm->pid = 0;
	g_mutex_unlock(&vm->lock);
	GSource *source = source_id ? g_main_context_find_source_by_id(qmp_monitor_context(), source_id) : NULL;
	if (source)
		g_source_destroy(source);
	if (qmp) {
		qmp_close(qmp);
		qmp_unref(qmp);
	}
	fd_close(pidfd);
}

/* Which disk stopped the guest, and why. */
static void describe_io_error(Vm *vm, Qmp *qmp)
{
	g_autoptr(GString) disks = g_string_new(NULL);
	gboolean no_space = FALSE;
	json_auto json_object *blocks = qmp_command(qmp, "query-block", NULL, QUERY_TIMEOUT_MS, NULL);
	for (size_t i = 0; blocks && i < json_object_array_length(blocks); i++) {
		json_object *block = json_object_array_get_idx(blocks, i);
		const char *status = json_get_str(block, "io-status", "ok");
		if (g_str_equal(status, "ok"))
			continue;
		no_space |= g_str_equal(status, "nospace");
		/* "disk-KEY" itself, or a path below it ("/machine/peripheral/disk-KEY/virtio-backend"). */
		const char *name = strstr(json_get_str(block, "qdev", ""), "disk-");
		g_autofree char *key = g_strndup(name ? name + strlen("disk-") : "?",
						 name ? strcspn(name + strlen("disk-"), "/") : 1);
		g_string_append_printf(disks, "%s%s", disks->len ? ", " : "", key);
	}
	if (no_space)
		vm_set_state(vm, VM_PAUSED, "no-space",
			     "paused: no space left for %s; free space on its storage, then resume it", disks->str);
	else
		vm_set_state(vm, VM_PAUSED, "io-error", "paused: I/O error on %s; see to its storage, then resume it",
			     disks->len ? disks->str : "a disk");
}

static gboolean may_restart(Vm *vm)
{
	json_auto json_object *document = vm_dup_document(vm, NULL);
	json_object *restart = json_get(document, "restart");
	guint max = (guint)json_get_int(restart, "max", 3), recent = 0;
	gint64 now = g_get_monotonic_time();

	if (!g_str_equal(json_get_str(restart, "policy", "never"), "on-crash"))
		return FALSE;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	for (guint i = 0; i < vm->restarts_us->len; i++)
		recent += now - g_array_index(vm->restarts_us, gint64, i) < RESTART_WINDOW_S * G_USEC_PER_SEC;
	if (recent >= max) {
		g_warning("VM %" G_GINT64_FORMAT " was restarted %u times within %d minutes and stays down", vm->id,
			  recent, RESTART_WINDOW_S / 60);
		return FALSE;
	}
	if (vm->restarts_us->len >= max)
		g_array_remove_index(vm->restarts_us, 0);
	g_array_append_val(vm->restarts_us, now);
	return TRUE;
}

static void handle_panic(Vm *vm)
{
	gboolean again = vm_get_state(vm) == VM_PANICKED;
	if (again)
		return;
	vm_set_state(vm, VM_PANICKED, "panic", "the guest's kernel panicked");
	if (!may_restart(vm))
		return;
	g_autoptr(GError) error = NULL;
	if (!vm_submit(vm, &vm_reboot_kind, "yado", NULL, &error))
		g_warning("cannot restart VM %" G_GINT64_FORMAT " after a panic: %s", vm->id, error->message);
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
	if (!answer) {
		if (error_code(error) == ERROR_TIMEOUT)
			vm_set_state(vm, VM_UNKNOWN, "unresponsive", "QEMU's monitor did not answer within %d s",
				     QUERY_TIMEOUT_MS / 1000);
		return;
	}
	const char *status = json_get_str(answer, "status", "");
	state = vm_get_state(vm);
	if (g_str_equal(status, "running")) {
		if (state == VM_PAUSED || state == VM_PANICKED || state == VM_UNKNOWN)
			vm_set_state(vm, VM_RUNNING, "resumed", "resumed");
	} else if (g_str_equal(status, "io-error")) {
		describe_io_error(vm, qmp);
	} else if (g_str_equal(status, "guest-panicked")) {
		handle_panic(vm);
	} else if (g_str_equal(status, "shutdown")) {
		/* The guest has powered off and QEMU waits, so that a restarted daemon could still see it. */
		vm_expect_exit(vm, "guest-shutdown", "the guest powered off");
		vm_end_process(vm, QUIT_TIMEOUT_MS, NULL);
	} else if (g_str_equal(status, "internal-error")) {
		vm_set_state(vm, VM_PAUSED, "internal-error", "QEMU stopped on an internal error; see its log");
	} else if (g_str_equal(status, "paused") && (state == VM_RUNNING || state == VM_UNKNOWN)) {
		vm_set_state(vm, VM_PAUSED, "paused", "paused");
	}
}

void vm_expect_exit(Vm *vm, const char *reason_code, const char *format, ...)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	/* The first reason is the true one: a shutdown that a user asked for also looks like the guest's own. */
	if (vm->exit_code)
		return;
	va_list args;
	va_start(args, format);
	vm->exit_reason = g_strdup_vprintf(format, args);
	va_end(args);
	vm->exit_code = g_strdup(reason_code);
}

void vm_forget_exit(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	g_clear_pointer(&vm->exit_code, g_free);
	g_clear_pointer(&vm->exit_reason, g_free);
}

gboolean vm_end_process(Vm *vm, guint timeout_ms, GError **error)
{
	g_mutex_lock(&vm->lock);
	fd_auto int pidfd = vm->pidfd >= 0 ? dup(vm->pidfd) : -1;
	g_mutex_unlock(&vm->lock);
	if (pidfd < 0)
		return vm_wait_state(vm, 1u << VM_STOPPED, timeout_ms);

	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, NULL);
	if (qmp)
		qmp_do(qmp, "quit", NULL, QUERY_TIMEOUT_MS, NULL);
	if (!qmp || !process_wait(pidfd, timeout_ms)) {
		process_signal(pidfd, SIGKILL);
		if (!process_wait(pidfd, QUIT_TIMEOUT_MS)) {
			error_set(error, ERROR_TIMEOUT, "its disk or network file system may hang; see dmesg on the node",
				  "QEMU of VM %" G_GINT64_FORMAT " does not end even when killed", vm->id);
			return FALSE;
		}
	}
	vm_settle_exit(vm);
	return vm_wait_state(vm, 1u << VM_STOPPED, timeout_ms);
}

/* The launcher writes the record right after it has reaped QEMU; that is a moment after the pidfd became readable. */
static gboolean read_exit(Vm *vm, LaunchRecord *ret_record)
{
	gint64 deadline = g_get_monotonic_time() + RECORD_TIMEOUT_MS * 1000;
	do {
		if (launch_read_record(vm->run_dir, ret_record, NULL) && ret_record->ended)
			return TRUE;
		g_usleep(2000);
	} while (g_get_monotonic_time() < deadline);
	return FALSE;
}

/* TRUE if the end was a crash. */
static gboolean decide_reason(Vm *vm, char **ret_code, char **ret_reason)
{
	LaunchRecord record = {.exit_code = -1};
	gboolean known = read_exit(vm, &record);

	g_mutex_lock(&vm->lock);
	*ret_code = g_steal_pointer(&vm->exit_code);
	*ret_reason = g_steal_pointer(&vm->exit_reason);
	g_mutex_unlock(&vm->lock);
	if (*ret_code)
		return FALSE;
	if (known && record.exit_code == 0) {
		/* QEMU leaves with 0 only when told to: by a former daemon, which had its reason on record first. */
		gboolean wanted = vm_is_wanted(vm);
		*ret_code = g_strdup(wanted ? "guest-shutdown" : "user-stop");
		*ret_reason = g_strdup(wanted ? "the guest powered off" : "stopped");
		return FALSE;
	}
	*ret_code = g_strdup("crash");
	if (known && record.exit_signal) {
		*ret_reason = g_strdup_printf("crashed: QEMU was ended by signal %d (%s)", record.exit_signal,
					      strsignal(record.exit_signal));
	} else if (known) {
		g_autofree char *log = launch_read_log(vm->run_dir, 400);
		*ret_reason = g_strdup_printf("crashed: QEMU exited with %d: %s", record.exit_code, g_strstrip(log));
	} else {
		*ret_reason = g_strdup("crashed: QEMU ended, and its launcher too, so nothing is known of why");
	}
	return TRUE;
}

/* The process is gone: reason, clean-up, and what the policy says. */
static void settle(Vm *vm)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *code = NULL, *reason = NULL;
	gboolean crashed = decide_reason(vm, &code, &reason);
	gboolean wanted = vm_is_wanted(vm);

	vm_release_process(vm);
	if (!cgroup_kill(vm->cgroup, CGROUP_TIMEOUT_MS, &error) || !cgroup_remove(vm->cgroup, &error))
		g_warning("VM %" G_GINT64_FORMAT ": %s", vm->id, error->message);
	if (!launch_clear_record(vm->run_dir, NULL))
		g_warning("VM %" G_GINT64_FORMAT ": the record of its process cannot be removed", vm->id);
	vm_set_applied(vm, NULL);
	vm_set_state(vm, VM_STOPPED, code, "%s", reason);
	vm_record_reason(vm, crashed && wanted);

	if (!crashed || !wanted || !may_restart(vm))
		return;
	g_clear_error(&error);
	if (!vm_submit(vm, &vm_start_kind, "yado", NULL, &error))
		g_warning("cannot restart VM %" G_GINT64_FORMAT " after a crash: %s", vm->id, error->message);
}

void vm_settle_exit(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	gboolean mine = vm->pidfd >= 0 && !vm->settling;
	vm->settling |= mine;
	g_mutex_unlock(&vm->lock);
	if (!mine)
		return;
	settle(vm);
	g_mutex_lock(&vm->lock);
	vm->settling = FALSE;
	g_mutex_unlock(&vm->lock);
}

static void react_absent(Vm *vm, gpointer data)
{
	(void)data;
	settle(vm);
}

void vm_settle_absent(Vm *vm)
{
	/* Its restart needs the tasks, which start after adoption: the reaction is queued, not run here. */
	queue(vm, react_absent, NULL);
}
