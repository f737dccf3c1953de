/* The field tables: documents made, changed and checked, and what is derived from them. */
#include "schema-fixture.h"

#include "schema/checks.h"
#include "schema/spelling.h"

/* ---- tables ---- */

static void check_sane(const Table *table, gboolean in_map)
{
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
	g_assert_nonnull(table->title);
	g_assert_nonnull(table->title_ja);
	for (const Field *field = table->fields; field->name; field++) {
		g_test_message("%s.%s", table->name, field->name);
		g_assert_true(g_hash_table_add(names, (char *)field->name));
		g_assert_cmpstr(field->name, !=, "schema");
		g_assert_nonnull(field->help);
		g_assert_nonnull(field->help_ja);
		gboolean nested = field->type == FIELD_OBJECT || field->type == FIELD_MAP;
		gboolean read_only = (field->flags & FIELD_READONLY) != 0;
		g_assert_true((field->type == FIELD_ENUM) == (field->values != NULL));
		if (field->type == FIELD_ITEMS || field->type == FIELD_ANY)
			g_assert_true(read_only);
		else
			g_assert_true(nested == (field->table != NULL));
		if (!read_only) {
			g_assert_true((field->type == FIELD_MAP) == (field->singular != NULL));
			if (field->type != FIELD_BOOL && field->type != FIELD_ENUM && field->type != FIELD_OBJECT)
				g_assert_cmpint(field->max, >, 0);
			g_assert_cmpint(field->min, <=, field->max);
		}
		/* Exactly one reason for what happens when a client gives nothing. */
		guint reasons = !!(field->flags & FIELD_REQUIRED) + read_only +
				(!read_only && field->flags & FIELD_NULLABLE) + (field->fallback != NULL);
		g_assert_cmpuint(reasons, ==, field->type == FIELD_OBJECT && reasons == 0 ? 0 : 1);
		/* The command has no way to write these in an entry; a baseline's lists it reads from files. */
		if (in_map && !read_only && table != baseline_request_table.fields[0].table)
			g_assert_true(!nested && field->type != FIELD_LIST);
		if (field->type == FIELD_LIST && !read_only && !(field->flags & FIELD_REPEATS))
			g_assert_nonnull(field->check);
		if (field->table)
			check_sane(field->table, field->type == FIELD_MAP);
	}
}

static void test_tables_sane(void)
{
	for (const Table *const *table = schema_tables; *table; table++)
		check_sane(*table, FALSE);
}

/* Gives every default back to its own field. */
static void test_defaults_pass(void)
{
	json_auto json_object *vm = stored();
	g_autoptr(GError) error = NULL;
	g_assert_true(schema_check(&vm_table, vm, &error));
	g_assert_no_error(error);
	json_auto json_object *path = parse("{\"name\":\"nas\",\"path\":\"/srv/nas\"}");
	json_auto json_object *storage = schema_create(&storage_table, path, &error);
	g_assert_no_error(error);
	assert_json(storage,
		    "{\"name\":\"nas\",\"kind\":\"dir\",\"path\":\"/srv/nas\",\"description\":\"\",\"schema\":1}");
}

/* ---- fill ---- */

/* What a release that knows more fields finds in documents of one that did not. */
static const Field limits_fields[] = {{.name = "rate", .type = FIELD_INT, .min = 1, .max = 9, .fallback = "5"},
				      {.name = "burst", .type = FIELD_INT, .flags = FIELD_NULLABLE, .min = 1, .max = 9},
				      {0}};
static const Table limits_table = {.name = "limits", .title = "Limits", .fields = limits_fields};
static const Field device_fields[] = {{.name = "name", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .max = 9},
				      {.name = "bus", .type = FIELD_STRING, .max = 9, .fallback = "\"sata\""},
				      {.name = "limits", .type = FIELD_OBJECT, .table = &limits_table},
				      {0}};
static const Table fill_device_table = {.name = "device", .title = "Device", .fields = device_fields};
static const Field house_fields[] =
	{{.name = "size", .type = FIELD_INT, .max = 9, .fallback = "1"},
	 {.name = "open", .type = FIELD_BOOL, .fallback = "false"},
	 {.name = "order", .type = FIELD_LIST, .max = 9, .fallback = "[\"a\"]"},
	 {.name = "limits", .type = FIELD_OBJECT, .table = &limits_table},
	 {.name = "extra", .type = FIELD_OBJECT, .flags = FIELD_NULLABLE, .table = &limits_table},
	 {.name = "devices", .type = FIELD_MAP, .max = 9, .table = &fill_device_table, .fallback = "{}"},
	 {.name = "state", .type = FIELD_OBJECT, .flags = FIELD_READONLY, .table = &limits_table},
	 {0}};
static const Table house_table = {.name = "house", .title = "House", .version = 1, .fields = house_fields};

