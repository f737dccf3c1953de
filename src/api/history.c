/* /history: every commit that there was, and the way back. */
#include <string.h>

#include "api/list.h"
#include "api/permit.h"
#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/lifecycle.h"
#include "guest/run/power.h"
#include "guest/vm.h"
#include "schema/schema.h"

enum { PAGE = 1000 };

static json_object *describe(const Change *change)
{
	json_object *json = json_object_new_object();
	g_autoptr(GDateTime) at = g_date_time_new_from_unix_utc(change->at_us / G_USEC_PER_SEC);
	g_autofree char *at_text = g_date_time_format_iso8601(at);
	json_set_int(json, "rev", change->rev);
	json_set_str(json, "at", at_text);
	json_set_str(json, "author", change->author);
	if (change->task)
		json_set_int(json, "task", change->task);
	json_set_str(json, "path", change->path);
	json_set_str(json, "action", !change->before ? "created" : !change->after ? "deleted" : "changed");
	json_set(json, "changes", json_diff(change->before, change->after));
	return json;
}

/* What a restore brings back; the rest are facts. */
static gboolean is_configuration(const char *path)
{
	return g_str_has_prefix(path, "vm/") || g_str_has_prefix(path, "storage/") || g_str_has_prefix(path, "mapping/");
}

/* Pages of the store are read until enough of what was asked for has come. A commit is never cut in two, so that the
 * next page can begin below the last one's revision. */
static gboolean list_history(Call *call, GError **error)
{
	gint64 limit = call_number(call, "limit");
	gboolean facts = call_switch(call, "facts");
	const char *prefix = call_query(call, "prefix");
	json_auto json_object *items = json_object_new_array();
	json_auto json_object *next = NULL;
	gint64 position = call_number(call, "before"), last = 0;
	do {
		if (!list_check_time(call, error))
			return FALSE;
		g_autoptr(GPtrArray) changes =
			store_history(call->services->store, prefix ? prefix : "", position, PAGE, error);
		if (!changes)
			return FALSE;
		if (changes->len == 0)
			break;
		for (guint i = 0; i < changes->len && !next; i++) {
			Change *change = g_ptr_array_index(changes, i);
			position = change->rev;
			if (!path_is_below(change->path, prefix ? prefix : "") ||
			    (!facts && !is_configuration(change->path)) || !permit_sees_past(call, change->path))
				continue;
			json_auto json_object *item = describe(change);
			if (!call_keeps(call, item))
				continue;
			if ((gint64)json_object_array_length(items) >= limit && change->rev != last)
				next = text_of_number(last);
			else
				json_object_array_add(items, json_object_get(item));
			last = change->rev;
		}
	} while (!next && position > 1);
	return answer_items_next(call, json_object_get(items), next);
}

static gboolean parse_revision(Call *call, gint64 *ret_rev, GError **error)
{
	if (g_ascii_string_to_signed(call->args[0], 10, 1, G_MAXINT64, ret_rev, NULL))
		return TRUE;
	error_set(error, ERROR_NOT_FOUND, "'yado history list' shows what there is", "there is no revision '%s'",
		  call->args[0]);
	return FALSE;
}

/* A document as it was after a commit. */
static gboolean get_document(Call *call, GError **error)
{
	gint64 rev;
	if (!parse_revision(call, &rev, error))
		return FALSE;
	g_autofree char *path = g_strdup_printf("%s/%s", call->args[1], call->args[2]);
	g_autoptr(Doc) doc = store_get_at(call->services->store, path, rev, error);
	return doc && answer_document(call, 200, json_copy(doc->body), doc->rev);
}

static gboolean get_commit(Call *call, GError **error)
{
	gint64 rev;
	if (!parse_revision(call, &rev, error))
		return FALSE;
	g_autoptr(GPtrArray) changes = store_commit_changes(call->services->store, rev, error);
	if (!changes)
		return FALSE;
	json_object *items = json_object_new_array();
	for (guint i = 0; i < changes->len; i++) {
		const Change *change = g_ptr_array_index(changes, i);
		if (permit_sees_past(call, change->path))
			json_object_array_add(items, describe(change));
	}
	return answer_items(call, items);
}

static void add_entry(json_object *plan, const char *part, json_object *value)
{
	json_object_array_add(json_get(plan, part), value);
}

