/* Presets found, told, and filled in. */
#include "preset/preset.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "preset/internal.h"
#include "schema/spelling.h"

static const char text[] =
#include "presets_text.h" /* made from presets.json */
	;

typedef struct Presets {
	json_object *root; /* what the presets point into */
	GPtrArray *all;
} Presets;

static gpointer read_all(gpointer unused)
{
	g_autoptr(GError) error = NULL;
	Presets *presets = g_new0(Presets, 1);
	(void)unused;
	presets->root = json_parse(text, sizeof text - 1, &error);
	presets->all = presets->root ? presets_read(presets->root, &error) : NULL;
	if (!presets->all)
		g_error("%s", error->message); /* a part of the program is broken; its tests read it too */
	return presets;
}

const GPtrArray *presets_all(void)
{
	static GOnce once = G_ONCE_INIT;
	return ((Presets *)g_once(&once, read_all, NULL))->all;
}

static const Preset *look_up(const char *name)
{
	const GPtrArray *presets = presets_all();
	for (guint i = 0; i < presets->len; i++) {
		const Preset *preset = presets->pdata[i];
		if (!strcmp(preset->name, name))
			return preset;
	}
	return NULL;
}

const Preset *preset_find(const char *name, GError **error)
{
	const Preset *preset = look_up(name);
	if (preset)
		return preset;
	const GPtrArray *presets = presets_all();
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	for (guint i = 0; i < presets->len; i++)
		g_ptr_array_add(names, (gpointer)((const Preset *)presets->pdata[i])->name);
	g_ptr_array_add(names, NULL);
	const char *closest = spelling_closest(name, (const char *const *)names->pdata);
	g_autofree char *hint =
		closest ? g_strdup_printf("did you mean '%s'? 'yado preset list' shows what there is", closest)
			: g_strdup("'yado preset list' shows what there is; 'generic' suits any other");
	error_set_field(error, ERROR_INVALID, "os", hint, "there is no preset for an operating system '%s'", name);
	return NULL;
}

gboolean preset_check_os(const char *os, GError **error)
{
	const GPtrArray *presets = presets_all();
	for (guint i = 0; i < presets->len; i++)
		if (!g_strcmp0(((const Preset *)presets->pdata[i])->drivers_os, os))
			return TRUE;
	return preset_find(os, error) != NULL;
}

void preset_tell(json_object *chosen, const char *field, json_object *value, const char *why, const char *why_ja)
{
	json_object *entry = json_object_new_object();
	json_set_str(entry, "field", field);
	json_set(entry, "value", value);
	json_set_str(entry, "why", why);
	json_set_str(entry, "why_ja", why_ja);
	json_object_array_add(chosen, entry);
}

/* Copies are made of the text: a value belongs to one thread. */
static json_object *dup_value(const PresetChoice *choice)
{
	switch (json_object_get_type(choice->value)) {
	case json_type_boolean:
		return json_object_new_boolean(json_object_get_boolean(choice->value));
	case json_type_int:
		return json_object_new_int64(json_object_get_int64(choice->value));
	default:
		return json_object_new_string(json_object_get_string(choice->value));
	}
}

static void tell_all(json_object *list, const GPtrArray *choices)
{
	for (guint i = 0; i < choices->len; i++) {
		const PresetChoice *choice = choices->pdata[i];
		preset_tell(list, choice->field, dup_value(choice), choice->why, choice->why_ja);
	}
}

json_object *preset_describe(const Preset *preset, gboolean settings)
{
	json_object *json = json_object_new_object();
	json_set_str(json, "name", preset->name);
	json_set_str(json, "title", preset->title);
	json_set_str(json, "title_ja", preset->title_ja);
	json_set_str(json, "group", preset->group);
	json_set_str(json, "group_title", preset->group_title);
	json_set_str(json, "group_title_ja", preset->group_title_ja);
	if (!settings)
		return json;
	json_object *usual = json_object_new_array();
	tell_all(usual, preset->usual);
	json_set(json, "settings", usual);
	if (preset->drivers_os) {
		json_object *drivers = json_object_new_array();
		g_autofree char *drive = g_strdup_printf("cdroms.%s.image", preset->drivers_cdrom);
		tell_all(drivers, preset->drivers);
		preset_tell(drivers, drive, json_object_new_string(preset->drivers_os), preset->drivers_why,
			    preset->drivers_why_ja);
		json_set(json, "with_drivers", drivers);
	}
	return json;
}

/* --- Filling in --- */

