/* Devices of a host that is made up as a tree of files, and mappings of them. */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "hardware/hardware.h"
#include "hardware/sysfs.h"
#include "hardware/taken.h"

typedef struct Fixture {
	char *sysfs;
} Fixture;

static void add(Fixture *fixture, const char *path, const char *text)
{
	g_autofree char *full = g_build_filename(fixture->sysfs, path, NULL), *dir = g_path_get_dirname(full);
	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	g_assert_true(g_file_set_contents(full, text, -1, NULL));
}

static void add_link(Fixture *fixture, const char *path, const char *target)
{
	g_autofree char *full = g_build_filename(fixture->sysfs, path, NULL), *dir = g_path_get_dirname(full);
	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	unlink(full);
	g_assert_cmpint(symlink(target, full), ==, 0);
}

/* As the kernel has it: a directory a device, with links to its driver and its group. */
static void add_pci(Fixture *fixture, const char *address, const char *vendor, const char *device, const char *class,
		    const char *driver, const char *group)
{
	const char *const texts[][2] = {{"vendor", vendor},
					{"device", device},
					{"class", class},
					{"driver_override", "(null)\n"}};
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *path = g_strdup_printf("bus/pci/devices/%s/%s", address, texts[i][0]);
		add(fixture, path, texts[i][1]);
	}
	if (driver) {
		g_autofree char *path = g_strdup_printf("bus/pci/devices/%s/driver", address);
		g_autofree char *target = g_strdup_printf("../../drivers/%s", driver);
		g_autofree char *unbind = g_strdup_printf("bus/pci/drivers/%s/unbind", driver);
		add(fixture, unbind, "");
		add_link(fixture, path, target);
	}
	if (group) {
		g_autofree char *path = g_strdup_printf("bus/pci/devices/%s/iommu_group", address);
		g_autofree char *target = g_strdup_printf("../../../kernel/iommu_groups/%s", group);
		g_autofree char *member = g_strdup_printf("kernel/iommu_groups/%s/devices/%s", group, address);
		add_link(fixture, path, target);
		add_link(fixture, member, "../../../../devices");
	}
}

static void add_usb(Fixture *fixture, const char *port, const char *vendor, const char *product, const char *serial)
{
	const char *const texts[][2] = {{"idVendor", vendor},
					{"idProduct", product},
					{"serial", serial},
					{"busnum", "1\n"},
					{"devnum", port[2] == '2' ? "7\n" : "12\n"},
					{"bDeviceClass", "00\n"},
					{"manufacturer", "Nice\n"},
					{"product", "Dongle \x1b[31m\xff\n"}};
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *path = g_strdup_printf("bus/usb/devices/%s/%s", port, texts[i][0]);
		add(fixture, path, texts[i][1]);
	}
	g_autofree char *interface = g_strdup_printf("bus/usb/devices/%s:1.0/bInterfaceClass", port);
	add(fixture, interface, "03\n");
}

static void set_up(Fixture *fixture, gconstpointer data)
{
	(void)data;
	fixture->sysfs = g_dir_make_tmp("yado-sysfs-XXXXXX", NULL);
	add(fixture, "bus/pci/drivers_probe", "");
	add_pci(fixture, "0000:00:1f.3", "0x8086\n", "0xa170\n", "0x040300\n", "snd_hda_intel", "9");
	add_pci(fixture, "0000:00:1f.0", "0x8086\n", "0xa145\n", "0x060100\n", NULL, "9");
	add_pci(fixture, "0000:01:00.0", "0x10de\n", "0x1b80\n", "0x030000\n", "nouveau", "1");
	add_pci(fixture, "0000:01:00.1", "0x10de\n", "0x10f0\n", "0x040300\n", "snd_hda_intel", "1");
	add_pci(fixture, "0000:02:00.0", "0x8086\n", "0x10fb\n", "0x020000\n", "vfio-pci", "14");
	add_usb(fixture, "1-2", "046d\n", "c52b\n", "one\n");
	add_usb(fixture, "1-3", "046d\n", "c52b\n", "two\n");
	add(fixture, "bus/usb/devices/1-1/bDeviceClass", "09\n");
	add(fixture, "bus/usb/devices/usb1/bDeviceClass", "09\n");
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_assert_true(dir_remove(fixture->sysfs, NULL));
	g_free(fixture->sysfs);
}

static json_object *parse(const char *text)
{
	g_autofree char *copy = g_strdelimit(g_strdup(text), "'", '"');
	json_object *json = json_parse(copy, strlen(copy), NULL);
	g_assert_nonnull(json);
	return json;
}

