/* Documents checked against their tables.
 *
 * Three walks over a table, each returning at the first thing that is wrong:
 *   create  goes through the table's fields and takes each from the input or from its default;
 *   change  goes through the patch's members and changes a copy of the present document, then lets the default come
 *           in where a field is missing (documents of an earlier release);
 *   check   goes through a stored document's members.
 * A map's new entry, and an object that was absent, is a small creation within a change. Recursion is bounded by the
 * depth of the tables, never by the input: what no table names is refused before it is entered. */
#include "schema/schema.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "schema/spelling.h"
#include "schema/value.h"

static json_object *create_object(const Table *table, const char *path, json_object *input, GError **error);
static json_object *change_object(const Table *table, const Table *unit, const char *path, json_object *current,
				  json_object *patch, GError **error);

const char *schema_check_key(const char *value)
{
	size_t length = strlen(value);
	if (length < 1 || length > 63 || strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != length ||
	    strchr("-_.", value[0]))
		return "be 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit";
	return NULL;
}

/* Keys within a document stand in dotted paths, so they go without the dot that other names may have. */
static const char *check_map_key(const char *key)
{
	if (schema_check_key(key) || strchr(key, '.'))
		return "be 1 to 63 of a-z, 0-9, '-' and '_', beginning with a letter or digit";
	return NULL;
}

static char *path_join(const char *path, const char *step)
{
	return *path ? g_strdup_printf("%s.%s", path, step) : g_strdup(step);
}

static const Field *field_of(const Table *table, const char *name)
{
	for (const Field *field = table->fields; field->name; field++)
		if (strcmp(field->name, name) == 0)
			return field;
	return NULL;
}

/* "Virtual machine" within a sentence, but "CPU" as it is. */
static char *title_in_sentence(const Table *table)
{
	char *title = g_strdup(table->title);
	if (!g_ascii_isupper(title[1]))
		title[0] = g_ascii_tolower(title[0]);
	return title;
}

static gboolean is_versioned(const Table *table, const char *path)
{
	return table->version > 0 && *path == '\0';
}

static void refuse_unknown(const Table *table, const char *path, const char *name, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	for (const Field *field = table->fields; field->name; field++)
		if (!(field->flags & FIELD_READONLY))
			g_ptr_array_add(names, (char *)field->name);
	g_ptr_array_add(names, NULL);
	g_autofree char *quoted = value_quote(name);
	g_autofree char *full = path_join(path, quoted);
	const char *closest = spelling_closest(name, (const char *const *)names->pdata);
	g_autofree char *list = names->len > 1 ? g_strjoinv(", ", (char **)names->pdata) : NULL;
	g_autofree char *hint = closest ? g_strdup_printf("did you mean '%s'?", closest)
				: list	? g_strdup_printf("known fields are %s", list)
					: NULL;
	error_set_field(error, ERROR_INVALID, full, hint, "unknown field '%s'", full);
}

/* An object all of whose members the table knows. */
static gboolean check_members(const Table *table, const char *path, json_object *object, GError **error)
{
	if (!json_object_is_type(object, json_type_object)) {
		g_autofree char *title = title_in_sentence(table);
		if (*path)
			value_refuse(error, path, "be an object");
		else
			error_set(error, ERROR_INVALID, NULL, "the %s must be a JSON object", title);
		return FALSE;
	}
	json_object_object_foreach (object, name, value) {
		(void)value;
		if (is_versioned(table, path) && strcmp(name, "schema") == 0)
			continue;
		if (!field_of(table, name)) {
			refuse_unknown(table, path, name, error);
			return FALSE;
		}
	}
	return TRUE;
}

/* The version that a document states, if it states one. */
static gboolean check_version(const Table *table, json_object *document, GError **error)
{
	json_object *value = json_get(document, "schema");
	if (table->version == 0 || !value)
		return TRUE;
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 1) {
		error_set_field(error, ERROR_INVALID, "schema", NULL, "schema must be the version of the document, %d",
				table->version);
		return FALSE;
	}
	if (json_object_get_int64(value) <= table->version)
		return TRUE;
	g_autofree char *title = title_in_sentence(table);
	error_set_field(error, ERROR_UNSUPPORTED, "schema", "update Yado on this node",
			"this %s was written by a newer Yado (schema %" G_GINT64_FORMAT "; this one knows up to %d)",
			title, json_object_get_int64(value), table->version);
	return FALSE;
}

static json_object *fallback_of(const Field *field)
{
	return field->fallback ? json_parse(field->fallback, strlen(field->fallback), NULL) : NULL;
}

static gboolean check_key(const char *path, const char *key, GError **error)
{
	const char *phrase = check_map_key(key);
	if (!phrase)
		return TRUE;
	g_autofree char *quoted = value_quote(key);
	error_set_field(error, ERROR_INVALID, path, NULL, "%s: the name '%s' must %s", path, quoted, phrase);
	return FALSE;
}

