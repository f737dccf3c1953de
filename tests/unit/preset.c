/* Presets: that the data is whole, that what a client said always counts, and what depends on the guest. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "preset/internal.h"
#include "schema/schema.h"

static json_object *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	json_object *json = json_parse(text, strlen(text), &error);
	g_assert_no_error(error);
	return json;
}

/* The input filled by the preset; *ret_chosen, if wanted, gets what was chosen. */
static json_object *fill(const char *name, PresetSituation situation, const char *text, json_object **ret_chosen)
{
	g_autoptr(GError) error = NULL;
	json_object *input = parse(text);
	json_auto json_object *chosen = json_object_new_array();
	const Preset *preset = preset_find(name, &error);
	g_assert_no_error(error);
	preset_fill(preset, &situation, input, chosen);
	if (ret_chosen)
		*ret_chosen = json_object_get(chosen);
	return input;
}

static const char *text_at(json_object *json, const char *path)
{
	json_object *value = json_get_path(json, path);
	return value ? json_object_get_string(value) : NULL;
}

/* The reason that was told for a field; NULL if it was not chosen. */
static const char *why(json_object *chosen, const char *field)
{
	for (gsize i = 0; i < json_get_count(chosen); i++) {
		json_object *entry = json_object_array_get_idx(chosen, i);
		if (!strcmp(json_get_str(entry, "field", ""), field))
			return json_get_str(entry, "why", NULL);
	}
	return NULL;
}

static void test_enough(void)
{
	static const char *const wanted[] = {"debian-12", "ubuntu-24.04", "rhel-9", "sles-15", "arch", "alpine",
					     "freebsd-14", "windows-10", "windows-11", "windows-server-2016",
					     "windows-server-2019", "windows-server-2022", "windows-server-2025",
					     "esxi-6.5", "esxi-8", "generic"};
	g_assert_cmpuint(presets_all()->len, >=, 40);
	for (guint i = 0; i < G_N_ELEMENTS(wanted); i++)
		g_assert_nonnull(preset_find(wanted[i], NULL));
}

static void test_complete(void)
{
	static const char *const fields[] = {"firmware", "disks.*.bus", "nics.*.model", "memory", "display", "clock",
					     "disks.*.size"};
	const GPtrArray *presets = presets_all();
	for (guint i = 0; i < presets->len; i++) {
		json_auto json_object *json = preset_describe(presets->pdata[i], TRUE);
		json_object *settings = json_get(json, "settings");
		for (guint j = 0; j < G_N_ELEMENTS(fields); j++)
			g_assert_nonnull(why(settings, fields[j]));
		for (gsize j = 0; j < json_get_count(settings); j++) {
			json_object *entry = json_object_array_get_idx(settings, j);
			g_assert_cmpuint(strlen(json_get_str(entry, "why", "")), >, 10);
			g_assert_cmpuint(strlen(json_get_str(entry, "why_ja", "")), >, 10);
		}
		g_autoptr(GError) error = NULL;
		schema_check(&preset_table, json, &error);
		g_assert_no_error(error);
	}
}

static void test_client_counts(void)
{
	json_auto json_object *chosen = NULL;
	json_auto json_object *input = fill(
		"windows-11", (PresetSituation){0},
		"{\"firmware\":\"bios\",\"memory\":5368709120,\"cpu\":{\"cores\":7},"
		"\"disks\":{\"disk0\":{\"bus\":\"virtio-blk\"},\"disk1\":{\"size\":1048576}},\"nics\":{\"nic0\":{}}}",
		&chosen);
	g_assert_cmpstr(text_at(input, "firmware"), ==, "bios");
	g_assert_cmpint(json_get_int(input, "memory", 0), ==, 5368709120);
	g_assert_cmpint(json_get_int(json_get(input, "cpu"), "cores", 0), ==, 7);
	g_assert_cmpstr(text_at(input, "disks.disk0.bus"), ==, "virtio-blk");
	g_assert_cmpstr(text_at(input, "disks.disk1.bus"), ==, "sata");
	g_assert_cmpint(json_get_int(json_get_path(input, "disks.disk1"), "size", 0), ==, 1048576);
	g_assert_true(json_get_bool(json_get(input, "cpu"), "hyperv", FALSE));
	g_assert_cmpstr(text_at(input, "clock"), ==, "local");
	g_assert_null(why(chosen, "firmware"));
	g_assert_null(json_get(input, "secure_boot")); /* a BIOS has none */
	g_assert_true(json_get_bool(input, "tpm", FALSE));
	g_assert_null(why(chosen, "cpu.cores"));
	g_assert_null(why(chosen, "disks.disk0.bus"));
	g_assert_nonnull(why(chosen, "disks.disk1.bus"));
	g_assert_nonnull(why(chosen, "cpu.hyperv"));
}

