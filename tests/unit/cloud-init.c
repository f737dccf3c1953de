/* The files of cloud-init's drive: golden texts, and what makes the guest a new one to it. */
#include <glib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/handed/cloud-init.h"
#include "guest/handed/cloudbase-init.h"

static const char plain[] =
	"{\"name\":\"web\",\"hostname\":\"web\",\"uuid\":\"3b5c0a3e-9a53-4b43-8c8e-2f2b5e2f4f10\","
	"\"nics\":{\"nic0\":{\"mac\":\"52:54:00:00:00:01\"}},\"cloud_init\":{\"enabled\":true}}";

static const char full[] =
	"{\"name\":\"web\",\"hostname\":\"web.example.org\",\"uuid\":\"3b5c0a3e-9a53-4b43-8c8e-2f2b5e2f4f10\","
	"\"nics\":{\"nic10\":{\"mac\":\"52:54:00:00:00:0a\"},\"nic2\":{\"mac\":\"52:54:00:00:00:02\"},"
	"\"a-name-longer-than-linux-has\":{\"mac\":\"52:54:00:00:00:03\"}},"
	"\"cloud_init\":{\"user\":\"root\",\"keys\":[\"ssh-ed25519 AAAA/+= \\\"quoted\\\": "
	"{x}\"],\"packages\":[\"jq\"],\"dns\":[\"192.0.2.53\"],\"search\":[\"example.org\"],\"nics\":{\"nic2\":{\"address\":\"192.0.2.10/24\",\"gateway\":\"192.0.2.1\",\"address6\":\"2001:db8::10/64\",\"gateway6\":\"fe80::1\"}}}}";

static json_object *make(const char *document, const char *hash, const char *user_data)
{
	json_auto json_object *vm = json_parse(document, strlen(document), NULL);
	g_assert_nonnull(vm);
	return cloud_init_files(vm, hash, user_data);
}

static char *dup_instance(json_object *files)
{
	g_autofree char *text = g_strchomp(g_strdup(json_get_str(files, "meta-data", "")));
	json_auto json_object *metadata = json_parse(text, strlen(text), NULL);
	return g_strdup(json_get_str(metadata, "instance-id", NULL));
}

static void test_golden(void)
{
	json_auto json_object *files = make(plain, NULL, NULL);
	g_assert_cmpint(json_object_object_length(files), ==, 3);
	g_assert_cmpstr(json_get_str(files, "user-data", NULL), ==,
			"#cloud-config\n"
			"{\n"
			"  \"manage_etc_hosts\": \"localhost\",\n"
			"  \"users\": [\n"
			"    \"default\"\n"
			"  ]\n"
			"}\n");
	g_assert_cmpstr(json_get_str(files, "network-config", NULL), ==,
			"{\n"
			"  \"version\": 2,\n"
			"  \"ethernets\": {\n"
			"    \"nic0\": {\n"
			"      \"match\": {\n"
			"        \"macaddress\": \"52:54:00:00:00:01\"\n"
			"      },\n"
			"      \"set-name\": \"nic0\",\n"
			"      \"dhcp4\": true\n"
			"    }\n"
			"  }\n"
			"}\n");
	g_assert_true(g_str_has_prefix(json_get_str(files, "meta-data", ""),
				       "{\n  \"instance-id\": \"3b5c0a3e-9a53-4b43-8c8e-2f2b5e2f4f10-"));
}