static void test_fill(void)
{
	static const char *const cases[][2] = {
		{"{}", "{\"size\":1,\"open\":false,\"order\":[\"a\"],\"limits\":{\"rate\":5},\"devices\":{}}"},
		/* What is there stays, also where it is empty or another release's; objects that may be absent stay
		   absent. */
		{"{\"size\":7,\"open\":true,\"order\":[],\"limits\":{\"rate\":2,\"burst\":3},\"devices\":{},\"later\":1}",
		 "{\"size\":7,\"open\":true,\"order\":[],\"limits\":{\"rate\":2,\"burst\":3},\"devices\":{},\"later\":1}"},
		{"{\"size\":1,\"open\":false,\"order\":[],\"limits\":{},\"extra\":{},\"devices\":{}}",
		 "{\"size\":1,\"open\":false,\"order\":[],\"limits\":{\"rate\":5},\"extra\":{\"rate\":5},\"devices\":{}}"},
		/* In each entry of a map, and in what is nested there; a required field has no default. */
		{"{\"size\":1,\"open\":false,\"order\":[],\"limits\":{\"rate\":1},\"devices\":{\"x\":{},\"y\":{\"name\":\"n\",\"bus\":\"ide\",\"limits\":{\"burst\":1}}}}",
		 "{\"size\":1,\"open\":false,\"order\":[],\"limits\":{\"rate\":1},\"devices\":{\"x\":{\"bus\":\"sata\",\"limits\":{\"rate\":5}},\"y\":{\"name\":\"n\",\"bus\":\"ide\",\"limits\":{\"burst\":1,\"rate\":5}}}}"},
		/* What is of another kind than the table says is left to the check. */
		{"{\"size\":1,\"open\":false,\"order\":[],\"limits\":7,\"devices\":{\"x\":\"?\"}}",
		 "{\"size\":1,\"open\":false,\"order\":[],\"limits\":7,\"devices\":{\"x\":\"?\"}}"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		json_auto json_object *document = parse(cases[i][0]);
		json_auto json_object *filled = schema_filled(&house_table, document);
		assert_json(document, cases[i][0]); /* it may be another's */
		assert_json(filled, cases[i][1]);
		/* Only what lacks something is copied. */
		g_assert_cmpint(filled == document, ==, g_str_equal(cases[i][0], cases[i][1]));
		json_auto json_object *again = schema_filled(&house_table, filled);
		g_assert_true(again == filled);
		schema_fill(&house_table, document);
		assert_json(document, cases[i][1]);
	}
}

/* What the table makes, it need not fill. */
static void test_fill_nothing(void)
{
	json_auto json_object *vm = stored();
	json_auto json_object *filled = schema_filled(&vm_table, vm);
	g_assert_true(filled == vm);
	json_object_object_del(json_get(vm, "cpu"), "threads");
	json_auto json_object *mended = schema_filled(&vm_table, vm);
	g_assert_true(mended != vm);
	g_assert_cmpint(json_get_int(json_get(mended, "cpu"), "threads", 0), ==, 1);
	g_assert_null(json_get(json_get(vm, "cpu"), "threads"));
}

/* ---- create ---- */

static void test_create_fills(void)
{
	json_auto json_object *vm = create("{\"name\":\"web\",\"cpu\":{\"cores\":4},\"memory\":\"2G\","
					   "\"disks\":{\"disk0\":{\"size\":\"10 GiB\"},\"b\":{\"bus\":\"ide\"}}}");
	g_assert_cmpint(json_get_int(vm, "schema", 0), ==, 1);
	g_assert_cmpint(json_get_int(vm, "memory", 0), ==, 2LL << 30);
	g_assert_null(json_get(vm, "id"));
	g_assert_null(json_get(vm, "kernel"));
	g_assert_null(json_get(vm, "uuid"));
	assert_json(json_get(vm, "cpu"),
		    "{\"sockets\":1,\"cores\":4,\"threads\":1,\"model\":\"host\",\"hyperv\":false}");
	assert_json(json_get(vm, "autostart"), "{\"enabled\":false,\"order\":100,\"delay\":0}");
	assert_json(json_get(vm, "disks"),
		    "{\"disk0\":{\"storage\":\"local\",\"size\":10737418240,\"format\":\"qcow2\","
		    "\"bus\":\"virtio-scsi\",\"cache\":\"none\",\"discard\":true},"
		    "\"b\":{\"storage\":\"local\",\"format\":\"qcow2\",\"bus\":\"ide\",\"cache\":\"none\","
		    "\"discard\":true}}");
	assert_json(json_get(vm, "nics"), "{}");
	assert_json(json_get(vm, "tags"), "[]");
}

static void test_create_null_is_nothing(void)
{
	json_auto json_object *vm = create("{\"name\":\"web\",\"id\":null,\"memory\":null,\"cpu\":null,\"disks\":null,"
					   "\"nics\":{\"nic0\":null},\"kernel\":null,\"schema\":1}");
	g_assert_cmpint(json_get_int(vm, "memory", 0), ==, 1LL << 30);
	g_assert_cmpint(json_get_int(json_get(vm, "cpu"), "cores", 0), ==, 1);
	assert_json(json_get(vm, "nics"), "{}");
}

static void test_create_nullable_object(void)
{
	json_auto json_object *vm = create("{\"name\":\"web\",\"kernel\":{\"image\":\"tiny\"}}");
	assert_json(json_get(vm, "kernel"), "{\"image\":\"tiny\"}");
}

static const Refusal create_refusals[] = {
	{"[]", NULL, "the virtual machine must be a JSON object", NULL},
	{"{}", "name", "name must be given", NULL},
	{"{\"name\":\"\"}", "name", "name must not be empty", NULL},
	{"{\"name\":7}", "name", "name must be a string", NULL},
	{"{\"name\":\"a/b\"}", "name",
	 "name must be a host name: 1 to 63 letters, digits and '-', with no '-' at its ends", NULL},
	{"{\"name\":\"100\"}", "name",
	 "name must contain a letter, or it could be mistaken for a number of a guest", NULL},
	{"{\"name\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", "name",
	 "name must have at most 63 characters", NULL},
	{"{\"name\":\"a\",\"memroy\":1}", "memroy", "unknown field 'memroy'", "did you mean 'memory'?"},
	{"{\"name\":\"a\",\"xyzzy\":1}", "xyzzy", "unknown field 'xyzzy'",
	 "known fields are name, hostname, description, tags, …"},
	{"{\"name\":\"a\",\"disks\":{\"disk0\":{\"sise\":1}}}", "disks.disk0.sise",
	 "unknown field 'disks.disk0.sise'", "did you mean 'size'?"},
	{"{\"name\":\"a\",\"a\\nb\":1}", "a?b", "unknown field 'a?b'",
	 "known fields are name, hostname, description, tags, …"},
	{"{\"name\":\"a\",\"id\":100}", "id", "id is set by Yado", "leave it out"},
	{"{\"name\":\"a\",\"disks\":{\"disk0\":{\"address\":\"1.0\"}}}", "disks.disk0.address",
	 "disks.disk0.address is set by Yado", "leave it out"},
	{"{\"name\":\"a\",\"memory\":1048576}", "memory", "memory must be at least 16 MiB", NULL},
	{"{\"name\":\"a\",\"memory\":\"5T\"}", "memory", "memory must be at most 4 TiB", NULL},
	{"{\"name\":\"a\",\"memory\":18446744073709551615}", "memory", "memory must be at most 4 TiB", NULL},
	{"{\"name\":\"a\",\"memory\":-1}", "memory", "memory must be at least 16 MiB", NULL},
	{"{\"name\":\"a\",\"memory\":\"1.5G\"}", "memory", "memory must be a size such as 512M or 10G", NULL},
	{"{\"name\":\"a\",\"memory\":\"2G\\u0000\"}", "memory", "memory must be a size such as 512M or 10G", NULL},
	{"{\"name\":\"a\",\"memory\":1e9}", "memory", "memory must be a size such as 512M or 10G", NULL},
	{"{\"name\":\"a\",\"cpu\":{\"cores\":1.5}}", "cpu.cores", "cpu.cores must be a whole number", NULL},
	{"{\"name\":\"a\",\"cpu\":{\"cores\":\"1\"}}", "cpu.cores", "cpu.cores must be a whole number", NULL},
	{"{\"name\":\"a\",\"cpu\":{\"cores\":0}}", "cpu.cores", "cpu.cores must be at least 1", NULL},
	{"{\"name\":\"a\",\"cpu\":{\"cores\":129}}", "cpu.cores", "cpu.cores must be at most 128", NULL},
	{"{\"name\":\"a\",\"cpu\":4}", "cpu", "cpu must be an object", NULL},
	{"{\"name\":\"a\",\"disks\":[]}", "disks", "disks must be an object", NULL},
	{"{\"name\":\"a\",\"disks\":{\"disk0\":\"8G\"}}", "disks.disk0", "disks.disk0 must be an object", NULL},
	{"{\"name\":\"a\",\"shutdown\":{\"timeout\":3601}}", "shutdown.timeout",
	 "shutdown.timeout must be at most 3600 s", NULL},
	{"{\"name\":\"a\",\"agent\":\"yes\"}", "agent", "agent must be true or false", NULL},
	{"{\"name\":\"a\",\"agent\":1}", "agent", "agent must be true or false", NULL},
	{"{\"name\":\"a\",\"disks\":{\"disk0\":{\"bus\":\"scsi\"}}}", "disks.disk0.bus",
	 "disks.disk0.bus must be one of virtio-scsi, virtio-blk, sata, ide", NULL},
	{"{\"name\":\"a\",\"firmware\":null,\"display\":3}", "display",
	 "display must be one of vga, virtio, qxl, vmware, cirrus, bochs, none", NULL},
	{"{\"name\":\"a\",\"firmware\":\"bios\\u0000x\"}", "firmware", "firmware must be one of bios, uefi", NULL},
	{"{\"name\":\"a\",\"disks\":{\"Disk 0\":{}}}", "disks",
	 "disks: the name 'Disk 0' must be 1 to 63 of a-z, 0-9, '-' and '_', beginning with a letter or digit", NULL},
	{"{\"name\":\"a\",\"disks\":{\"a.b\":{}}}", "disks",
	 "disks: the name 'a.b' must be 1 to 63 of a-z, 0-9, '-' and '_', beginning with a letter or digit", NULL},
	{"{\"name\":\"a\",\"cdroms\":{\"a\":{},\"b\":{},\"c\":{},\"d\":{},\"e\":{}}}", "cdroms",
	 "cdroms must have at most 4 entries", NULL},
	{"{\"name\":\"a\",\"tags\":\"a\"}", "tags", "tags must be a list of strings", NULL},
	{"{\"name\":\"a\",\"tags\":[1]}", "tags", "tags must be a list of strings", NULL},
	{"{\"name\":\"a\",\"tags\":[\"a\",\"b\",\"a\"]}", "tags", "tags must not contain 'a' twice", NULL},
	{"{\"name\":\"a\",\"tags\":[\"A B\"]}", "tags",
	 "tags: 'A B' must be 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit", NULL},
	{"{\"name\":\"a\",\"boot\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\",\"l\",\"m\","
	 "\"n\",\"o\",\"p\",\"q\"]}",
	 "boot", "boot must have at most 16 values", NULL},
	{"{\"name\":\"a\",\"description\":\"a\\u0000b\"}", "description",
	 "description must not contain control characters", NULL},
	{"{\"name\":\"a\",\"description\":\"a\\u001b[0m\"}", "description",
	 "description must not contain control characters", NULL},
	{"{\"name\":\"a\",\"kernel\":{}}", "kernel.image", "kernel.image must be given", NULL},
	{"{\"name\":\"a\",\"kernel\":{\"image\":\"i\",\"append\":\"a\\nb\"}}", "kernel.append",
	 "kernel.append must not contain control characters", NULL},
	{"{\"name\":\"a\",\"nics\":{\"nic0\":{\"mac\":\"52:54\"}}}", "nics.nic0.mac",
	 "nics.nic0.mac must be a MAC address in lower case, such as 52:54:00:12:34:56", NULL},
	{"{\"name\":\"a\",\"nics\":{\"nic0\":{\"mac\":\"01:54:00:00:00:01\"}}}", "nics.nic0.mac",
	 "nics.nic0.mac must be a unicast MAC address: its first byte must be even", NULL},
	{"{\"name\":\"a\",\"schema\":2}", "schema",
	 "this virtual machine was written by a newer Yado (schema 2; this one knows up to 1)",
	 "update Yado on this node"},
	{"{\"name\":\"a\",\"schema\":\"1\"}", "schema", "schema must be the version of the document, 1", NULL},
};

static void test_create_refuses(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(create_refusals); i++) {
		const Refusal *refusal = &create_refusals[i];
		g_autoptr(GError) error = NULL;
		json_auto json_object *input = parse(refusal->input);
		g_test_message("%s", refusal->input);
		g_assert_null(schema_create(&vm_table, input, &error));
		assert_error(error, refusal->field, refusal->message, refusal->hint);
		gboolean newer = strstr(refusal->message, "newer") != NULL;
		g_assert_cmpint(error_code(error), ==, newer ? ERROR_UNSUPPORTED : ERROR_INVALID);
	}
	g_assert_null(schema_create(&vm_table, NULL, NULL));
}