static void test_secure_boot(void)
{
	json_auto json_object *chosen = NULL;
	json_auto json_object *debian = fill("debian-12", (PresetSituation){0}, "{}", &chosen);
	g_assert_cmpstr(text_at(debian, "firmware"), ==, "uefi");
	g_assert_true(json_get_bool(debian, "secure_boot", FALSE));
	g_assert_nonnull(why(chosen, "secure_boot"));
	json_auto json_object *arch = fill("arch", (PresetSituation){0}, "{}", NULL);
	g_assert_cmpstr(text_at(arch, "firmware"), ==, "uefi");
	g_assert_false(json_get_bool(arch, "secure_boot", TRUE));
	json_auto json_object *said =
		fill("windows-11", (PresetSituation){0}, "{\"secure_boot\":false,\"tpm\":false}", NULL);
	g_assert_false(json_get_bool(said, "secure_boot", TRUE));
	g_assert_false(json_get_bool(said, "tpm", TRUE));
}

static void test_kernel(void)
{
	json_auto json_object *chosen = NULL;
	json_auto json_object *input = fill("debian-12", (PresetSituation){.kernel = TRUE, .has_memory = TRUE},
					    "{\"disks\":{\"disk0\":{}}}", &chosen);
	g_assert_null(json_get(input, "firmware"));
	g_assert_null(json_get(input, "secure_boot"));
	g_assert_null(json_get(input, "memory"));
	g_assert_cmpstr(text_at(input, "disks.disk0.bus"), ==, "virtio-scsi");
}

static void test_drivers(void)
{
	static const PresetSituation with = {.drivers_image = "virtio-win-0.1"};
	json_auto json_object *chosen = NULL;
	json_auto json_object *fresh =
		fill("windows-server-2022", with, "{\"disks\":{\"disk0\":{}},\"nics\":{\"nic0\":{}}}", &chosen);
	g_assert_cmpstr(text_at(fresh, "disks.disk0.bus"), ==, "virtio-scsi");
	g_assert_cmpstr(text_at(fresh, "nics.nic0.model"), ==, "virtio");
	g_assert_cmpstr(text_at(fresh, "cdroms.virtio.image"), ==, "virtio-win-0.1");
	g_assert_nonnull(why(chosen, "cdroms.virtio.image"));

	/* A Windows that is on the disk already may lack the driver, and would not start. */
	json_auto json_object *copied =
		fill("windows-server-2022", with, "{\"disks\":{\"disk0\":{\"image\":\"old\"}},\"nics\":{\"nic0\":{}}}",
		     NULL);
	g_assert_cmpstr(text_at(copied, "disks.disk0.bus"), ==, "sata");
	g_assert_null(json_get_path(copied, "disks.disk0.size"));
	g_assert_cmpstr(text_at(copied, "nics.nic0.model"), ==, "e1000e");
	g_assert_cmpstr(text_at(copied, "cdroms.virtio.image"), ==, "virtio-win-0.1");

	/* The client's own drive of that name stays. */
	json_auto json_object *own = fill("windows-10", with, "{\"cdroms\":{\"virtio\":{\"image\":\"mine\"}}}", NULL);
	g_assert_cmpstr(text_at(own, "cdroms.virtio.image"), ==, "mine");

	json_auto json_object *told = NULL;
	json_auto json_object *without = fill("windows-10", (PresetSituation){0}, "{\"disks\":{\"disk0\":{}}}", &told);
	g_assert_cmpstr(text_at(without, "disks.disk0.bus"), ==, "sata");
	g_assert_null(json_get(without, "cdroms"));
	g_assert_nonnull(strstr(why(told, "disks.disk0.bus"), "--os virtio-win"));

	json_auto json_object *linux_guest = fill("debian-12", with, "{\"disks\":{\"disk0\":{}}}", NULL);
	g_assert_null(json_get(linux_guest, "cdroms"));
}

