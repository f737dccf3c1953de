/* Power actions as tasks. Each checks the state when it is asked for (so that a refusal comes at once) and again when
 * it runs, and ends only when the new state is a fact. */
#include "guest/run/power.h"
#include "guest/unique.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/resources/memory.h"
#include "guest/resources/numa.h"
#include "guest/resources/placement.h"
#include "guest/run/prepare.h"
#include "guest/tools/agent.h"
#include "guest/tools/freeze.h"

enum { COMMAND_TIMEOUT_MS = 10000, STOP_TIMEOUT_MS = 10000, ASK_AGAIN_MS = 1000, ASKED_MIN_MS = 5000 };

static const TaskPool start_pool = {"start", 32};
/* Shutdowns wait for guests for minutes: they must not hold back starts. */
static const TaskPool shutdown_pool = {"shutdown", 64};
static const TaskPool power_pool = {"power", 8};

#define ON(state) (1u << VM_##state)
enum { ALIVE = ON(RUNNING) | ON(PAUSED) | ON(PANICKED) | ON(UNKNOWN) | ON(STOPPING) | ON(STARTING) };

/* Which states allow which action, and what to do otherwise. */
static const struct {
	const TaskKind *kind;
	const char *verb;
	guint from;
	const char *hint;
} allowed[] = {
	{&vm_start_kind, "start", ON(STOPPED), "it is there already; 'yado vm reboot' restarts it"},
	{&vm_shutdown_kind, "shut down", ON(RUNNING) | ON(STOPPING), "start or resume it first, or use 'stop'"},
	{&vm_stop_kind, "stop", ALIVE, "it is stopped already"},
	{&vm_reset_kind, "reset", ON(RUNNING) | ON(PAUSED) | ON(PANICKED), "start it first"},
	{&vm_reboot_kind, "reboot", ON(RUNNING) | ON(PAUSED) | ON(PANICKED), "start it first"},
	{&vm_pause_kind, "pause", ON(RUNNING), "only a running guest can be paused"},
	{&vm_resume_kind, "resume", ON(PAUSED), "only a paused guest can be resumed"},
};

static gboolean may_start(Vm *vm, GError **error)
{
	json_auto json_object *document = vm_dup_document(vm, NULL);
	gboolean stopped = vm_get_state(vm) == VM_STOPPED; /* the pages of one that runs become free */
	if (guests_check_starts(vm->services->guests, error) &&
	    (!stopped || (memory_check_start(document, error) && numa_check_pages("", document, error))) &&
	    unique_check_start(vm, error) && prepare_check_machine(vm->services, document, error) &&
	    placement_check(vm->services, NULL, document, error))
		return TRUE;
	g_autofree char *label = vm_label(vm);
	g_prefix_error(error, "cannot start %s: ", label);
	return FALSE;
}

gboolean vm_power_allowed(Vm *vm, const TaskKind *kind, GError **error)
{
	if ((kind == &vm_start_kind || kind == &vm_reboot_kind) && !may_start(vm, error))
		return FALSE;
	VmState state = vm_get_state(vm);
	for (guint i = 0; i < G_N_ELEMENTS(allowed); i++) {
		if (allowed[i].kind != kind || (allowed[i].from & (1u << state)))
			continue;
		g_autofree char *label = vm_label(vm);
		error_set(error, ERROR_CONFLICT, allowed[i].hint, "cannot %s %s: it is %s", allowed[i].verb, label,
			  vm_state_name(state));
		return FALSE;
	}
	return TRUE;
}

/* Who turns the power off does not want to wait until a shutdown that hangs has given up; nor does the node's end. */
static void overtake_shutdown(Tasks *tasks, gint64 holder, const char *user)
{
	json_auto json_object *task = holder ? tasks_describe(tasks, holder, NULL) : NULL;
	const char *kind = json_get_str(task, "kind", "");
	if (g_str_equal(kind, vm_shutdown_kind.name) || g_str_equal(kind, vm_reboot_kind.name)) {
		g_message("task %" G_GINT64_FORMAT " gives way to another end of its guest by %s", holder, user);
		tasks_cancel(tasks, holder, NULL);
	}
}