static void test_create_bad_utf8(void)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *input = parse("{\"name\":\"a\"}");
	json_set_str(input, "description", "a\xff\xfe");
	g_assert_null(schema_create(&vm_table, input, &error));
	assert_error(error, "description", "description must be valid UTF-8", NULL);
}

static void test_create_free_text(void)
{
	json_auto json_object *vm = create("{\"name\":\"a\",\"description\":\"one\\n\\ttwo 宿\"}");
	g_assert_cmpstr(json_get_str(vm, "description", NULL), ==, "one\n\ttwo 宿");
	/* Bounds count characters, not bytes. */
	g_autoptr(GString) text = g_string_new("{\"name\":\"a\",\"description\":\"");
	for (guint i = 0; i < 8192; i++)
		g_string_append(text, "宿");
	g_string_append(text, "\"}");
	json_auto json_object *longest = create(text->str);
	g_assert_nonnull(longest);
}

static void test_create_long_unknown(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *name = g_strnfill(100000, 'x');
	json_auto json_object *input = json_object_new_object();
	json_set_int(input, name, 1);
	g_assert_null(schema_create(&vm_table, input, &error));
	g_assert_cmpstr(error->message, ==, "unknown field 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'");
}

/* ---- change ---- */

static json_object *change(json_object *current, const char *text, GError **error)
{
	json_auto json_object *patch = parse(text);
	g_autofree char *before = json_dup_text(current);
	json_object *document = schema_change(&vm_table, current, patch, error);
	g_autofree char *after = json_dup_text(current);
	g_assert_cmpstr(before, ==, after);
	return document;
}

