/* A table as JSON Schema, in the dialect of OpenAPI 3.1 (JSON Schema 2020-12).
 *
 * It describes the document as the API answers it, what a client sends to make one, or a merge patch. What JSON Schema
 * has no word for stands in extensions: x-fixed (only at creation), x-live (takes effect while the guest runs), x-row
 * (a column of lists), x-unit, x-group with the table's x-groups (what a form folds up together), x-when (beside which
 * value of another field it is of use), x-key (what keys of new entries begin with) and the Japanese description; the
 * page is made from those. */
#include <string.h>

#include "base/json.h"
#include "schema/checks.h"
#include "schema/schema.h"

#define KEY_PATTERN "^[a-z0-9][a-z0-9_-]{0,62}$"
#define SIZE_PATTERN "^[0-9]+ *([KMGTPkmgtp]i?)?B?$"

typedef enum View { VIEW_ANSWER, VIEW_CREATE, VIEW_CHANGE } View;

static json_object *describe_table(const Table *table, View view, gboolean top);

/* A bound that no value can pass is not worth a word. */
static void describe_bounds(json_object *schema, const char *low, const char *high, const Field *field)
{
	json_set_int(schema, low, field->min);
	if (field->max != G_MAXINT64 && (field->max || !(field->flags & FIELD_READONLY)))
		json_set_int(schema, high, field->max);
}

/* Whether the field may be null: removed by a patch, or not known in an answer. */
static gboolean may_be_null(const Field *field, View view)
{
	if (view == VIEW_CHANGE)
		return !(field->flags & (FIELD_REQUIRED | FIELD_FIXED | FIELD_READONLY));
	return view == VIEW_ANSWER && field->flags & FIELD_READONLY && field->flags & FIELD_NULLABLE;
}

static void set_types(json_object *schema, const char *type, const char *other, gboolean null)
{
	if (!other && !null) {
		json_set_str(schema, "type", type);
		return;
	}
	json_object *types = json_object_new_array();
	json_object_array_add(types, json_object_new_string(type));
	if (other)
		json_object_array_add(types, json_object_new_string(other));
	if (null)
		json_object_array_add(types, json_object_new_string("null"));
	json_set(schema, "type", types);
}

static json_object *describe_values(const Field *field, gboolean null)
{
	json_object *values = json_object_new_array();
	for (const char *const *value = field->values; *value; value++)
		json_object_array_add(values, json_object_new_string(*value));
	if (null)
		json_object_array_add(values, NULL);
	return values;
}

static json_object *describe_element(const Field *field, View view)
{
	if (field->type == FIELD_ITEMS && field->table)
		return describe_table(field->table, view, FALSE);
	json_object *element = json_object_new_object();
	if (field->type == FIELD_NUMBERS) {
		set_types(element, "number", NULL, TRUE);
		return element;
	}
	json_set_str(element, "type", field->type == FIELD_ITEMS ? "integer" : "string");
	return element;
}

static json_object *describe_map_entry(const Field *field, View view)
{
	json_object *entry = describe_table(field->table, view, FALSE);
	if (view == VIEW_CHANGE)
		set_types(entry, "object", NULL, TRUE); /* null takes the entry away */
	return entry;
}

static json_object *describe_type(const Field *field, View view)
{
	gboolean null = may_be_null(field, view);
	json_object *schema = field->type == FIELD_OBJECT ? describe_table(field->table, view, FALSE)
							  : json_object_new_object();
	switch (field->type) {
	case FIELD_STRING:
		set_types(schema, "string", NULL, null);
		describe_bounds(schema, "minLength", "maxLength", field);
		if (field->check == check_time)
			json_set_str(schema, "format", "date-time");
		break;
	case FIELD_BOOL:
		set_types(schema, "boolean", NULL, null);
		break;
	case FIELD_INT:
	case FIELD_SIZE:
		if (field->type == FIELD_SIZE && view != VIEW_ANSWER) {
			set_types(schema, "integer", "string", null);
			json_set_str(schema, "pattern", SIZE_PATTERN);
		} else {
			set_types(schema, "integer", NULL, null);
			json_set_str(schema, "format", "int64");
		}
		describe_bounds(schema, "minimum", "maximum", field);
		break;
	case FIELD_ENUM:
		set_types(schema, "string", NULL, null);
		json_set(schema, "enum", describe_values(field, null));
		break;
	case FIELD_LIST:
	case FIELD_ITEMS:
	case FIELD_NUMBERS:
		set_types(schema, "array", NULL, null);
		json_set(schema, "items", describe_element(field, view));
		if (field->flags & FIELD_READONLY)
			break;
		if (!(field->flags & FIELD_REPEATS))
			json_set_bool(schema, "uniqueItems", TRUE);
		describe_bounds(schema, "minItems", "maxItems", field);
		break;
	case FIELD_OBJECT:
		set_types(schema, "object", NULL, null);
		break;
	case FIELD_MAP: {
		json_object *names = json_object_new_object();
		json_set_str(names, "pattern", KEY_PATTERN);
		set_types(schema, "object", NULL, null);
		json_set(schema, "propertyNames", names);
		json_set(schema, "additionalProperties", describe_map_entry(field, view));
		json_set_int(schema, "maxProperties", field->max);
		break;
	}
	case FIELD_ANY:
		break;
	}
	return schema;
}

