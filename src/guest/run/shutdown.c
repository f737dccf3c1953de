/* Shutting a guest down. Its agent is asked, or else its power button pressed; then it has its time. */
#include "guest/run/shutdown.h"

#include "base/error.h"
#include "base/json.h"
#include "guest/run/exit.h"
#include "guest/run/wanted.h"
#include "guest/run/watch.h"
#include "guest/tools/agent.h"
#include "guest/tools/freeze.h"

enum {
	COMMAND_TIMEOUT_MS = 10000,
	ASK_AGAIN_MS = 1000,
	ASKED_MIN_MS = 5000, /* for a guest that could be asked only when its time was nearly over */
};

/* The agent first, since it can say no; then the power button. FALSE: neither could be asked. */
static gboolean ask_guest(Vm *vm, Task *task, GError **error)
{
	g_autoptr(GError) agent_error = NULL;
	freeze_end(vm); /* it could write nothing at its end */
	if (agent_shutdown(vm, &agent_error)) {
		task_step(task, "asked the guest agent");
		return TRUE;
	}
	task_log(task, "the guest agent cannot be asked: %s", agent_error->message);
	g_autoptr(Qmp) qmp = vm_reach_monitor(vm, COMMAND_TIMEOUT_MS, error);
	if (!qmp || !qmp_do(qmp, "system_powerdown", NULL, COMMAND_TIMEOUT_MS, error))
		return FALSE;
	task_step(task, "pressed the power button");
	return TRUE;
}

static gboolean wait_stopped(Vm *vm, Task *task, guint timeout_ms, GError **error)
{
	gint64 begin = g_get_monotonic_time(), end = begin + (gint64)timeout_ms * 1000;
	for (gint64 now = begin; now < end; now = g_get_monotonic_time()) {
		if (task_check_cancelled(task, error))
			return FALSE;
		if (vm_wait_state(vm, 1u << VM_STOPPED | 1u << VM_PANICKED, (guint)MIN(500, (end - now) / 1000 + 1)))
			break;
		task_progress(task, (guint64)(g_get_monotonic_time() - begin) / 1000, timeout_ms, "ms");
	}
	return vm_get_state(vm) == VM_STOPPED;
}

/* Whose QEMU is silent, since its disk hangs for a while, may yet answer before the guest's own time is over. */
static gboolean ask_again(Vm *vm, Task *task, gint64 end_us, GError **error)
{
	for (;;) {
		g_autoptr(GError) cause = NULL, cancelled = NULL;
		if (ask_guest(vm, task, &cause) || wait_stopped(vm, task, ASK_AGAIN_MS, &cancelled))
			return TRUE;
		if (!cancelled && g_get_monotonic_time() < end_us && vm_get_state(vm) != VM_PANICKED)
			continue;
		g_propagate_error(error, cancelled ? g_steal_pointer(&cancelled) : g_steal_pointer(&cause));
		return FALSE;
	}
}

/* Until then; some seconds at least for who could be asked only late. */
static guint time_left_ms(gint64 end_us, gint64 timeout_s)
{
	return (guint)MAX(MIN(timeout_s * 1000, ASKED_MIN_MS), (end_us - g_get_monotonic_time()) / 1000);
}

gboolean shutdown_guest(Vm *vm, Task *task, GError **error)
{
	json_auto json_object *document = vm_dup_document(vm, NULL);
	json_object *setting = json_get(document, "shutdown"), *args = task_args(task);
	gint64 timeout_s = json_get_int(args, "timeout", json_get_int(setting, "timeout", 90));
	const char *action = json_get_str(args, "action", json_get_str(setting, "action", "stop"));
	gint64 end_us = g_get_monotonic_time() + timeout_s * G_USEC_PER_SEC;
	gboolean with_node = json_get_bool(args, "node", FALSE);

	if (with_node)
		vm_expect_exit(vm, "node-shutdown", "shut down with its node by %s", task_user(task));
	else
		vm_expect_exit(vm, "user-shutdown", "shut down by %s", task_user(task));
	vm_set_state(vm, VM_STOPPING, NULL, NULL);
	g_autoptr(GError) wait_error = NULL;
	if (!(with_node ? ask_again(vm, task, end_us, error) : ask_guest(vm, task, error)))
		g_prefix_error(error, "the guest cannot be asked to shut down: ");
	else if (wait_stopped(vm, task, time_left_ms(end_us, timeout_s), &wait_error))
		return TRUE;
	else if (wait_error)
		g_propagate_error(error, g_steal_pointer(&wait_error));
	else if (g_str_equal(action, "stop")) {
		gboolean panicked = vm_get_state(vm) == VM_PANICKED;
		if (panicked)
			task_log(task, "its kernel panicked: the power is turned off");
		else
			task_log(task, "still running after %" G_GINT64_FORMAT " s: the power is turned off",
				 timeout_s);
		vm_forget_exit(vm);
		return vm_turn_off(vm, "shutdown-forced",
				panicked ? "panicked while it was shut down, and stopped"
					 : "did not shut down in time, and was stopped",
				task_user(task), error);
	} else if (vm_get_state(vm) == VM_PANICKED) {
		error_set(error, ERROR_FAILED, "see its console, then use 'yado vm stop' or 'yado vm reset'",
			  "the guest's kernel panicked while it was shutting down");
	} else {
		error_set(error, ERROR_TIMEOUT, "shut it down from inside, or use 'yado vm stop'",
			  "the guest did not shut down within %" G_GINT64_FORMAT " s and was left running", timeout_s);
	}
	vm_forget_exit(vm);
	if (vm_get_state(vm) == VM_STOPPING)
		vm_set_state(vm, VM_RUNNING, NULL, NULL);
	vm_query_state(vm);
	return FALSE;
}

/* A guest that is paused could not answer. One that is stopped at once again (its disk is full) stays paused. */
static void resume_for_shutdown(Vm *vm, Task *task)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, &error);
	if (!qmp || !qmp_do(qmp, "cont", NULL, COMMAND_TIMEOUT_MS, &error)) {
		task_log(task, "it is paused and cannot be resumed: %s", error->message);
		return;
	}
	task_log(task, "it was paused, and is resumed to shut down");
	vm_set_state(vm, VM_RUNNING, "resumed", "resumed by %s", task_user(task));
	vm_query_state(vm);
}

gboolean shutdown_with_node(Vm *vm, Task *task, GError **error)
{
	if (vm_get_state(vm) == VM_STOPPED) {
		task_log(task, "it has stopped already");
		return TRUE;
	}
	if (!vm_want(vm, FALSE, task_user(task), error))
		return FALSE;
	if (vm_get_state(vm) == VM_PAUSED)
		resume_for_shutdown(vm, task);
	VmState state = vm_get_state(vm);
	if (state == VM_RUNNING || state == VM_STOPPING || state == VM_UNKNOWN) {
		g_autoptr(GError) cause = NULL;
		if (shutdown_guest(vm, task, &cause))
			return TRUE;
		if (error_code(cause) == ERROR_CANCELLED) {
			vm_record_reason(vm, vm_state_is_alive(vm_get_state(vm)));
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
		task_log(task, "%s", cause->message);
	}
	task_step(task, "it is %s: the power is turned off", vm_state_name(state));
	return vm_turn_off(vm, "node-shutdown", "stopped with its node", task_user(task), error);
}