static void assert_change(const char *patch, const char *diff)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *current = stored();
	json_auto json_object *document = change(current, patch, &error);
	g_assert_no_error(error);
	json_auto json_object *made = json_diff(current, document);
	assert_json(made, diff);
	g_assert_true(schema_check(&vm_table, document, &error));
	g_assert_no_error(error);
}

static void test_change_values(void)
{
	assert_change("{}", "[]");
	assert_change("{\"memory\":\"2G\",\"tags\":[\"a\"]}",
		      "[{\"path\":\"tags\",\"before\":[],\"after\":[\"a\"]},"
		      "{\"path\":\"memory\",\"before\":1073741824,\"after\":2147483648}]");
	assert_change("{\"cpu\":{\"cores\":2}}", "[{\"path\":\"cpu.cores\",\"before\":1,\"after\":2}]");
	assert_change("{\"disks\":{\"disk0\":{\"size\":\"9G\"}}}",
		      "[{\"path\":\"disks.disk0.size\",\"before\":8589934592,\"after\":9663676416}]");
}

static void test_change_null(void)
{
	/* The default comes back; what may be absent goes; a whole object gets its defaults. */
	g_autoptr(GError) error = NULL;
	json_auto json_object *first = stored();
	json_auto json_object *changed = change(first,
						"{\"memory\":\"2G\",\"cpu\":{\"cores\":8},"
						"\"kernel\":{\"image\":\"tiny\",\"append\":\"quiet\"}}",
						&error);
	g_assert_no_error(error);
	assert_json(json_get(changed, "kernel"), "{\"image\":\"tiny\",\"append\":\"quiet\"}");
	json_auto json_object *appendless = change(changed, "{\"kernel\":{\"append\":null}}", &error);
	g_assert_no_error(error);
	assert_json(json_get(appendless, "kernel"), "{\"image\":\"tiny\"}");
	json_auto json_object *back = change(changed, "{\"memory\":null,\"cpu\":null,\"kernel\":null,\"uuid\":null}",
					     &error);
	g_assert_no_error(error);
	g_assert_true(json_equal(first, back));
}

