/* The index: from each value, with its kind before it ("mac 52:54:00:…"), to the guests that have it; and from each
 * guest to its values, for when it changes. */
#include "guest/unique.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/prepare/prepare.h"
#include "guest/vm.h"
#include "qemu/devices.h"

struct Unique {
	GMutex lock;
	GHashTable *holders; /* value -> GArray of gint64, the lowest id first */
	GHashTable *values;  /* gint64 -> GPtrArray of its values */
};

typedef void (*Visit)(const char *path, const char *kind, const char *value, gpointer data);

static void visit_map(json_object *document, const char *map, const char *field, const char *kind, Visit visit,
		      gpointer data)
{
	json_object *entries = json_get(document, map);
	if (!json_object_is_type(entries, json_type_object))
		return;
	json_object_object_foreach (entries, key, entry) {
		g_autofree char *path = g_strdup_printf("%s.%s.%s", map, key, field);
		const char *value = json_get_str(entry, field, NULL);
		if (value)
			visit(path, kind, value, data);
	}
}

/* All that must be one of its kind in a document. */
static void visit_all(json_object *document, Visit visit, gpointer data)
{
	const char *uuid = json_get_str(document, "uuid", NULL);
	if (uuid)
		visit("uuid", "uuid", uuid, data);
	visit_map(document, "nics", "mac", "mac", visit, data);
	visit_map(document, "disks", "serial", "serial", visit, data);
	visit_map(document, "disks", "wwn", "wwn", visit, data);
}

static char *key_of(const char *kind, const char *value)
{
	return g_strdup_printf("%s %s", kind, value);
}

Unique *unique_new(void)
{
	Unique *unique = g_new0(Unique, 1);
	g_mutex_init(&unique->lock);
	unique->holders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_array_unref);
	unique->values = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
	return unique;
}

void unique_free(Unique *unique)
{
	if (!unique)
		return;
	g_hash_table_unref(unique->holders);
	g_hash_table_unref(unique->values);
	g_mutex_clear(&unique->lock);
	g_free(unique);
}

static void add_value(const char *path, const char *kind, const char *value, gpointer data)
{
	(void)path;
	g_ptr_array_add(data, key_of(kind, value));
}

static void hold(Unique *unique, const char *key, gint64 id)
{
	GArray *ids = g_hash_table_lookup(unique->holders, key);
	if (!ids) {
		ids = g_array_sized_new(FALSE, FALSE, sizeof(gint64), 1);
		g_hash_table_insert(unique->holders, g_strdup(key), ids);
	}
	guint at = ids->len; /* from the end: they are loaded in their order */
	while (at > 0 && g_array_index(ids, gint64, at - 1) > id)
		at--;
	if (at == 0 || g_array_index(ids, gint64, at - 1) != id)
		g_array_insert_val(ids, at, id);
}

static void let_go(Unique *unique, const char *key, gint64 id)
{
	GArray *ids = g_hash_table_lookup(unique->holders, key);
	for (guint i = 0; ids && i < ids->len; i++)
		if (g_array_index(ids, gint64, i) == id)
			g_array_remove_index(ids, i--);
	if (ids && ids->len == 0)
		g_hash_table_remove(unique->holders, key);
}

/* The other one of two: to it, sharing begins or ends with this guest. Of more, each shares on. */
static void add_other(Unique *unique, GPtrArray *keys, gint64 id, GArray *others)
{
	for (guint i = 0; keys && i < keys->len; i++) {
		GArray *ids = g_hash_table_lookup(unique->holders, keys->pdata[i]);
		for (guint j = 0; ids && ids->len == 2 && j < 2; j++)
			if (g_array_index(ids, gint64, j) != id)
				g_array_append_val(others, g_array_index(ids, gint64, j));
	}
}

GArray *unique_follow(Unique *unique, gint64 id, json_object *document)
{
	GArray *others = g_array_new(FALSE, FALSE, sizeof(gint64));
	GPtrArray *keys = document ? g_ptr_array_new_with_free_func(g_free) : NULL;
	if (document)
		visit_all(document, add_value, keys);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&unique->lock);
	GPtrArray *former = g_hash_table_lookup(unique->values, &id);
	add_other(unique, former, id, others);
	for (guint i = 0; former && i < former->len; i++)
		let_go(unique, former->pdata[i], id);
	for (guint i = 0; keys && i < keys->len; i++)
		hold(unique, keys->pdata[i], id);
	add_other(unique, keys, id, others);
	if (keys)
		g_hash_table_insert(unique->values, g_memdup2(&id, sizeof id), keys);
	else
		g_hash_table_remove(unique->values, &id);
	return others;
}

gboolean unique_is_shared(Unique *unique, gint64 id)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&unique->lock);
	GPtrArray *keys = g_hash_table_lookup(unique->values, &id);
	for (guint i = 0; keys && i < keys->len; i++) {
		GArray *ids = g_hash_table_lookup(unique->holders, keys->pdata[i]);
		if (ids && ids->len > 1)
			return TRUE;
	}
	return FALSE;
}

gboolean unique_has_mac(Unique *unique, const char *mac)
{
	g_autofree char *key = key_of("mac", mac);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&unique->lock);
	return g_hash_table_contains(unique->holders, key);
}

typedef struct Search {
	Unique *unique;
	gint64 id;
	json_object *found;
} Search;

