/* Checking what cloud-init is told of the network, as far as the fields of the table do not say it by themselves. */
#include <arpa/inet.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/prepare/prepare.h"

static gboolean refuse(const char *key, const char *name, const char *hint, const char *why, GError **error)
{
	g_autofree char *field =
		name ? g_strdup_printf("cloud_init.nics.%s.%s", key, name) : g_strdup_printf("cloud_init.nics.%s", key);
	error_set_field(error, ERROR_INVALID, field, hint, "%s %s", field, why);
	return FALSE;
}

/* An address with the length of its network's prefix. */
typedef struct Prefixed {
	int family;
	guint8 bytes[16];
	guint bits, length; /* of the prefix; of the address */
} Prefixed;

/* "192.0.2.10/24", or an address alone. */
static gboolean read_prefixed(int family, const char *text, Prefixed *ret_address)
{
	g_auto(GStrv) parts = g_strsplit(text, "/", 2);
	*ret_address = (Prefixed){.family = family, .length = family == AF_INET ? 32 : 128};
	ret_address->bits = parts[0] && parts[1] ? (guint)g_ascii_strtoull(parts[1], NULL, 10) : ret_address->length;
	return parts[0] && inet_pton(family, parts[0], ret_address->bytes) == 1 &&
	       ret_address->bits <= ret_address->length;
}

static gboolean bit_of(const Prefixed *address, guint bit)
{
	return (address->bytes[bit / 8] & (0x80 >> bit % 8)) != 0;
}

/* Whether "192.0.2.1" is in the network of "192.0.2.10/24". */
static gboolean in_network(int family, const char *gateway, const char *prefixed)
{
	Prefixed theirs, ours;
	if (!read_prefixed(family, gateway, &theirs) || !read_prefixed(family, prefixed, &ours))
		return FALSE;
	for (guint bit = 0; bit < ours.bits; bit++)
		if (bit_of(&ours, bit) != bit_of(&theirs, bit))
			return FALSE;
	return TRUE;
}

/* Whether all bits of the host's part are so. A network of two addresses (RFC 3021, RFC 6164), or one, has none to
 * spare. */
static gboolean is_host_part(const Prefixed *address, gboolean set)
{
	guint bit = address->bits;
	if (bit + 2 > address->length)
		return FALSE;
	while (bit < address->length && bit_of(address, bit) == set)
		bit++;
	return bit == address->length;
}

/* Addresses that no card has: RFC 1122, 3.2.1.3; RFC 4291, 2.5 to 2.7. */
static gboolean check_address(const char *key, json_object *nic, const char *name, int family, GError **error)
{
	Prefixed address;
	const char *text = json_get_str(nic, name, NULL);
	if (!text || !read_prefixed(family, text, &address))
		return TRUE;
	gboolean ipv4 = family == AF_INET;
	const guint8 *bytes = address.bytes;
	if (ipv4 ? bytes[0] == 0 || bytes[0] == 127 || bytes[0] >= 224
		 : bytes[0] == 0xff || in_network(family, text, "::/127"))
		return refuse(key, name, NULL, "is not an address that a network card can have", error);
	if (is_host_part(&address, FALSE))
		return refuse(key, name, "give the card's own address in it", "is the address of the network itself",
			      error);
	if (ipv4 && is_host_part(&address, TRUE))
		return refuse(key, name, "give the card's own address", "is the broadcast address of its network",
			      error);
	return TRUE;
}

/* Whether another card, of those after it, has the same. */
static gboolean check_only(json_object *nics, const char *key, json_object *nic, const char *name, int family,
			   GError **error)
{
	Prefixed ours, theirs;
	const char *text = json_get_str(nic, name, NULL);
	if (!text || !read_prefixed(family, text, &ours))
		return TRUE;
	json_object_object_foreach (nics, other_key, other) {
		const char *other_text = json_get_str(other, name, NULL);
		if (g_str_equal(other_key, key) || !other_text || !read_prefixed(family, other_text, &theirs) ||
		    memcmp(ours.bytes, theirs.bytes, sizeof ours.bytes) != 0)
			continue;
		g_autofree char *why = g_strdup_printf("is the address of '%s' as well", other_key);
		return refuse(key, name, "give each card an address of its own", why, error);
	}
	return TRUE;
}

static gboolean check_gateway(const char *key, json_object *nic, const char *name, const char *of, int family,
			      GError **error)
{
	const char *gateway = json_get_str(nic, name, NULL), *address = json_get_str(nic, of, NULL);
	if (!gateway)
		return TRUE;
	if (!address)
		return refuse(key, name, "give the address as well, or leave both to DHCP",
			      "has no meaning without a fixed address", error);
	Prefixed router, ours;
	if (read_prefixed(family, gateway, &router) && read_prefixed(family, address, &ours) &&
	    memcmp(router.bytes, ours.bytes, sizeof ours.bytes) == 0)
		return refuse(key, name, "give the router's address", "is the card's own address", error);
	/* A router is often known by its link-local address. */
	if (in_network(family, gateway, address) || (family == AF_INET6 && in_network(family, gateway, "fe80::/10")))
		return TRUE;
	return refuse(key, name, "look at both, and at the prefix's length", "is not in the network of the address",
		      error);
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

gboolean prepare_check_cloud_init(json_object *document, GError **error)
{
	json_object *cloud = json_get(document, "cloud_init"), *nics = json_get(cloud, "nics");
	if (!check_names(cloud, nics, error))
		return FALSE;
	if (!nics)
		return TRUE;
	json_object_object_foreach (nics, key, nic) {
		if (!json_get(json_get(document, "nics"), key)) {
			g_autofree char *hint = g_strdup_printf("name one of its network cards, as in nic0; this entry "
								"goes with --no-cloud-init-nic %s", key);
			return refuse(key, NULL, hint, "names no network card of the guest", error);
		}
		if (!check_address(key, nic, "address", AF_INET, error) ||
		    !check_address(key, nic, "address6", AF_INET6, error) ||
		    !check_gateway(key, nic, "gateway", "address", AF_INET, error) ||
		    !check_gateway(key, nic, "gateway6", "address6", AF_INET6, error) ||
		    !check_only(nics, key, nic, "address", AF_INET, error) ||
		    !check_only(nics, key, nic, "address6", AF_INET6, error))
			return FALSE;
	}
	return TRUE;
}
