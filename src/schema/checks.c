/* Value checks shared by the resource tables. They guard what ends up on command lines, in file names and in guests'
 * hardware, so each allows a short list of characters rather than forbidding some. */
#include "schema/checks.h"
#include "base/cpus.h"
#include "schema/schema.h"

#include <glib.h>
#include <string.h>

static gboolean only(const char *value, const char *punctuation, gboolean upper)
{
	for (const char *c = value; *c; c++)
		if (!g_ascii_isdigit(*c) && !g_ascii_islower(*c) && !(upper && g_ascii_isupper(*c)) &&
		    !strchr(punctuation, *c))
			return FALSE;
	return TRUE;
}

const char *check_guest_name(const char *value)
{
	size_t length = strlen(value);
	/* RFC 1123 §2.1; the name becomes the guest's host name. */
	if (length < 1 || length > 63 || !only(value, "-", TRUE) || value[0] == '-' || value[length - 1] == '-')
		return "be a host name: 1 to 63 letters, digits and '-', with no '-' at its ends";
	/* Names are accepted wherever an id is, so the two must not be mistaken for each other. */
	if (strspn(value, "0123456789") == length)
		return "contain a letter, or it could be mistaken for a number of a guest";
	return NULL;
}

const char *check_host_name(const char *value)
{
	g_auto(GStrv) labels = g_strsplit(value, ".", -1);
	for (char **label = labels; *label; label++) {
		size_t length = strlen(*label);
		if (length < 1 || length > 63 || !only(*label, "-", TRUE) || (*label)[0] == '-' ||
		    (*label)[length - 1] == '-')
			return "be a host name: letters, digits and '-' in parts between dots, such as web.example.org";
	}
	return NULL;
}

const char *check_one_line(const char *value)
{
	for (const char *c = value; *c; c = g_utf8_next_char(c))
		if (g_unichar_iscntrl(g_utf8_get_char(c)))
			return "be one line without control characters";
	return NULL;
}

const char *check_uuid(const char *value)
{
	if (!g_uuid_string_is_valid(value) || !only(value, "-", FALSE))
		return "be a UUID in lower case, such as 5f0f6a3e-8a4c-4c55-9a3e-0c1d2e3f4a5b";
	return NULL;
}

const char *check_mac(const char *value)
{
	gboolean good = strlen(value) == 17;
	for (guint i = 0; good && i < 17; i++)
		good = i % 3 == 2 ? value[i] == ':' : g_ascii_isxdigit(value[i]) && !g_ascii_isupper(value[i]);
	if (!good)
		return "be a MAC address in lower case, such as 52:54:00:12:34:56";
	/* The lowest bit of the first byte marks a group (IEEE 802). */
	if (g_ascii_xdigit_value(value[1]) & 1)
		return "be a unicast MAC address: its first byte must be even";
	if (strcmp(value, "00:00:00:00:00:00") == 0)
		return "be a MAC address other than 00:00:00:00:00:00";
	return NULL;
}

const char *check_serial(const char *value)
{
	return *value && only(value, "._-", TRUE) ? NULL : "consist of letters, digits, '.', '_' and '-'";
}

const char *check_wwn(const char *value)
{
	/* T10 SPC, NAA designator: types 2, 3 and 5 have 64 bits. */
	return strlen(value) == 16 && strspn(value, "0123456789abcdef") == 16 && strchr("235", *value)
		       ? NULL
		       : "be 16 hexadecimal digits in lower case that begin with 5, 2 or 3";
}

const char *check_interface(const char *value)
{
	/* Narrower than the kernel's dev_valid_name(): what nft, ip and QEMU all take without quoting. */
	size_t length = strlen(value);
	if (length < 1 || length > 15 || !only(value, "._-", TRUE) || strchr(".-", value[0]))
		return "be the name of a network interface: 1 to 15 letters, digits, '.', '_' and '-'";
	return NULL;
}

const char *check_machine(const char *value)
{
	if (!g_ascii_islower(value[0]) || !only(value, ".-", FALSE))
		return "be the name of a QEMU machine, such as pc-q35-7.2";
	return NULL;
}

const char *check_cpu_model(const char *value)
{
	if (!g_ascii_isalnum(value[0]) || !only(value, "._-", TRUE))
		return "be 'host' or the name of a QEMU CPU model, such as Skylake-Server-v4";
	return NULL;
}

const char *check_feature(const char *value)
{
	return g_ascii_isalnum(value[0]) && strlen(value) < 64 && only(value, "._-", FALSE)
		       ? NULL
		       : "be a CPU feature, such as aes";
}

const char *check_cpu_flag(const char *value)
{
	if ((*value != '+' && *value != '-') || check_feature(value + 1))
		return "be a CPU feature behind '+' or '-', such as +aes or -pcid";
	return NULL;
}

const char *check_cpus(const char *value)
{
	Cpus cpus;
	return cpus_parse(value, &cpus) ? NULL : "be a list of CPUs, such as 0-3,8";
}