static void test_change_entries(void)
{
	assert_change("{\"nics\":{\"nic0\":null,\"nic1\":{\"model\":\"e1000\"}}}",
		      "[{\"path\":\"nics.nic0.mode\",\"before\":\"user\"},"
		      "{\"path\":\"nics.nic0.model\",\"before\":\"virtio\"},"
		      "{\"path\":\"nics.nic0.link\",\"before\":true},"
		      "{\"path\":\"nics.nic1.mode\",\"after\":\"user\"},"
		      "{\"path\":\"nics.nic1.model\",\"after\":\"e1000\"},"
		      "{\"path\":\"nics.nic1.link\",\"after\":true}]");
	assert_change("{\"nics\":{\"nic7\":null}}", "[]");
	g_autoptr(GError) error = NULL;
	json_auto json_object *current = stored();
	json_auto json_object *empty = change(current, "{\"disks\":null}", &error);
	g_assert_no_error(error);
	assert_json(json_get(empty, "disks"), "{}");
}

static void test_change_repeated(void)
{
	/* What a client read may be sent back as it is. */
	json_auto json_object *current = stored();
	assert_change(json_object_to_json_string(current), "[]");
	assert_change("{\"firmware\":\"bios\",\"id\":100,\"disks\":{\"disk0\":{\"address\":\"1.0\",\"volume\":null}}}",
		      "[]");
}

static const Refusal change_refusals[] = {
	{"[]", NULL, "the virtual machine must be a JSON object", NULL},
	{"{\"name\":null}", "name", "name cannot be removed", NULL},
	{"{\"name\":\"-\"}", "name",
	 "name must be a host name: 1 to 63 letters, digits and '-', with no '-' at its ends", NULL},
	{"{\"id\":101}", "id", "id is set by Yado", "leave it out"},
	{"{\"id\":null}", "id", "id is set by Yado", "leave it out"},
	{"{\"firmware\":\"uefi\"}", "firmware", "firmware cannot be changed",
	 "it can be chosen only when the virtual machine is made"},
	{"{\"firmware\":\"efi\"}", "firmware", "firmware must be one of bios, uefi", NULL},
	{"{\"uuid\":\"5f0f6a3e-8a4c-4c55-9a3e-0c1d2e3f4a5b\"}", "uuid", "uuid cannot be changed",
	 "it can be chosen only when the virtual machine is made"},
	{"{\"disks\":{\"disk0\":{\"bus\":\"ide\"}}}", "disks.disk0.bus", "disks.disk0.bus cannot be changed",
	 "it can be chosen only when the disk is made"},
	{"{\"disks\":{\"disk0\":{\"serial\":null}}}", "disks.disk0.serial", "disks.disk0.serial cannot be changed",
	 "it can be chosen only when the disk is made"},
	{"{\"disks\":{\"disk1\":{\"address\":\"2.0\"}}}", "disks.disk1.address", "disks.disk1.address is set by Yado",
	 "leave it out"},
	{"{\"disks\":{\"disk0\":{\"size\":1}}}", "disks.disk0.size", "disks.disk0.size must be at least 1 MiB", NULL},
	{"{\"disks\":{\"../x\":null}}", "disks",
	 "disks: the name '../x' must be 1 to 63 of a-z, 0-9, '-' and '_', beginning with a letter or digit", NULL},
	{"{\"cdroms\":{\"a\":{},\"b\":{},\"c\":{},\"d\":{},\"e\":{}}}", "cdroms",
	 "cdroms must have at most 4 entries", NULL},
	{"{\"memory\":{\"x\":1}}", "memory", "memory must be a size such as 512M or 10G", NULL},
	{"{\"cpu\":[]}", "cpu", "cpu must be an object", NULL},
	{"{\"kernel\":{\"append\":\"quiet\"}}", "kernel.image", "kernel.image must be given", NULL},
	{"{\"cpu\":{\"core\":2}}", "cpu.core", "unknown field 'cpu.core'", "did you mean 'cores'?"},
	{"{\"schema\":2}", "schema",
	 "this virtual machine was written by a newer Yado (schema 2; this one knows up to 1)",
	 "update Yado on this node"},
};

static void test_change_refuses(void)
{
	json_auto json_object *current = stored();
	for (guint i = 0; i < G_N_ELEMENTS(change_refusals); i++) {
		const Refusal *refusal = &change_refusals[i];
		g_autoptr(GError) error = NULL;
		g_test_message("%s", refusal->input);
		g_assert_null(change(current, refusal->input, &error));
		assert_error(error, refusal->field, refusal->message, refusal->hint);
	}
}

