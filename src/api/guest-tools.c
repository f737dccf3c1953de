/* /vms/{id}/guest: what a guest's agent says, and what it is asked to do at once or as a task. */
#include "api/route.h"
#include "api/vm-task.h"
#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/tools/ask.h"
#include "guest/tools/control.h"
#include "guest/tools/freeze.h"
#include "guest/tools/info.h"

static gboolean get_info(Call *call, GError **error)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_object *info = vm ? tools_info(vm, error) : NULL;
	return info && answer_json(call, 200, info);
}

static gboolean list_filesystems(Call *call, GError **error)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_object *list = vm ? tools_filesystems(vm, error) : NULL;
	return list && answer_items(call, list);
}

static gboolean set_password(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_auto json_object *body = vm ? call_document(call, error) : NULL;
	if (!body)
		return FALSE;
	const char *user = json_get_str(body, "user", "");
	g_autofree char *label = vm_label(vm);
	if (call->plan) {
		tools_check(vm, &refusal);
		return answer_action_plan(call, g_steal_pointer(&refusal), "the password of '%s' in %s is set", user,
					  label);
	}
	return tools_set_password(vm, user, json_get_str(body, "password", ""), error) &&
	       answer_json(call, 200, json_object_new_object());
}

static gboolean sync_time(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	if (!vm)
		return FALSE;
	g_autofree char *label = vm_label(vm);
	if (call->plan) {
		tools_check(vm, &refusal);
		return answer_action_plan(call, g_steal_pointer(&refusal), "the clock of %s is set to this node's",
					  label);
	}
	json_object *answer = tools_sync_time(vm, error);
	return answer && answer_json(call, 200, answer);
}

static gboolean submit(Call *call, const TaskKind *kind, const char *effect, GError **error)
{
	GError *refusal = NULL;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_auto json_object *body = vm && call->route->body ? call_document(call, error) : NULL;
	if (!vm || (call->route->body && !body))
		return FALSE;
	tools_check(vm, &refusal);
	return vm_task_answer(call, vm, kind, body, refusal, effect, error);
}

static gboolean freeze(Call *call, GError **error)
{
	return submit(call, &vm_freeze_kind, "stands still at its next write, until it is thawed or the time is over",
		      error);
}

static gboolean thaw(Call *call, GError **error)
{
	return submit(call, &vm_thaw_kind, "writes again", error);
}

static gboolean trim(Call *call, GError **error)
{
	return submit(call, &vm_trim_kind, "tells its disks what it no longer uses", error);
}

const Route guest_tool_routes[] = {
	{"GET", "/vms/{}/guest", get_info, "what a guest's agent says of it", PRIVILEGE_VM_GUEST, SCOPE_VM,
	 .answer = ANSWER_DOCUMENT, .result = &guest_info_table,
	 .summary_ja = "エージェントが報告するゲストの内部の情報"},
	{"GET", "/vms/{}/guest/filesystems", list_filesystems, "file systems of a guest, and the disks they are on",
	 PRIVILEGE_VM_GUEST, SCOPE_VM, .answer = ANSWER_LIST, .result = &guest_filesystem_table,
	 .summary_ja = "ゲストのファイルシステムと、載っているディスク"},
	{"POST", "/vms/{}/guest/password", set_password, "set a password in a guest", PRIVILEGE_VM_GUEST, SCOPE_VM,
	 .plannable = TRUE, .body = &agent_password_table, .answer = ANSWER_EMPTY, .unkept = TRUE,
	 .summary_ja = "ゲスト内のパスワードの設定"},
	{"POST", "/vms/{}/guest/sync-time", sync_time, "set a guest's clock to the node's", PRIVILEGE_VM_GUEST,
	 SCOPE_VM, .plannable = TRUE, .answer = ANSWER_DOCUMENT, .result = &guest_time_table,
	 .summary_ja = "ゲストの時計をノードに合わせる"},
	{"POST", "/vms/{}/guest/freeze", freeze, "freeze a guest's file systems for a bounded time", PRIVILEGE_VM_GUEST,
	 SCOPE_VM, .plannable = TRUE, .body = &guest_freeze_table, .answer = ANSWER_TASK,
	 .summary_ja = "ゲストのファイルシステムの凍結（時間制限あり）"},
	{"POST", "/vms/{}/guest/thaw", thaw, "thaw a guest's file systems", PRIVILEGE_VM_GUEST, SCOPE_VM,
	 .plannable = TRUE, .answer = ANSWER_TASK, .summary_ja = "ゲストのファイルシステムの解凍"},
	{"POST", "/vms/{}/guest/trim", trim, "have a guest give back what it no longer uses of its disks",
	 PRIVILEGE_VM_GUEST, SCOPE_VM, .plannable = TRUE, .answer = ANSWER_TASK,
	 .summary_ja = "ゲストが使わなくなったディスク領域の返却"},
	{NULL},
};
