/* Checking what a guest is handed, as far as the fields of the table do not say it by themselves. */
#include <arpa/inet.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/prepare.h"

static gboolean refuse(const char *key, const char *name, const char *hint, const char *why, GError **error)
{
	g_autofree char *field = name ? g_strdup_printf("cloud_init.nics.%s.%s", key, name) : g_strdup_printf("cloud_init.nics.%s", key);
	error_set_field(error, ERROR_INVALID, field, hint, "%s %s", field, why);
	return FALSE;
}

/* Whether "192.0.2.1" is in the network of "192.0.2.10/24". */
static gboolean in_network(int family, const char *gateway, const char *prefixed)
{
	guint8 ours[16] = {0}, theirs[16] = {0};
	g_auto(GStrv) parts = g_strsplit(prefixed, "/", 2);
	guint bits = parts[0] && parts[1] ? (guint)g_ascii_strtoull(parts[1], NULL, 10) : 0;
	if (inet_pton(family, parts[0], ours) != 1 || inet_pton(family, gateway, theirs) != 1)
		return FALSE;
	for (guint bit = 0; bit < bits; bit++)
		if ((ours[bit / 8] ^ theirs[bit / 8]) & (0x80 >> bit % 8))
			return FALSE;
	return TRUE;
}

static gboolean check_gateway(const char *key, json_object *nic, const char *name, const char *of, int family, GError **error)
{
	const char *gateway = json_get_str(nic, name, NULL), *address = json_get_str(nic, of, NULL);
	if (!gateway)
		return TRUE;
	if (!address)
		return refuse(key, name, "give the address as well, or leave both to DHCP", "has no meaning without a fixed address", error);
	/* A router is often known by its link-local address. */
	if (in_network(family, gateway, address) || (family == AF_INET6 && in_network(family, gateway, "fe80::/10")))
		return TRUE;
	return refuse(key, name, "look at both, and at the prefix's length", "is not in the network of the address", error);
}

/* Cards that ask by DHCP are told these too. */
static gboolean check_names(json_object *cloud, json_object *nics, GError **error)
{
	static const char *const lists[] = {"dns", "search"};
	gboolean fixed = FALSE;
	if (nics) {
		json_object_object_foreach (nics, key, nic) {
			(void)key;
			fixed |= json_get(nic, "address") || json_get(nic, "address6");
		}
	}
	for (guint i = 0; i < G_N_ELEMENTS(lists) && !fixed; i++) {
		g_autofree char *field = g_strconcat("cloud_init.", lists[i], NULL);
		if (json_get_count(json_get(cloud, lists[i])))
			return error_refuse(error, ERROR_INVALID, field,
					    "give a card its address as well (cloud_init.nics), or leave this to DHCP",
					    "%s has no meaning without a card with a fixed address", field);
	}
	return TRUE;
}

gboolean prepare_check_handed(json_object *document, GError **error)
{
	json_object *cloud = json_get(document, "cloud_init"), *nics = json_get(cloud, "nics");
	if (!check_names(cloud, nics, error))
		return FALSE;
	if (!nics)
		return TRUE;
	json_object_object_foreach (nics, key, nic) {
		if (!json_get(json_get(document, "nics"), key))
			return refuse(key, NULL, "name one of its network cards, as in nic0", "names no network card of the guest", error);
		if (!check_gateway(key, nic, "gateway", "address", AF_INET, error) ||
		    !check_gateway(key, nic, "gateway6", "address6", AF_INET6, error))
			return FALSE;
	}
	return TRUE;
}