const char *check_host_nodes(const char *value)
{
	enum { NODES_MAX = 128 /* QEMU's MAX_NODES */ };
	Cpus nodes;
	gboolean good = cpus_parse(value, &nodes);
	for (guint node = NODES_MAX; good && node < CPUS_MAX; node++)
		good = !cpus_has(&nodes, node);
	return good ? NULL : "be a list of NUMA nodes of the host, such as 0 or 0-1";
}

const char *check_absolute_path(const char *value)
{
	static const char phrase[] = "be an absolute path without '.', '..', '//' and a '/' at its end";
	if (value[0] != '/' || value[1] == '\0' || check_one_line(value))
		return phrase;
	for (const char *part = value; part;) {
		part++;
		const char *end = strchr(part, '/');
		size_t length = end ? (size_t)(end - part) : strlen(part);
		if (length == 0 || (length <= 2 && strncmp(part, "..", length) == 0))
			return phrase;
		part = end;
	}
	return NULL;
}

const char *check_user_name(const char *value)
{
	static const char *const own[] = {"root", "system", "yado", NULL};
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	if (!g_ascii_islower(value[0]) || strspn(value, letters) != strlen(value))
		return "be lower-case letters, digits, '.', '_' and '-', beginning with a letter";
	return g_strv_contains(own, value) ? "not be a name that Yado itself uses (root, system, yado)" : NULL;
}

const char *check_grant_path(const char *value)
{
	static const char *const kinds[] = {"vms", "tags", "images", "storages", "networks", "mappings", "nodes", NULL};
	static const char phrase[] =
		"be '/', '/vms', '/vms/100', '/tags/TAG', '/images', '/storages', '/networks', '/mappings' or "
		"'/nodes', with a name after it or without";
	if (g_str_equal(value, "/"))
		return NULL;
	g_auto(GStrv) parts = g_strsplit(value, "/", 4);
	guint count = g_strv_length(parts);
	if (count < 2 || count > 3 || *parts[0] || !g_strv_contains(kinds, parts[1]))
		return phrase;
	if (count == 2)
		return g_str_equal(parts[1], "tags") ? phrase : NULL;
	if (g_str_equal(parts[1], "vms"))
		/* As guests are asked about: /vms/0100 would never cover anything. */
		return g_ascii_string_to_unsigned(parts[2], 10, 100, 999999999, NULL, NULL) && *parts[2] != '0' ? NULL
													  : phrase;
	/* A network is a bridge of the host's, or 'user'. */
	return (g_str_equal(parts[1], "networks") ? check_interface : schema_check_key)(parts[2]) ? phrase : NULL;
}

const char *check_pci_address(const char *value)
{
	/* Domain, bus, device, function, as the kernel writes them: 0000:01:00.0 */
	return g_regex_match_simple("^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\\.[0-7]$", value, 0, 0)
		       ? NULL
		       : "be a PCI address in lower case, as in 0000:01:00.0";
}

const char *check_device_id(const char *value)
{
	return g_regex_match_simple("^[0-9a-f]{4}:[0-9a-f]{4}$", value, 0, 0)
		       ? NULL
		       : "be the numbers of vendor and device in lower case, as in 8086:10fb";
}

const char *check_usb_port(const char *value)
{
	/* Bus, then the port of each hub on the way: 1-2.3 */
	return g_regex_match_simple("^[1-9][0-9]{0,2}-[1-9][0-9]{0,2}(\\.[1-9][0-9]{0,2}){0,6}$", value, 0, 0)
		       ? NULL
		       : "be a USB port, as in 1-2.3";
}

const char *check_time(const char *value)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(value, NULL);
	return time ? NULL : "be a time with its zone, as in 2026-12-31T00:00:00Z";
}

const char *check_digest(const char *value)
{
	return strlen(value) == 64 && strspn(value, "0123456789abcdef") == 64
		       ? NULL
		       : "be a SHA-256: 64 hexadecimal digits in lower case";
}

const char *check_package(const char *value)
{
	if (strlen(value) < 2 || !g_ascii_isalnum(value[0]) || !only(value, "+-.", FALSE))
		return "be names of packages: lower case letters, digits, '+', '-' and '.', "
		       "beginning with a letter or digit";
	return NULL;
}

const char *check_suite(const char *value)
{
	if (!g_ascii_islower(value[0]) || !only(value, "-", FALSE))
		return "be the code name of a release: lower case letters, digits and '-'";
	return NULL;
}

const char *check_mirror(const char *value)
{
	const char *rest = g_str_has_prefix(value, "http://")    ? value + strlen("http://")
			   : g_str_has_prefix(value, "https://") ? value + strlen("https://")
								 : "";
	if (!g_ascii_isalnum(*rest) || !only(rest, "./:-_~", TRUE))
		return "be an address that begins with http:// or https://, without user, query and fragment";
	return NULL;
}

const char *check_guest_user(const char *value)
{
	return strchr(value, ':') ? "not contain a colon" : NULL;
}

const char *check_base64(const char *value)
{
	gsize length = strlen(value), body = length;
	while (body > 0 && length - body < 2 && value[body - 1] == '=')
		body--;
	for (gsize i = 0; i < body; i++)
		if (!g_ascii_isalnum(value[i]) && value[i] != '+' && value[i] != '/')
			return "be base64";
	return length % 4 ? "be base64" : NULL;
}