static gboolean check_count(const Field *field, const char *path, json_object *map, GError **error)
{
	if (json_object_object_length(map) <= field->max)
		return TRUE;
	g_autofree char *phrase = g_strdup_printf("have at most %" G_GINT64_FORMAT " entries", field->max);
	value_refuse(error, path, phrase);
	return FALSE;
}

/* ---- create ---- */

static json_object *create_map(const Field *field, const char *path, json_object *input, GError **error)
{
	if (!json_object_is_type(input, json_type_object)) {
		value_refuse(error, path, "be an object");
		return NULL;
	}
	json_auto json_object *map = json_object_new_object();
	json_object_object_foreach (input, key, value) {
		g_autofree char *inner = path_join(path, key);
		json_object *entry = NULL;
		if (!check_key(path, key, error))
			return NULL;
		if (!value)
			continue;
		entry = create_object(field->table, inner, value, error);
		if (!entry)
			return NULL;
		json_set(map, key, entry);
	}
	return check_count(field, path, map, error) ? g_steal_pointer(&map) : NULL;
}

/* What a new document has in that field: NULL in *ret_value for nothing. A null given is nothing given. */
static gboolean create_field(const Field *field, const char *path, json_object *given, json_object **ret_value,
			     GError **error)
{
	if (given && field->flags & FIELD_READONLY) {
		error_set_field(error, ERROR_INVALID, path, "leave it out", "%s is set by Yado", path);
		return FALSE;
	}
	if (!given && field->flags & FIELD_REQUIRED) {
		value_refuse(error, path, "be given");
		return FALSE;
	}
	json_auto json_object *fallback = given ? NULL : fallback_of(field);
	json_object *input = given ? given : fallback;
	json_object *value = NULL;
	if (field->type == FIELD_OBJECT && (given || !(field->flags & (FIELD_NULLABLE | FIELD_READONLY))))
		value = create_object(field->table, path, given, error);
	else if (!input) {
		*ret_value = NULL;
		return TRUE;
	} else if (field->type == FIELD_MAP)
		value = create_map(field, path, input, error);
	else
		value = value_take(field, path, input, FALSE, error);
	if (!value)
		return FALSE;
	*ret_value = value;
	return TRUE;
}

static json_object *create_object(const Table *table, const char *path, json_object *input, GError **error)
{
	if (input && !check_members(table, path, input, error))
		return NULL;
	json_auto json_object *object = json_object_new_object();
	for (const Field *field = table->fields; field->name; field++) {
		g_autofree char *inner = path_join(path, field->name);
		json_object *value = NULL;
		if (!create_field(field, inner, json_get(input, field->name), &value, error))
			return NULL;
		if (value)
			json_set(object, field->name, value);
	}
	return g_steal_pointer(&object);
}

json_object *schema_create(const Table *table, json_object *input, GError **error)
{
	if (!check_members(table, "", input, error) || !check_version(table, input, error))
		return NULL;
	json_object *document = create_object(table, "", input, error);
	if (document && table->version > 0)
		json_set_int(document, "schema", table->version);
	return document;
}

/* ---- change ---- */

/* The patch that takes all away that a client can set: null for a whole object or map resets what is in it. */
static json_object *reset_patch(const Field *field, json_object *current)
{
	json_object *patch = json_object_new_object();
	if (field->type == FIELD_MAP) {
		json_object_object_foreach (current, key, value) {
			(void)value;
			json_set(patch, key, NULL);
		}
		return patch;
	}
	for (const Field *inner = field->table->fields; inner->name; inner++)
		if (!(inner->flags & FIELD_READONLY))
			json_set(patch, inner->name, NULL);
	return patch;
}

static json_object *change_map(const Field *field, const char *path, json_object *current, json_object *patch,
			       GError **error)
{
	if (!json_object_is_type(patch, json_type_object)) {
		value_refuse(error, path, "be an object");
		return NULL;
	}
	json_auto json_object *map = current ? json_copy(current) : json_object_new_object();
	json_object_object_foreach (patch, key, value) {
		json_object *old = json_get(current, key);
		if (!check_key(path, key, error))
			return NULL;
		if (!json_object_is_type(old, json_type_object))
			old = NULL;
		if (!value) {
			json_object_object_del(map, key);
			continue;
		}
		g_autofree char *inner = path_join(path, key);
		json_object *entry = old ? change_object(field->table, field->table, inner, old, value, error)
					 : create_object(field->table, inner, value, error);
		if (!entry)
			return NULL;
		json_set(map, key, entry);
	}
	return check_count(field, path, map, error) ? g_steal_pointer(&map) : NULL;
}

