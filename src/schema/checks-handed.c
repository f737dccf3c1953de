/* Checks of what guests are handed (tables/handed.c). */
#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

#include "schema/checks.h"

const char *check_smbios(const char *value)
{
	for (const char *c = value; *c; c++)
		if (*c < ' ' || *c > '~')
			return "be printable ASCII characters";
	return NULL;
}

const char *check_login(const char *value)
{
	if ((!g_ascii_islower(value[0]) && value[0] != '_') ||
	    strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_.-") != strlen(value))
		return "be a user of Linux: lower-case letters, digits, '_', '.' and '-', "
		       "beginning with a letter or '_'";
	return NULL;
}

/* sshd(8), "AUTHORIZED_KEYS FILE FORMAT": type, base64, comment. */
const char *check_ssh_key(const char *value)
{
	static const char *const types[] = {"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
					    "ecdsa-sha2-nistp521", "sk-ssh-ed25519@openssh.com",
					    "sk-ecdsa-sha2-nistp256@openssh.com", NULL};
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	g_auto(GStrv) words = g_strsplit(value, " ", 3);
	if (strlen(value) > 4096 || check_one_line(value) || g_strv_length(words) < 2 ||
	    !g_strv_contains(types, words[0]) || strlen(words[1]) < 16 || strspn(words[1], base64) != strlen(words[1]))
		return "be a public key of SSH, such as the line in ~/.ssh/id_ed25519.pub";
	return NULL;
}

const char *check_any_package(const char *value)
{
	if (!g_ascii_isalnum(value[0]) || strlen(value) > 128)
		return "be names of packages, beginning with a letter or digit";
	for (const char *c = value; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("+-._:~", *c))
			return "be names of packages: letters, digits, '+', '-', '.', '_', ':' and '~'";
	return NULL;
}

static gboolean is_address(int family, const char *text)
{
	guint8 address[sizeof(struct in6_addr)];
	return inet_pton(family, text, address) == 1;
}

static gboolean is_prefix(int family, const char *text, guint64 longest)
{
	g_auto(GStrv) parts = g_strsplit(text, "/", 2);
	return g_strv_length(parts) == 2 && is_address(family, parts[0]) &&
	       g_ascii_string_to_unsigned(parts[1], 10, 1, longest, NULL, NULL);
}

const char *check_ipv4(const char *value)
{
	return is_address(AF_INET, value) ? NULL : "be an IPv4 address, such as 192.0.2.1";
}

const char *check_ipv6(const char *value)
{
	return is_address(AF_INET6, value) ? NULL : "be an IPv6 address, such as 2001:db8::1";
}

const char *check_ip(const char *value)
{
	return is_address(AF_INET, value) || is_address(AF_INET6, value) ? NULL : "be IP addresses, such as 192.0.2.1";
}

const char *check_ipv4_prefix(const char *value)
{
	return is_prefix(AF_INET, value, 32) ? NULL : "be an IPv4 address with its prefix, such as 192.0.2.10/24";
}

const char *check_ipv6_prefix(const char *value)
{
	return is_prefix(AF_INET6, value, 128) ? NULL : "be an IPv6 address with its prefix, such as 2001:db8::10/64";
}
