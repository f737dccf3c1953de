/* The flags that a table has. */
#include "schema/flag-list.h"

#include <string.h>

static void flag_free(gpointer data)
{
	Flag *flag = data;
	g_free(flag->name);
	g_free(flag->path);
	g_free(flag);
}

/* "--" "no-" "memory_max" -> "--no-memory-max" */
static void add(GPtrArray *list, FlagKind kind, const char *start, const char *stem, const Field *field,
		const char *path, gboolean spare)
{
	Flag *flag = g_new0(Flag, 1);
	flag->kind = kind;
	flag->name = g_strdelimit(g_strconcat(start, stem, NULL), "_", '-');
	flag->field = field;
	flag->path = g_strdup(path);
	flag->spare = spare;
	g_ptr_array_add(list, flag);
}

static void add_fields(GPtrArray *list, const Table *table, FlagsMode mode, const char *path_prefix,
		       const char *flag_prefix)
{
	for (const Field *field = table->fields; field->name; field++) {
		if (field->flags & FIELD_READONLY || (field->flags & FIELD_FIXED && mode == FLAGS_CHANGE))
			continue;
		const char *word = field->type == FIELD_MAP ? field->singular : field->name;
		g_autofree char *path = g_strconcat(path_prefix, field->name, NULL);
		g_autofree char *stem = g_strconcat(flag_prefix, word, NULL);
		gboolean brief = *flag_prefix && field->type == FIELD_BOOL && strcmp(field->name, "enabled") == 0;
		switch (field->type) {
		case FIELD_BOOL:
			if (brief) {
				g_autofree char *object = g_strndup(flag_prefix, strlen(flag_prefix) - 1);
				add(list, FLAG_YES, "--", object, field, path, FALSE);
				add(list, FLAG_NO, "--no-", object, field, path, FALSE);
			}
			add(list, FLAG_YES, "--", stem, field, path, brief);
			add(list, FLAG_NO, "--no-", stem, field, path, brief);
			break;
		case FIELD_OBJECT: {
			g_autofree char *inner_path = g_strconcat(path, ".", NULL);
			g_autofree char *inner_flag = g_strconcat(stem, "-", NULL);
			add_fields(list, field->table, mode, inner_path, inner_flag);
			break;
		}
		case FIELD_MAP:
			add(list, FLAG_ENTRY, "--", stem, field, path, FALSE);
			if (mode == FLAGS_CHANGE)
				add(list, FLAG_REMOVE, "--no-", stem, field, path, FALSE);
			break;
		case FIELD_STRING:
		case FIELD_INT:
		case FIELD_SIZE:
		case FIELD_ENUM:
		case FIELD_LIST:
			add(list, FLAG_VALUE, "--", stem, field, path, FALSE);
			break;
		case FIELD_ITEMS:
		case FIELD_NUMBERS:
		case FIELD_ANY:
			break;
		}
	}
}

GPtrArray *flag_list_new(const Table *table, FlagsMode mode)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(flag_free);
	add_fields(list, table, mode, "", "");
	for (guint i = 0; i < list->len; i++) {
		Flag *flag = list->pdata[i];
		const char *dot = strrchr(flag->path, '.');
		g_autofree char *parent = dot ? g_strndup(flag->path, (gsize)(dot - flag->path)) : NULL;
		flag->optional = parent && schema_find(table, parent)->flags & FIELD_NULLABLE;
	}
	if (mode == FLAGS_CHANGE) {
		g_autoptr(GPtrArray) nullable = g_ptr_array_new_with_free_func(g_free);
		flag_list_nullable(nullable, table, "");
		if (nullable->len)
			add(list, FLAG_UNSET, "--", "unset", NULL, NULL, FALSE);
	}
	return list;
}

const Flag *flag_list_find(GPtrArray *list, const char *name)
{
	for (guint i = 0; i < list->len; i++) {
		const Flag *flag = list->pdata[i];
		if (strcmp(flag->name, name) == 0)
			return flag;
	}
	return NULL;
}

gboolean flag_sets_in_entry(const Field *field)
{
	return !(field->flags & FIELD_READONLY) && field->type != FIELD_LIST && field->type != FIELD_OBJECT &&
	       field->type != FIELD_MAP;
}

const Field *flag_entry_field(const Field *map, const char *name)
{
	for (const Field *field = map->table->fields; field->name; field++)
		if (flag_sets_in_entry(field) && strcmp(field->name, name) == 0)
			return field;
	return NULL;
}

gboolean flag_is_pairs(const Field *map)
{
	const Field *first = map->type == FIELD_MAP ? map->table->fields : NULL;
	return first && strcmp(first->name, "value") == 0 && !first[1].name;
}

void flag_list_nullable(GPtrArray *paths, const Table *table, const char *prefix)
{
	for (const Field *field = table->fields; field->name; field++) {
		if (field->flags & (FIELD_READONLY | FIELD_FIXED))
			continue;
		if (field->flags & FIELD_NULLABLE)
			g_ptr_array_add(paths, g_strconcat(prefix, field->name, NULL));
		if (!field->table)
			continue;
		g_autofree char *inner =
			g_strconcat(prefix, field->name, field->type == FIELD_MAP ? ".KEY." : ".", NULL);
		flag_list_nullable(paths, field->table, inner);
	}
}
