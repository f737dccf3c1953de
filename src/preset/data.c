/* Reading presets.json:
 *
 *   groups    in which presets are shown, in order
 *   reasons   KEY -> {"en", "ja"}
 *   families  NAME -> what presets have in common; a family may be of another `family`
 *   presets   {"name", "group", "title", "title_ja" where it differs, "family"}
 *
 * A family and a preset may have `set`, `copied` (FIELD -> [VALUE, REASON], or null: not what the family has there) and
 * `drivers` ({"os", "cdrom", "why", "set"} or null). What stands nearer to the preset counts. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/units.h"
#include "preset/internal.h"
#include "schema/schema.h"

enum { FAMILIES_DEEP = 8 };

static gboolean fail(GError **error, const char *where, const char *format, ...) G_GNUC_PRINTF(3, 4);
static gboolean fail(GError **error, const char *where, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	error_set(error, ERROR_INVALID, NULL, "presets: %s: %s", where, text);
	return FALSE;
}

static void choice_free(gpointer data)
{
	PresetChoice *choice = data;
	json_object_put(choice->value);
	g_free(choice->field);
	g_free(choice);
}

static gboolean read_reason(json_object *root, const char *where, const char *key, const char **ret_why,
			    const char **ret_why_ja, GError **error)
{
	json_object *reason = json_get(json_get(root, "reasons"), key);
	*ret_why = json_get_str(reason, "en", NULL);
	*ret_why_ja = json_get_str(reason, "ja", NULL);
	return (*ret_why && *ret_why_ja) || fail(error, where, "no reason '%s' in both languages", key);
}

/* The field of a guest's document; a map's '*' is skipped like a key. */
static json_object *read_value(const char *where, const char *path, json_object *given, GError **error)
{
	const Field *field = schema_find(&vm_table, path);
	guint64 size;
	if (!field || field->flags & FIELD_READONLY) {
		fail(error, where, "a guest has no field '%s' to set", path);
		return NULL;
	}
	if (field->type != FIELD_SIZE)
		return json_copy(given);
	return units_parse_size(json_object_get_string(given), &size, error) ? json_object_new_int64((gint64)size)
									     : NULL;
}

static gboolean add_choice(json_object *root, GPtrArray *choices, const char *where, const char *path,
			   json_object *pair, GError **error)
{
	g_autoptr(GPtrArray) one = g_ptr_array_new_with_free_func(choice_free);
	PresetChoice *choice = g_new0(PresetChoice, 1);
	g_ptr_array_add(one, choice);
	choice->field = g_strdup(path);
	if (json_get_count(pair) != 2)
		return fail(error, where, "'%s' is not [VALUE, REASON]", path);
	choice->value = read_value(where, path, json_object_array_get_idx(pair, 0), error);
	if (!choice->value ||
	    !read_reason(root, where, json_object_get_string(json_object_array_get_idx(pair, 1)), &choice->why,
			 &choice->why_ja, error))
		return FALSE;
	g_ptr_array_add(choices, g_ptr_array_steal_index(one, 0));
	return TRUE;
}

/* `into` takes what it does not have: called from the preset up to its farthest family. */
static void take_missing(json_object *into, json_object *from)
{
	if (!json_object_is_type(from, json_type_object))
		return;
	json_object_object_foreach (from, name, value) {
		if (!json_object_object_get_ex(into, name, NULL))
			json_set(into, name, json_object_get(value));
	}
}

/* Where a guest's table has the field. */
static guint place_of(const char *path)
{
	gsize length = strcspn(path, ".");
	const Field *field = vm_table.fields;
	while (field->name && (strncmp(field->name, path, length) || field->name[length]))
		field++;
	return (guint)(field - vm_table.fields);
}

static int compare_choices(gconstpointer a, gconstpointer b)
{
	const PresetChoice *one = *(PresetChoice *const *)a, *other = *(PresetChoice *const *)b;
	guint place = place_of(one->field), other_place = place_of(other->field);
	return place != other_place ? (place < other_place ? -1 : 1) : strcmp(one->field, other->field);
}

static gboolean add_choices(json_object *root, GPtrArray *choices, const char *where, json_object *set, GError **error)
{
	if (!set)
		return TRUE;
	json_object_object_foreach (set, path, pair) {
		if (pair && !add_choice(root, choices, where, path, pair, error))
			return FALSE;
	}
	g_ptr_array_sort(choices, compare_choices);
	return TRUE;
}

