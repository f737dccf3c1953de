/* The files of cloud-init's drive.
 *
 * cloud-init reads YAML, of which JSON is a part: so all files that are made here are JSON, and nothing that a document
 * says can be more than a value. What follows from the fields is the user-data; where somebody has given user-data of
 * their own, it is the vendor-data, over which user-data prevails.
 *
 * cloud-init does its work once for each instance-id. It is made from all that is in the files, so whatever is changed
 * takes effect at the next boot. */
#include "guest/handed/cloud-init.h"

#include <glib.h>
#include <string.h>

#include "base/json.h"
#include "guest/handed/cloudbase-init.h"
#include "qemu/addresses.h"

enum { INTERFACE_NAME_MAX = 15, ID_LENGTH = 12 };

static char *dup_pretty(json_object *json)
{
	const char *text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
									JSON_C_TO_STRING_NOSLASHESCAPE);
	return g_strconcat(text, "\n", NULL);
}

static json_object *words(const char *word)
{
	json_object *list = json_object_new_array();
	json_object_array_add(list, json_object_new_string(word));
	return list;
}

static void add_user(json_object *config, json_object *cloud, const char *password_hash)
{
	const char *user = json_get_str(cloud, "user", NULL);
	json_object *keys = json_get(cloud, "keys");
	if (user) {
		/* What else the image's usual user has (sudo, groups, shell), this one has instead. */
		json_object *instead = json_object_new_object();
		json_set_str(instead, "name", user);
		json_set(config, "user", instead);
	}
	if (g_strcmp0(user, "root") == 0)
		json_set_bool(config, "disable_root", FALSE);
	json_set(config, "users", words("default"));
	if (json_get_count(keys))
		json_set(config, "ssh_authorized_keys", json_copy(keys));
	if (!password_hash)
		return;
	json_object *change = json_object_new_object();
	json_set_bool(change, "expire", FALSE);
	json_set_str(config, "password", password_hash);
	json_set(config, "chpasswd", change);
	json_set_bool(config, "ssh_pwauth", TRUE);
}

static char *make_config(json_object *cloud, const char *password_hash)
{
	json_auto json_object *config = json_object_new_object();
	json_object *packages = json_get(cloud, "packages");
	/* Its own name is to be found, in a guest whose network says nothing of it as well. */
	json_set_str(config, "manage_etc_hosts", "localhost");
	add_user(config, cloud, password_hash);
	if (json_get_count(packages)) {
		json_set_bool(config, "package_update", TRUE);
		json_set(config, "packages", json_copy(packages));
	}
	g_autofree char *text = dup_pretty(config);
	return g_strconcat("#cloud-config\n", text, NULL);
}

/* The default route is a route for IPv4, as newer releases want it; for IPv6 it is "gateway6", since 22.4 (Debian 12)
 * makes
 * ::/64 of ::/0. */
static void add_gateways(json_object *card, json_object *fixed)
{
	const char *gateway = json_get_str(fixed, "gateway", NULL), *gateway6 = json_get_str(fixed, "gateway6", NULL);
	if (gateway) {
		json_object *routes = json_object_new_array(), *route = json_object_new_object();
		json_set_str(route, "to", "0.0.0.0/0");
		json_set_str(route, "via", gateway);
		json_object_array_add(routes, route);
		json_set(card, "routes", routes);
	}
	if (gateway6)
		json_set_str(card, "gateway6", gateway6);
}

static json_object *describe_card(json_object *cloud, const char *key, json_object *nic)
{
	json_object *card = json_object_new_object(), *match = json_object_new_object();
	json_object *fixed = json_get(json_get(cloud, "nics"), key);
	const char *address = json_get_str(fixed, "address", NULL), *address6 = json_get_str(fixed, "address6", NULL);
	json_set_str(match, "macaddress", json_get_str(nic, "mac", ""));
	json_set(card, "match", match);
	/* In the guest it is called as it is here. */
	if (strlen(key) <= INTERFACE_NAME_MAX)
		json_set_str(card, "set-name", key);
	json_set_bool(card, "dhcp4", !address);
	if (!address && !address6)
		return card;
	json_object *addresses = json_object_new_array();
	if (address)
		json_object_array_add(addresses, json_object_new_string(address));
	if (address6)
		json_object_array_add(addresses, json_object_new_string(address6));
	json_set(card, "addresses", addresses);
	add_gateways(card, fixed);
	json_object *servers = json_get(cloud, "dns"), *search = json_get(cloud, "search");
	if (json_get_count(servers) || json_get_count(search)) {
		json_object *names = json_object_new_object();
		json_set(names, "addresses", servers ? json_copy(servers) : json_object_new_array());
		json_set(names, "search", search ? json_copy(search) : json_object_new_array());
		json_set(card, "nameservers", names);
	}
	return card;
}

/* "Networking config version 2" of cloud-init. */
static char *make_network(json_object *document, json_object *cloud)
{
	json_auto json_object *network = json_object_new_object();
	json_object *cards = json_object_new_object(), *nics = json_get(document, "nics");
	g_autoptr(GPtrArray) keys = qemu_sorted_keys(nics);
	for (guint i = 0; i < keys->len; i++)
		json_set(cards, keys->pdata[i], describe_card(cloud, keys->pdata[i], json_get(nics, keys->pdata[i])));
	json_set_int(network, "version", 2);
	json_set(network, "ethernets", cards);
	return dup_pretty(network);
}

static json_object *make_metadata(json_object *document, json_object *files)
{
	json_object *metadata = json_object_new_object();
	const char *hostname = json_get_str(document, "hostname", json_get_str(document, "name", ""));
	g_autofree char *text = json_dup_text(files);
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_checksum_update(sum, (const guchar *)text, -1);
	g_checksum_update(sum, (const guchar *)hostname, -1);
	g_autofree char *instance = g_strdup_printf("%s-%.*s", json_get_str(document, "uuid", ""), ID_LENGTH,
						    g_checksum_get_string(sum));
	json_set_str(metadata, "instance-id", instance);
	json_set_str(metadata, "local-hostname", hostname);
	return metadata;
}

json_object *cloud_init_files(json_object *document, const char *password_hash, const char *user_data)
{
	json_object *files = json_object_new_object(), *cloud = json_get(document, "cloud_init");
	g_autofree char *config = make_config(cloud, password_hash), *network = make_network(document, cloud);
	json_set_str(files, "user-data", user_data ? user_data : config);
	if (user_data)
		json_set_str(files, "vendor-data", config);
	json_set_str(files, "network-config", network);
	json_auto json_object *metadata = make_metadata(document, files);
	if (cloudbase_reads(document))
		cloudbase_translate(document, user_data != NULL, metadata, files);
	g_autofree char *text = dup_pretty(metadata);
	json_set_str(files, "meta-data", text);
	return files;
}