static void add_refusal(json_object *plan, const char *path, GError *error)
{
	json_object *json = error_to_json(error);
	json_set_str(json, "path", path);
	add_entry(plan, "refused", json);
	g_error_free(error);
}

/* What is brought back is asked for like what is added by a change. */
static Plan *plan_permitted(const Call *call, gint64 id, const Change *change, GError **error)
{
	g_autoptr(Plan) plan = plan_restore(call->services, id, change->after, error);
	if (!plan || !permit_document(call, change->before, plan->document, error))
		return NULL;
	if (plan->rev == change->rev)
		return g_steal_pointer(&plan);
	error_set(error, ERROR_STALE, "look at it again and repeat the restore", "%s was changed meanwhile", change->path);
	return NULL;
}

/* A guest: planned by the same checks as any change. */
static Plan *restore_vm(const Call *call, const Change *change, json_object *plan)
{
	g_autoptr(GError) error = NULL;
	gint64 id = g_ascii_strtoll(change->path + strlen("vm/"), NULL, 10);
	if (!change->after) {
		g_autofree char *text = g_strdup_printf("%s was made later and stays", change->path);
		add_entry(plan, "effects", json_object_new_string(text));
		return NULL;
	}
	Plan *vm_plan = plan_permitted(call, id, change, &error);
	if (!vm_plan) {
		add_refusal(plan, change->path, g_steal_pointer(&error));
		return NULL;
	}
	for (size_t i = 0; i < json_object_array_length(vm_plan->changes); i++) {
		json_object *entry = json_copy(json_object_array_get_idx(vm_plan->changes, i));
		g_autofree char *path = g_strdup_printf("%s: %s", change->path, json_get_str(entry, "path", ""));
		json_set_str(entry, "path", path);
		add_entry(plan, "changes", entry);
	}
	for (size_t i = 0; i < json_object_array_length(vm_plan->effects); i++)
		add_entry(plan, "effects", json_copy(json_object_array_get_idx(vm_plan->effects, i)));
	return vm_plan;
}

/* A storage or a mapping: nothing but the document. */
static void restore_document(const Change *change, json_object *plan, Batch *batch)
{
	const Table *table = g_str_has_prefix(change->path, "mapping/") ? &mapping_table : &storage_table;
	GError *error = NULL;
	if (!change->after) {
		g_autofree char *text = g_strdup_printf("%s was made later and stays", change->path);
		add_entry(plan, "effects", json_object_new_string(text));
		return;
	}
	if (!schema_check(table, change->after, &error)) {
		add_refusal(plan, change->path, error);
		return;
	}
	json_auto json_object *changes = json_diff(change->before, change->after);
	for (size_t i = 0; i < json_object_array_length(changes); i++) {
		json_object *entry = json_copy(json_object_array_get_idx(changes, i));
		json_set_str(entry, "when", "now");
		add_entry(plan, "changes", entry);
	}
	batch_put(batch, change->path, change->rev, change->after);
}

static gboolean check_restore(Call *call, json_object *body, GError **error)
{
	gint64 rev = json_get_int(body, "rev", 0);
	if (rev > store_revision(call->services->store)) {
		error_set_field(error, ERROR_INVALID, "rev", "'yado history list' shows the revisions",
				"rev must be a revision that there was");
		return FALSE;
	}
	const char *prefix = json_get_str(body, "prefix", "");
	if (*prefix && !is_configuration(prefix)) {
		error_set_field(error, ERROR_INVALID, "prefix", "vm/, vm/100, storage/, mapping/, or nothing for all",
				"prefix '%s' holds no configuration", prefix);
		return FALSE;
	}
	return TRUE;
}

/* The running guests go along; where one cannot, the plan's effects say so, since the commit is made. */
static json_object *apply(Call *call, GPtrArray *vms, json_object *effects)
{
	json_object *tasks = json_object_new_array();
	for (guint i = 0; i < vms->len; i++) {
		Plan *vm_plan = g_ptr_array_index(vms, i);
		g_autoptr(GError) error = NULL;
		g_autoptr(Vm) vm = guests_get(call->services->guests, json_get_int(vm_plan->document, "id", 0));
		if (!vm || !vm_state_is_alive(vm_get_state(vm)))
			continue;
		gint64 task = vm_submit(vm, &vm_apply_kind, call->request->user, NULL, &error);
		if (task) {
			json_object_array_add(tasks, json_object_new_int64(task));
			continue;
		}
		g_autofree char *label = vm_label(vm);
		g_autofree char *text = g_strdup_printf("%s goes along at its next start: %s", label, error->message);
		json_object_array_add(effects, json_object_new_string(text));
	}
	return tasks;
}

