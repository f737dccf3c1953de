/* cloud-init's drive for Windows.
 *
 * cloudbase-init reads the same drive (its NoCloudConfigDriveService), but not all of it: user and keys stand in the
 * meta-data (admin-username, public-keys), addresses in the network configuration's first version, which all its
 * releases know, while the second came late. A password it takes in clear only, and packages not at all. What
 * cloud-init does with its usual user-data would be an error in its log, or worse: "users" empties the administrators'
 * list of SSH keys. */
#include "guest/handed/cloudbase-init.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "qemu/addresses.h"

static gboolean is_windows(const char *os)
{
	return os && g_str_has_prefix(os, "windows");
}

gboolean cloudbase_reads(json_object *document)
{
	return is_windows(json_get_str(document, "os", NULL));
}

gboolean cloudbase_choose_bus(const char *os, json_object *present, json_object *input, const char **ret_why,
			      const char **ret_why_ja)
{
	json_object *cloud = json_get(input, "cloud_init");
	if (!is_windows(os) || json_get(present, "cloud_init") || !json_object_is_type(cloud, json_type_object) ||
	    json_get(cloud, "bus"))
		return FALSE;
	json_set_str(cloud, "bus", "sata");
	*ret_why = "cloudbase-init is to find the drive, and Windows sees one on virtio only when it has the driver";
	*ret_why_ja = "cloudbase-initがドライブを見つけるため"
		      "（Windowsはドライバーがないとvirtioのドライブを認識しない）";
	return TRUE;
}

gboolean cloudbase_check(json_object *present, json_object *document, GError **error)
{
	json_object *packages = json_get(json_get(document, "cloud_init"), "packages");
	if (!cloudbase_reads(document) || json_get_count(packages) == 0 ||
	    (present && cloudbase_reads(present) &&
	     json_equal(json_get(json_get(present, "cloud_init"), "packages"), packages)))
		return TRUE;
	return error_refuse(error, ERROR_UNSUPPORTED, "cloud_init.packages",
			    "install them by a script of your own: user-data that begins with '#ps1_sysnative' "
			    "('yado vm user-data')",
			    "cloud_init.packages: cloudbase-init, which reads the drive on Windows, installs no "
			    "packages");
}

static void add_subnet(json_object *subnets, const char *type, const char *address, const char *gateway,
		       json_object *servers)
{
	json_object *subnet = json_object_new_object();
	json_set_str(subnet, "type", type);
	json_set_str(subnet, "address", address);
	if (gateway)
		json_set_str(subnet, "gateway", gateway);
	if (json_get_count(servers))
		json_set(subnet, "dns_nameservers", json_copy(servers));
	json_object_array_add(subnets, subnet);
}

static json_object *describe_card(json_object *cloud, const char *key, json_object *nic)
{
	json_object *card = json_object_new_object(), *subnets = json_object_new_array();
	json_object *fixed = json_get(json_get(cloud, "nics"), key), *servers = json_get(cloud, "dns");
	const char *address = json_get_str(fixed, "address", NULL), *address6 = json_get_str(fixed, "address6", NULL);
	json_set_str(card, "type", "physical");
	json_set_str(card, "name", key); /* it is renamed to that */
	json_set_str(card, "mac_address", json_get_str(nic, "mac", ""));
	json_set(card, "subnets", subnets);
	if (address) {
		add_subnet(subnets, "static", address, json_get_str(fixed, "gateway", NULL), servers);
	} else {
		json_object *automatic = json_object_new_object();
		json_set_str(automatic, "type", "dhcp");
		json_object_array_add(subnets, automatic);
	}
	if (address6)
		add_subnet(subnets, "static6", address6, json_get_str(fixed, "gateway6", NULL), servers);
	return card;
}

/* "Networking config version 1" of cloud-init. */
static json_object *make_network(json_object *document, json_object *cloud)
{
	json_object *network = json_object_new_object(), *config = json_object_new_array();
	json_object *nics = json_get(document, "nics"), *servers = json_get(cloud, "dns");
	json_object *search = json_get(cloud, "search");
	g_autoptr(GPtrArray) keys = qemu_sorted_keys(nics);
	for (guint i = 0; i < keys->len; i++)
		json_object_array_add(config, describe_card(cloud, keys->pdata[i], json_get(nics, keys->pdata[i])));
	if (json_get_count(servers) || json_get_count(search)) {
		json_object *names = json_object_new_object();
		json_set_str(names, "type", "nameserver");
		json_set(names, "address", servers ? json_copy(servers) : json_object_new_array());
		json_set(names, "search", search ? json_copy(search) : json_object_new_array());
		json_object_array_add(config, names);
	}
	json_set_int(network, "version", 1);
	json_set(network, "config", config);
	return network;
}

void cloudbase_translate(json_object *document, gboolean own_user_data, json_object *metadata, json_object *files)
{
	json_object *cloud = json_get(document, "cloud_init"), *keys = json_get(cloud, "keys");
	json_auto json_object *network = make_network(document, cloud);
	g_autofree char *text = json_dup_text(network);
	if (json_get(cloud, "user"))
		json_set_str(metadata, "admin-username", json_get_str(cloud, "user", ""));
	if (json_get_count(keys))
		json_set(metadata, "public-keys", json_copy(keys));
	json_set_str(files, "network-config", text);
	json_object_object_del(files, "vendor-data");
	if (!own_user_data)
		json_set_str(files, "user-data", "#cloud-config\n{}\n");
}