static void test_change_newer(void)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *current = stored();
	json_set_int(current, "schema", 2);
	json_set_str(current, "colour", "blue");
	g_assert_null(change(current, "{\"memory\":\"2G\"}", &error));
	g_assert_cmpint(error_code(error), ==, ERROR_UNSUPPORTED);
	assert_error(error, "schema",
		     "this virtual machine was written by a newer Yado (schema 2; this one knows up to 1)",
		     "update Yado on this node");
	g_assert_cmpstr(json_get_str(current, "colour", NULL), ==, "blue");
}

static void test_change_older(void)
{
	/* A field that came later gets its default with the next change. */
	g_autoptr(GError) error = NULL;
	json_auto json_object *current = stored();
	json_object_object_del(current, "agent");
	json_object_object_del(current, "restart");
	json_object_object_del(json_get_path(current, "disks.disk0"), "discard");
	g_assert_true(schema_check(&vm_table, current, &error));
	json_auto json_object *document = change(current, "{\"disks\":{\"disk0\":{}}}", &error);
	g_assert_no_error(error);
	json_auto json_object *whole = stored();
	g_assert_true(json_equal(document, whole));
}

/* ---- check ---- */

static void test_check_refuses(void)
{
	static const Refusal refusals[] = {
		{"{\"memory\":\"2G\"}", "memory", "memory must be a whole number of bytes", NULL},
		{"{\"id\":99}", "id", "id must be at least 100", NULL},
		{"{\"name\":null}", "name", "name must be given", NULL},
		{"{\"disks\":{\"disk0\":{\"bus\":\"x\"}}}", "disks.disk0.bus",
		 "disks.disk0.bus must be one of virtio-scsi, virtio-blk, sata, ide", NULL},
		{"{\"disks\":{\"A\":{}}}", "disks",
		 "disks: the name 'A' must be 1 to 63 of a-z, 0-9, '-' and '_', beginning with a letter or digit",
		 NULL},
		{"{\"disks\":[]}", "disks", "disks must be an object", NULL},
		{"{\"cpu\":1}", "cpu", "cpu must be an object", NULL},
		{"{\"colour\":\"blue\"}", "colour", "unknown field 'colour'", NULL},
		{"{\"schema\":0}", "schema", "schema must be the version of the document, 1", NULL},
	};
	for (guint i = 0; i < G_N_ELEMENTS(refusals); i++) {
		g_autoptr(GError) error = NULL;
		json_auto json_object *whole = stored();
		json_auto json_object *patch = parse(refusals[i].input);
		json_auto json_object *document = json_merge_patch(whole, patch);
		g_assert_false(schema_check(&vm_table, document, &error));
		g_assert_cmpstr(error->message, ==, refusals[i].message);
		g_assert_cmpstr(error_field(error), ==, refusals[i].field);
	}
	g_assert_false(schema_check(&vm_table, NULL, NULL));
}

static void test_check_values(void)
{
	static const struct {
		FieldCheck check;
		const char *good[6], *bad[10];
	} cases[] = {
		{check_guest_name, {"a", "web-1", "A1"}, {"", "-a", "a-", "a.b", "a b", "a/b", "12", "ä"}},
		{check_one_line, {"", "a b 宿"}, {"a\nb", "\t", "\x7f", "\xc2\x85"}},
		{check_uuid, {"5f0f6a3e-8a4c-4c55-9a3e-0c1d2e3f4a5b"},
		 {"", "5F0F6A3E-8A4C-4C55-9A3E-0C1D2E3F4A5B", "5f0f6a3e8a4c4c559a3e0c1d2e3f4a5b"}},
		{check_mac, {"52:54:00:12:34:56", "02:00:00:00:00:00"},
		 {"", "52:54:00:12:34:5", "52-54-00-12-34-56", "52:54:00:12:34:5G", "53:54:00:12:34:56",
		  "52:54:00:AB:34:56", "00:00:00:00:00:00", "52:54:00:12:34:56:78"}},
		{check_serial, {"A-z_0.9"}, {"", "a b", "a,b", "a=b", "a\"b"}},
		{check_interface, {"br0", "vmbr0.100", "br-lan"},
		 {"", ".", "..", "-a", "a/b", "a b", "a,b", "abcdefghijklmnop"}},
		{check_machine, {"q35", "pc-q35-7.2"}, {"", "q35,accel=kvm", "Q35", "-q35", "7"}},
		{check_cpu_model, {"host", "486", "Skylake-Server-v4"}, {"", "host,+vmx", "-x", "a b"}},
		{check_absolute_path, {"/srv", "/srv/a b/宿", "/a..b/.c"},
		 {"", "/", "srv", "/srv/", "//srv", "/srv/../etc", "/srv/.", "/a\nb"}},
		{schema_check_key, {"a", "0", "a-b_c.d"}, {"", "A", "-a", ".a", "_a", "a/b", "a b"}},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		for (guint j = 0; j < G_N_ELEMENTS(cases[i].good) && cases[i].good[j]; j++)
			g_assert_cmpstr(cases[i].check(cases[i].good[j]), ==, NULL);
		for (guint j = 0; j < G_N_ELEMENTS(cases[i].bad) && cases[i].bad[j]; j++) {
			g_test_message("%u: '%s'", i, cases[i].bad[j]);
			g_assert_nonnull(cases[i].check(cases[i].bad[j]));
		}
	}
}

/* ---- paths, descriptions ---- */

