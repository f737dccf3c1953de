/* Power actions as tasks. Each checks the state when it is asked for (so that a refusal comes at once) and again when
 * it runs, and ends only when the new state is a fact. */
#include "guest/run/power.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/prepare/prepare.h"
#include "guest/resources/memory.h"
#include "guest/resources/numa.h"
#include "guest/resources/placement.h"
#include "guest/run/exit.h"
#include "guest/run/shutdown.h"
#include "guest/run/start.h"
#include "guest/run/wanted.h"
#include "guest/run/watch.h"
#include "guest/unique.h"

enum { COMMAND_TIMEOUT_MS = 10000, END_TIMEOUT_MS = 10000 };

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
	    (!stopped || (memory_check_start("", document, error) && numa_check_pages("", document, error))) &&
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
	/* One that never ran is ended by its adoption, which may not have been waited for; one that says nothing may be
	 * such. */
	VmState state = vm_get_state(vm);
	if (state == VM_UNKNOWN)
		vm_expect_exit(vm, "start-failed", "its start was interrupted");
	if ((state == VM_STARTING || state == VM_UNKNOWN) && !vm_end_process(vm, END_TIMEOUT_MS, error))
		return FALSE;
	if (vm_state_is_alive(vm_get_state(vm))) {
		task_log(task, "the process was running already");
		return TRUE;
	}
	return start(vm, task, error);
}

static gboolean run_stop(Task *task, gpointer data, GError **error)
{
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (!vm || !vm_power_allowed(vm, &vm_stop_kind, error) || !vm_want(vm, FALSE, task_user(task), error))
		return FALSE;
	return vm_turn_off(vm, "user-stop", "stopped", task_user(task), error);
}

static gboolean recover_stop(Task *task, json_object *steps, gpointer data, GError **error)
{
	(void)steps;
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (!vm)
		return FALSE;
	return vm_get_state(vm) == VM_STOPPED || (vm_want(vm, FALSE, task_user(task), error) &&
						  vm_turn_off(vm, "user-stop", "stopped", task_user(task), error));
}

static gboolean run_shutdown(Task *task, gpointer data, GError **error)
{
	g_autoptr(Vm) vm = task_vm(task, data, error);
	if (vm && json_get_bool(task_args(task), "node", FALSE))
		return shutdown_with_node(vm, task, error);
	if (!vm || !vm_power_allowed(vm, &vm_shutdown_kind, error) || !vm_want(vm, FALSE, task_user(task), error))
		return FALSE;
	if (shutdown_guest(vm, task, error))
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
	gboolean ended = vm_get_state(vm) == VM_RUNNING ? shutdown_guest(vm, task, error)
			 : restart ? vm_turn_off(vm, "panic", "panicked, and stopped", task_user(task), error)
				   : vm_turn_off(vm, "user-stop", "stopped", task_user(task), error);
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