static void assert_refused(GError **error, const char *pattern)
{
	g_assert_nonnull(*error);
	if (!g_regex_match_simple(pattern, (*error)->message, 0, 0))
		g_error("'%s' does not match '%s'", (*error)->message, pattern);
	g_clear_error(error);
}

static void test_devices_are_listed_as_sysfs_has_them(Fixture *fixture, gconstpointer data)
{
	(void)data;
	json_auto json_object *pci = pci_list(fixture->sysfs), *usb = usb_list(fixture->sysfs);
	json_auto json_object *wanted = parse(
		"[{'name':'0000:00:1f.0','bus':'pci','device':'8086:a145','class':'bridge','group':9},"
		"{'name':'0000:00:1f.3','bus':'pci','device':'8086:a170','class':'multimedia','driver':'snd_hda_intel','group':9},{'name':'0000:01:00.0','bus':'pci','device':'10de:1b80','class':'display','driver':'nouveau','group':1},{'name':'0000:01:00.1','bus':'pci','device':'10de:10f0','class':'multimedia','driver':'snd_hda_intel','group':1},{'name':'0000:02:00.0','bus':'pci','device':'8086:10fb','class':'network','driver':'vfio-pci','group':14}]");
	g_assert_cmpstr(json_object_to_json_string(pci), ==, json_object_to_json_string(wanted));
	g_assert_cmpuint(json_get_count(usb), ==, 2);
	json_object *first = json_object_array_get_idx(usb, 0);
	g_assert_cmpstr(json_get_str(first, "name", ""), ==, "1-2");
	g_assert_cmpstr(json_get_str(first, "class", ""), ==, "input");
	g_assert_cmpstr(json_get_str(first, "serial", ""), ==, "one");
	/* What a device says of itself comes to terminals and pages: no control characters, no broken UTF-8. */
	g_assert_cmpstr(json_get_str(first, "title", ""), ==, "Nice Dongle  [31m\xef\xbf\xbd");
}

static void test_without_an_iommu_nothing_is_given_away(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	g_autofree char *groups = g_build_filename(fixture->sysfs, "kernel/iommu_groups", NULL);
	g_assert_true(dir_remove(groups, NULL));
	json_auto json_object *mapping = parse("{'kind':'pci','address':'0000:02:00.0','device':'8086:10fb'}");
	g_assert_false(mapping_check(fixture->sysfs, mapping, &error));
	g_assert_cmpint(error_code(error), ==, ERROR_UNSUPPORTED);
	g_assert_nonnull(strstr(error_hint(error), "intel_iommu=on"));
	assert_refused(&error, "no IOMMU");
}

static void test_a_device_is_given_away_if_it_is_the_one_that_was_meant(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	int group = -1;
	json_auto json_object *mapping = parse("{'kind':'pci','address':'0000:02:00.0','device':'8086:10fb'}");
	g_assert_true(pci_check(fixture->sysfs, mapping, NULL, &group, &error));
	g_assert_no_error(error);
	g_assert_cmpint(group, ==, 14);
	json_set_str(mapping, "device", "8086:10fc");
	g_assert_false(mapping_check(fixture->sysfs, mapping, &error));
	assert_refused(&error, "0000:02:00.0 is 8086:10fb now, not 8086:10fc");
	json_set_str(mapping, "address", "0000:05:00.0");
	g_assert_false(mapping_check(fixture->sysfs, mapping, &error));
	assert_refused(&error, "no PCI device at 0000:05:00.0");
	json_auto json_object *bridge = parse("{'kind':'pci','address':'0000:00:1f.0','device':'8086:a145'}");
	g_assert_false(mapping_check(fixture->sysfs, bridge, &error));
	assert_refused(&error, "is a bridge");
}

static void test_a_group_goes_to_one_guest_as_a_whole(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	const char *const both[] = {"0000:01:00.0", "0000:01:00.1", NULL};
	json_auto json_object *card = parse("{'kind':'pci','address':'0000:01:00.0','device':'10de:1b80'}");
	g_assert_false(pci_check(fixture->sysfs, card, NULL, NULL, &error));
	assert_refused(&error, "group 1 with 0000:01:00.1, which the host uses \\(driver snd_hda_intel\\)");
	g_assert_true(pci_check(fixture->sysfs, card, both, NULL, &error));
	g_assert_no_error(error);
	/* A bridge in the group does nothing by itself. */
	json_auto json_object *sound = parse("{'kind':'pci','address':'0000:00:1f.3','device':'8086:a170'}");
	g_assert_true(pci_check(fixture->sysfs, sound, NULL, NULL, &error));
	g_assert_no_error(error);
}

