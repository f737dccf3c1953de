/* Golden files: NAME.json, a VM's document; NAME.args, the arguments that it becomes, one a line, and then what has to
 * be opened for it. A NAME that begins with "kvm-" is built for KVM; one that begins with "bad-" has the error in its
 * .args. With YADO_GOLDEN_WRITE=1 the .args are written anew: look at the difference before it is committed.
 *
 * The same documents feed a property: whatever devices come and go in whatever order, no other device moves. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "qemu/command.h"

enum { DOCUMENT_MAX = 1 << 20 };

static const char *folder;

static json_object *read_document(const char *name)
{
	g_autofree char *file = g_strconcat(name, ".json", NULL);
	g_autofree char *path = g_build_filename(folder, file, NULL);
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	gsize length;
	file_read(path, DOCUMENT_MAX, &text, &length, &error);
	g_assert_no_error(error);
	json_object *vm = json_parse(text, length, &error);
	g_assert_no_error(error);
	return vm;
}

static char *dup_expected(json_object *vm, const char *name)
{
	g_autoptr(GError) error = NULL;
	const char *append = json_get(vm, "kernel") ? "console=ttyS0 quiet" : NULL;
	g_autoptr(QemuCommand) command =
		qemu_command_build(vm, g_str_has_prefix(name, "kvm-"), append, &error);
	g_autoptr(GString) text = g_string_new(NULL);
	if (!command) {
		g_string_printf(text, "error %s\nfield %s\n%s\n", error_code_name(error_code(error)),
				error_field(error), error->message);
		return g_string_free(g_steal_pointer(&text), FALSE);
	}
	for (guint i = 0; i < command->argv->len; i++)
		g_string_append_printf(text, "%s\n", (const char *)command->argv->pdata[i]);
	g_string_append(text, "\n");
	for (guint i = 0; i < command->needs->len; i++) {
		const QemuNeed *need = &g_array_index(command->needs, QemuNeed, i);
		g_string_append_printf(text, "%d %s %s\n", need->fd, need->writable ? "rw" : "ro", need->name);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static void test_golden(gconstpointer data)
{
	const char *name = data;
	json_auto json_object *vm = read_document(name);
	g_autofree char *text = dup_expected(vm, name);
	g_autofree char *file = g_strconcat(name, ".args", NULL);
	g_autofree char *path = g_build_filename(folder, file, NULL);
	g_autofree char *kept = NULL;
	g_autoptr(GError) error = NULL;

	if (g_strcmp0(g_getenv("YADO_GOLDEN_WRITE"), "1") == 0)
		file_write_atomic(path, text, strlen(text), 0644, &error);
	else if (file_read(path, DOCUMENT_MAX, &kept, NULL, &error))
		g_assert_cmpstr(text, ==, kept);
	g_assert_no_error(error);
	g_assert_cmpint(g_str_has_prefix(name, "bad-"), ==, g_str_has_prefix(text, "error "));
}

static const struct {
	const char *map, *key, *bus;
} candidates[] = {
	{"disks", "disk0", "virtio-scsi"}, {"disks", "disk1", "virtio-blk"}, {"disks", "disk2", "sata"},
	{"disks", "disk3", "ide"},         {"disks", "disk4", "virtio-scsi"}, {"cdroms", "cd0", "sata"},
	{"cdroms", "cd1", "virtio-scsi"},  {"nics", "nic0", NULL},            {"nics", "nic1", NULL},
};

static json_object *new_vm(void)
{
	static const char text[] = "{\"name\":\"p\",\"uuid\":\"3b5c0a3e-9a53-4b43-8c8e-2f2b5e2f4f10\","
				   "\"machine\":\"pc-q35-7.2\",\"memory\":134217728,\"disks\":{},\"cdroms\":{},"
				   "\"nics\":{}}";
	return json_parse(text, strlen(text), NULL);
}

static void plug(json_object *vm, guint which)
{
	json_object *device = json_object_new_object();
	g_autofree char *serial = g_strdup_printf("S%u", which);
	g_autofree char *mac = g_strdup_printf("52:54:00:00:00:%02x", which);
	json_set_str(device, "serial", serial);
	json_set_str(device, "mac", mac);
	if (candidates[which].bus)
		json_set_str(device, "bus", candidates[which].bus);
	json_set(json_get(vm, candidates[which].map), candidates[which].key, device);
	g_autoptr(GError) error = NULL;
	g_assert_true(qemu_assign_addresses(vm, &error));
	g_assert_no_error(error);
}

/* The guest's hardware as the command line says it: id -> "driver bus addr unit scsi-id serial mac". */
static GHashTable *hardware_of(json_object *vm)
{
	static const char *const members[] = {"driver", "bus", "addr", "unit", "scsi-id", "serial", "mac", "wwn"};
	g_autoptr(GError) error = NULL;
	g_autoptr(QemuCommand) command = qemu_command_build(vm, FALSE, NULL, &error);
	g_assert_no_error(error);
	GHashTable *hardware = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	for (guint i = 0; i + 1 < command->argv->len; i++) {
		const char *value = command->argv->pdata[i + 1];
		if (!g_str_equal(command->argv->pdata[i], "-device"))
			continue;
		json_auto json_object *device = json_parse(value, strlen(value), &error);
		g_assert_no_error(error);
		g_autoptr(GString) text = g_string_new(NULL);
		for (guint m = 0; m < G_N_ELEMENTS(members); m++) {
			json_object *member = json_get(device, members[m]);
			g_string_append_printf(text, "%s ", member ? json_object_get_string(member) : "-");
		}
		g_assert_true(g_hash_table_insert(hardware, g_strdup(json_get_str(device, "id", "?")),
						  g_strdup(text->str)));
	}
	return hardware;
}