static const PresetChoice *choice_for(const GPtrArray *choices, const char *field)
{
	for (guint i = 0; i < choices->len; i++)
		if (!strcmp(((const PresetChoice *)choices->pdata[i])->field, field))
			return choices->pdata[i];
	return NULL;
}

static void set_open(json_object *object, const char *name, const char *field, const PresetChoice *choice,
		     json_object *chosen)
{
	if (!json_object_is_type(object, json_type_object) || json_get(object, name))
		return;
	json_set(object, name, dup_value(choice));
	preset_tell(chosen, field, dup_value(choice), choice->why, choice->why_ja);
}

static gboolean comes_with_a_system(json_object *disk)
{
	return json_get(disk, "image") || json_get(disk, "volume");
}

/* Whether a system is yet to be installed on the guest's disks. */
static gboolean is_fresh(json_object *input)
{
	json_object *disks = json_get(input, "disks");
	if (!json_object_is_type(disks, json_type_object))
		return TRUE;
	json_object_object_foreach (disks, key, disk) {
		(void)key;
		if (comes_with_a_system(disk))
			return FALSE;
	}
	return TRUE;
}

static void fill_entries(const Preset *preset, const PresetChoice *usual, gboolean drivers, json_object *input,
			 json_object *chosen)
{
	g_auto(GStrv) steps = g_strsplit(usual->field, ".", 3);
	const char *map = steps[0], *name = steps[2];
	json_object *entries = json_get(input, map);
	const PresetChoice *copied = choice_for(preset->copied, usual->field);
	const PresetChoice *better = drivers ? choice_for(preset->drivers, usual->field) : NULL;
	if (!json_object_is_type(entries, json_type_object))
		return;
	json_object_object_foreach (entries, key, entry) {
		gboolean full = !strcmp(map, "disks") && comes_with_a_system(entry);
		g_autofree char *field = g_strdup_printf("%s.%s.%s", map, key, name);
		if (full && !strcmp(name, "size"))
			continue;
		set_open(entry, name, field, full && copied ? copied : better ? better : usual, chosen);
	}
}

static gboolean is_about_firmware(const char *field)
{
	return !strcmp(field, "firmware") || !strcmp(field, "secure_boot") || !strcmp(field, "tpm");
}

static gboolean is_left_out(const PresetChoice *choice, const PresetSituation *situation, json_object *input)
{
	if (!strcmp(choice->field, "memory"))
		return situation->has_memory;
	if (!strcmp(choice->field, "secure_boot") && strcmp(json_get_str(input, "firmware", ""), "uefi"))
		return TRUE;
	return situation->kernel && is_about_firmware(choice->field);
}

static void fill_choice(const Preset *preset, const PresetChoice *choice, gboolean drivers, json_object *input,
			json_object *chosen)
{
	const char *dot = strchr(choice->field, '.');
	if (!dot) {
		set_open(input, choice->field, choice->field, choice, chosen);
	} else if (dot[1] == '*') {
		fill_entries(preset, choice, drivers, input, chosen);
	} else {
		g_autofree char *part = g_strndup(choice->field, (gsize)(dot - choice->field));
		if (!json_get(input, part))
			json_set(input, part, json_object_new_object());
		set_open(json_get(input, part), dot + 1, choice->field, choice, chosen);
	}
}

static void add_drivers(const Preset *preset, const char *image, json_object *input, json_object *chosen)
{
	if (!json_get(input, "cdroms"))
		json_set(input, "cdroms", json_object_new_object());
	json_object *cdroms = json_get(input, "cdroms");
	if (!json_object_is_type(cdroms, json_type_object) || json_get(cdroms, preset->drivers_cdrom))
		return;
	json_object *drive = json_object_new_object();
	json_set_str(drive, "image", image);
	json_set(cdroms, preset->drivers_cdrom, drive);
	g_autofree char *field = g_strdup_printf("cdroms.%s.image", preset->drivers_cdrom);
	preset_tell(chosen, field, json_object_new_string(image), preset->drivers_why, preset->drivers_why_ja);
}

void preset_fill(const Preset *preset, const PresetSituation *situation, json_object *input, json_object *chosen)
{
	gboolean drivers = preset->drivers_os && situation->drivers_image && is_fresh(input);
	for (guint i = 0; i < preset->usual->len; i++) {
		const PresetChoice *choice = preset->usual->pdata[i];
		if (!is_left_out(choice, situation, input))
			fill_choice(preset, choice, drivers, input, chosen);
	}
	if (preset->drivers_os && situation->drivers_image)
		add_drivers(preset, situation->drivers_image, input, chosen);
}