static void test_paths(void)
{
	g_assert_cmpstr(schema_find(&vm_table, "cpu.cores")->name, ==, "cores");
	g_assert_cmpstr(schema_find(&vm_table, "disks.disk0.size")->name, ==, "size");
	g_assert_cmpstr(schema_find(&vm_table, "disks.size")->name, ==, "disks");
	g_assert_cmpstr(schema_find(&vm_table, "disks")->name, ==, "disks");
	g_assert_null(schema_find(&vm_table, ""));
	g_assert_null(schema_find(&vm_table, "memory.x"));
	g_assert_null(schema_find(&vm_table, "disks.disk0.nothing"));
	g_assert_null(schema_find(&vm_table, "disks.disk0.size.x"));
}

static void test_describe(void)
{
	json_auto json_object *schema = schema_describe(&vm_table);
	assert_json(json_get(schema, "required"), "[\"id\",\"name\",\"node\",\"status\"]");
	g_assert_false(json_get_bool(schema, "additionalProperties", TRUE));
	json_object *properties = json_get(schema, "properties");
	g_assert_cmpint(json_get_int(json_get(properties, "memory"), "minimum", 0), ==, 16 << 20);
	g_assert_cmpint(json_get_int(json_get(properties, "memory"), "default", 0), ==, 1 << 30);
	g_assert_true(json_get_bool(json_get(properties, "id"), "readOnly", FALSE));
	assert_json(json_get_path(properties, "firmware.enum"), "[\"bios\",\"uefi\"]");
	assert_json(
		json_get_path(properties, "disks.additionalProperties.properties.discard"),
		"{\"type\":\"boolean\",\"title\":\"Give freed blocks back (discard)\","
		"\"x-title-ja\":\"解放されたブロックを返却（discard）\",\"description\":\"blocks that the guest frees are freed "
		"on the storage\",\"x-description-ja\":\"ゲストが解放したブロックを返却\",\"default\":true,\"x-group\":\"disk-details\"}");
	json_object *disk_groups = json_get_path(properties, "disks.additionalProperties.x-groups");
	assert_json(json_get_path(properties, "nics.additionalProperties.properties.bridge.x-when"),
		    "{\"field\":\"mode\",\"values\":[\"bridge\"]}");
	assert_json(json_get(disk_groups, "limits"), "{\"title\":\"Limits\",\"x-title-ja\":\"速度の上限\"}");
	g_assert_null(json_get_path(properties, "memory.x-group"));
	g_assert_cmpstr(json_get_str(json_get(properties, "disks"), "x-key", NULL), ==, "disk");
	g_assert_cmpstr(json_get_str(json_get(properties, "numa"), "x-key", NULL), ==, "node");
	g_assert_cmpstr(json_get_str(json_get_path(properties, "cpu.properties.cores"), "type", NULL), ==, "integer");
	g_assert_nonnull(json_get(properties, "schema"));
	json_auto json_object *task = schema_describe(&task_table);
	g_assert_null(json_get_path(task, "properties.schema"));
}

static gboolean has_group(const Table *table, const FieldGroup *group)
{
	for (const FieldGroup *const *one = table->groups; one && *one; one++)
		if (*one == group)
			return (*one)->title && (*one)->title_ja;
	return FALSE;
}

/* What a field's use depends on is a field beside it, and values that it can have. */
static void check_condition(const Table *table, const char *when)
{
	g_auto(GStrv) sides = g_strsplit(when, "=", 2);
	g_auto(GStrv) values = g_strsplit(sides[1], ",", -1);
	const Field *other = schema_find(table, sides[0]);
	g_assert_nonnull(other);
	for (char **value = values; *value; value++)
		g_assert_true(g_strv_contains(other->values, *value));
}

/* Forms are made from the tables: what can be set has a name for people. */
static void check_titles(const Table *table)
{
	for (const Field *field = table->fields; field->name; field++) {
		if (field->flags & FIELD_READONLY)
			continue;
		if (field->type != FIELD_OBJECT && (!field->title || !field->title_ja))
			g_test_message("%s.%s has no title", table->name, field->name);
		g_assert_true(field->type == FIELD_OBJECT || (field->title && field->title_ja));
		g_assert_true(!field->group || has_group(table, field->group));
		if (field->when)
			check_condition(table, field->when);
		if (field->table)
			check_titles(field->table);
	}
}

static void test_titles(void)
{
	for (guint i = 0; schema_tables[i]; i++)
		check_titles(schema_tables[i]);
}

static void test_describe_input(void)
{
	json_auto json_object *create = schema_describe_input(&vm_table, FALSE);
	assert_json(json_get(create, "required"), "[\"name\"]");
	g_assert_null(json_get_path(create, "properties.id"));
	g_assert_null(json_get_path(create, "properties.disks.additionalProperties.properties.address"));
	assert_json(json_get_path(create, "properties.memory.type"), "[\"integer\",\"string\"]");
	json_auto json_object *change = schema_describe_input(&vm_table, TRUE);
	assert_json(json_get(change, "required"), "[]");
	assert_json(json_get_path(change, "properties.name.type"), "\"string\"");
	assert_json(json_get_path(change, "properties.memory.type"), "[\"integer\",\"string\",\"null\"]");
	assert_json(json_get_path(change, "properties.display.enum"),
		    "[\"vga\",\"virtio\",\"qxl\",\"vmware\",\"cirrus\",\"bochs\",\"none\",null]");
	/* null takes an entry away */
	assert_json(json_get_path(change, "properties.disks.additionalProperties.type"), "[\"object\",\"null\"]");
	json_auto json_object *stats = schema_describe(&vm_stats_table);
	assert_json(json_get_path(stats, "properties.cpu.properties.usec.type"), "[\"integer\",\"null\"]");
	assert_json(json_get_path(stats, "properties.cpu.required"), "[\"vcpus\"]");
}

