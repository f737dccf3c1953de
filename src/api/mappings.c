/* /mappings: names for what of the host guests may be given; and the host's devices. */
#include "api/named.h"
#include "api/nodes.h"
#include "api/permit.h"
#include "api/route.h"
#include "base/error.h"
#include "base/json.h"
#include "guest/devices/mappings.h"
#include "guest/guests.h"
#include "hardware/hardware.h"
#include "schema/schema.h"

static json_object *describe(Call *call, json_object *mapping, GHashTable *users)
{
	g_autoptr(GError) problem = NULL;
	json_object *json = json_copy(mapping), *guests = json_object_new_array();
	const GArray *ids = g_hash_table_lookup(users, json_get_str(mapping, "name", ""));
	gboolean usable = mapping_check(call->services->sysfs, mapping, &problem);
	json_set_bool(json, "usable", usable);
	if (problem)
		json_set_str(json, "problem", problem->message);
	for (guint i = 0; ids && i < ids->len; i++) {
		g_autoptr(Vm) vm = guests_get(call->services->guests, g_array_index(ids, gint64, i));
		if (vm && permit_vm_row(call->rights, vm))
			json_object_array_add(guests, json_object_new_int64(vm->id));
	}
	json_set(json, "guests", guests);
	return json;
}

static gboolean answer_mapping(Call *call, int status, json_object *mapping, gint64 rev)
{
	g_autoptr(GHashTable) users = mappings_users(call->services);
	return answer_document(call, status, describe(call, mapping, users), rev);
}

static gboolean list_mappings(Call *call, GError **error)
{
	g_autoptr(GPtrArray) documents = store_list(call->services->store, "mapping/", error);
	if (!documents)
		return FALSE;
	g_autoptr(GHashTable) users = mappings_users(call->services);
	json_object *items = json_object_new_array();
	for (guint i = 0; i < documents->len; i++) {
		const Doc *doc = g_ptr_array_index(documents, i);
		if (permit_sees(call->services, call->rights, doc->path))
			json_object_array_add(items, describe(call, doc->body, users));
	}
	return answer_page(call, items, error);
}

static gboolean get_mapping(Call *call, GError **error)
{
	g_autoptr(Doc) doc = named_find(call, "mapping", error);
	return doc && answer_mapping(call, 200, doc->body, doc->rev);
}

static gboolean check(Call *call, json_object *mapping, GError **error)
{
	const char *path = json_get_str(mapping, "path", NULL);
	if (!mapping_complete(call->services->sysfs, mapping, error) ||
	    (path && !mappings_check_path(call->services, path, error)))
		return FALSE;
	if (!path)
		return TRUE;
	/* A device may be plugged in later; of a directory the name was mistyped, rather. */
	return mapping_check(call->services->sysfs, mapping, error);
}

/* Refuses, or answers the plan, or commits the new document and answers with it. */
static gboolean finish(Call *call, json_object *before, json_object *mapping, gint64 rev, GError *refusal,
		       GError **error)
{
	static const char effect[] = "guests that run keep what they have until their next start";
	if (refusal && call->plan)
		return answer_refused(call, refusal);
	if (refusal) {
		g_propagate_error(error, refusal);
		return FALSE;
	}
	g_autoptr(GHashTable) users = mappings_users(call->services);
	const char *name = json_get_str(mapping, "name", "");
	if (call->plan)
		return answer_document_plan(call, before, mapping, before ? rev : 0,
					    g_hash_table_contains(users, name) ? effect : NULL);
	g_autofree char *path = g_strconcat("mapping/", name, NULL);
	g_autoptr(Batch) batch = batch_new(call->request->user, 0);
	batch_put(batch, path, rev, mapping);
	gint64 committed = store_commit(call->services->store, batch, error);
	return committed && answer_mapping(call, before ? 200 : 201, mapping, committed);
}

static gboolean create_mapping(Call *call, GError **error)
{
	GError *refusal = NULL;
	json_auto json_object *mapping = call_document(call, &refusal);
	if (mapping && named_check_free(call, "mapping", json_get_str(mapping, "name", ""), &refusal) &&
	    check(call, mapping, &refusal))
		json_set_str(mapping, "node", call->services->node);
	return finish(call, NULL, mapping, REV_ABSENT, refusal, error);
}

static gboolean change_mapping(Call *call, GError **error)
{
	GError *refusal = NULL;
	g_autoptr(Doc) doc = named_find(call, "mapping", error);
	json_auto json_object *patch = doc ? call_body(call, error) : NULL;
	if (!patch)
		return FALSE;
	json_auto json_object *mapping = schema_change(&mapping_table, doc->body, patch, &refusal);
	if (mapping && check(call, mapping, &refusal))
		call_check_rev(call, doc->rev, &refusal);
	return finish(call, doc->body, mapping, doc->rev, refusal, error);
}

