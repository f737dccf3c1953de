/* What a guest's agent says, as far as it is read without one: places of file systems, tools that are off, hostile
 * text. */
#include "guest/tools/ask.h"

#include <string.h>

#include "base/json.h"
#include "guest/tools/info.h"

static json_object *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	json_object *json = json_parse(text, strlen(text), &error);
	g_assert_no_error(error);
	return json;
}

static const char hardware_text[] =
	"{\"disks\":{\"root\":{\"bus\":\"virtio-scsi\",\"address\":\"scsi:0\",\"serial\":\"aa\"},"
	"\"data\":{\"bus\":\"virtio-blk\",\"address\":\"pci:10.3\",\"serial\":\"bb\"},"
	"\"sata\":{\"bus\":\"sata\",\"address\":\"sata:2\",\"serial\":\"cc\"},"
	"\"by-serial\":{\"bus\":\"virtio-scsi\",\"address\":\"scsi:9\",\"serial\":\"0123456789abcdef\"}}}";

/* virtio-blk sits behind a root port, whose bus the guest's firmware has numbered. */
static const char pci_text[] =
	"[{\"bus\":0,\"devices\":[{\"bus\":0,\"slot\":1,\"function\":0,\"qdev_id\":\"scsi\"},"
	"{\"bus\":0,\"slot\":16,\"function\":3,\"qdev_id\":\"port3\",\"pci_bridge\":{\"devices\":["
	"{\"bus\":4,\"slot\":0,\"function\":0,\"qdev_id\":\"disk-data\"}]}}]}]";

static json_object *read_filesystems(const char *fsinfo)
{
	json_auto json_object *answer = parse(fsinfo), *hardware = parse(hardware_text), *pci = parse(pci_text);
	return tools_read_filesystems(answer, hardware, pci);
}

static const char *disks_of(json_object *list, gsize index)
{
	json_object *disks = json_get(json_object_array_get_idx(list, index), "disks");
	return json_object_to_json_string_ext(disks, JSON_C_TO_STRING_PLAIN);
}

static void test_places(void)
{
	json_auto json_object *list = read_filesystems(
		"[{\"mountpoint\":\"/\",\"name\":\"sda1\",\"type\":\"ext4\",\"total-bytes\":100,\"used-bytes\":40,\"disk\":[{\"bus-type\":\"scsi\",\"bus\":0,\"target\":0,\"unit\":0,\"pci-controller\":{\"domain\":0,\"bus\":0,\"slot\":1,\"function\":0}}]},{\"mountpoint\":\"/srv\",\"name\":\"vda\",\"type\":\"xfs\",\"disk\":[{\"bus-type\":\"virtio\",\"bus\":0,\"target\":0,\"unit\":0,\"pci-controller\":{\"domain\":0,\"bus\":4,\"slot\":0,\"function\":0}}]},{\"mountpoint\":\"/md\",\"name\":\"md0\",\"type\":\"ext4\",\"disk\":[{\"bus-type\":\"sata\",\"unit\":2},{\"bus-type\":\"sata\",\"unit\":2},{\"bus-type\":\"unknown\",\"serial\":\"QEMU_0123456789abcdef\"}]},{\"mountpoint\":\"/net\",\"name\":\"x\",\"type\":\"nfs\",\"disk\":[]}]");
	g_assert_cmpuint(json_get_count(list), ==, 4);
	g_assert_cmpstr(disks_of(list, 0), ==, "[\"root\"]");
	g_assert_cmpstr(disks_of(list, 1), ==, "[\"data\"]");
	g_assert_cmpstr(disks_of(list, 2), ==, "[\"sata\",\"by-serial\"]");
	g_assert_cmpstr(disks_of(list, 3), ==, "[]");
	json_object *first = json_object_array_get_idx(list, 0);
	g_assert_cmpint(json_get_int(first, "used", -1), ==, 40);
	g_assert_cmpint(json_get_int(first, "total", -1), ==, 100);
	g_assert_false(json_get(json_object_array_get_idx(list, 1), "total"));
}

static void test_lies(void)
{
	static const char *const lies[] = {
		"{}", "7", "\"text\"", "[null]", "[[[]]]", "[{\"mountpoint\":7}]", "[{\"name\":\"x\",\"disk\":7}]",
		"[{\"mountpoint\":\"/\",\"disk\":[7,null,{\"pci-controller\":[]},{\"bus-type\":{},\"target\":\"0\"}]}]",
	};
	for (guint i = 0; i < G_N_ELEMENTS(lies); i++) {
		json_auto json_object *list = read_filesystems(lies[i]);
		g_assert_true(json_object_is_type(list, json_type_array));
		for (gsize j = 0; j < json_get_count(list); j++)
			g_assert_cmpstr(disks_of(list, j), ==, "[]");
	}
	/* More used than there is, or less than nothing, is not told. */
	json_auto json_object *list = read_filesystems(
		"[{\"mountpoint\":\"/a\\u001b[2J\\u202e\",\"total-bytes\":10,\"used-bytes\":11},"
		"{\"mountpoint\":\"/b\",\"total-bytes\":-1,\"used-bytes\":-5}]");
	g_assert_cmpstr(json_get_str(json_object_array_get_idx(list, 0), "mountpoint", ""), ==, "/a?[2J?");
	g_assert_false(json_get(json_object_array_get_idx(list, 0), "total"));
	g_assert_false(json_get(json_object_array_get_idx(list, 1), "total"));
}

static void test_many(void)
{
	g_autoptr(GString) text = g_string_new("[");
	for (guint i = 0; i < 5000; i++)
		g_string_append_printf(text, "%s{\"mountpoint\":\"/%u\"}", i ? "," : "", i);
	g_string_append_c(text, ']');
	json_auto json_object *list = read_filesystems(text->str);
	g_assert_cmpuint(json_get_count(list), ==, 256);
}

static void test_clean(void)
{
	g_autofree char *cut = tools_clean("äöü", 3),
			*bad = tools_clean("a\xff\x80"
					   "b\n",
					   100),
			*nothing = tools_clean(NULL, 5);
	g_assert_true(g_utf8_validate(cut, -1, NULL));
	g_assert_cmpuint(strlen(bad), <, 16);
	g_assert_true(g_str_has_suffix(bad, "b?"));
	g_assert_null(nothing);
}

static void test_disabled(void)
{
	json_auto json_object *info = parse("{\"supported_commands\":[{\"name\":\"guest-exec\",\"enabled\":false},"
					    "{\"name\":\"guest-file-open\",\"enabled\":true},7,{\"name\":{}}]}");
	json_auto json_object *off = tools_disabled(info), *all = tools_disabled(NULL);
	g_assert_cmpstr(json_object_to_json_string_ext(off, JSON_C_TO_STRING_PLAIN), ==,
			"[\"exec\",\"filesystems\",\"freeze\",\"password\",\"time\",\"trim\"]");
	g_assert_cmpuint(json_get_count(all), ==, 7);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/guest-tools/file-systems-are-found-on-their-disks", test_places);
	g_test_add_func("/guest-tools/lies-are-no-file-systems", test_lies);
	g_test_add_func("/guest-tools/a-list-is-bounded", test_many);
	g_test_add_func("/guest-tools/text-is-cleaned", test_clean);
	g_test_add_func("/guest-tools/tools-that-are-off-are-named", test_disabled);
	return g_test_run();
}
