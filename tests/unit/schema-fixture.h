/* Documents and errors of the tables, as their tests compare them. */
#pragma once
#include "schema/schema.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

typedef struct Refusal {
	const char *input, *field, *message, *hint;
} Refusal;

static inline json_object *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	json_object *json = json_parse(text, strlen(text), &error);
	g_assert_no_error(error);
	return json;
}

static inline json_object *create(const char *text)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *input = parse(text);
	json_object *document = schema_create(&vm_table, input, &error);
	g_assert_no_error(error);
	return document;
}

/* A guest as the store has it: what Yado sets is there. */
static inline json_object *stored(void)
{
	json_object *vm = create("{\"name\":\"web\",\"disks\":{\"disk0\":{\"size\":\"8G\"}},\"nics\":{\"nic0\":{}}}");
	json_set_int(vm, "id", 100);
	json_set_str(vm, "node", "n1");
	json_set_str(json_get_path(vm, "disks.disk0"), "address", "1.0");
	json_set_str(json_get_path(vm, "disks.disk0"), "serial", "d-1");
	return vm;
}

static inline void assert_json(json_object *json, const char *expected)
{
	json_auto json_object *wanted = parse(expected);
	if (!json_equal(json, wanted))
		g_error("got %s, wanted %s", json_object_to_json_string(json), expected);
}

static inline void assert_error(GError *error, const char *field, const char *message, const char *hint)
{
	g_assert_nonnull(error);
	g_assert_cmpstr(error->message, ==, message);
	g_assert_cmpstr(error_field(error), ==, field);
	/* A list of all fields grows with each new one: "…" at the end stands for the rest. */
	if (hint && g_str_has_suffix(hint, "…"))
		g_assert_true(error_hint(error) && strncmp(error_hint(error), hint, strlen(hint) - strlen("…")) == 0);
	else
		g_assert_cmpstr(error_hint(error), ==, hint);
}