gint64 vm_submit(Vm *vm, const TaskKind *kind, const char *user, json_object *args, GError **error)
{
	Tasks *tasks = vm->services->tasks;
	g_autofree char *object = g_strdup_printf("vm/%" G_GINT64_FORMAT, vm->id);
	gboolean last = kind == &vm_stop_kind || json_get_bool(args, "node", FALSE);
	gint64 holder = last ? tasks_claimed_by(tasks, object) : 0;
	gint64 task = tasks_submit(tasks, kind, object, user, args, NULL, error);
	if (task)
		overtake_shutdown(tasks, holder, user);
	return task;
}

static char *state_path(Vm *vm)
{
	return g_strdup_printf("vm-state/%" G_GINT64_FORMAT, vm->id);
}

static gboolean write_state(Vm *vm, gboolean wanted, const char *user, const char *code, const char *reason,
			    gint64 since_us, GError **error)
{
	g_autofree char *path = state_path(vm);
	json_auto json_object *body = json_object_new_object();
	json_set_bool(body, "wanted", wanted);
	json_set_str(body, "user", user);
	json_set_str(body, "reason_code", code);
	json_set_str(body, "reason", reason);
	json_set_int(body, "since_us", since_us);
	g_autoptr(Batch) batch = batch_new(user, 0);
	batch_put(batch, path, REV_ANY, body);
	return store_commit(vm->services->store, batch, error) != 0;
}

gboolean vm_want(Vm *vm, gboolean running, const char *user, GError **error)
{
	g_mutex_lock(&vm->lock);
	g_autofree char *code = g_strdup(vm->reason_code);
	g_autofree char *reason = g_strdup(vm->reason);
	gint64 since_us = vm->since_us;
	g_mutex_unlock(&vm->lock);
	return write_state(vm, running, user, code, reason, since_us, error);
}

gboolean vm_is_wanted(Vm *vm)
{
	g_autofree char *path = state_path(vm);
	g_autoptr(Doc) doc = store_get(vm->services->store, path, NULL);
	return doc && json_get_bool(doc->body, "wanted", FALSE);
}

/* Not for a guest that is gone, whose fact would stay for ever. */
static gboolean is_deleted(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return vm->deleted;
}

void vm_record_end(Vm *vm, gboolean wanted, const char *code, const char *reason, gint64 since_us)
{
	g_autoptr(GError) error = NULL;
	if (!is_deleted(vm) && !write_state(vm, wanted, "yado", code, reason, since_us, &error))
		g_warning("cannot record why VM %" G_GINT64_FORMAT " stopped: %s", vm->id, error->message);
}

void vm_record_reason(Vm *vm, gboolean wanted)
{
	g_autoptr(GError) error = NULL;
	if (!is_deleted(vm) && !vm_want(vm, wanted, "yado", &error))
		g_warning("cannot record the state of VM %" G_GINT64_FORMAT ": %s", vm->id, error->message);
}

void vm_recall_reason(Vm *vm)
{
	g_autofree char *path = state_path(vm);
	g_autoptr(Doc) doc = store_get(vm->services->store, path, NULL);
	if (!doc)
		return;
	g_mutex_lock(&vm->lock);
	g_free(vm->reason_code);
	g_free(vm->reason);
	vm->reason_code = g_strdup(json_get_str(doc->body, "reason_code", "none"));
	vm->reason = g_strdup(json_get_str(doc->body, "reason", ""));
	vm->since_us = json_get_int(doc->body, "since_us", vm->since_us);
	VmState state = vm->state;
	g_mutex_unlock(&vm->lock);
	vm_set_state(vm, state, NULL, NULL); /* renews the row */
}

static Vm *task_vm(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	const char *object = task_object(task);
	return guests_find(services->guests, object + strlen("vm/"), error);
}

