/* How a guest's process ends.
 *
 * Who ends it says so first (vm_expect_exit): an end that nobody has announced is a crash, unless QEMU left in order.
 * However it came about, it is settled once, when the pidfd says that the process is gone: why, from what was
 * announced, the launcher's record and QEMU's last events; then what it leaves on the host is cleared up; then the
 * guest is stopped, and started again if its policy says so. */
#include "guest/run/exit.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/devices/passthrough.h"
#include "guest/devices/tpm.h"
#include "guest/devices/watchdog.h"
#include "guest/run/events.h"
#include "guest/run/power.h"
#include "guest/run/remember.h"
#include "guest/run/restart.h"
#include "guest/run/wanted.h"
#include "guest/run/watch.h"
#include "net/shape.h"
#include "sandbox/groups.h"

enum {
	COMMAND_TIMEOUT_MS = 5000,
	QUIT_TIMEOUT_MS = 5000,
	TURN_OFF_TIMEOUT_MS = 10000,
	RECORD_TIMEOUT_MS = 3000,
	CGROUP_TIMEOUT_MS = 10000,
	TPM_TIMEOUT_MS = 5000,
};

static gboolean kill_process(Vm *vm, int pidfd)
{
	g_mutex_lock(&vm->lock);
	vm->killed = TRUE;
	g_mutex_unlock(&vm->lock);
	return process_signal(pidfd, SIGKILL);
}

/* QEMU waits after a power-off, so that a restarted daemon could still see it. */
void vm_end_powered_off(Vm *vm, Qmp *qmp)
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
	qmp_do(qmp, "quit", NULL, COMMAND_TIMEOUT_MS, NULL);
	if (!process_wait(pidfd, QUIT_TIMEOUT_MS) && kill_process(vm, pidfd))
		process_wait(pidfd, QUIT_TIMEOUT_MS);
	vm_settle_exit(vm);
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
	if (!qmp || !qmp_do(qmp, "quit", NULL, COMMAND_TIMEOUT_MS, NULL))
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

gboolean vm_turn_off(Vm *vm, const char *reason_code, const char *reason, const char *user, GError **error)
{
	vm_expect_exit(vm, reason_code, "%s by %s", reason, user);
	vm_set_state(vm, VM_STOPPING, NULL, NULL);
	return vm_end_process(vm, TURN_OFF_TIMEOUT_MS, error);
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
	g_autofree char *code = NULL, *reason = NULL, *limit = NULL;
	LaunchRecord record = {.exit_code = -1};
	gboolean known = launch_await_exit(vm->run_dir, RECORD_TIMEOUT_MS, &record);
	gboolean crashed = decide_reason(vm, &record, known, &code, &reason);
	gboolean again = crashed && restart_decide(vm, &limit);

	vm_release_process(vm);
	shape_end_all(vm->services->run_dir, vm->id);
	tpm_wait_end(vm, TPM_TIMEOUT_MS);
	if (!groups_end(vm->cgroup, CGROUP_TIMEOUT_MS, &error))
		g_warning("VM %" G_GINT64_FORMAT ": %s", vm->id, error->message);
	launch_await_all_exits(vm->run_dir); /* "stopped" can be followed by a deletion at once */
	passthrough_end(vm->services, vm->run_dir);
	vm_set_applied(vm, NULL);
	g_autofree char *text = g_strconcat(reason, limit, NULL);
	gint64 ended_us = known ? record.ended_us : 0;
	/* On record before the process's own record goes: killed between the two, the next daemon settles it again. */
	vm_record_end(vm, again, code, text, ended_us ? ended_us : g_get_real_time());
	if (!launch_clear_record(vm->run_dir, NULL))
		g_warning("VM %" G_GINT64_FORMAT ": the record of its process cannot be removed", vm->id);
	g_mutex_lock(&vm->lock);
	vm->settling = FALSE;
	g_mutex_unlock(&vm->lock);
	vm_set_state(vm, VM_STOPPED, code, "%s", text);
	if (again)
		restart_submit(vm, &vm_start_kind, reason);
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