/* A value is never more than a value, whatever is in it: the file is JSON, which is YAML. */
static void test_all_fields(void)
{
	json_auto json_object *files = make(full, "$6$salt$hash", NULL);
	const char *text = json_get_str(files, "user-data", ""),
		   *network_text = json_get_str(files, "network-config", "");
	g_assert_true(g_str_has_prefix(text, "#cloud-config\n{"));
	g_autofree char *body = g_strstrip(g_strdup(text + strlen("#cloud-config\n")));
	g_autofree char *network_body = g_strstrip(g_strdup(network_text));
	json_auto json_object *config = json_parse(body, strlen(body), NULL);
	json_auto json_object *network = json_parse(network_body, strlen(network_body), NULL);
	g_autofree char *config_text = json_dup_text(config), *cards = json_dup_text(json_get(network, "ethernets"));
	g_assert_cmpstr(
		config_text, ==,
		"{\"manage_etc_hosts\":\"localhost\",\"user\":{\"name\":\"root\"},\"disable_root\":false,\"users\":[\"default\"],\"ssh_authorized_keys\":[\"ssh-ed25519 AAAA/+= \\\"quoted\\\": {x}\"],\"password\":\"$6$salt$hash\",\"chpasswd\":{\"expire\":false},\"ssh_pwauth\":true,\"package_update\":true,\"packages\":[\"jq\"]}");
	g_assert_cmpstr(
		cards, ==,
		"{\"a-name-longer-than-linux-has\":{\"match\":{\"macaddress\":\"52:54:00:00:00:03\"},\"dhcp4\":true},\"nic2\":{\"match\":{\"macaddress\":\"52:54:00:00:00:02\"},\"set-name\":\"nic2\",\"dhcp4\":false,\"addresses\":[\"192.0.2.10/24\",\"2001:db8::10/64\"],\"routes\":[{\"to\":\"0.0.0.0/0\",\"via\":\"192.0.2.1\"}],\"gateway6\":\"fe80::1\",\"nameservers\":{\"addresses\":[\"192.0.2.53\"],\"search\":[\"example.org\"]}},\"nic10\":{\"match\":{\"macaddress\":\"52:54:00:00:00:0a\"},\"set-name\":\"nic10\",\"dhcp4\":true}}");
}

static void test_own_user_data(void)
{
	json_auto json_object *without = make(plain, NULL, NULL), *with = make(plain, NULL, "#!/bin/sh\n");
	g_assert_cmpstr(json_get_str(with, "user-data", NULL), ==, "#!/bin/sh\n");
	g_assert_cmpstr(json_get_str(with, "vendor-data", NULL), ==, json_get_str(without, "user-data", NULL));
	g_assert_null(json_get(without, "vendor-data"));
}

static void test_instance(void)
{
	json_auto json_object *once = make(plain, NULL, NULL), *again = make(plain, NULL, NULL);
	json_auto json_object *own = make(plain, NULL, "#!/bin/sh\n"), *password = make(plain, "$6$x$y", NULL);
	g_autofree char *first = dup_instance(once), *second = dup_instance(again), *third = dup_instance(own),
		       *fourth = dup_instance(password);
	g_assert_nonnull(first);
	g_assert_cmpstr(first, ==, second);
	g_assert_cmpstr(first, !=, third);
	g_assert_cmpstr(first, !=, fourth);
}

/* ---- Windows, where cloudbase-init reads the drive ---- */

static const char windows[] =
	"{\"name\":\"win\",\"hostname\":\"win\",\"os\":\"windows-server-2022\",\"uuid\":\"3b5c0a3e-9a53-4b43-8c8e-2f2b5e2f4f10\","
	"\"nics\":{\"nic0\":{\"mac\":\"52:54:00:00:00:01\"},\"nic1\":{\"mac\":\"52:54:00:00:00:02\"}},"
	"\"cloud_init\":{\"user\":\"ana\",\"keys\":[\"ssh-ed25519 AAAA\"],\"packages\":[],\"dns\":[\"192.0.2.53\"],\"search\":[\"example.org\"],"
	"\"nics\":{\"nic1\":{\"address\":\"192.0.2.10/24\",\"gateway\":\"192.0.2.1\","
	"\"address6\":\"2001:db8::10/64\",\"gateway6\":\"fe80::1\"}}}}";