/* "kind=pci,usb" as {"field": "kind", "values": ["pci", "usb"]}. */
static json_object *describe_condition(const char *when)
{
	g_auto(GStrv) sides = g_strsplit(when, "=", 2);
	g_auto(GStrv) values = g_strsplit(sides[1], ",", -1);
	json_object *condition = json_object_new_object();
	json_object *list = json_object_new_array();
	for (char **value = values; *value; value++)
		json_object_array_add(list, json_object_new_string(*value));
	json_set_str(condition, "field", sides[0]);
	json_set(condition, "values", list);
	return condition;
}

static json_object *describe_field(const Field *field, View view)
{
	json_object *schema = describe_type(field, view);
	gboolean sent = field->type == FIELD_SIZE && !(field->flags & FIELD_READONLY);
	g_autofree char *help =
		g_strconcat(field->help, sent ? "; bytes, also accepted as text such as \"10G\"" : NULL, NULL);
	if (field->title) {
		json_set_str(schema, "title", field->title);
		json_set_str(schema, "x-title-ja", field->title_ja);
	}
	json_set_str(schema, "description", help);
	json_set_str(schema, "x-description-ja", field->help_ja);
	if (field->fallback)
		json_set(schema, "default", json_parse(field->fallback, strlen(field->fallback), NULL));
	if (field->unit)
		json_set_str(schema, "x-unit", field->unit);
	if (field->group)
		json_set_str(schema, "x-group", field->group->name);
	if (field->type == FIELD_MAP && field->singular)
		json_set_str(schema, "x-key", field->key ? field->key : field->singular);
	if (field->when)
		json_set(schema, "x-when", describe_condition(field->when));
	if (field->flags & FIELD_READONLY)
		json_set_bool(schema, "readOnly", TRUE);
	if (field->flags & FIELD_FIXED)
		json_set_bool(schema, "x-fixed", TRUE);
	if (field->flags & FIELD_LIVE)
		json_set_bool(schema, "x-live", TRUE);
	if (field->flags & FIELD_ROW)
		json_set_bool(schema, "x-row", TRUE);
	return schema;
}

static json_object *describe_version(const Table *table)
{
	json_object *schema = json_object_new_object();
	json_set_str(schema, "type", "integer");
	json_set_str(schema, "description", "version of the document's form");
	json_set_str(schema, "x-description-ja", "文書の形式のバージョン");
	json_set_int(schema, "minimum", 1);
	json_set_int(schema, "maximum", table->version);
	json_set_bool(schema, "readOnly", TRUE);
	return schema;
}

static json_object *describe_groups(const Table *table)
{
	json_object *groups = json_object_new_object();
	for (const FieldGroup *const *group = table->groups; *group; group++) {
		json_object *titles = json_object_new_object();
		json_set_str(titles, "title", (*group)->title);
		json_set_str(titles, "x-title-ja", (*group)->title_ja);
		json_set(groups, (*group)->name, titles);
	}
	return groups;
}

/* What must be sent; what is always in an answer. */
static gboolean is_required(const Field *field, View view)
{
	if (view == VIEW_CHANGE)
		return FALSE;
	return field->flags & FIELD_REQUIRED ||
	       (view == VIEW_ANSWER && field->flags & FIELD_READONLY && !(field->flags & FIELD_NULLABLE));
}

static json_object *describe_table(const Table *table, View view, gboolean top)
{
	json_object *schema = json_object_new_object();
	json_object *properties = json_object_new_object();
	json_object *required = json_object_new_array();
	for (const Field *field = table->fields; field->name; field++) {
		if (view == VIEW_CREATE && field->flags & FIELD_READONLY)
			continue;
		json_set(properties, field->name, describe_field(field, view));
		if (is_required(field, view))
			json_object_array_add(required, json_object_new_string(field->name));
	}
	if (top && table->version > 0)
		json_set(properties, "schema", describe_version(table));
	json_set_str(schema, "type", "object");
	json_set_str(schema, "title", table->title);
	json_set_str(schema, "x-title-ja", table->title_ja);
	json_set(schema, "properties", properties);
	json_set(schema, "required", required);
	if (table->groups)
		json_set(schema, "x-groups", describe_groups(table));
	json_set_bool(schema, "additionalProperties", FALSE);
	return schema;
}

json_object *schema_describe(const Table *table)
{
	return describe_table(table, VIEW_ANSWER, TRUE);
}

json_object *schema_describe_input(const Table *table, gboolean change)
{
	return describe_table(table, change ? VIEW_CHANGE : VIEW_CREATE, TRUE);
}
