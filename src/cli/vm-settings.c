/* What is set of a guest beyond the few things that 'yado vm show' prints of each: every field of the table that is not
 * as it would be if nobody had said anything. */
#include <string.h>

#include "base/json.h"
#include "cli/format.h"
#include "cli/messages/vm.h"
#include "cli/vm-settings.h"

/* Those that are printed anyway, or in a section of their own. */
static const char *const shown[] = {
	"id", "name", "description", "tags", "node", "uuid", "image", "os", "machine", "firmware", "memory", "display",
	"boot", "kernel.image", "autostart.enabled", "restart.policy", "cpu.sockets", "cpu.cores", "cpu.threads",
	"cpu.model", "cpu.online", "cloud_init.enabled", "answers", "disks", "cdroms", "nics", "usb", "pci", "shares",
	"guestinfo", "status", NULL};
/* Off in new guests, without a default in the table. */
static const char *const usually_off[] = {"cpu.nested", "sleep", NULL};

static gboolean is_usual(json_object *vm, const Field *field, const char *path, json_object *value)
{
	json_auto json_object *usual = field->fallback ? json_tokener_parse(field->fallback) : NULL;
	if (g_str_equal(path, "hostname") && !strcmp(json_object_get_string(value), json_get_str(vm, "name", "")))
		return TRUE;
	if (g_strv_contains(usually_off, path))
		return !json_object_get_boolean(value);
	return usual && json_equal(usual, value);
}

static void add_fields(Pairs *pairs, json_object *vm, const Table *table, json_object *part, const char *prefix);

static void add_field(Pairs *pairs, json_object *vm, const Field *field, const char *path, json_object *value)
{
	if (field->type == FIELD_OBJECT) {
		add_fields(pairs, vm, field->table, value, path);
	} else if (field->type == FIELD_MAP) {
		json_object_object_foreach(value, key, entry) {
			g_autofree char *inner = g_strconcat(path, ".", key, NULL);
			add_fields(pairs, vm, field->table, entry, inner);
		}
	} else if (!is_usual(vm, field, path, value)) {
		g_autofree char *text = format_value(value, field);
		pairs_add(pairs, path, text);
	}
}

static void add_fields(Pairs *pairs, json_object *vm, const Table *table, json_object *part, const char *prefix)
{
	for (const Field *field = table->fields; field->name; field++) {
		g_autofree char *path = *prefix ? g_strconcat(prefix, ".", field->name, NULL) : g_strdup(field->name);
		json_object *value = json_get(part, field->name);
		if (value && !(field->flags & FIELD_READONLY) && !g_strv_contains(shown, path))
			add_field(pairs, vm, field, path, value);
	}
}

void vm_settings_print(json_object *vm)
{
	g_autoptr(Pairs) pairs = pairs_new();
	add_fields(pairs, vm, &vm_table, vm, "");
	if (pairs_count(pairs) == 0)
		return;
	printf("\n%s\n", T(m_settings));
	pairs_print(pairs, "  ");
}

void vm_settings_add_limits(GString *line, json_object *entry, const Table *table)
{
	for (const Field *field = table->fields; field->name; field++) {
		json_object *value = g_str_has_prefix(field->name, "limit_") ? json_get(entry, field->name) : NULL;
		g_autofree char *text = value ? format_value(value, field) : NULL;
		if (text)
			g_string_append_printf(line, "  %s=%s", field->name, text);
	}
}

void vm_settings_print_no_effect(json_object *vm, json_object *before, const char *mark)
{
	json_object *now = json_get_path(vm, "status.no_effect"), *known = json_get_path(before, "status.no_effect");
	for (gsize i = 0; i < json_get_count(now); i++) {
		json_object *one = json_object_array_get_idx(now, i);
		gboolean is_known = FALSE;
		for (gsize k = 0; k < json_get_count(known) && !is_known; k++)
			is_known = json_equal(one, json_object_array_get_idx(known, k));
		g_autofree char *why = format_safe(json_get_str(one, speak_japanese ? "why_ja" : "why", ""));
		if (!is_known)
			printf("%s%s\n", mark, why);
	}
}
