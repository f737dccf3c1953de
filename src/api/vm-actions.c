/* /vms/{id}/ACTION: power. */
#include "api/route.h"
#include "api/vm-task.h"
#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/run/power.h"
#include "guest/run/question.h"

static gboolean act(Call *call, const TaskKind *kind, const char *effect, GError **error)
{
	GError *refusal = NULL;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	/* What a request may say about one shutdown, in place of the guest's setting. */
	json_auto json_object *body = vm && call->route->body ? call_document(call, error) : NULL;
	if (!vm || (call->route->body && !body))
		return FALSE;
	/* A task that is under way may change the state: then the action waits for its turn and looks again. */
	g_autofree char *object = g_strdup_printf("vm/%" G_GINT64_FORMAT, vm->id);
	if (!vm_power_allowed(vm, kind, &refusal) && !call->plan && tasks_claimed_by(call->services->tasks, object))
		g_clear_error(&refusal);
	return vm_task_answer(call, vm, kind, body, refusal, effect, error);
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

static gboolean get_question(Call *call, GError **error)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_object *question = vm ? question_describe(vm, error) : NULL;
	return question && answer_json(call, 200, question);
}

static gboolean answer(Call *call, GError **error)
{
	GError *refusal = NULL;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_auto json_object *body = vm ? call_document(call, error) : NULL;
	if (!body)
		return FALSE;
	gboolean retry = g_str_equal(json_get_str(body, "answer", ""), "retry");
	question_check(vm, &refusal);
	return vm_task_answer(call, vm, retry ? &vm_retry_kind : &vm_stop_kind, NULL, refusal,
			      retry ? "tries again what was refused, and runs on"
				    : "loses its power; what it has not written is lost",
			      error);
}

const Route vm_action_routes[] = {
	{"GET", "/vms/{}/question", get_question, "why a guest stands still, and what it waits for", PRIVILEGE_VM_READ,
	 SCOPE_VM, .answer = ANSWER_DOCUMENT, .result = &vm_question_table,
	 .summary_ja = "ゲストが停止している理由と質問"},
	{"POST", "/vms/{}/answer", answer, "answer a guest's question", PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE,
	 .body = &answer_request_table, .answer = ANSWER_TASK, .summary_ja = "ゲストの質問への回答"},
	{"POST", "/vms/{}/start", start, "start a guest", PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE,
	 .answer = ANSWER_TASK, .summary_ja = "ゲストの起動"},
	{"POST", "/vms/{}/shutdown", shut_down, "ask a guest to shut down", PRIVILEGE_VM_POWER, SCOPE_VM,
	 .plannable = TRUE, .body = &shutdown_request_table, .answer = ANSWER_TASK,
	 .summary_ja = "ゲストのシャットダウン"},
	{"POST", "/vms/{}/stop", stop, "take a guest's power", PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE,
	 .answer = ANSWER_TASK, .summary_ja = "ゲストの電源断"},
	{"POST", "/vms/{}/reset", reset, "reset a guest at once", PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE,
	 .answer = ANSWER_TASK, .summary_ja = "ゲストの即時リセット"},
	{"POST", "/vms/{}/reboot", reboot, "shut a guest down and start it", PRIVILEGE_VM_POWER, SCOPE_VM,
	 .plannable = TRUE, .body = &shutdown_request_table, .answer = ANSWER_TASK,
	 .summary_ja = "ゲストのシャットダウンと起動"},
	{"POST", "/vms/{}/pause", pause_vm, "make a guest stand still", PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE,
	 .answer = ANSWER_TASK, .summary_ja = "ゲストの一時停止"},
	{"POST", "/vms/{}/resume", resume, "let a guest run on", PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE,
	 .answer = ANSWER_TASK, .summary_ja = "ゲストの再開"},
	{NULL},
};
