/* /vms/{id}/user-data, /cloud-init-password, /answers, /handed: what a guest is handed at its first boot. */
#include "guest/handed/handed.h"

#include "api/route.h"
#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/plan.h"

static gboolean hand(Call *call, Handed what, gboolean away, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	gint64 rev = 0;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_auto json_object *request = vm && !away ? call_document(call, error) : NULL;
	if (!vm || (!away && !request))
		return FALSE;
	g_autoptr(Plan) plan =
		call_check_rev(call, vm_get_rev(vm), &refusal) ? handed_plan(vm, what, request, &refusal) : NULL;
	if (call->plan)
		return plan ? answer_plan(call, plan_describe(plan)) : answer_refused(call, g_steal_pointer(&refusal));
	if (!plan) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	if (!handed_apply(vm, plan, what, request, call->request->user, error))
		return FALSE;
	json_object *document = vm_dup_document(vm, &rev);
	return answer_document(call, 200, document, rev);
}

static gboolean set_user_data(Call *call, GError **error)
{
	return hand(call, HANDED_USER_DATA, FALSE, error);
}

static gboolean drop_user_data(Call *call, GError **error)
{
	return hand(call, HANDED_USER_DATA, TRUE, error);
}

static gboolean set_password(Call *call, GError **error)
{
	return hand(call, HANDED_PASSWORD, FALSE, error);
}

static gboolean drop_password(Call *call, GError **error)
{
	return hand(call, HANDED_PASSWORD, TRUE, error);
}

static gboolean set_answers(Call *call, GError **error)
{
	return hand(call, HANDED_ANSWERS, FALSE, error);
}

static gboolean drop_answers(Call *call, GError **error)
{
	return hand(call, HANDED_ANSWERS, TRUE, error);
}

static gboolean get_handed(Call *call, GError **error)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_auto json_object *document = vm ? vm_dup_document(vm, NULL) : NULL;
	json_object *answer = document ? handed_describe(call->services, document, error) : NULL;
	return answer && answer_json(call, 200, answer);
}

#define CHANGES .plannable = TRUE, .if_match = TRUE, .answer = ANSWER_DOCUMENT, .result = &vm_table

const Route handed_routes[] = {
	{"GET", "/vms/{}/handed", get_handed, "files on the drives that the guest's next start brings, without secrets",
	 PRIVILEGE_VM_READ, SCOPE_VM, .answer = ANSWER_DOCUMENT, .result = &handed_table,
	 .summary_ja = "次回起動時にドライブで渡すファイル（秘密を除く）"},
	{"POST", "/vms/{}/user-data", set_user_data, "give cloud-init user-data of one's own", PRIVILEGE_VM_CONFIGURE,
	 SCOPE_VM, .body = &user_data_request_table, CHANGES, .summary_ja = "cloud-initに独自のuser-dataを渡す"},
	{"DELETE", "/vms/{}/user-data", drop_user_data, "take that user-data away", PRIVILEGE_VM_CONFIGURE, SCOPE_VM,
	 CHANGES, .summary_ja = "独自のuser-dataの取り消し"},
	{"POST", "/vms/{}/cloud-init-password", set_password, "give the password of the user that cloud-init makes",
	 PRIVILEGE_VM_CONFIGURE, SCOPE_VM, .body = &guest_password_table, CHANGES,
	 .summary_ja = "cloud-initが作るユーザーのパスワードの設定"},
	{"DELETE", "/vms/{}/cloud-init-password", drop_password, "take that password away", PRIVILEGE_VM_CONFIGURE,
	 SCOPE_VM, CHANGES, .summary_ja = "そのパスワードの取り消し"},
	{"POST", "/vms/{}/answers", set_answers, "give an installer its answers", PRIVILEGE_VM_CONFIGURE, SCOPE_VM,
	 .body = &answers_request_table, CHANGES, .summary_ja = "インストーラーに応答ファイルを渡す"},
	{"DELETE", "/vms/{}/answers", drop_answers, "take the answers away", PRIVILEGE_VM_CONFIGURE, SCOPE_VM, CHANGES,
	 .summary_ja = "応答ファイルの取り消し"},
	{NULL},
};