static char *attribute(Fixture *fixture, const char *path)
{
	g_autofree char *dir = g_path_get_dirname(path), *name = g_path_get_basename(path);
	g_autofree char *full = g_build_filename(fixture->sysfs, dir, NULL);
	return sysfs_read(full, name);
}

static void test_a_device_changes_its_driver_and_gets_it_back(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	/* No kernel is behind this tree: it notes what was asked for, and the driver stays. */
	g_assert_false(pci_take(fixture->sysfs, "0000:01:00.0", &error));
	assert_refused(&error, "vfio-pci did not take");
	g_autofree char *override = attribute(fixture, "bus/pci/devices/0000:01:00.0/driver_override");
	g_autofree char *unbound = attribute(fixture, "bus/pci/drivers/nouveau/unbind");
	g_autofree char *probed = attribute(fixture, "bus/pci/drivers_probe");
	g_assert_cmpstr(override, ==, "vfio-pci");
	g_assert_cmpstr(unbound, ==, "0000:01:00.0");
	g_assert_cmpstr(probed, ==, "0000:01:00.0");
	/* What was taken half-way goes back whole: its own driver is looked for anew. */
	add(fixture, "bus/pci/drivers_probe", "");
	g_assert_true(pci_release(fixture->sysfs, "0000:01:00.0", &error));
	g_autofree char *again = attribute(fixture, "bus/pci/drivers_probe");
	g_assert_cmpstr(again, ==, "0000:01:00.0");
	add_pci(fixture, "0000:01:00.0", "0x10de\n", "0x1b80\n", "0x030000\n", "vfio-pci", NULL);
	g_assert_true(pci_take(fixture->sysfs, "0000:01:00.0", &error));
	add(fixture, "bus/pci/devices/0000:01:00.0/driver_override", "vfio-pci\n");
	g_assert_true(pci_release(fixture->sysfs, "0000:01:00.0", &error));
	g_autofree char *released = attribute(fixture, "bus/pci/drivers/vfio-pci/unbind");
	g_assert_cmpstr(released, ==, "0000:01:00.0");
	/* One that was bound so by the host's administrator is left to vfio-pci. */
	add(fixture, "bus/pci/drivers_probe", "");
	g_assert_true(pci_release(fixture->sysfs, "0000:02:00.0", &error));
	g_autofree char *quiet = attribute(fixture, "bus/pci/drivers_probe");
	g_assert_cmpstr(quiet, ==, "");
}

static void test_a_usb_device_is_found_wherever_it_is_plugged_in(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	json_auto json_object *mapping = parse("{'name':'dongle','kind':'usb','device':'046d:c52b'}");
	g_assert_null(usb_find(fixture->sysfs, mapping, &error));
	assert_refused(&error, "more than one USB device: those in port 1-2 and 1-3");
	json_set_str(mapping, "serial", "two");
	g_autofree char *by_serial = usb_find(fixture->sysfs, mapping, &error);
	g_assert_cmpstr(by_serial, ==, "1-3");
	json_object_object_del(mapping, "serial");
	json_set_str(mapping, "port", "1-2");
	g_autofree char *by_port = usb_find(fixture->sysfs, mapping, &error);
	g_assert_cmpstr(by_port, ==, "1-2");
	json_set_str(mapping, "port", "1-4");
	g_assert_null(usb_find(fixture->sysfs, mapping, &error));
	assert_refused(&error, "\\(046d:c52b\\) is not there");
}

/* The root directory of whoever runs this is some disk's. */
static void test_the_hosts_own_disk_is_not_given_away(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	g_autofree char *mounts = NULL;
	gsize length = 0;
	g_assert_true(file_read("/proc/self/mountinfo", 1 << 20, &mounts, &length, NULL));
	g_auto(GStrv) words = g_strsplit(mounts, " ", 4);
	json_auto json_object *card = parse("{'kind':'pci','address':'0000:02:00.0','device':'8086:10fb'}");
	add(fixture, "devices/pci0000:00/0000:02:00.0/ata1/sda/sda1/dev", words[2]);
	add_link(fixture, "class/block/sda1", "../../devices/pci0000:00/0000:02:00.0/ata1/sda/sda1");
	g_assert_false(mapping_check(fixture->sysfs, card, &error));
	assert_refused(&error, "files of its own on 0000:02:00.0: sda1 is mounted");
	add(fixture, "devices/pci0000:00/0000:02:00.0/ata1/sda/sda1/dev", "0:0\n");
	g_assert_true(mapping_check(fixture->sysfs, card, &error));
	add(fixture, "devices/pci0000:00/0000:02:00.0/ata1/sda/sda1/holders/dm-0/dev", "254:0\n");
	g_assert_false(mapping_check(fixture->sysfs, card, &error));
	assert_refused(&error, "sda1 is part of dm-0");

	json_auto json_object *stick = parse("{'name':'stick','kind':'usb','device':'046d:c52b','port':'1-2'}");
	g_assert_true(mapping_check(fixture->sysfs, stick, &error));
	add(fixture, "devices/usb1/1-2/1-2:1.0/host1/sdb/dev", words[2]);
	add_link(fixture, "class/block/sdb", "../../devices/usb1/1-2/1-2:1.0/host1/sdb");
	g_assert_false(mapping_check(fixture->sysfs, stick, &error));
	assert_refused(&error, "files of its own on 1-2: sdb is mounted");
}