static void test_items(void)
{
	static const struct {
		const char *document, *field;
	} cases[] = {
		{"{\"tasks\":[1,2]}", NULL},
		{"{\"tasks\":[\"1\"]}", "tasks.0"},
		{"{\"tasks\":{}}", "tasks"},
		{"{\"plan\":{\"changes\":[{\"path\":\"a\",\"before\":[1]}]}}", NULL},
		{"{\"plan\":{\"changes\":[{\"path\":\"a\"},{\"what\":1}]}}", "plan.changes.1.what"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		json_auto json_object *document = parse(cases[i].document);
		gboolean good = schema_check(&restore_table, document, &error);
		g_assert_cmpint(good, ==, !cases[i].field);
		g_assert_cmpstr(error ? error_field(error) : NULL, ==, cases[i].field);
	}
}

static void test_reference(void)
{
	g_autofree char *page = schema_reference(&vm_table, FALSE);
	g_autofree char *page_ja = schema_reference(&vm_table, TRUE);
	g_assert_nonnull(strstr(page, "\n| `memory` | size, 16 MiB to 4 TiB | 1 GiB |  | memory, in whole MiB |\n"));
	g_assert_nonnull(strstr(page, "\n| `disks.KEY.bus` | `virtio-scsi`, `virtio-blk`, `sata`, `ide` | "
				      "`\"virtio-scsi\"` | only at creation | how the guest sees the disk; 'ide' with "
				      "firmware 'bios' only |\n"));
	g_assert_nonnull(strstr(page_ja, "# 仮想マシン\n"));
	g_assert_nonnull(strstr(page_ja, "| `memory` | サイズ、16 MiB〜4 TiB | 1 GiB |  | メモリ（MiB単位） |"));
}

static void test_spelling(void)
{
	static const char *const known[] = {"memory", "cpu.cores", "size", "boot", "--cpu-model", "--token", NULL};
	g_assert_cmpstr(spelling_closest("memroy", known), ==, "memory");
	g_assert_cmpstr(spelling_closest("siz", known), ==, "size");
	g_assert_cmpstr(spelling_closest("mem", known), ==, "memory");
	g_assert_cmpstr(spelling_closest("cores", known), ==, "cpu.cores");
	g_assert_cmpstr(spelling_closest("--model", known), ==, "--cpu-model");
	g_assert_cmpstr(spelling_closest("res", known), ==, NULL);
	g_assert_cmpstr(spelling_closest("sz", known), ==, NULL);
	g_assert_cmpstr(spelling_closest("network", known), ==, NULL);
	g_assert_cmpstr(spelling_closest("", known), ==, NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/schema/every table is whole and consistent", test_tables_sane);
	g_test_add_func("/schema/every default passes its own check", test_defaults_pass);
	g_test_add_func("/schema/create fills defaults at every level", test_create_fills);
	g_test_add_func("/schema/create takes null as nothing", test_create_null_is_nothing);
	g_test_add_func("/schema/create leaves an optional object out unless given", test_create_nullable_object);
	g_test_add_func("/schema/create refuses with the field and what is allowed", test_create_refuses);
	g_test_add_func("/schema/create refuses text that is not UTF-8", test_create_bad_utf8);
	g_test_add_func("/schema/create takes lines in free text and counts characters", test_create_free_text);
	g_test_add_func("/schema/create shortens long names in errors", test_create_long_unknown);
	g_test_add_func("/schema/change sets what the patch names", test_change_values);
	g_test_add_func("/schema/change with null gives the default back", test_change_null);
	g_test_add_func("/schema/change adds and removes entries", test_change_entries);
	g_test_add_func("/schema/change lets present values be repeated", test_change_repeated);
	g_test_add_func("/schema/change refuses with the field and a next step", test_change_refuses);
	g_test_add_func("/schema/change leaves documents of a newer release alone", test_change_newer);
	g_test_add_func("/schema/change completes documents of an older release", test_change_older);
	g_test_add_func("/schema/check refuses what must not be stored", test_check_refuses);
	g_test_add_func("/schema/value checks know good from bad", test_check_values);
	g_test_add_func("/schema/paths lead to fields", test_paths);
	g_test_add_func("/schema/describe gives JSON Schema", test_describe);
	g_test_add_func("/schema/what a document of an earlier release lacks gets its default, "
			"and nothing else is touched", test_fill);
	g_test_add_func("/schema/a document that lacks nothing is not copied", test_fill_nothing);
	g_test_add_func("/schema/what can be set has a title in both languages", test_titles);
	g_test_add_func("/schema/what is sent is described apart from what is answered", test_describe_input);
	g_test_add_func("/schema/lists of objects are checked one by one", test_items);
	g_test_add_func("/schema/reference gives pages in both languages", test_reference);
	g_test_add_func("/schema/spelling finds the word that was meant", test_spelling);
	return g_test_run();
}
