/* Plans and differences: what a change would do, leaf by leaf. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/task.h"
#include "cli/output.h"

static gsize length_of(json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

/* A path in a document, maybe with that of the document before it ("vm/100: memory"). */
static const Field *field_of(const Table *table, const char *path)
{
	const char *colon = strstr(path, ": ");
	const char *inner = colon ? colon + 2 : path;
	const Field *field = table ? schema_find(table, inner) : NULL;
	for (const Table *const *other = schema_tables; !field && *other; other++)
		field = schema_find(*other, inner);
	return field;
}

static void print_side(const char *sign, Style style, const char *indent, const char *path, json_object *value,
	const Field *field)
{
	g_autofree char *text = format_value(value, field);
	g_autofree char *name = format_safe(path);
	printf("%s%s%s %s: %s%s\n", indent, style_on(stdout, style), sign, name, text, style_off(stdout));
}

void changes_print(json_object *changes, const Table *table, const char *indent)
{
	for (gsize i = 0; i < length_of(changes); i++) {
		json_object *change = json_object_array_get_idx(changes, i);
		const char *path = json_get_str(change, "path", "");
		const Field *field = field_of(table, path);
		json_object *before = json_get(change, "before"), *after = json_get(change, "after");
		if (before)
			print_side("-", STYLE_RED, indent, path, before, field);
		if (after)
			print_side("+", STYLE_GREEN, indent, path, after, field);
	}
}

/* A list or text that is made without anything in it: nothing that one would want to read. */
static gboolean is_nothing(json_object *change, const Field *field)
{
	json_object *after = json_get(change, "after");
	if (json_get(change, "before") || !after || !field || !field->fallback)
		return FALSE;
	return json_object_is_type(after, json_type_array) ? json_object_array_length(after) == 0
							   : json_object_is_type(after, json_type_string) &&
								     json_object_get_string_len(after) == 0;
}

static char *format_side(json_object *value, const Field *field)
{
	gboolean empty = json_object_is_type(value, json_type_string) && json_object_get_string_len(value) == 0;
	return empty ? g_strdup("\"\"") : format_value(value, field);
}

static void print_plan_changes(json_object *changes, const Table *table)
{
	guint width = 0;
	for (gsize i = 0; i < length_of(changes); i++) {
		json_object *change = json_object_array_get_idx(changes, i);
		const char *path = json_get_str(change, "path", "");
		width = is_nothing(change, field_of(table, path)) ? width : MAX(width, format_width(path));
	}
	guint when_width = MAX(format_width(T(m_plan_now)), format_width(T(m_plan_restart)));
	for (gsize i = 0; i < length_of(changes); i++) {
		json_object *change = json_object_array_get_idx(changes, i);
		const char *path = json_get_str(change, "path", "");
		const Field *field = field_of(table, path);
		if (is_nothing(change, field))
			continue;
		g_autofree char *before = format_side(json_get(change, "before"), field);
		g_autofree char *after = format_side(json_get(change, "after"), field);
		g_autofree char *name = format_safe(path);
		gboolean now = strcmp(json_get_str(change, "when", "now"), "now") == 0;
		fputs("  ", stdout);
		fputs(style_on(stdout, now ? STYLE_GREEN : STYLE_YELLOW), stdout);
		format_pad(stdout, now ? T(m_plan_now) : T(m_plan_restart), when_width);
		printf("%s  ", style_off(stdout));
		format_pad(stdout, name, width);
		printf("  %s → %s\n", before, after);
	}
}

Exit plan_print(json_object *plan, const Table *table)
{
	json_object *changes = json_get(plan, "changes"), *effects = json_get(plan, "effects");
	json_object *refused = json_get(plan, "refused");
	gint64 rev = json_get_int(plan, "rev", 0);
	/* What is refused, or not there yet, has no revision. */
	if (rev > 0)
		printf(T(m_plan_heading), rev);
	else
		fputs(T(m_plan_heading_new), stdout);
	if (length_of(changes) == 0 && length_of(effects) == 0 && length_of(refused) == 0)
		printf("  %s\n", T(m_plan_nothing));
	print_plan_changes(changes, table);
	if (length_of(json_get(plan, "chosen")) > 0) {
		printf("  %s\n", T(m_plan_chosen));
		choices_print(json_get(plan, "chosen"), table, "    ");
	}
	json_object *effects_ja = speak_japanese ? json_get(plan, "effects_ja") : NULL;
	for (gsize i = 0; i < length_of(effects); i++) {
		json_object *said = json_object_array_get_idx(i < length_of(effects_ja) ? effects_ja : effects, i);
		g_autofree char *effect = format_value(said, NULL);
		printf("  · %s\n", effect);
	}
	for (gsize i = 0; i < length_of(refused); i++) {
		json_object *refusal = json_object_array_get_idx(refused, i);
		g_autofree char *message = format_safe(json_get_str(refusal, "message", "?"));
		const char *field = json_get_str(refusal, "field", NULL);
		g_autofree char *flag = field && table ? flag_of_field(field) : NULL;
		printf("  %s%s%s %s", style_on(stdout, STYLE_RED), T(m_plan_refused), style_off(stdout), message);
		if (flag && !strstr(message, flag))
			printf(" (%s)", flag);
		fputc('\n', stdout);
		const char *hint = json_get_str(refusal, "hint", NULL);
		g_autofree char *safe = hint ? format_safe(hint) : NULL;
		if (safe)
			printf("    → %s\n", safe);
	}
	return length_of(refused) > 0 ? EXIT_REFUSED : EXIT_DONE;
}