static gboolean delete_mapping(Call *call, GError **error)
{
	GError *refusal = NULL;
	g_autoptr(Doc) doc = named_find(call, "mapping", error);
	if (!doc)
		return FALSE;
	g_autoptr(GHashTable) users = mappings_users(call->services);
	const GArray *ids = g_hash_table_lookup(users, call->args[0]);
	if (ids)
		error_set(&refusal, ERROR_CONFLICT, "take it off them first; 'yado mapping show' lists them",
			  "mapping '%s' is used by %u guest(s)", call->args[0], ids->len);
	else
		call_check_rev(call, doc->rev, &refusal);
	return named_forget(call, "mapping", doc, refusal, "is forgotten; what it names stays as it is", error);
}

static void note_mappings(Call *call, json_object *device, GPtrArray *mappings)
{
	json_object *names = json_object_new_array();
	for (guint i = 0; i < mappings->len; i++) {
		const Doc *doc = g_ptr_array_index(mappings, i);
		if (mapping_names(doc->body, device) && permit_sees(call->services, call->rights, doc->path))
			json_object_array_add(names, json_object_new_string(json_get_str(doc->body, "name", "")));
	}
	json_set(device, "mappings", names);
}

static gboolean list_devices(Call *call, GError **error)
{
	if (!node_check(call, error))
		return FALSE;
	g_autoptr(GPtrArray) mappings = store_list(call->services->store, "mapping/", error);
	if (!mappings)
		return FALSE;
	const char *sysfs = call->services->sysfs;
	json_auto json_object *usb = usb_list(sysfs);
	json_object *items = pci_list(sysfs);
	for (size_t i = 0; i < json_get_count(items); i++) {
		json_object *device = json_object_array_get_idx(items, i);
		g_autoptr(GError) problem = NULL;
		json_auto json_object *mapping = json_object_new_object();
		json_set_str(mapping, "address", json_get_str(device, "name", ""));
		json_set_str(mapping, "device", json_get_str(device, "device", ""));
		if (!pci_check(sysfs, mapping, NULL, NULL, &problem))
			json_set_str(device, "problem", problem->message);
	}
	for (size_t i = 0; i < json_get_count(usb); i++)
		json_object_array_add(items, json_object_get(json_object_array_get_idx(usb, i)));
	for (size_t i = 0; i < json_get_count(items); i++)
		note_mappings(call, json_object_array_get_idx(items, i), mappings);
	return answer_page(call, items, error);
}

const Route mapping_routes[] = {
	{"GET", "/mappings", list_mappings, "mappings, and whether they can be used", PRIVILEGE_MAPPING_READ,
	 SCOPE_ROWS, .query = LIST_QUERY, .answer = ANSWER_LIST, .result = &mapping_table,
	 .summary_ja = "マッピングと使用可否"},
	{"POST", "/mappings", create_mapping, "name a device or directory of the host for guests",
	 PRIVILEGE_MAPPING_MANAGE, SCOPE_GLOBAL, .plannable = TRUE, .body = &mapping_table, .answer = ANSWER_CREATED,
	 .result = &mapping_table, .summary_ja = "ホストのデバイスやディレクトリのマッピングの作成"},
	{"GET", "/mappings/{}", get_mapping, "a mapping", PRIVILEGE_MAPPING_READ, SCOPE_MAPPING,
	 .answer = ANSWER_DOCUMENT, .result = &mapping_table, .summary_ja = "マッピング1つ"},
	/* What a mapping names decides what of the host its users reach: not for who manages that one name only. */
	{"PATCH", "/mappings/{}", change_mapping, "change a mapping", PRIVILEGE_MAPPING_MANAGE, SCOPE_GLOBAL,
	 .plannable = TRUE, .if_match = TRUE, .body = &mapping_table, .answer = ANSWER_DOCUMENT,
	 .result = &mapping_table, .summary_ja = "マッピングの変更"},
	{"DELETE", "/mappings/{}", delete_mapping, "forget a mapping that no guest uses", PRIVILEGE_MAPPING_MANAGE,
	 SCOPE_MAPPING, .plannable = TRUE, .if_match = TRUE, .answer = ANSWER_EMPTY,
	 .summary_ja = "使われていないマッピングの削除"},
	{"GET", "/nodes/{}/devices", list_devices, "the host's PCI and USB devices", PRIVILEGE_NODE_READ, SCOPE_NODE,
	 .query = LIST_QUERY, .answer = ANSWER_LIST, .result = &device_table,
	 .summary_ja = "ホストのPCIデバイスとUSBデバイス"},
	{NULL},
};