/* Starts; the guest is STOPPED before. */
static gboolean start(Vm *vm, Task *task, GError **error)
{
	/* The run directory comes first: what is remembered in it tells an interrupted start from a crash. */
	if (!may_start(vm, error) || !dir_make(vm->run_dir, 0700, error))
		return FALSE;
	vm_forget_exit(vm);
	vm_set_state(vm, VM_STARTING, NULL, NULL);
	if (vm_start_process(vm, task, error))
		return TRUE;
	vm_set_state(vm, VM_STOPPED, "start-failed", "did not start: %s", error && *error ? (*error)->message : "");
	vm_record_reason(vm, FALSE); /* our claim keeps others from starting it meanwhile */
	return FALSE;
}

static gboolean run_start(Task *task, gpointer data, GError **error)
{
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (vm && json_get(task_args(task), "cause") && vm_state_is_alive(vm_get_state(vm))) {
		task_log(task, "somebody else has started it already");
		return TRUE;
	}
	return vm && vm_power_allowed(vm, &vm_start_kind, error) && start(vm, task, error);
}

/* The daemon died during a start: adoption has looked at the process already. */
static gboolean recover_start(Task *task, json_object *steps, gpointer data, GError **error)
{
	(void)steps;
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (!vm)
		return FALSE;
	/* One that never ran is ended by its adoption, which may not have been waited for; one that says nothing may be such. */
	VmState state = vm_get_state(vm);
	if (state == VM_UNKNOWN)
		vm_expect_exit(vm, "start-failed", "its start was interrupted");
	if ((state == VM_STARTING || state == VM_UNKNOWN) && !vm_end_process(vm, STOP_TIMEOUT_MS, error))
		return FALSE;
	if (vm_state_is_alive(vm_get_state(vm))) {
		task_log(task, "the process was running already");
		return TRUE;
	}
	return start(vm, task, error);
}

static gboolean turn_off(Vm *vm, Task *task, const char *code, const char *reason, GError **error)
{
	vm_expect_exit(vm, code, "%s by %s", reason, task_user(task));
	vm_set_state(vm, VM_STOPPING, NULL, NULL);
	return vm_end_process(vm, STOP_TIMEOUT_MS, error);
}

static gboolean run_stop(Task *task, gpointer data, GError **error)
{
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (!vm || !vm_power_allowed(vm, &vm_stop_kind, error) || !vm_want(vm, FALSE, task_user(task), error))
		return FALSE;
	return turn_off(vm, task, "user-stop", "stopped", error);
}

static gboolean recover_stop(Task *task, json_object *steps, gpointer data, GError **error)
{
	(void)steps;
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (!vm)
		return FALSE;
	return vm_get_state(vm) == VM_STOPPED ||
	       (vm_want(vm, FALSE, task_user(task), error) && turn_off(vm, task, "user-stop", "stopped", error));
}

/* The agent first, since it can say no; then the power button. FALSE: neither could be asked. */
static gboolean ask_guest(Vm *vm, Task *task, gboolean *ret_agent, GError **error)
{
	g_autoptr(GError) agent_error = NULL;
	freeze_end(vm); /* it could write nothing at its end */
	*ret_agent = agent_shutdown(vm, &agent_error);
	if (*ret_agent) {
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
		if (vm_wait_state(vm, ON(STOPPED) | ON(PANICKED), (guint)MIN(500, (end - now) / 1000 + 1)))
			break;
		task_progress(task, (guint64)(g_get_monotonic_time() - begin) / 1000, timeout_ms, "ms");
	}
	return vm_get_state(vm) == VM_STOPPED;
}

