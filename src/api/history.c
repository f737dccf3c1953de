/* /history: every commit that there was, and the way back. */
#include <string.h>

#include "api/route.h"
#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/lifecycle.h"
#include "guest/power.h"
#include "guest/vm.h"
#include "schema/schema.h"

enum { LIMIT_MAX = 1000 };

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

static gboolean list_history(Call *call, GError **error)
{
	gint64 before, limit;
	const char *prefix = call_query(call, "prefix");
	if (!call_int(call, "before", 0, G_MAXINT64, 0, &before, error) ||
	    !call_int(call, "limit", 1, LIMIT_MAX, 100, &limit, error))
		return FALSE;
	g_autoptr(GPtrArray) changes =
		store_history(call->services->store, prefix ? prefix : "", before, (guint)limit, error);
	if (!changes)
		return FALSE;
	json_object *items = json_object_new_array(), *answer = json_object_new_object();
	for (guint i = 0; i < changes->len; i++)
		json_object_array_add(items, describe(g_ptr_array_index(changes, i)));
	json_set(answer, "items", items);
	if (changes->len == limit) {
		Change *last = g_ptr_array_index(changes, changes->len - 1);
		json_set_int(answer, "next", last->rev);
	}
	return answer_json(call, 200, answer);
}

static gboolean get_commit(Call *call, GError **error)
{
	gint64 rev;
	if (!g_ascii_string_to_signed(call->args[0], 10, 1, G_MAXINT64, &rev, NULL)) {
		error_set(error, ERROR_NOT_FOUND, "'yado history list' shows what there is", "there is no revision '%s'",
			  call->args[0]);
		return FALSE;
	}
	g_autoptr(GPtrArray) changes = store_commit_changes(call->services->store, rev, error);
	if (!changes)
		return FALSE;
	json_object *items = json_object_new_array();
	for (guint i = 0; i < changes->len; i++)
		json_object_array_add(items, describe(g_ptr_array_index(changes, i)));
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

/* A guest: planned by the same checks as any change. */
static Plan *restore_vm(Services *services, const Change *change, json_object *plan)
{
	g_autoptr(GError) error = NULL;
	gint64 id = g_ascii_strtoll(change->path + strlen("vm/"), NULL, 10);
	if (!change->after) {
		g_autofree char *text = g_strdup_printf("%s was made later and stays", change->path);
		add_entry(plan, "effects", json_object_new_string(text));
		return NULL;
	}
	Plan *vm_plan = plan_restore(services, id, change->after, &error);
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

static void restore_storage(const Change *change, json_object *plan, Batch *batch)
{
	GError *error = NULL;
	if (!change->after) {
		g_autofree char *text = g_strdup_printf("%s was made later and stays", change->path);
		add_entry(plan, "effects", json_object_new_string(text));
		return;
	}
	if (!schema_check(&storage_table, change->after, &error)) {
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

static gboolean restore(Call *call, GError **error)
{
	Services *services = call->services;
	json_auto json_object *body = call_body(call, error);
	if (!body)
		return FALSE;
	gint64 rev = json_get_int(body, "rev", 0);
	const char *prefix = json_get_str(body, "prefix", "");
	if (rev < 1) {
		error_set_field(error, ERROR_INVALID, "rev", "'yado history list' shows the revisions",
				"rev must be a revision");
		return FALSE;
	}
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
		if (g_str_has_prefix(change->path, "vm/")) {
			Plan *vm_plan = restore_vm(services, change, plan);
			if (vm_plan)
				g_ptr_array_add(vms, vm_plan);
		} else {
			restore_storage(change, plan, batch);
		}
	}
	if (call->plan)
		return answer_plan(call, json_object_get(plan));
	json_object *refused = json_get(plan, "refused");
	if (json_object_array_length(refused) > 0) {
		json_object *first = json_object_array_get_idx(refused, 0);
		error_set(error, ERROR_CONFLICT, "restore a narrower part ('yado history restore REV --prefix vm/100')",
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
	json_object *tasks = json_object_new_array();
	for (guint i = 0; i < vms->len; i++) {
		Plan *vm_plan = g_ptr_array_index(vms, i);
		g_autoptr(Vm) vm = guests_get(services->guests, json_get_int(vm_plan->document, "id", 0));
		gint64 task = vm && vm_plan->needs_task
				      ? vm_submit(vm, &vm_apply_kind, call->request->user, NULL, error)
				      : 0;
		if (task)
			json_object_array_add(tasks, json_object_new_int64(task));
	}
	json_object *answer = json_object_new_object();
	json_set(answer, "tasks", tasks);
	json_set(answer, "plan", json_object_get(plan));
	return answer_json(call, 200, answer);
}

const Route history_routes[] = {
	{"GET", "/history", list_history, FALSE},
	{"POST", "/history/restore", restore, TRUE},
	{"GET", "/history/{}", get_commit, FALSE},
	{NULL},
};