static void add_conflict(const char *path, const char *kind, const char *value, gpointer data)
{
	Search *search = data;
	g_autofree char *key = key_of(kind, value);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&search->unique->lock);
	GArray *ids = g_hash_table_lookup(search->unique->holders, key);
	for (guint i = 0; ids && i < ids->len; i++) {
		if (g_array_index(ids, gint64, i) == search->id)
			continue;
		json_object *conflict = json_object_new_object();
		json_set_str(conflict, "path", path);
		json_set_str(conflict, "value", value);
		json_set_int(conflict, "vm", g_array_index(ids, gint64, i));
		json_object_array_add(search->found, conflict);
	}
}

json_object *unique_conflicts(Unique *unique, gint64 id, json_object *document)
{
	Search search = {unique, id, json_object_new_array()};
	visit_all(document, add_conflict, &search);
	return search.found;
}

gboolean unique_check(Services *services, json_object *present, json_object *document, GError **error)
{
	json_auto json_object *conflicts = unique_conflicts(guests_unique(services->guests),
							    json_get_int(document, "id", 0), document);
	for (gsize i = 0; i < json_get_count(conflicts); i++) {
		json_object *conflict = json_object_array_get_idx(conflicts, i);
		const char *path = json_get_str(conflict, "path", ""), *value = json_get_str(conflict, "value", "");
		if (json_equal(json_get_path(present, path), json_get(conflict, "value")))
			continue; /* it was so before: shown, and refused at a start */
		error_set_field(error, ERROR_EXISTS, path, "leave it out to get a new one",
				"%s: VM %" G_GINT64_FORMAT " has '%s' already", path, json_get_int(conflict, "vm", 0),
				value);
		return FALSE;
	}
	return TRUE;
}

gboolean unique_check_start(Vm *vm, GError **error)
{
	Guests *guests = vm->services->guests;
	if (!unique_is_shared(guests_unique(guests), vm->id))
		return TRUE;
	json_auto json_object *document = vm_dup_document(vm, NULL);
	json_auto json_object *conflicts = unique_conflicts(guests_unique(guests), vm->id, document);
	for (gsize i = 0; i < json_get_count(conflicts); i++) {
		json_object *conflict = json_object_array_get_idx(conflicts, i);
		gint64 id = json_get_int(conflict, "vm", 0);
		g_autoptr(Vm) other = guests_get(guests, id);
		if (id > vm->id && !(other && vm_state_is_alive(vm_get_state(other))))
			continue;
		g_autofree char *hint = g_strdup_printf("give it a new one: yado vm renew-identity %" G_GINT64_FORMAT
							" (--plan shows what that changes)", vm->id);
		error_set(error, ERROR_CONFLICT, hint, "its %s (%s) is that of VM %" G_GINT64_FORMAT " as well",
			  json_get_str(conflict, "path", ""), json_get_str(conflict, "value", ""), id);
		return FALSE;
	}
	return TRUE;
}

/* ---- renewing ---- */

static gboolean is_chosen(json_object *choice, const char *what, json_object *conflicts, const char *path)
{
	static const char *const all[] = {"uuid", "macs", "serials", NULL};
	for (const char *const *name = all; *name; name++)
		if (json_get_bool(choice, *name, FALSE))
			return json_get_bool(choice, what, FALSE);
	for (gsize i = 0; i < json_get_count(conflicts); i++)
		if (g_str_equal(json_get_str(json_object_array_get_idx(conflicts, i), "path", ""), path))
			return TRUE;
	return FALSE;
}

static gboolean renew_card(Services *services, const char *key, json_object *nic, json_object *choice,
			   json_object *conflicts)
{
	g_autofree char *path = g_strdup_printf("nics.%s.mac", key);
	if (!is_chosen(choice, "macs", conflicts, path))
		return FALSE;
	g_autofree char *mac = prepare_random_mac(services);
	json_set_str(nic, "mac", mac);
	return TRUE;
}

/* A world wide name follows from guest and serial number. */
static gboolean renew_disk(const char *uuid, const char *key, json_object *disk, json_object *choice,
			   json_object *conflicts)
{
	g_autofree char *path = g_strdup_printf("disks.%s.serial", key);
	g_autofree char *name_path = g_strdup_printf("disks.%s.wwn", key);
	if (!is_chosen(choice, "serials", conflicts, path) && !is_chosen(choice, "serials", conflicts, name_path))
		return FALSE;
	g_autofree char *serial = prepare_random_serial();
	json_set_str(disk, "serial", serial);
	if (json_get(disk, "wwn")) {
		g_autofree char *wwn = qemu_make_wwn(uuid, serial);
		json_set_str(disk, "wwn", wwn);
	}
	return TRUE;
}

json_object *unique_renew(Services *services, json_object *document, json_object *choice, GError **error)
{
	gint64 id = json_get_int(document, "id", 0);
	json_auto json_object *conflicts = unique_conflicts(guests_unique(services->guests), id, document);
	json_auto json_object *renewed = json_copy(document);
	json_object *nics = json_get(renewed, "nics"), *disks = json_get(renewed, "disks");
	gboolean any = is_chosen(choice, "uuid", conflicts, "uuid");
	if (any) {
		g_autofree char *uuid = g_uuid_string_random();
		json_set_str(renewed, "uuid", uuid);
	}
	json_object_object_foreach (nics, card, nic)
		any |= renew_card(services, card, nic, choice, conflicts);
	json_object_object_foreach (disks, key, disk)
		any |= renew_disk(json_get_str(renewed, "uuid", ""), key, disk, choice, conflicts);
	if (any)
		return json_object_get(renewed);
	error_set(error, ERROR_CONFLICT, "say what is to be new: --uuid, --macs, --serials",
		  "VM %" G_GINT64_FORMAT " shares nothing with another guest", id);
	return NULL;
}
