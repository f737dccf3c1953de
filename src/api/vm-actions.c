/* /vms/{id}/ACTION: power. */
#include <string.h>

#include "api/route.h"
#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/power.h"
#include "guest/vm.h"

static gboolean act(Call *call, const TaskKind *kind, const char *effect, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	/* What a request may say about one shutdown, in place of the guest's setting. */
	json_auto json_object *body = vm && call->route->body ? call_document(call, error) : NULL;
	if (!vm || (call->route->body && !body))
		return FALSE;
	g_autofree char *label = vm_label(vm);
	gboolean allowed = vm_power_allowed(vm, kind, &refusal);
	if (call->plan)
		return answer_action_plan(call, g_steal_pointer(&refusal), "%s %s", label, effect);
	/* A task that is under way may change the state: then the action waits for its turn and looks again. */
	g_autofree char *object = g_strdup_printf("vm/%" G_GINT64_FORMAT, vm->id);
	if (!allowed && !tasks_claimed_by(call->services->tasks, object)) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	gint64 task = vm_submit(vm, kind, call->request->user, body, error);
	return task && answer_task(call, task, NULL);
}

static gboolean start(Call *call, GError **error)
{
	return act(call, &vm_start_kind, "starts", error);
}

static gboolean shut_down(Call *call, GError **error)
{
	return act(call, &vm_shutdown_kind, "is asked to shut down", error);
}

static gboolean stop(Call *call, GError **error)
{
	return act(call, &vm_stop_kind, "loses its power at once; what it has not written is lost", error);
}

static gboolean reset(Call *call, GError **error)
{
	return act(call, &vm_reset_kind, "is reset at once; what it has not written is lost", error);
}

static gboolean reboot(Call *call, GError **error)
{
	return act(call, &vm_reboot_kind, "is shut down and started; pending changes take effect", error);
}

static gboolean pause_vm(Call *call, GError **error)
{
	return act(call, &vm_pause_kind, "stands still until it is resumed", error);
}

static gboolean resume(Call *call, GError **error)
{
	return act(call, &vm_resume_kind, "runs on", error);
}

const Route vm_action_routes[] = {
	{"POST", "/vms/{}/start", start, "start a guest", PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE,
	 .answer = ANSWER_TASK,
	 .summary_ja = "ゲストの起動"},
	{"POST", "/vms/{}/shutdown", shut_down, "ask a guest to shut down", PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE,
	 .body = &shutdown_request_table, .answer = ANSWER_TASK,
	 .summary_ja = "ゲストのシャットダウン"},
	{"POST", "/vms/{}/stop", stop, "take a guest's power", PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE,
	 .answer = ANSWER_TASK,
	 .summary_ja = "ゲストの電源断"},
	{"POST", "/vms/{}/reset", reset, "reset a guest at once", PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE,
	 .answer = ANSWER_TASK,
	 .summary_ja = "ゲストの即時リセット"},
	{"POST", "/vms/{}/reboot", reboot, "shut a guest down and start it", PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE,
	 .body = &shutdown_request_table, .answer = ANSWER_TASK,
	 .summary_ja = "ゲストのシャットダウンと起動"},
	{"POST", "/vms/{}/pause", pause_vm, "make a guest stand still", PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE,
	 .answer = ANSWER_TASK,
	 .summary_ja = "ゲストの一時停止"},
	{"POST", "/vms/{}/resume", resume, "let a guest run on", PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE,
	 .answer = ANSWER_TASK,
	 .summary_ja = "ゲストの再開"},
	{NULL},
};
