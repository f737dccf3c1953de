/* Help and completion of the command's flags. */
#include <string.h>

#include "base/json.h"
#include "schema/flag-list.h"
#include "schema/flags.h"
#include "schema/value.h"

enum { FLAG_COLUMN = 2, ENTRY_COLUMN = 6, HELP_COLUMN = 30 };

/* What stands after a flag or an entry's "field=". */
static char *value_sign(const Field *field)
{
	switch (field->type) {
	case FIELD_BOOL:
		return g_strdup("yes|no");
	case FIELD_INT:
		return g_strdup("N");
	case FIELD_SIZE:
		return g_strdup("SIZE");
	case FIELD_ENUM:
		return g_strjoinv("|", (char **)field->values);
	case FIELD_LIST:
		return g_strdup("A,B,…");
	case FIELD_MAP:
		return g_strdup(flag_is_pairs(field) ? "KEY=VALUE" : "[KEY:]FIELD=VALUE,…");
	case FIELD_STRING:
	case FIELD_OBJECT:
	case FIELD_ITEMS:
	case FIELD_NUMBERS:
	case FIELD_ANY:
		break;
	}
	return g_strdup("TEXT");
}

/* The default as people write it; NULL where there is none worth saying. */
static char *format_default(const Field *field)
{
	json_auto json_object *fallback = field->fallback ? json_parse(field->fallback, strlen(field->fallback), NULL)
							  : NULL;
	switch (json_object_get_type(fallback)) {
	case json_type_boolean:
		return g_strdup(json_object_get_boolean(fallback) ? "yes" : "no");
	case json_type_int:
		return value_format(field, json_object_get_int64(fallback));
	case json_type_string:
		return json_object_get_string_len(fallback) ? g_strdup(json_object_get_string(fallback)) : NULL;
	default:
		return NULL;
	}
}

static char *format_help(const Field *field, FlagsMode mode, gboolean optional, gboolean japanese)
{
	GString *text = g_string_new(japanese ? field->help_ja : field->help);
	g_autofree char *fallback = format_default(field);
	if (mode == FLAGS_CREATE && fallback)
		g_string_append_printf(text, japanese ? "（既定: %s）" : " (default: %s)", fallback);
	else if (mode == FLAGS_CREATE && field->flags & FIELD_REQUIRED && !optional)
		g_string_append(text, japanese ? "（必須）" : " (required)");
	else if (mode == FLAGS_CHANGE && field->unit && field->type == FIELD_INT)
		g_string_append_printf(text, japanese ? "（単位: %s）" : " (in %s)", field->unit);
	return g_string_free(text, FALSE);
}

typedef struct Listing {
	FlagsMode mode;
	gboolean japanese;
	FlagsEach each;
	gpointer data;
} Listing;

static void add_line(const char *left, gboolean of_entry, const char *help, gpointer data)
{
	GString *page = data;
	guint column = of_entry ? ENTRY_COLUMN : FLAG_COLUMN;
	glong width = column + g_utf8_strlen(left, -1);
	g_string_append_printf(page, "%*s%s", (int)column, "", left);
	if (width + 2 > HELP_COLUMN) {
		g_string_append_c(page, '\n');
		width = 0;
	}
	g_string_append_printf(page, "%*s%s\n", (int)(HELP_COLUMN - width), "", help);
}

static void list_entry_fields(const Listing *listing, const Field *map)
{
	gboolean japanese = listing->japanese;
	for (const Field *field = map->table->fields; field->name; field++) {
		if (!flag_sets_in_entry(field))
			continue;
		g_autofree char *sign = value_sign(field);
		g_autofree char *left = g_strdup_printf("%s=%s", field->name, sign);
		/* An entry can be new also in a change, so its defaults are always worth saying. */
		g_autofree char *help = format_help(field, FLAGS_CREATE, FALSE, japanese);
		g_autofree char *fixed =
			listing->mode == FLAGS_CHANGE && field->flags & FIELD_FIXED
				? g_strconcat(help, japanese ? "（追加時のみ）" : " (only when added)", NULL)
				: g_strdup(help);
		listing->each(left, TRUE, fixed, listing->data);
	}
}

