/* /vms: guests. */
#include <string.h>

#include "api/filter.h"
#include "api/list.h"
#include "api/permit.h"
#include "api/vm-task.h"
#include "base/error.h"
#include "base/json.h"
#include "guest/console/console.h"
#include "guest/devices/firmware-setup.h"
#include "guest/devices/helper.h"
#include "guest/devices/share.h"
#include "guest/guests.h"
#include "guest/lifecycle.h"
#include "guest/no-effect.h"
#include "guest/resources/balloon.h"
#include "guest/run/stats.h"
#include "guest/tools/agent.h"
#include "guest/unique.h"
#include "guest/vm.h"

enum {
	PIECE_MIN = 32,   /* guests looked at between two looks into the table, or what the page still wants */
	AHEAD = 8,        /* guests whose rows are on their way from memory */
	ROW_LENGTH = 240, /* of most */
};

/* A row as the query wants it: whole, or cut to fields. */
static void append_row(Call *call, GString *text, GRefString *row)
{
	if (text->str[text->len - 1] != '[')
		g_string_append_c(text, ',');
	if (!call->fields) {
		g_string_append_len(text, row, (gssize)g_ref_string_length(row));
		return;
	}
	json_auto json_object *whole = json_parse(row, g_ref_string_length(row), NULL);
	json_auto json_object *cut = cut_fields(call, whole);
	g_string_append(text, json_object_to_json_string_ext(cut, JSON_C_TO_STRING_PLAIN));
}

enum { QUICK_ROWS = 200, QUICK_GUESTS = 1000 };

/* A join of a few strings, of guests that are few enough to be looked at one by one. */
static gboolean list_is_quick(const Call *call)
{
	return !call_query(call, "filter") && !call_query(call, "fields") && call_number(call, "limit") <= QUICK_ROWS &&
	       (rights_allow_all(call->rights, PRIVILEGE_VM_READ, "/vms") ||
		guests_count(call->services->guests) <= QUICK_GUESTS);
}

typedef struct RowPage {
	Call *call;
	gboolean all; /* guests may be seen */
	GString *text;
	gint64 limit, count, last; /* id of the last row */
	gboolean more;             /* another row would follow */
} RowPage;

static void add_guest(Vm *vm, const char *const *tags, GRefString *row, gpointer data)
{
	RowPage *page = data;
	Call *call = page->call;
	if (!row || (!page->all && !rights_allow_vm(call->rights, PRIVILEGE_VM_READ, vm->path, tags)) ||
	    (call->filter && !filter_match_text(call->filter, row, g_ref_string_length(row))))
		return;
	page->more = page->count == page->limit;
	if (!page->more) {
		append_row(call, page->text, row);
		page->last = vm->id;
		page->count++;
	}
}

/* Rows are kept serialized, so the whole list is a join of strings. Guests are taken from the table piece by piece, as
 * many as it takes until the page is full. */
static gboolean list_vms(Call *call, GError **error)
{
	RowPage page = {.call = call,
			.all = rights_allow_all(call->rights, PRIVILEGE_VM_READ, "/vms"),
			.limit = call_number(call, "limit")};
	guint piece, found;
	gint64 after;
	if (!call_int(call, "after", 0, G_MAXINT64, 0, &after, error))
		return FALSE;
	page.text = g_string_sized_new((gsize)MIN(page.limit, guests_count(call->services->guests)) * ROW_LENGTH + 64);
	g_string_append(page.text, "{\"items\":[");
	do {
		piece = (guint)MAX(page.limit - page.count + 1, PIECE_MIN);
		g_autoptr(GPtrArray) guests = guests_list(call->services->guests, after, piece);
		found = guests->len;
		for (guint i = 0; i < found && !page.more; i++) {
			Vm *vm = g_ptr_array_index(guests, i);
			if (i + AHEAD < found)
				vm_prefetch_row(g_ptr_array_index(guests, i + AHEAD));
			vm_read_row(vm, add_guest, &page);
			after = vm->id;
		}
	} while (!page.more && found == piece);
	g_string_append_c(page.text, ']');
	if (page.more)
		g_string_append_printf(page.text, ",\"next\":\"%" G_GINT64_FORMAT "\"", page.last);
	g_string_append_c(page.text, '}');
	call->response->status = 200;
	call->response->body = g_string_free_to_bytes(page.text);
	return TRUE;
}

static gboolean may_use_image(const char *name, gconstpointer who)
{
	return permit_ask_named(who, PRIVILEGE_IMAGE_READ, "/images", name, NULL);
}