static gboolean restore(Call *call, GError **error)
{
	Services *services = call->services;
	json_auto json_object *body = call_document(call, error);
	if (!body)
		return FALSE;
	gint64 rev = json_get_int(body, "rev", 0);
	const char *prefix = json_get_str(body, "prefix", "");
	if (!check_restore(call, body, error) || !permit_restore(call, prefix, error))
		return FALSE;
	g_autoptr(GPtrArray) changes = store_restore_plan(services->store, prefix, rev, error);
	if (!changes)
		return FALSE;

	json_auto json_object *plan = json_object_new_object();
	g_autoptr(GPtrArray) vms = g_ptr_array_new_with_free_func((GDestroyNotify)plan_free);
	g_autoptr(Batch) batch = batch_new(call->request->user, 0);
	json_set_int(plan, "rev", store_revision(services->store));
	json_set(plan, "changes", json_object_new_array());
	json_set(plan, "effects", json_object_new_array());
	json_set(plan, "refused", json_object_new_array());
	for (guint i = 0; i < changes->len; i++) {
		Change *change = g_ptr_array_index(changes, i);
		if (!path_is_below(change->path, prefix))
			continue;
		if (g_str_has_prefix(change->path, "vm/")) {
			Plan *vm_plan = restore_vm(call, change, plan);
			if (vm_plan)
				g_ptr_array_add(vms, vm_plan);
		} else {
			restore_document(change, plan, batch);
		}
	}
	if (call->plan)
		return answer_plan(call, json_object_get(plan));
	json_object *refused = json_get(plan, "refused");
	if (json_object_array_length(refused) > 0) {
		json_object *first = json_object_array_get_idx(refused, 0);
		gboolean forbidden = g_str_equal(json_get_str(first, "code", ""), error_code_name(ERROR_FORBIDDEN));
		error_set(error, forbidden ? ERROR_FORBIDDEN : ERROR_CONFLICT,
			  "restore a narrower part ('yado history restore REV --prefix vm/100')",
			  "cannot restore: %zu object(s) cannot go back: %s: %s", json_object_array_length(refused),
			  json_get_str(first, "path", ""), json_get_str(first, "message", ""));
		return FALSE;
	}
	/* One commit for all: the configuration goes back whole or not at all. */
	for (guint i = 0; i < vms->len; i++)
		if (!restore_add(services, g_ptr_array_index(vms, i), batch, error))
			return FALSE;
	if (!batch_is_empty(batch) && !store_commit(services->store, batch, error))
		return FALSE;
	json_object *tasks = apply(call, vms, json_get(plan, "effects"));
	json_object *answer = json_object_new_object();
	json_set(answer, "tasks", tasks);
	json_set(answer, "plan", json_object_get(plan));
	return answer_json(call, 200, answer);
}

const Route history_routes[] = {
	{"GET", "/history", list_history, "commits, the newest first", PRIVILEGE_HISTORY_READ, SCOPE_OBJECT,
	 .query = "prefix before limit facts fields filter", .answer = ANSWER_LIST, .result = &commit_table,
	 .summary_ja = "コミット（新しい順）"},
	{"POST", "/history/restore", restore, "bring configuration back as it was", PRIVILEGE_HISTORY_RESTORE,
	 SCOPE_CREATE, .plannable = TRUE, .body = &restore_request_table, .answer = ANSWER_DOCUMENT,
	 .result = &restore_table,
	 .summary_ja = "設定を過去の状態に戻す"},
	{"GET", "/history/{}", get_commit, "all changes of one commit", PRIVILEGE_HISTORY_READ, SCOPE_OBJECT,
	 .answer = ANSWER_LIST, .result = &commit_table,
	 .summary_ja = "1つのコミットのすべての変更"},
	{"GET", "/history/{}/{}/{}", get_document, "a document as it was after a commit", PRIVILEGE_HISTORY_READ,
	 SCOPE_OBJECT, .answer = ANSWER_OBJECT,
	 .summary_ja = "コミット後の文書"},
	{NULL},
};