static void test_windows(void)
{
	json_auto json_object *files = make(windows, NULL, NULL), *own = make(windows, NULL, "#ps1_sysnative\necho 1\n");
	const char *metadata = json_get_str(files, "meta-data", "");
	g_assert_cmpstr(json_get_str(files, "user-data", NULL), ==, "#cloud-config\n{}\n");
	g_assert_nonnull(strstr(metadata, "\"admin-username\": \"ana\""));
	g_assert_nonnull(strstr(metadata, "\"public-keys\": [\n    \"ssh-ed25519 AAAA\"\n  ]"));
	g_assert_cmpstr(json_get_str(files, "network-config", NULL), ==,
			"{\"version\":1,\"config\":["
			"{\"type\":\"physical\",\"name\":\"nic0\",\"mac_address\":\"52:54:00:00:00:01\",\"subnets\":[{\"type\":\"dhcp\"}]},"
			"{\"type\":\"physical\",\"name\":\"nic1\",\"mac_address\":\"52:54:00:00:00:02\",\"subnets\":["
			"{\"type\":\"static\",\"address\":\"192.0.2.10/24\",\"gateway\":\"192.0.2.1\",\"dns_nameservers\":[\"192.0.2.53\"]},"
			"{\"type\":\"static6\",\"address\":\"2001:db8::10/64\",\"gateway\":\"fe80::1\",\"dns_nameservers\":[\"192.0.2.53\"]}]},"
			"{\"type\":\"nameserver\",\"address\":[\"192.0.2.53\"],\"search\":[\"example.org\"]}]}");
	g_assert_cmpstr(json_get_str(own, "user-data", NULL), ==, "#ps1_sysnative\necho 1\n");
	g_assert_null(json_get(own, "vendor-data"));
	/* It is the same instance in either form: the guest is not set up again because Yado has learnt something. */
	g_autofree char *linux_text = g_strconcat("{", strstr(windows, "\"uuid\""), NULL);
	json_auto json_object *vm = json_parse(linux_text, strlen(linux_text), NULL);
	json_set_str(vm, "hostname", "win");
	json_auto json_object *linux_files = cloud_init_files(vm, NULL, NULL);
	g_autofree char *here = dup_instance(files), *there = dup_instance(linux_files);
	g_assert_cmpstr(here, ==, there);
}

static void test_windows_bus(void)
{
	static const struct {
		const char *os, *present, *input, *bus;
	} cases[] = {
		{"windows-11", "{}", "{\"cloud_init\":{\"user\":\"ana\"}}", "sata"},
		{"windows-11", "{}", "{\"cloud_init\":{\"bus\":\"virtio-scsi\"}}", "virtio-scsi"},
		{"windows-11", "{}", "{}", NULL},
		{"windows-11", "{}", "{\"cloud_init\":null}", NULL},
		/* What a guest has stays. */
		{"windows-11", "{\"cloud_init\":{\"bus\":\"virtio-scsi\"}}", "{\"cloud_init\":{\"user\":\"ana\"}}", NULL},
		{"debian-12", "{}", "{\"cloud_init\":{\"user\":\"ana\"}}", NULL},
		{NULL, "{}", "{\"cloud_init\":{\"user\":\"ana\"}}", NULL},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *why, *why_ja;
		json_auto json_object *present = json_parse(cases[i].present, strlen(cases[i].present), NULL);
		json_auto json_object *input = json_parse(cases[i].input, strlen(cases[i].input), NULL);
		cloudbase_choose_bus(cases[i].os, present, input, &why, &why_ja);
		g_assert_cmpstr(json_get_str(json_get(input, "cloud_init"), "bus", NULL), ==, cases[i].bus);
	}
}

static void test_windows_packages(void)
{
	g_autoptr(GError) error = NULL;
	static const char text[] = "{\"os\":\"windows-11\",\"cloud_init\":{\"packages\":[\"jq\"]}}";
	json_auto json_object *document = json_parse(text, strlen(text), NULL), *debian = json_copy(document);
	json_set_str(debian, "os", "debian-12");
	g_assert_true(cloudbase_check(NULL, debian, NULL));
	g_assert_true(cloudbase_check(document, document, NULL));
	g_assert_false(cloudbase_check(debian, document, &error));
	g_assert_cmpstr(error_field(error), ==, "cloud_init.packages");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cloud-init/what a plain guest gets is written down", test_golden);
	g_test_add_func("/cloud-init/every field has its place, and stays a value", test_all_fields);
	g_test_add_func("/cloud-init/own user-data stands over what follows from the fields", test_own_user_data);
	g_test_add_func("/cloud-init/Windows reads it in the words of cloudbase-init", test_windows);
	g_test_add_func("/cloud-init/Windows gets it on a bus that it knows", test_windows_bus);
	g_test_add_func("/cloud-init/what Windows would pass over is refused", test_windows_packages);
	g_test_add_func("/cloud-init/what is changed makes a new instance, and nothing else does", test_instance);
	return g_test_run();
}