static gboolean create_vm(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	gint64 id = 0;
	json_auto json_object *input = call_body(call, error);
	if (!input)
		return FALSE;
	g_autoptr(Plan) plan = permit_document(call, NULL, input, &refusal)
				       ? plan_create(call->services, input, may_use_image, call, &refusal)
				       : NULL;
	if (plan && !permit_document(call, NULL, plan->document, &refusal))
		g_clear_pointer(&plan, plan_free);
	if (call->plan)
		return plan ? answer_plan(call, plan_describe(plan)) : answer_refused(call, g_steal_pointer(&refusal));
	if (!plan) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	gint64 task = create_submit(call->services, plan, call->request->user, &id, error);
	if (!task)
		return FALSE;
	json_object *body = json_object_new_object();
	json_set_int(body, "id", id);
	return answer_task(call, task, body);
}

static json_object *describe_status(Vm *vm)
{
	json_object *status = json_object_new_object();
	json_object *console = json_object_new_object();
	g_autofree char *writer = console_dup_writer(vm, 1);
	json_object *pending = vm_pending(vm), *agent = agent_describe(vm);
	json_object *addresses = agent_addresses(vm), *shares = share_describe(vm);

	g_mutex_lock(&vm->lock);
	g_autoptr(GDateTime) since = g_date_time_new_from_unix_utc(vm->since_us / G_USEC_PER_SEC);
	g_autofree char *since_text = g_date_time_format_iso8601(since);
	json_set_str(status, "state", vm_state_name(vm->state));
	json_set_str(status, "reason", vm->reason);
	json_set_str(status, "reason_code", vm->reason_code);
	json_set_str(status, "since", since_text);
	if (vm->pid)
		json_set_int(status, "pid", vm->pid);
	gboolean shared = vm->shared;
	g_mutex_unlock(&vm->lock);
	json_set_str(status, "acceleration", vm->services->host->kvm ? "kvm" : "tcg");
	json_set(status, "agent", agent);
	json_set(status, "addresses", addresses);
	json_set(status, "pending", pending);
	json_object *memory = json_object_new_object();
	if (balloon_describe(vm, memory))
		json_set(status, "memory", memory);
	else
		json_object_put(memory);
	json_set_bool(status, "firmware_setup", firmware_setup_is_wanted(vm));
	json_set_str(console, "writer", writer);
	json_set(status, "console", console);
	if (shared) {
		json_auto json_object *document = vm_dup_document(vm, NULL);
		json_set(status, "conflicts", unique_conflicts(guests_unique(vm->services->guests), vm->id, document));
	}
	if (shares)
		json_set(status, "shares", shares);
	json_object *no_effect = no_effect_describe(vm);
	if (no_effect)
		json_set(status, "no_effect", no_effect);
	json_object *broken = helper_describe(vm);
	if (broken)
		json_set(status, "broken", broken);
	return status;
}

/* The document is kept serialized, and stays so. */
static gboolean answer_vm(Call *call, Vm *vm)
{
	gint64 rev = 0;
	GRefString *document = vm_ref_document(vm, &rev);
	json_auto json_object *status = describe_status(vm);
	json_set_int(status, "rev", rev);
	GString *text = g_string_new_len(document, (gssize)g_ref_string_length(document) - 1);
	g_string_append(text, ",\"status\":");
	g_string_append(text, json_object_to_json_string_ext(status,
							     JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	g_string_append_c(text, '}');
	g_ref_string_release(document);
	return answer_document_text(call, 200, text, rev);
}

static gboolean get_is_quick(const Call *call)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], NULL);
	return !vm || no_effect_is_known(vm);
}

static gboolean get_vm(Call *call, GError **error)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	return vm && answer_vm(call, vm);
}

static Plan *plan_permitted(Call *call, Vm *vm, json_object *patch, gint64 if_match, GError **error)
{
	gint64 rev = 0;
	json_auto json_object *present = vm_dup_document(vm, &rev);
	json_auto json_object *wish = json_merge_patch(present, patch);
	g_autoptr(Plan) plan =
		permit_document(call, present, wish, error) ? plan_change(vm, patch, if_match, error) : NULL;
	if (plan && plan->rev != rev) {
		/* What was permitted is not what would be done. */
		plan_explain_stale(vm, rev, error);
		return NULL;
	}
	return plan && permit_document(call, present, plan->document, error) ? g_steal_pointer(&plan) : NULL;
}

/* Answers with the plan, refuses (plan is NULL; the refusal is freed), or commits it and answers with what came of
 * it. */
static gboolean finish_change(Call *call, Vm *vm, Plan *plan, GError *refusal, GError **error)
{
	gint64 task = 0;
	if (call->plan)
		return plan ? answer_plan(call, plan_describe(plan)) : answer_refused(call, refusal);
	if (!plan) {
		g_propagate_error(error, refusal);
		return FALSE;
	}
	if (change_submit(vm, plan, call->request->user, &task, error) < 0)
		return FALSE;
	return task ? answer_task(call, task, NULL) : answer_vm(call, vm);
}

