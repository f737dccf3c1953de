/* The pieces of which the API's description is put together. */
#include <string.h>

#include "api/openapi.h"
#include "base/json.h"

static const char *const view_suffixes[] = {[VIEW_ANSWER] = "", [VIEW_CREATE] = "Create", [VIEW_PATCH] = "Patch"};

void openapi_append_camel(GString *text, const char *words)
{
	gboolean upper = TRUE;
	for (const char *c = words; *c; c++) {
		if (!g_ascii_isalnum(*c)) {
			upper = TRUE;
			continue;
		}
		g_string_append_c(text, upper ? g_ascii_toupper(*c) : *c);
		upper = FALSE;
	}
}

json_object *openapi_type(const char *type)
{
	json_object *schema = json_object_new_object();
	json_set_str(schema, "type", type);
	return schema;
}

json_object *openapi_object(json_object *properties, const char *const *required)
{
	json_object *schema = openapi_type("object"), *list = json_object_new_array();
	for (; *required; required++)
		json_object_array_add(list, json_object_new_string(*required));
	json_set(schema, "properties", properties);
	json_set(schema, "required", list);
	json_set_bool(schema, "additionalProperties", FALSE);
	return schema;
}

json_object *openapi_reference(const char *kind, const char *name)
{
	json_object *json = json_object_new_object();
	g_autofree char *path = g_strdup_printf("#/components/%s/%s", kind, name);
	json_set_str(json, "$ref", path);
	return json;
}

json_object *openapi_refer(json_object *schemas, const Table *table, View view)
{
	if (!table)
		return openapi_type("object");
	g_autoptr(GString) name = g_string_new(NULL);
	openapi_append_camel(name, table->name);
	g_string_append(name, view_suffixes[view]);
	if (!json_get(schemas, name->str))
		json_set(schemas, name->str,
			 view == VIEW_ANSWER ? schema_describe(table)
					     : schema_describe_input(table, view == VIEW_PATCH));
	return openapi_reference("schemas", name->str);
}

json_object *openapi_content(const char *type, json_object *schema)
{
	json_object *json = json_object_new_object(), *media = json_object_new_object();
	if (schema)
		json_set(media, "schema", schema);
	json_set(json, type, media);
	return json;
}

json_object *openapi_json(json_object *schema)
{
	return openapi_content("application/json", schema);
}

void openapi_add_response(json_object *responses, const char *status, const char *help, json_object *body)
{
	json_object *response = json_object_new_object();
	json_set_str(response, "description", help);
	if (body)
		json_set(response, "content", body);
	json_set(responses, status, response);
}