/* What is wrong in it is for the table to say; here it must only not be touched. */
static void test_nonsense(void)
{
	static const char *const inputs[] = {"{\"disks\":7}", "{\"disks\":{\"disk0\":[]}}",
					     "{\"cpu\":\"x\",\"nics\":[1]}", "{\"cdroms\":true,\"disks\":null}",
					     "{\"firmware\":{\"a\":1}}"};
	for (guint i = 0; i < G_N_ELEMENTS(inputs); i++) {
		json_auto json_object *filled =
			fill("windows-11", (PresetSituation){.drivers_image = "d"}, inputs[i], NULL);
		json_auto json_object *given = parse(inputs[i]);
		json_object_object_foreach (given, name, value)
			g_assert_true(!value || json_equal(value, json_get(filled, name)));
	}
}

static void test_os_names(void)
{
	g_autoptr(GError) error = NULL;
	g_assert_true(preset_check_os("virtio-win", &error));
	g_assert_true(preset_check_os("debian-12", &error));
	g_assert_no_error(error);
	g_assert_false(preset_check_os("debian12", &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_assert_cmpstr(error_field(error), ==, "os");
	g_assert_nonnull(strstr(error_hint(error), "debian-12"));
	g_assert_null(preset_find("virtio-win", NULL)); /* nobody installs that */
}

static void refuse(const char *data, const char *part)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *root = parse(data);
	g_assert_null(presets_read(root, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_assert_nonnull(strstr(error->message, part));
}

#define HEAD                                                                                                           \
	"{\"groups\":[{\"name\":\"g\",\"title\":\"G\",\"title_ja\":\"G\"}],\"reasons\":{\"r\":{\"en\":\"e\",\"ja\":\"j\"},\"half\":{\"en\":\"e\"}},"
#define ONE(more) HEAD "\"presets\":[{\"name\":\"a\",\"title\":\"A\",\"group\":\"g\"" more "}]}"

static void test_broken_data(void)
{
	refuse(ONE(",\"set\":{\"nosuch\":[1,\"r\"]}"), "nosuch");
	refuse(ONE(",\"set\":{\"id\":[100,\"r\"]}"), "'id'");
	refuse(ONE(",\"set\":{\"display\":[\"vga\",\"half\"]}"), "both languages");
	refuse(ONE(",\"set\":{\"display\":\"vga\"}"), "[VALUE, REASON]");
	refuse(ONE(",\"family\":\"none\""), "family");
	refuse(HEAD
	       "\"families\":{\"f\":{\"family\":\"f\"}},\"presets\":[{\"name\":\"a\",\"title\":\"A\",\"group\":\"g\",\"family\":\"f\"}]}",
	       "circle");
	refuse(ONE("},{\"name\":\"a\",\"title\":\"B\",\"group\":\"g\""), "twice");
	refuse(HEAD "\"presets\":[{\"name\":\"a\",\"title\":\"A\",\"group\":\"x\"}]}", "group");
	refuse(HEAD "\"presets\":[{\"name\":\"A b\",\"title\":\"A\",\"group\":\"g\"}]}", "name");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/preset/there are enough", test_enough);
	g_test_add_func("/preset/each decides all that matters, with reasons in both languages", test_complete);
	g_test_add_func("/preset/what the client said counts", test_client_counts);
	g_test_add_func("/preset/Secure Boot is for systems that are signed", test_secure_boot);
	g_test_add_func("/preset/a guest that is started by its kernel keeps its firmware and its image's memory",
			test_kernel);
	g_test_add_func("/preset/Windows gets its disk of drivers where there is one", test_drivers);
	g_test_add_func("/preset/nonsense is left to be refused", test_nonsense);
	g_test_add_func("/preset/names of systems are checked", test_os_names);
	g_test_add_func("/preset/broken data is refused with its place", test_broken_data);
	return g_test_run();
}