/* The mapping is not asked: it may mean another device by now. */
static void test_what_a_guest_took_is_what_the_host_gets_back(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	const char *run_dir = fixture->sysfs;
	json_auto json_object *taken = taken_read(run_dir),
			      *mapping = parse("{'name':'dongle','device':'046d:c52b','serial':'two','kind':'usb'}");
	json_object *pci = json_object_new_object(), *usb = json_object_new_object();
	json_set(taken, "pci", pci);
	json_set(taken, "usb", usb);
	g_assert_cmpint(json_object_object_length(pci), ==, 0);
	json_set(pci, "card", taken_describe_pci(fixture->sysfs, "0000:01:00.0", 4242));
	json_set(pci, "own", taken_describe_pci(fixture->sysfs, "0000:02:00.0", 4343));
	json_set(usb, "dongle", taken_describe_usb(fixture->sysfs, mapping, &error));
	g_assert_true(taken_write(run_dir, taken, &error));
	g_assert_no_error(error);
	json_auto json_object *found = taken_read(run_dir);
	g_assert_cmpstr(json_object_to_json_string(found), ==, json_object_to_json_string(taken));

	/* The card has gone to vfio-pci meanwhile, the dongle's one interface to QEMU. */
	add_pci(fixture, "0000:01:00.0", "0x10de\n", "0x1b80\n", "0x030000\n", "vfio-pci", NULL);
	add(fixture, "bus/pci/devices/0000:01:00.0/driver_override", "vfio-pci\n");
	add(fixture, "bus/pci/devices/0000:02:00.0/driver_override", "vfio-pci\n"); /* by the host's administrator */
	add(fixture, "bus/usb/drivers_probe", "");
	g_assert_true(taken_return(fixture->sysfs, "pci", json_get(json_get(found, "pci"), "own"), &error));
	g_autofree char *quiet = attribute(fixture, "bus/pci/drivers_probe");
	g_assert_cmpstr(quiet, ==, "");
	g_assert_true(taken_return(fixture->sysfs, "pci", json_get(json_get(found, "pci"), "card"), &error));
	g_autofree char *card = attribute(fixture, "bus/pci/drivers_probe");
	g_assert_cmpstr(card, ==, "0000:01:00.0");
	g_assert_true(taken_return(fixture->sysfs, "usb", json_get(json_get(found, "usb"), "dongle"), &error));
	g_autofree char *dongle = attribute(fixture, "bus/usb/drivers_probe");
	g_assert_cmpstr(dongle, ==, "1-3:1.0");

	/* Another device is in that port: it is none of the guest's. */
	add(fixture, "bus/usb/devices/1-3/devnum", "13\n");
	add(fixture, "bus/usb/drivers_probe", "");
	g_assert_true(taken_return(fixture->sysfs, "usb", json_get(json_get(found, "usb"), "dongle"), &error));
	g_autofree char *other = attribute(fixture, "bus/usb/drivers_probe");
	g_assert_cmpstr(other, ==, "");
	g_assert_no_error(error);

	json_object_object_del(taken, "usb");
	json_set(taken, "pci", json_object_new_object());
	g_assert_true(taken_write(run_dir, taken, &error));
	json_auto json_object *nothing = taken_read(run_dir);
	g_assert_cmpint(json_object_object_length(nothing), ==, 0);
}