static void list_flag(const Listing *listing, const Flag *flag)
{
	gboolean japanese = listing->japanese;
	const Field *field = flag->field;
	g_autofree char *left = NULL;
	g_autofree char *help = NULL;
	if (flag->kind == FLAG_NO)
		return;
	if (flag->kind == FLAG_UNSET) {
		left = g_strdup_printf("%s FIELD", flag->name);
		listing->each(left, FALSE, japanese ? "フィールドの値をなくす" : "field to leave without a value",
			listing->data);
		return;
	}
	if (flag->kind == FLAG_VALUE || flag->kind == FLAG_YES) {
		g_autofree char *sign = value_sign(field);
		left = flag->kind == FLAG_YES ? g_strdup_printf("--[no-]%s", flag->name + strlen("--"))
					      : g_strdup_printf("%s %s", flag->name, sign);
		help = format_help(field, listing->mode, flag->optional, japanese);
		listing->each(left, FALSE, help, listing->data);
		return;
	}
	const char *title = japanese ? field->table->title_ja : field->table->title;
	if (flag->kind == FLAG_REMOVE) {
		left = g_strdup_printf("%s KEY", flag->name);
		help = g_strdup_printf(japanese ? "%sを取り外す" : "%s to remove", title);
		listing->each(left, FALSE, help, listing->data);
		return;
	}
	g_autofree char *sign = value_sign(field);
	left = g_strdup_printf("%s %s", flag->name, sign);
	if (flag_is_pairs(field)) {
		help = g_strdup_printf(japanese ? "%s（複数指定可）" : "%s; can be repeated",
				       japanese ? field->help_ja : field->help);
		listing->each(left, FALSE, help, listing->data);
		return;
	}
	help = g_strdup_printf(
		japanese ? "%s（複数指定可。KEYなしは追加）" : "%s; can be repeated; without KEY it adds one", title);
	listing->each(left, FALSE, help, listing->data);
	list_entry_fields(listing, field);
}

void flags_each(const Table *table, FlagsMode mode, gboolean japanese, FlagsEach each, gpointer data)
{
	g_autoptr(GPtrArray) list = flag_list_new(table, mode);
	const Listing listing = {mode, japanese, each, data};
	for (guint i = 0; i < list->len; i++) {
		const Flag *flag = list->pdata[i];
		if (!flag->spare)
			list_flag(&listing, flag);
	}
}

char *flags_help(const Table *table, FlagsMode mode, gboolean japanese)
{
	GString *page = g_string_new(NULL);
	flags_each(table, mode, japanese, add_line, page);
	return g_string_free(page, FALSE);
}

static char **free_to_strv(GPtrArray *words)
{
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

char **flags_complete(const Table *table, FlagsMode mode)
{
	g_autoptr(GPtrArray) list = flag_list_new(table, mode);
	GPtrArray *names = g_ptr_array_new();
	for (guint i = 0; i < list->len; i++)
		g_ptr_array_add(names, g_strdup(((const Flag *)list->pdata[i])->name));
	return free_to_strv(names);
}

static void add_field_values(GPtrArray *words, const Field *field, const char *prefix)
{
	static const char *const yes_no[] = {"yes", "no", NULL};
	const char *const *values = field->type == FIELD_ENUM   ? field->values
				    : field->type == FIELD_BOOL ? yes_no
								: NULL;
	for (; values && *values; values++)
		g_ptr_array_add(words, g_strconcat(prefix, *values, NULL));
}

static void add_entry_values(GPtrArray *words, const Field *map)
{
	for (const Field *field = map->table->fields; field->name; field++) {
		if (!flag_sets_in_entry(field))
			continue;
		g_autofree char *prefix = g_strconcat(field->name, "=", NULL);
		if (field->type == FIELD_ENUM || field->type == FIELD_BOOL)
			add_field_values(words, field, prefix);
		else
			g_ptr_array_add(words, g_strdup(prefix));
	}
}

char **flags_complete_values(const Table *table, const char *flag)
{
	g_autofree char *name = g_str_has_prefix(flag, "--") ? g_strdup(flag) : g_strconcat("--", flag, NULL);
	g_autoptr(GPtrArray) create = flag_list_new(table, FLAGS_CREATE);
	g_autoptr(GPtrArray) change = flag_list_new(table, FLAGS_CHANGE);
	const Flag *found = flag_list_find(create, name);
	GPtrArray *words = g_ptr_array_new();
	if (!found)
		found = flag_list_find(change, name);
	if (found && found->kind == FLAG_UNSET)
		flag_list_nullable(words, table, "");
	else if (found && found->kind == FLAG_ENTRY && !flag_is_pairs(found->field))
		add_entry_values(words, found->field);
	else if (found && (found->kind == FLAG_VALUE || found->kind == FLAG_YES))
		add_field_values(words, found->field, "");
	return free_to_strv(words);
}
