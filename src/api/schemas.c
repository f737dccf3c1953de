/* /schemas: what the resources' fields are, for clients that make forms or checks of them. */
#include "api/route.h"
#include "base/error.h"
#include "base/json.h"
#include "schema/schema.h"

static gboolean list_schemas(Call *call, GError **error)
{
	json_object *items = json_object_new_array();
	for (const Table *const *table = schema_tables; *table; table++) {
		json_object *item = json_object_new_object();
		json_set_str(item, "name", (*table)->name);
		json_set_str(item, "title", (*table)->title);
		json_set_str(item, "title_ja", (*table)->title_ja);
		json_object_array_add(items, item);
	}
	(void)error;
	return answer_items(call, items);
}

static gboolean get_schema(Call *call, GError **error)
{
	for (const Table *const *table = schema_tables; *table; table++)
		if (g_str_equal((*table)->name, call->args[0]))
			return answer_json(call, 200, schema_describe(*table));
	error_set(error, ERROR_NOT_FOUND, "GET /api/v1/schemas lists them", "there is no schema '%s'", call->args[0]);
	return FALSE;
}

const Route schema_routes[] = {
	{"GET", "/schemas", list_schemas, "tables of fields", PRIVILEGE_NONE, SCOPE_PUBLIC, .answer = ANSWER_LIST,
	 .result = &schema_row_table,
	 .summary_ja = "フィールドの表"},
	{"GET", "/schemas/{}", get_schema, "a table of fields as JSON Schema", PRIVILEGE_NONE, SCOPE_PUBLIC,
	 .answer = ANSWER_OBJECT,
	 .summary_ja = "JSON Schemaとしてのフィールドの表"},
	{NULL},
};