static void test_a_device_is_one_guests_by_whatever_name(Fixture *fixture, gconstpointer data)
{
	(void)data;
	json_auto json_object *by_serial = parse("{'name':'a','kind':'usb','device':'046d:c52b','serial':'two'}");
	json_auto json_object *by_port = parse("{'name':'b','kind':'usb','device':'046d:c52b','port':'1-3'}");
	json_auto json_object *one = taken_describe_usb(fixture->sysfs, by_serial, NULL);
	json_auto json_object *same = taken_describe_usb(fixture->sysfs, by_port, NULL);
	g_assert_true(taken_overlaps("usb", one, same));
	json_set_str(by_port, "port", "1-2");
	json_auto json_object *other = taken_describe_usb(fixture->sysfs, by_port, NULL);
	g_assert_false(taken_overlaps("usb", one, other));
	/* A group is given as a whole. */
	json_auto json_object *card = taken_describe_pci(fixture->sysfs, "0000:01:00.0", 1);
	json_auto json_object *sound = taken_describe_pci(fixture->sysfs, "0000:01:00.1", 1);
	json_auto json_object *apart = taken_describe_pci(fixture->sysfs, "0000:02:00.0", 14);
	g_assert_true(taken_overlaps("pci", card, sound));
	g_assert_false(taken_overlaps("pci", card, apart));
}

static void test_a_mapping_says_what_its_kind_needs_and_nothing_else(Fixture *fixture, gconstpointer data)
{
	(void)data;
	static const struct {
		const char *text, *refusal;
	} cases[] = {
		{"{'kind':'pci','address':'0000:02:00.0'}", NULL},
		{"{'kind':'pci','address':'0000:09:00.0','device':'8086:10fb'}", NULL},
		{"{'kind':'pci','address':'0000:09:00.0'}", "no PCI device at 0000:09:00.0"},
		{"{'kind':'pci','device':'8086:10fb'}", "address is missing"},
		{"{'kind':'pci','address':'0000:02:00.0','port':'1-2'}", "port has no meaning"},
		{"{'kind':'usb','device':'046d:c52b','port':'1-9'}", NULL},
		{"{'kind':'usb','port':'1-9'}", "device is missing"},
		{"{'kind':'usb','device':'046d:c52b','path':'/srv'}", "path has no meaning"},
		{"{'kind':'usb','device':'046d:c52b','read_only':true}", "read_only has no meaning"},
		{"{'kind':'directory','path':'/srv/media','read_only':true}", NULL},
		{"{'kind':'directory'}", "path is missing"},
		{"{'kind':'directory','path':'/etc'}", "below /etc is the host's own"},
		{"{'kind':'directory','path':'/proc/1/root'}", "below /proc is the host's own"},
		{"{'kind':'directory','path':'/root/.ssh'}", "below /root is the host's own"},
		{"{'kind':'directory','path':'/var'}", "is the host's own"},
		{"{'kind':'directory','path':'/var/lib'}", "is the host's own"},
		{"{'kind':'directory','path':'/var/lib/media'}", NULL},
		{"{'kind':'directory','path':'/etcetera'}", NULL},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		json_auto json_object *mapping = parse(cases[i].text);
		gboolean good = mapping_complete(fixture->sysfs, mapping, &error);
		g_assert_cmpint(good, ==, !cases[i].refusal);
		if (cases[i].refusal)
			assert_refused(&error, cases[i].refusal);
		else if (i == 0)
			g_assert_cmpstr(json_get_str(mapping, "device", ""), ==, "8086:10fb");
	}
}

static void test_a_directory_is_not_opened_over_a_link(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	g_autofree char *real = g_build_filename(fixture->sysfs, "real", "inner", NULL);
	g_autofree char *over = g_build_filename(fixture->sysfs, "link", "inner", NULL);
	g_assert_cmpint(g_mkdir_with_parents(real, 0755), ==, 0);
	add_link(fixture, "link", "real");
	fd_auto int fd = directory_open(real, &error);
	g_assert_no_error(error);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(directory_open(over, &error), ==, -1);
	assert_refused(&error, "leads over a symbolic link");
	g_assert_cmpint(directory_open("/no/such", &error), ==, -1);
	assert_refused(&error, "cannot open the directory");
}

#define TEST(name) g_test_add("/hardware/" #name, Fixture, NULL, set_up, test_##name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST(devices_are_listed_as_sysfs_has_them);
	TEST(without_an_iommu_nothing_is_given_away);
	TEST(a_device_is_given_away_if_it_is_the_one_that_was_meant);
	TEST(a_group_goes_to_one_guest_as_a_whole);
	TEST(a_device_changes_its_driver_and_gets_it_back);
	TEST(a_usb_device_is_found_wherever_it_is_plugged_in);
	TEST(the_hosts_own_disk_is_not_given_away);
	TEST(what_a_guest_took_is_what_the_host_gets_back);
	TEST(a_device_is_one_guests_by_whatever_name);
	TEST(a_mapping_says_what_its_kind_needs_and_nothing_else);
	TEST(a_directory_is_not_opened_over_a_link);
	return g_test_run();
}