static gboolean read_drivers(json_object *root, Preset *preset, json_object *drivers, GError **error)
{
	if (!drivers)
		return TRUE;
	preset->drivers_os = json_get_str(drivers, "os", NULL);
	preset->drivers_cdrom = json_get_str(drivers, "cdrom", NULL);
	if (!preset->drivers_os || !preset->drivers_cdrom)
		return fail(error, preset->name, "its drivers have no os or no cdrom");
	return read_reason(root, preset->name, json_get_str(drivers, "why", ""), &preset->drivers_why,
			   &preset->drivers_why_ja, error) &&
	       add_choices(root, preset->drivers, preset->name, json_get(drivers, "set"), error);
}

static gboolean read_choices(json_object *root, Preset *preset, json_object *entry, GError **error)
{
	json_auto json_object *set = json_object_new_object(), *copied = json_object_new_object();
	json_object *drivers = NULL;
	gboolean has_drivers = FALSE;
	guint deep = 0;
	while (entry) {
		take_missing(set, json_get(entry, "set"));
		take_missing(copied, json_get(entry, "copied"));
		if (!has_drivers)
			has_drivers = json_object_object_get_ex(entry, "drivers", &drivers);
		const char *family = json_get_str(entry, "family", NULL);
		entry = family ? json_get(json_get(root, "families"), family) : NULL;
		if (family && (!entry || ++deep > FAMILIES_DEEP))
			return fail(error, preset->name, "family '%s' is not there, or in a circle", family);
	}
	return add_choices(root, preset->usual, preset->name, set, error) &&
	       add_choices(root, preset->copied, preset->name, copied, error) &&
	       read_drivers(root, preset, drivers, error);
}

static gboolean read_group(json_object *root, Preset *preset, const char *group, GError **error)
{
	json_object *groups = json_get(root, "groups");
	for (gsize i = 0; i < json_get_count(groups); i++) {
		json_object *one = json_object_array_get_idx(groups, i);
		if (strcmp(json_get_str(one, "name", ""), group))
			continue;
		preset->group = json_get_str(one, "name", NULL);
		preset->group_title = json_get_str(one, "title", NULL);
		preset->group_title_ja = json_get_str(one, "title_ja", NULL);
		if (preset->group_title && preset->group_title_ja)
			return TRUE;
	}
	return fail(error, preset->name, "there is no group '%s' with titles", group);
}

static void preset_free(gpointer data)
{
	Preset *preset = data;
	g_ptr_array_unref(preset->usual);
	g_ptr_array_unref(preset->copied);
	g_ptr_array_unref(preset->drivers);
	g_free(preset);
}

static gboolean add_preset(json_object *root, GPtrArray *presets, json_object *entry, GError **error)
{
	Preset *preset = g_new0(Preset, 1);
	g_ptr_array_add(presets, preset);
	preset->name = json_get_str(entry, "name", "");
	preset->title = json_get_str(entry, "title", NULL);
	preset->title_ja = json_get_str(entry, "title_ja", preset->title);
	preset->usual = g_ptr_array_new_with_free_func(choice_free);
	preset->copied = g_ptr_array_new_with_free_func(choice_free);
	preset->drivers = g_ptr_array_new_with_free_func(choice_free);
	if (schema_check_key(preset->name) || !preset->title)
		return fail(error, preset->name, "it has no good name, or no title");
	for (guint i = 0; i + 1 < presets->len; i++)
		if (!strcmp(((const Preset *)presets->pdata[i])->name, preset->name))
			return fail(error, preset->name, "it is there twice");
	return read_group(root, preset, json_get_str(entry, "group", ""), error) &&
	       read_choices(root, preset, entry, error);
}

GPtrArray *presets_read(json_object *root, GError **error)
{
	g_autoptr(GPtrArray) presets = g_ptr_array_new_with_free_func(preset_free);
	json_object *entries = json_get(root, "presets");
	for (gsize i = 0; i < json_get_count(entries); i++)
		if (!add_preset(root, presets, json_object_array_get_idx(entries, i), error))
			return NULL;
	return g_steal_pointer(&presets);
}
