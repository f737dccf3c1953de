/* Names: those who resolve them for this host, and so for guests on user-mode networks. */
#include <string.h>

#include "doctor/check.h"

#define GUESTS "guests with a card of mode 'user' resolve no names: they use the host's servers that are not on loopback (docs/decisions/user-networking.md)"
#define GUESTS_JA "'user' モードのカードを持つゲストは名前を解決できません（ホストのループバック以外のサーバーを使うため）"

FINDING_OK(there, "names.there", "servers: {servers}", "サーバー: {servers}");
FINDING(none, "names.none", STATE_WARNING,
	"/etc/resolv.conf names no server", "/etc/resolv.conf にサーバーがありません",
	"this host resolves no names: images cannot be built, and " GUESTS, "このホストは名前を解決できず、イメージを作成できません。" GUESTS_JA,
	"echo 'nameserver ADDRESS' > /etc/resolv.conf, with the address of your network's server; or let DHCP or systemd-resolved do it",
	"ネットワークのサーバーのアドレスで echo 'nameserver アドレス' > /etc/resolv.conf を実行するか、DHCPや systemd-resolved に任せてください");
FINDING(loopback, "names.loopback", STATE_NOTE,
	"the only servers are on this host's loopback: {servers}", "サーバーがこのホストのループバックだけです: {servers}",
	GUESTS, GUESTS_JA,
	"with systemd-resolved: ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf; else add a server that is not on loopback",
	"systemd-resolved なら ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf。それ以外ならループバック以外のサーバーを追加してください");
FINDING(localhost, "names.localhost", STATE_NOTE,
	"this host is called '{name}'", "このホストの名前は '{name}' です",
	"hosts cannot be told apart in logs and certificates", "ログや証明書でホストを区別できません",
	"hostnamectl set-hostname NAME; the node's name in Yado stays what it was at its first start",
	"hostnamectl set-hostname 名前（Yadoのノード名は最初の起動時のまま変わりません）");
static const Finding *const findings[] = {&there, &none, &loopback, &localhost, NULL};

static void look(const Host *host, Report *to)
{
	g_autofree char *text = host_read(host, "/etc/resolv.conf", 65536);
	g_autofree char *name = host_read_line(host, "/proc/sys/kernel/hostname");
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	g_autoptr(GString) servers = g_string_new(NULL);
	gboolean outside = FALSE;
	for (char **line = lines; *line; line++) {
		if (!g_str_has_prefix(*line, "nameserver") || !strchr(" \t", (*line)[10]) || !(*line)[10])
			continue;
		const char *address = g_strstrip(*line + 10);
		g_string_append_printf(servers, "%s%s", servers->len ? ", " : "", address);
		outside |= !g_str_has_prefix(address, "127.") && strcmp(address, "::1") != 0;
	}
	if (name && strcmp(name, "localhost") == 0)
		report(to, &localhost, "name", name, NULL);
	if (!servers->len)
		report(to, &none, NULL);
	else
		report(to, outside ? &there : &loopback, "servers", servers->str, NULL);
}

const Check name_checks[] = {{"names", {"name resolution", "名前解決"}, 0, look, findings}, {0}};
