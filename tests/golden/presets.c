/* What each preset makes of a guest: presets/NAME.json, what a client sends and what the preset fills in; presets/NAME.args,
 * QEMU's arguments for the whole document of that under KVM, as golden.c has them; of guests that run guests, which depend on the processor
 * there, under TCG. A preset with a disk of drivers has them also as NAME+drivers. A guest that is made
 * tomorrow is to have the hardware of today's: with YADO_GOLDEN_WRITE=1 they are written anew; look at the difference. */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "preset/preset.h"
#include "qemu/command.h"
#include "schema/schema.h"

enum { FILE_MAX = 1 << 20 };

/* What no preset decides. */
static const char guest[] =
	"{\"name\":\"guest\",\"uuid\":\"3b5c0a3e-9a53-4b43-8c8e-2f2b5e2f4f10\",\"hostname\":\"guest\",\"machine\":\"pc-q35-7.2\","
	"\"disks\":{\"disk0\":{\"serial\":\"YADO00000000\"}},\"cdroms\":{\"cd0\":{\"image\":\"installer\"}},"
	"\"nics\":{\"nic0\":{\"mac\":\"52:54:00:12:34:00\"}}}";

static json_object *fill_input(const Preset *preset, gboolean drivers)
{
	json_object *input = json_parse(guest, strlen(guest), NULL);
	json_auto json_object *chosen = json_object_new_array();
	PresetSituation situation = {.drivers_image = drivers ? preset->drivers_os : NULL};
	json_set_str(input, "os", preset->name);
	preset_fill(preset, &situation, input, chosen);
	return input;
}

static char *dup_arguments(json_object *input)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *document = schema_create(&vm_table, input, &error);
	g_assert_no_error(error);
	qemu_assign_addresses(document, &error);
	g_assert_no_error(error);
	gboolean kvm = !json_get_bool(json_get(document, "cpu"), "nested", FALSE);
	g_autoptr(QemuCommand) command = qemu_command_build(document, kvm, NULL, &error);
	g_assert_no_error(error);
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < command->argv->len; i++)
		g_string_append_printf(text, "%s\n", (const char *)command->argv->pdata[i]);
	return g_string_free(text, FALSE);
}

static void compare(const char *name, const char *ending, const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *file = g_strconcat(name, ending, NULL);
	g_autofree char *path = g_build_filename(g_getenv("YADO_GOLDEN_DIR"), "presets", file, NULL);
	g_autofree char *kept = NULL;
	if (g_strcmp0(g_getenv("YADO_GOLDEN_WRITE"), "1") == 0)
		file_write_atomic(path, text, strlen(text), 0644, &error);
	else if (file_read(path, FILE_MAX, &kept, NULL, &error))
		g_assert_cmpstr(text, ==, kept);
	g_assert_no_error(error);
}

static void check_one(const Preset *preset, gboolean drivers)
{
	json_auto json_object *input = fill_input(preset, drivers);
	g_autofree char *name = g_strconcat(preset->name, drivers ? "+drivers" : "", NULL);
	g_autofree char *json = g_strconcat(json_object_to_json_string_ext(input, JSON_C_TO_STRING_PRETTY |
									   JSON_C_TO_STRING_NOSLASHESCAPE), "\n", NULL);
	g_autofree char *arguments = dup_arguments(input);
	compare(name, ".json", json);
	compare(name, ".args", arguments);
}

static void test_preset(gconstpointer data)
{
	const Preset *preset = data;
	check_one(preset, FALSE);
	if (preset->drivers_os)
		check_one(preset, TRUE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	const GPtrArray *presets = presets_all();
	for (guint i = 0; i < presets->len; i++) {
		const Preset *preset = presets->pdata[i];
		g_autofree char *path = g_strconcat("/presets/", preset->name, NULL);
		g_test_add_data_func(path, preset, test_preset);
	}
	return g_test_run();
}