/* What is in both is the same in both. */
static void assert_unmoved(GHashTable *before, GHashTable *after)
{
	GHashTableIter iterator;
	gpointer id, text;
	g_hash_table_iter_init(&iterator, before);
	while (g_hash_table_iter_next(&iterator, &id, &text)) {
		const char *now = g_hash_table_lookup(after, id);
		if (now)
			g_assert_cmpstr(now, ==, text);
	}
}

/* Plugs and unplugs in one order; after each step nothing that stayed has moved. */
static void run_order(const guint *order, guint count)
{
	json_auto json_object *vm = new_vm();
	GHashTable *before = hardware_of(vm);
	for (guint step = 0; step < 2 * count; step++) {
		guint which = order[step % count];
		if (step < count)
			plug(vm, which);
		else
			/* Another way round: what came first goes first, while the others stay. */
			json_object_object_del(json_get(vm, candidates[which].map), candidates[which].key);
		GHashTable *after = hardware_of(vm);
		assert_unmoved(before, after);
		g_hash_table_unref(before);
		before = after;
		if (step == count) {
			/* In the freed place a new one may sit; the others stay. */
			plug(vm, which);
			GHashTable *again = hardware_of(vm);
			assert_unmoved(before, again);
			g_hash_table_unref(again);
			json_object_object_del(json_get(vm, candidates[which].map), candidates[which].key);
		}
	}
	g_hash_table_unref(before);
}

/* Every permutation of five devices chosen from all kinds (Heap's algorithm). */
static void permute(guint *order, guint size, guint count)
{
	if (size <= 1) {
		run_order(order, count);
		return;
	}
	for (guint i = 0; i < size; i++) {
		permute(order, size - 1, count);
		guint other = size % 2 ? 0 : i, kept = order[other];
		order[other] = order[size - 1];
		order[size - 1] = kept;
	}
}

static void test_orders(void)
{
	guint first[] = {0, 1, 3, 5, 7}, second[] = {0, 4, 6, 8};
	permute(first, G_N_ELEMENTS(first), G_N_ELEMENTS(first));
	permute(second, G_N_ELEMENTS(second), G_N_ELEMENTS(second));
}

static void test_random_orders(void)
{
	for (guint round = 0; round < 50; round++) {
		guint order[G_N_ELEMENTS(candidates)];
		for (guint i = 0; i < G_N_ELEMENTS(order); i++)
			order[i] = i;
		for (guint i = G_N_ELEMENTS(order) - 1; i > 0; i--) {
			guint other = (guint)g_test_rand_int_range(0, (gint32)i + 1), kept = order[i];
			order[i] = order[other];
			order[other] = kept;
		}
		run_order(order, G_N_ELEMENTS(order));
	}
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	folder = g_getenv("YADO_GOLDEN_DIR");
	g_assert_nonnull(folder);
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
	g_assert_no_error(error);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	for (const char *file; (file = g_dir_read_name(dir));)
		if (g_str_has_suffix(file, ".json"))
			g_ptr_array_add(names, g_strndup(file, strlen(file) - strlen(".json")));
	g_ptr_array_sort(names, compare_names);
	g_assert_cmpuint(names->len, >=, 40);
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *path = g_strconcat("/golden/", names->pdata[i], NULL);
		g_test_add_data_func(path, names->pdata[i], test_golden);
	}
	g_test_add_func("/addresses/stay in every order of plugging and unplugging", test_orders);
	g_test_add_func("/addresses/stay in random orders of all devices", test_random_orders);
	return g_test_run();
}
