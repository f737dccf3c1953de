/* The files of cloud-init's drive: golden texts, and what makes the guest a new one to it. */
#include <glib.h>
#include <string.h>

#include "base/json.h"
#include "guest/handed/cloud-init.h"

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

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cloud-init/what a plain guest gets is written down", test_golden);
	g_test_add_func("/cloud-init/every field has its place, and stays a value", test_all_fields);
	g_test_add_func("/cloud-init/own user-data stands over what follows from the fields", test_own_user_data);
	g_test_add_func("/cloud-init/what is changed makes a new instance, and nothing else does", test_instance);
	return g_test_run();
}
