/* /vms/{id}/firmware-setup and /vms/{id}/upgrade-hardware. */
#include "api/route.h"
#include "base/error.h"
#include "base/json.h"
#include "guest/devices/firmware-setup.h"
#include "guest/guests.h"
#include "guest/lifecycle.h"

static gboolean ask_setup(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_auto json_object *body = vm ? call_document(call, error) : NULL;
	if (!body)
		return FALSE;
	gboolean cancel = json_get_bool(body, "cancel", FALSE);
	gboolean allowed = cancel || firmware_setup_check(vm, &refusal);
	if (call->plan) {
		g_autofree char *label = vm_label(vm);
		g_autofree char *effect = g_strconcat(
			label, cancel ? " starts as usual" : " enters its firmware's set-up at its next start, once", NULL);
		g_autofree char *effect_ja = g_strconcat(
			label, cancel ? " は通常どおり起動" : " は次回の起動時に一度だけファームウェア設定に入る", NULL);
		return answer_spoken_plan(call, g_steal_pointer(&refusal), effect, effect_ja);
	}
	if (!allowed) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	return firmware_setup_request(vm, !cancel, call->request->user, error) &&
	       answer_json(call, 200, json_object_new_object());
}

static gboolean upgrade(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	gint64 if_match, task = 0;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_auto json_object *body = vm ? call_document(call, error) : NULL;
	if (!body || !call_if_match(call, &if_match, error))
		return FALSE;
	g_autoptr(Plan) plan = plan_upgrade(vm, json_get_str(body, "machine", NULL), if_match, &refusal);
	if (call->plan)
		return plan ? answer_plan(call, plan_describe(plan)) : answer_refused(call, g_steal_pointer(&refusal));
	if (!plan) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	json_auto json_object *present = vm_dup_document(vm, NULL);
	if (change_submit(vm, plan, call->request->user, &task, error) < 0)
		return FALSE;
	json_object *answer = json_object_new_object();
	const char *former = json_get_str(present, "machine", "");
	const char *machine = json_get_str(plan->document, "machine", "");
	json_set_str(answer, "former", former);
	json_set_str(answer, "machine", machine);
	json_set_bool(answer, "step_back", qemu_machine_is_older(machine, former));
	return answer_json(call, 200, answer);
}

const Route vm_firmware_routes[] = {
	{"POST", "/vms/{}/firmware-setup", ask_setup, "enter a guest's firmware set-up at its next start, once",
	 PRIVILEGE_VM_POWER, SCOPE_VM, .plannable = TRUE, .body = &firmware_setup_request_table, .answer = ANSWER_EMPTY,
	 .summary_ja = "次回の起動時に一度だけファームウェア設定に入る"},
	{"POST", "/vms/{}/upgrade-hardware", upgrade, "give a guest another machine version at its next start",
	 PRIVILEGE_VM_CONFIGURE, SCOPE_VM, .plannable = TRUE, .if_match = TRUE, .body = &upgrade_hardware_request_table,
	 .answer = ANSWER_OBJECT, .summary_ja = "次回の起動時からのマシンバージョンの変更"},
	{NULL},
};
