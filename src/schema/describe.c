/* A table as JSON Schema, in the dialect of OpenAPI 3.1 (JSON Schema 2020-12).
 *
 * It describes the document as the API answers it. What JSON Schema has no word for stands in extensions: x-fixed
 * (only at creation), x-live (takes effect while the guest runs), x-row (a column of lists), x-unit and the Japanese
 * description; the page is made from those. */
#include <string.h>

#include "base/json.h"
#include "schema/schema.h"

#define KEY_PATTERN "^[a-z0-9][a-z0-9_-]{0,62}$"

static json_object *describe_table(const Table *table, gboolean top);

static void describe_bounds(json_object *schema, const char *low, const char *high, const Field *field)
{
	json_set_int(schema, low, field->min);
	json_set_int(schema, high, field->max);
}

static json_object *describe_values(const Field *field)
{
	json_object *values = json_object_new_array();
	for (const char *const *value = field->values; *value; value++)
		json_object_array_add(values, json_object_new_string(*value));
	return values;
}

static json_object *describe_type(const Field *field)
{
	json_object *schema = field->type == FIELD_OBJECT ? describe_table(field->table, FALSE)
							  : json_object_new_object();
	switch (field->type) {
	case FIELD_STRING:
		json_set_str(schema, "type", "string");
		describe_bounds(schema, "minLength", "maxLength", field);
		break;
	case FIELD_BOOL:
		json_set_str(schema, "type", "boolean");
		break;
	case FIELD_INT:
	case FIELD_SIZE:
		json_set_str(schema, "type", "integer");
		json_set_str(schema, "format", "int64");
		describe_bounds(schema, "minimum", "maximum", field);
		break;
	case FIELD_ENUM:
		json_set_str(schema, "type", "string");
		json_set(schema, "enum", describe_values(field));
		break;
	case FIELD_LIST: {
		json_object *items = json_object_new_object();
		json_set_str(items, "type", "string");
		json_set_str(schema, "type", "array");
		json_set(schema, "items", items);
		json_set_bool(schema, "uniqueItems", TRUE);
		describe_bounds(schema, "minItems", "maxItems", field);
		break;
	}
	case FIELD_OBJECT:
		break;
	case FIELD_MAP: {
		json_object *names = json_object_new_object();
		json_set_str(names, "pattern", KEY_PATTERN);
		json_set_str(schema, "type", "object");
		json_set(schema, "propertyNames", names);
		json_set(schema, "additionalProperties", describe_table(field->table, FALSE));
		json_set_int(schema, "maxProperties", field->max);
		break;
	}
	}
	return schema;
}

static json_object *describe_field(const Field *field)
{
	json_object *schema = describe_type(field);
	g_autofree char *help = field->type == FIELD_SIZE
					? g_strdup_printf("%s; bytes, also accepted as text such as \"10G\"", field->help)
					: g_strdup(field->help);
	json_set_str(schema, "description", help);
	json_set_str(schema, "x-description-ja", field->help_ja);
	if (field->fallback)
		json_set(schema, "default", json_parse(field->fallback, strlen(field->fallback), NULL));
	if (field->unit)
		json_set_str(schema, "x-unit", field->unit);
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
	json_set_int(schema, "maximum", table->version);
	json_set_bool(schema, "readOnly", TRUE);
	return schema;
}

static json_object *describe_table(const Table *table, gboolean top)
{
	json_object *schema = json_object_new_object();
	json_object *properties = json_object_new_object();
	json_object *required = json_object_new_array();
	for (const Field *field = table->fields; field->name; field++) {
		json_set(properties, field->name, describe_field(field));
		if (field->flags & FIELD_REQUIRED)
			json_object_array_add(required, json_object_new_string(field->name));
	}
	if (top && table->version > 0)
		json_set(properties, "schema", describe_version(table));
	json_set_str(schema, "type", "object");
	json_set_str(schema, "title", table->title);
	json_set_str(schema, "x-title-ja", table->title_ja);
	json_set(schema, "properties", properties);
	json_set(schema, "required", required);
	json_set_bool(schema, "additionalProperties", FALSE);
	return schema;
}

json_object *schema_describe(const Table *table)
{
	return describe_table(table, TRUE);
}