/* Whose QEMU is silent, since its disk hangs for a while, may yet answer before the guest's own time is over. */
static gboolean ask_again(Vm *vm, Task *task, gint64 end_us, gboolean *ret_agent, GError **error)
{
	for (;;) {
		g_autoptr(GError) cause = NULL, cancelled = NULL;
		if (ask_guest(vm, task, ret_agent, &cause) || wait_stopped(vm, task, ASK_AGAIN_MS, &cancelled))
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

/* What the request says counts before what the document says. */
static gboolean shut_down(Vm *vm, Task *task, GError **error)
{
	json_auto json_object *document = vm_dup_document(vm, NULL);
	json_object *setting = json_get(document, "shutdown"), *args = task_args(task);
	gint64 timeout_s = json_get_int(args, "timeout", json_get_int(setting, "timeout", 90));
	const char *action = json_get_str(args, "action", json_get_str(setting, "action", "stop"));
	gint64 end_us = g_get_monotonic_time() + timeout_s * G_USEC_PER_SEC;
	gboolean agent = FALSE, with_node = json_get_bool(args, "node", FALSE);

	if (with_node)
		vm_expect_exit(vm, "node-shutdown", "shut down with its node by %s", task_user(task));
	else
		vm_expect_exit(vm, "user-shutdown", "shut down by %s", task_user(task));
	vm_set_state(vm, VM_STOPPING, NULL, NULL);
	g_autoptr(GError) wait_error = NULL;
	if (!(with_node ? ask_again(vm, task, end_us, &agent, error) : ask_guest(vm, task, &agent, error)))
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
		return turn_off(vm, task, "shutdown-forced",
				panicked ? "panicked while it was shut down, and stopped"
					 : "did not shut down in time, and was stopped",
				error);
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

/* With its node: from whatever state it is in, and to the end. Who cannot be asked is turned off. */
static gboolean shut_down_with_node(Vm *vm, Task *task, GError **error)
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
		if (shut_down(vm, task, &cause))
			return TRUE;
		if (error_code(cause) == ERROR_CANCELLED) {
			vm_record_reason(vm, vm_state_is_alive(vm_get_state(vm)));
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
		task_log(task, "%s", cause->message);
	}
	task_step(task, "it is %s: the power is turned off", vm_state_name(state));
	return turn_off(vm, task, "node-shutdown", "stopped with its node", error);
}

static gboolean run_shutdown(Task *task, gpointer data, GError **error)
{
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (vm && json_get_bool(task_args(task), "node", FALSE))
		return shut_down_with_node(vm, task, error);
	if (!vm || !vm_power_allowed(vm, &vm_shutdown_kind, error) || !vm_want(vm, FALSE, task_user(task), error))
		return FALSE;
	if (shut_down(vm, task, error))
		return TRUE;
	/* It runs on, and so it is wanted. */
	if (vm_state_is_alive(vm_get_state(vm)))
		vm_record_reason(vm, TRUE);
	return FALSE;
}

static gboolean recover_shutdown(Task *task, json_object *steps, gpointer data, GError **error)
{
	(void)steps;
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (!vm)
		return FALSE;
	return vm_get_state(vm) == VM_STOPPED || run_shutdown(task, data, error);
}

static gboolean run_reset(Task *task, gpointer data, GError **error)
{
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (!vm || !vm_power_allowed(vm, &vm_reset_kind, error))
		return FALSE;
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, error);
	if (!qmp || !qmp_do(qmp, "system_reset", NULL, COMMAND_TIMEOUT_MS, error))
		return FALSE;
	if (vm_get_state(vm) != VM_RUNNING && !qmp_do(qmp, "cont", NULL, COMMAND_TIMEOUT_MS, error))
		return FALSE;
	vm_set_state(vm, VM_RUNNING, "user-reset", "reset by %s", task_user(task));
	return TRUE;
}

/* A whole new process, so that what was pending takes effect. */
static gboolean run_reboot(Task *task, gpointer data, GError **error)
{
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (!vm || !vm_power_allowed(vm, &vm_reboot_kind, error))
		return FALSE;
	/* After a panic somebody may have been quicker. */
	gboolean restart = json_get(task_args(task), "cause") != NULL;
	if (restart && vm_get_state(vm) != VM_PANICKED)
		return TRUE;
	gboolean ended = vm_get_state(vm) == VM_RUNNING ? shut_down(vm, task, error)
			 : restart			? turn_off(vm, task, "panic", "panicked, and stopped", error)
							: turn_off(vm, task, "user-stop", "stopped", error);
	return ended && start(vm, task, error);
}

static gboolean recover_reboot(Task *task, json_object *steps, gpointer data, GError **error)
{
	(void)steps;
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (!vm)
		return FALSE;
	return vm_get_state(vm) == VM_STOPPED ? start(vm, task, error) : run_reboot(task, data, error);
}

static gboolean switch_cpus(Task *task, gpointer data, const TaskKind *kind, const char *command, VmState state,
			    const char *code, const char *word, GError **error)
{
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (!vm || !vm_power_allowed(vm, kind, error))
		return FALSE;
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, error);
	if (!qmp || !qmp_do(qmp, command, NULL, COMMAND_TIMEOUT_MS, error))
		return FALSE;
	vm_set_state(vm, state, code, "%s by %s", word, task_user(task));
	/* A disk that is still full stops the guest again at once. */
	vm_query_state(vm);
	return TRUE;
}

