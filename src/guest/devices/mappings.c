/* Which guest names which mapping. */
#include "guest/devices/mappings.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/vm.h"
#include "hardware/hardware.h"

/* The maps of a guest's document whose entries name mappings. */
static const char *const parts[] = {"usb", "pci", "shares"};

json_object *mappings_get(Services *services, const char *name, const char *kind, const char *field, GError **error)
{
	g_autofree char *path = g_strconcat("mapping/", name, NULL);
	g_autoptr(Doc) doc = store_get(services->store, path, NULL);
	if (!doc) {
		error_set_field(error, ERROR_INVALID, field,
				"'yado mapping list' shows what there is; 'yado mapping create' makes one",
				"%s: there is no mapping '%s'", field, name);
		return NULL;
	}
	const char *found = json_get_str(doc->body, "kind", "");
	if (g_str_equal(found, kind))
		return json_object_get(doc->body);
	error_set_field(error, ERROR_INVALID, field, NULL, "%s: mapping '%s' is of kind '%s', not '%s'", field, name,
			found, kind);
	return NULL;
}

static void note_users(GHashTable *users, gint64 id, GRefString *text)
{
	/* Most guests name none, and need no parse. */
	if (!text || !strstr(text, "\"mapping\":"))
		return;
	json_auto json_object *document = json_parse(text, g_ref_string_length(text), NULL);
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		json_object *map = json_get(document, parts[i]);
		if (!map)
			continue;
		json_object_object_foreach (map, key, device) {
			(void)key;
			const char *name = json_get_str(device, "mapping", NULL);
			if (!name)
				continue;
			GArray *ids = g_hash_table_lookup(users, name);
			if (!ids) {
				ids = g_array_new(FALSE, FALSE, sizeof(gint64));
				g_hash_table_insert(users, g_strdup(name), ids);
			}
			if (ids->len == 0 || g_array_index(ids, gint64, ids->len - 1) != id)
				g_array_append_val(ids, id);
		}
	}
}

GHashTable *mappings_users(Services *services)
{
	GHashTable *users =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_array_unref);
	g_autoptr(GPtrArray) guests = guests_list(services->guests, 0, 0);
	for (guint i = 0; i < guests->len; i++) {
		Vm *vm = g_ptr_array_index(guests, i);
		GRefString *texts[] = {vm_ref_document(vm, NULL), vm_ref_applied(vm)};
		for (guint j = 0; j < G_N_ELEMENTS(texts); j++) {
			note_users(users, vm->id, texts[j]);
			if (texts[j])
				g_ref_string_release(texts[j]);
		}
	}
	return users;
}

gboolean mappings_check_path(Services *services, const char *path, GError **error)
{
	const char *const own[] = {services->state_dir, services->run_dir};
	for (guint i = 0; i < G_N_ELEMENTS(own); i++) {
		if (!directory_is_below(path, own[i]) && !directory_is_below(own[i], path))
			continue;
		error_set_field(error, ERROR_INVALID, "path", "share a directory of data, such as /srv/media",
				"path: Yado itself lives in %s, which cannot be shared", own[i]);
		return FALSE;
	}
	return TRUE;
}