static gboolean change_vm(Call *call, GError **error)
{
	GError *refusal = NULL;
	gint64 if_match;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_auto json_object *patch = vm ? call_body(call, error) : NULL;
	if (!patch || !call_if_match(call, &if_match, error))
		return FALSE;
	g_autoptr(Plan) plan = plan_permitted(call, vm, patch, if_match, &refusal);
	return finish_change(call, vm, plan, refusal, error);
}

static gboolean renew_identity(Call *call, GError **error)
{
	GError *refusal = NULL;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_auto json_object *choice = vm ? call_document(call, error) : NULL;
	if (!choice)
		return FALSE;
	g_autoptr(Plan) plan = plan_renew(vm, choice, &refusal);
	return finish_change(call, vm, plan, refusal, error);
}

static gboolean delete_vm(Call *call, GError **error)
{
	GError *refusal = NULL;
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	if (!vm)
		return FALSE;
	VmState state = vm_get_state(vm);
	if (call_check_rev(call, vm_get_rev(vm), &refusal) && state != VM_STOPPED) {
		g_autofree char *label = vm_label(vm);
		error_set(&refusal, ERROR_CONFLICT, "stop it first", "%s is %s and cannot be deleted", label,
			  vm_state_name(state));
	}
	static const char effect[] = "is deleted with all its volumes, attached and detached";
	if (call->plan) {
		g_autofree char *label = vm_label(vm), *text = g_strconcat(label, " ", effect, NULL);
		g_autofree char *text_ja = g_strconcat(label, " を、接続中・切り離し済みのすべてのボリュームと共に削除", NULL);
		return answer_spoken_plan(call, refusal, text, text_ja);
	}
	return vm_task_answer(call, vm, &vm_delete_kind, NULL, refusal, effect, error);
}

static gboolean get_stats(Call *call, GError **error)
{
	g_autoptr(Vm) vm = guests_find(call->services->guests, call->args[0], error);
	json_object *stats = vm ? vm_stats(vm, error) : NULL;
	return stats && answer_json(call, 200, stats);
}

const Route vm_routes[] = {
	{"GET", "/vms", list_vms, "guests as rows", PRIVILEGE_VM_READ, SCOPE_ROWS, .query = LIST_QUERY,
	 .answer = ANSWER_LIST, .result = &vm_row_table, .quick = list_is_quick, .summary_ja = "ゲストの一覧"},
	{"POST", "/vms", create_vm, "make a guest and its volumes", PRIVILEGE_VM_CREATE, SCOPE_CREATE,
	 .plannable = TRUE, .body = &vm_table, .answer = ANSWER_TASK, .summary_ja = "ゲストとボリュームの作成"},
	{"GET", "/vms/{}", get_vm, "a guest and its status", PRIVILEGE_VM_READ, SCOPE_VM, .answer = ANSWER_DOCUMENT,
	 .result = &vm_table, .quick = get_is_quick, .summary_ja = "ゲストとその状態"},
	{"PATCH", "/vms/{}", change_vm, "change a guest, live where that is possible", PRIVILEGE_VM_CONFIGURE, SCOPE_VM,
	 .plannable = TRUE, .if_match = TRUE, .body = &vm_table, .answer = ANSWER_MAYBE_TASK, .result = &vm_table,
	 .summary_ja = "ゲストの変更（可能なら稼働中に反映）"},
	{"DELETE", "/vms/{}", delete_vm, "delete a stopped guest with all its volumes", PRIVILEGE_VM_DELETE, SCOPE_VM,
	 .plannable = TRUE, .if_match = TRUE, .answer = ANSWER_TASK,
	 .summary_ja = "停止したゲストと全ボリュームの削除"},
	{"POST", "/vms/{}/renew-identity", renew_identity,
	 "give a stopped guest a new UUID, MAC addresses or serial numbers; without a choice, "
	 "those that another guest has as well",
	 PRIVILEGE_VM_CONFIGURE, SCOPE_VM, .plannable = TRUE, .body = &renew_request_table, .answer = ANSWER_MAYBE_TASK,
	 .result = &vm_table,
	 .summary_ja = "停止中のゲストのUUID、MACアドレス、シリアル番号を新しくする（指定がなければ重複しているもの）"},
	{"GET", "/vms/{}/stats", get_stats, "counters since the guest's start", PRIVILEGE_VM_READ, SCOPE_VM,
	 .answer = ANSWER_DOCUMENT, .result = &vm_stats_table, .summary_ja = "ゲスト起動時からの統計"},
	{NULL},
};
