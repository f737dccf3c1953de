/* Fuzzes what a client can send as a document or a patch: bytes -> JSON -> create and change on every table. Nothing
 * may crash, a refusal must say why, and what was accepted must pass the check that guards the store. */
#include "schema/schema.h"

#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_made(const Table *table, json_object *made, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	if (!made) {
		g_assert_nonnull(*error);
		g_assert_true(g_utf8_validate((*error)->message, -1, NULL));
		g_clear_error(error);
		return;
	}
	g_assert_no_error(*error);
	schema_check(table, made, &refusal);
	g_assert_no_error(refusal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Patches are applied to a guest with something in each map, as well as to what the input itself makes. */
	static const char present[] = "{\"name\":\"web\",\"kernel\":{\"image\":\"tiny\"},\"disks\":{\"disk0\":{}},"
				      "\"nics\":{\"nic0\":{}},\"cdroms\":{\"cd0\":{}}}";
	g_autoptr(GError) error = NULL;
	json_auto json_object *input = json_parse((const char *)data, size, NULL);
	if (!input)
		return 0;
	json_auto json_object *minimal = json_parse(present, sizeof present - 1, NULL);
	json_auto json_object *guest = schema_create(&vm_table, minimal, &error);
	g_assert_no_error(error);
	json_auto json_object *changed = schema_change(&vm_table, guest, input, &error);
	check_made(&vm_table, changed, &error);
	/* Whatever the store might hold, a change and a check of it end in an answer. */
	json_object *wild = schema_change(&vm_table, input, minimal, NULL);
	json_object_put(wild);
	schema_check(&vm_table, input, NULL);
	for (const Table *const *table = schema_tables; *table; table++) {
		json_auto json_object *made = schema_create(*table, input, &error);
		check_made(*table, made, &error);
		if (!made)
			continue;
		json_auto json_object *again = schema_change(*table, made, made, &error);
		g_assert_no_error(error);
		g_assert_true(json_equal(made, again));
	}
	return 0;
}