/* The field's value after a patch that names it (patch NULL: JSON null); *ret_value NULL: it is absent. */
static gboolean change_value(const Field *field, const Table *unit, const char *path, json_object *current,
			     json_object *patch, json_object **ret_value, GError **error)
{
	json_auto json_object *reset = NULL;
	gboolean nested = field->type == FIELD_OBJECT || field->type == FIELD_MAP;
	if (!patch && current && nested && !(field->flags & FIELD_NULLABLE))
		patch = reset = reset_patch(field, current);
	if (!patch && field->flags & FIELD_REQUIRED) {
		error_set_field(error, ERROR_INVALID, path, NULL, "%s cannot be removed", path);
		return FALSE;
	}
	if (!patch || (field->type == FIELD_OBJECT && !current))
		return create_field(field, path, patch, ret_value, error);
	json_object *value = field->type == FIELD_OBJECT
				     ? change_object(field->table, unit, path, current, patch, error)
			     : field->type == FIELD_MAP ? change_map(field, path, current, patch, error)
							: value_take(field, path, patch, FALSE, error);
	if (!value)
		return FALSE;
	*ret_value = value;
	return TRUE;
}

static gboolean change_field(const Field *field, const Table *unit, const char *path, json_object *object,
			     json_object *patch, GError **error)
{
	json_object *current = json_get(object, field->name);
	gboolean nested = field->type == FIELD_OBJECT || field->type == FIELD_MAP;
	if (nested && !json_object_is_type(current, json_type_object))
		current = NULL;
	if (field->flags & FIELD_READONLY) {
		if (json_equal(current, patch))
			return TRUE;
		error_set_field(error, ERROR_INVALID, path, "leave it out", "%s is set by Yado", path);
		return FALSE;
	}
	json_auto json_object *value = NULL;
	if (!change_value(field, unit, path, current, patch, &value, error))
		return FALSE;
	if (field->flags & FIELD_FIXED && !json_equal(current, value)) {
		g_autofree char *title = title_in_sentence(unit);
		g_autofree char *hint = g_strdup_printf("it can be chosen only when the %s is made", title);
		error_set_field(error, ERROR_INVALID, path, hint, "%s cannot be changed", path);
		return FALSE;
	}
	if (value)
		json_set(object, field->name, g_steal_pointer(&value));
	else
		json_object_object_del(object, field->name);
	return TRUE;
}

/* `unit` is what is made as one: the resource itself or an entry of a map, for the wording about fixed fields. */
static json_object *change_object(const Table *table, const Table *unit, const char *path, json_object *current,
				  json_object *patch, GError **error)
{
	if (!check_members(table, path, patch, error))
		return NULL;
	json_auto json_object *object = json_copy(current);
	for (const Field *field = table->fields; field->name; field++) {
		g_autofree char *inner = path_join(path, field->name);
		json_object *change = NULL;
		if (json_object_object_get_ex(patch, field->name, &change)) {
			if (!change_field(field, unit, inner, object, change, error))
				return NULL;
		} else if (!json_get(object, field->name) && !(field->flags & FIELD_REQUIRED)) {
			json_object *value = NULL;
			if (!create_field(field, inner, NULL, &value, error))
				return NULL;
			if (value)
				json_set(object, field->name, value);
		}
	}
	return g_steal_pointer(&object);
}

json_object *schema_change(const Table *table, json_object *current, json_object *patch, GError **error)
{
	if (!json_object_is_type(current, json_type_object)) {
		error_set(error, ERROR_FAILED, NULL, "the stored %s is not a JSON object", table->name);
		return NULL;
	}
	if (!check_version(table, current, error) || !check_members(table, "", patch, error) ||
	    !check_version(table, patch, error))
		return NULL;
	json_object *document = change_object(table, table, "", current, patch, error);
	if (document && table->version > 0)
		json_set_int(document, "schema", table->version);
	return document;
}

/* ---- check ---- */

static gboolean check_object(const Table *table, const char *path, json_object *object, GError **error);

static gboolean check_items(const Field *field, const char *path, json_object *value, GError **error)
{
	if (!json_object_is_type(value, json_type_array)) {
		value_refuse(error, path, "be a list");
		return FALSE;
	}
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		json_object *item = json_object_array_get_idx(value, i);
		g_autofree char *inner = g_strdup_printf("%s.%zu", path, i);
		if (field->table && !check_object(field->table, inner, item, error))
			return FALSE;
		if (!field->table && !json_object_is_type(item, json_type_int)) {
			value_refuse(error, inner, "be a whole number");
			return FALSE;
		}
	}
	return TRUE;
}