static gboolean run_pause(Task *task, gpointer data, GError **error)
{
	return switch_cpus(task, data, &vm_pause_kind, "stop", VM_PAUSED, "user-pause", "paused", error);
}

/* A guest that has gone to sleep by itself is not continued but woken, as by its power button. */
static gboolean wake(Vm *vm, Task *task, Qmp *qmp, GError **error)
{
	guint64 mark = qmp_event_mark(qmp);
	if (!qmp_do(qmp, "system_wakeup", NULL, COMMAND_TIMEOUT_MS, error))
		return FALSE;
	json_auto json_object *woke = qmp_wait_event(qmp, mark, "WAKEUP", NULL, COMMAND_TIMEOUT_MS, error);
	if (!woke)
		return FALSE;
	vm_set_state(vm, VM_RUNNING, "resumed", "woken by %s", task_user(task));
	vm_query_state(vm);
	return TRUE;
}

static gboolean run_resume(Task *task, gpointer data, GError **error)
{
	g_autoptr(Vm) vm = task_vm(task, data, error);
	g_autoptr(Qmp) qmp = vm ? vm_ref_qmp(vm, error) : NULL;
	json_auto json_object *status = qmp ? qmp_command(qmp, "query-status", NULL, COMMAND_TIMEOUT_MS, error) : NULL;
	if (!status)
		return FALSE;
	if (g_str_equal(json_get_str(status, "status", ""), "suspended"))
		return vm_power_allowed(vm, &vm_resume_kind, error) && wake(vm, task, qmp, error);
	return switch_cpus(task, data, &vm_resume_kind, "cont", VM_RUNNING, "resumed", "resumed", error);
}

/* Reset, pause and resume change nothing that outlives QEMU's answer: an interrupted one is simply looked at. */
static gboolean recover_looked_at(Task *task, json_object *steps, gpointer data, GError **error)
{
	(void)steps;
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (!vm)
		return FALSE;
	error_set(error, ERROR_FAILED, "see the guest's state and ask again if needed",
		  "yadod ended before this was done; the guest is %s now", vm_state_name(vm_get_state(vm)));
	return FALSE;
}

const TaskKind vm_start_kind = {"vm.start", &start_pool, .queue = TRUE, .run = run_start, .recover = recover_start};
const TaskKind vm_stop_kind = {"vm.stop", &power_pool, .queue = TRUE, .run = run_stop, .recover = recover_stop};
const TaskKind vm_shutdown_kind = {"vm.shutdown", &shutdown_pool, .cancellable = TRUE, .queue = TRUE,
				   .run = run_shutdown, .recover = recover_shutdown};
const TaskKind vm_reset_kind = {"vm.reset", &power_pool, .queue = TRUE, .run = run_reset,
				.recover = recover_looked_at};
const TaskKind vm_reboot_kind = {"vm.reboot", &shutdown_pool, .cancellable = TRUE, .queue = TRUE, .run = run_reboot,
				 .recover = recover_reboot};
const TaskKind vm_pause_kind = {"vm.pause", &power_pool, .queue = TRUE, .run = run_pause,
				.recover = recover_looked_at};
const TaskKind vm_resume_kind = {"vm.resume", &power_pool, .queue = TRUE, .run = run_resume,
				 .recover = recover_looked_at};