static gboolean check_numbers(const char *path, json_object *value, GError **error)
{
	gboolean numbers = json_object_is_type(value, json_type_array);
	for (size_t i = 0; numbers && i < json_object_array_length(value); i++) {
		json_object *item = json_object_array_get_idx(value, i);
		numbers = !item || json_object_is_type(item, json_type_int) ||
			  json_object_is_type(item, json_type_double);
	}
	if (!numbers)
		value_refuse(error, path, "be an array of numbers");
	return numbers;
}

static gboolean check_field(const Field *field, const char *path, json_object *value, GError **error)
{
	if (field->type == FIELD_OBJECT)
		return check_object(field->table, path, value, error);
	if (field->type == FIELD_ITEMS)
		return check_items(field, path, value, error);
	if (field->type == FIELD_NUMBERS)
		return check_numbers(path, value, error);
	if (field->type != FIELD_MAP) {
		json_auto json_object *taken = value_take(field, path, value, TRUE, error);
		return taken != NULL;
	}
	if (!json_object_is_type(value, json_type_object)) {
		value_refuse(error, path, "be an object");
		return FALSE;
	}
	json_object_object_foreach (value, key, entry) {
		g_autofree char *inner = path_join(path, key);
		if (!check_key(path, key, error) || !check_object(field->table, inner, entry, error))
			return FALSE;
	}
	return check_count(field, path, value, error);
}

/* A field with a default may be missing: an earlier release, which did not know it, wrote the document. */
static gboolean check_object(const Table *table, const char *path, json_object *object, GError **error)
{
	if (!check_members(table, path, object, error))
		return FALSE;
	for (const Field *field = table->fields; field->name; field++) {
		g_autofree char *inner = path_join(path, field->name);
		json_object *value = json_get(object, field->name);
		if (!value && field->flags & FIELD_REQUIRED) {
			value_refuse(error, inner, "be given");
			return FALSE;
		}
		if (value && !check_field(field, inner, value, error))
			return FALSE;
	}
	return TRUE;
}

gboolean schema_check(const Table *table, json_object *document, GError **error)
{
	return check_version(table, document, error) && check_object(table, "", document, error);
}

/* ---- fill ---- */

static gboolean has_default(const Field *field)
{
	return !(field->flags & (FIELD_READONLY | FIELD_NULLABLE)) && (field->type == FIELD_OBJECT || field->fallback);
}

static json_object *default_of(const Field *field)
{
	return field->type == FIELD_OBJECT ? json_object_new_object() : fallback_of(field);
}

void schema_fill(const Table *table, json_object *document)
{
	for (const Field *field = table->fields; field->name; field++) {
		json_object *value = json_get(document, field->name);
		if (!value && has_default(field))
			json_set(document, field->name, value = default_of(field));
		if (!json_object_is_type(value, json_type_object))
			continue;
		if (field->type == FIELD_OBJECT)
			schema_fill(field->table, value);
		if (field->type != FIELD_MAP)
			continue;
		json_object_object_foreach (value, key, entry) {
			(void)key;
			if (json_object_is_type(entry, json_type_object))
				schema_fill(field->table, entry);
		}
	}
}

static gboolean lacks_defaults(const Table *table, json_object *document)
{
	for (const Field *field = table->fields; field->name; field++) {
		json_object *value = json_get(document, field->name);
		if (!value && has_default(field))
			return TRUE;
		if (!json_object_is_type(value, json_type_object))
			continue;
		if (field->type == FIELD_OBJECT && lacks_defaults(field->table, value))
			return TRUE;
		if (field->type != FIELD_MAP)
			continue;
		json_object_object_foreach (value, key, entry) {
			(void)key;
			if (json_object_is_type(entry, json_type_object) && lacks_defaults(field->table, entry))
				return TRUE;
		}
	}
	return FALSE;
}

json_object *schema_filled(const Table *table, json_object *document)
{
	if (!lacks_defaults(table, document))
		return json_object_get(document);
	json_object *filled = json_copy(document);
	schema_fill(table, filled);
	return filled;
}

/* ---- paths ---- */

/* The field that a path leads to, and whether it ends at an entry of that map. */
static const Field *find(const Table *table, const char *path, gboolean *ret_entry)
{
	g_auto(GStrv) steps = g_strsplit(path, ".", -1);
	const Field *field = NULL;
	gboolean entry = FALSE;
	for (char **step = steps; *step; step++) {
		if (field && field->type == FIELD_MAP && !entry) {
			entry = TRUE;
			continue;
		}
		if (field)
			table = field->table;
		field = table ? field_of(table, *step) : NULL;
		entry = FALSE;
		if (!field)
			return NULL;
	}
	*ret_entry = entry;
	return field;
}

const Field *schema_find(const Table *table, const char *path)
{
	gboolean entry = FALSE;
	return find(table, path, &entry);
}
