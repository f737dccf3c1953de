/* Kernel modules: loaded, to be had when they are needed, or absent. */
#include <string.h>

#include "doctor/check.h"

enum { MODULES_MAX = 16 << 20, SYMBOLS_MAX = 64 << 20 };

FINDING_OK(there, "modules.there", "all that guests may need: {loaded}{available}", "必要なものはそろっています: {loaded}{available}");
FINDING(no_tun, "modules.no-tun", STATE_PROBLEM,
	"the kernel has no tun", "カーネルに tun がありません",
	"no guest can have a network card: neither on a bridge nor in user mode",
	"ゲストはブリッジでもユーザーモードでもネットワークカードを使えません",
	"install Debian's own kernel: apt install linux-image-amd64, and boot it; in a container: let the host pass /dev/net/tun",
	"Debian標準のカーネルを入れて起動してください: apt install linux-image-amd64。コンテナ内ならホストから /dev/net/tun を渡してください");
FINDING(no_bridge, "modules.no-bridge", STATE_WARNING,
	"the kernel has no bridge", "カーネルに bridge がありません",
	"guests cannot be in a network of the host's; user-mode cards work", "ゲストをブリッジに接続できません（ユーザーモードは可）",
	"install Debian's own kernel: apt install linux-image-amd64, and boot it",
	"Debian標準のカーネルを入れて起動してください: apt install linux-image-amd64");
FINDING(no_vhost_net, "modules.no-vhost-net", STATE_NOTE,
	"the kernel has no vhost_net", "カーネルに vhost_net がありません",
	"packets of guests on a bridge cannot be moved by the kernel itself", "ブリッジのパケットをカーネル内で直接処理できません",
	"install Debian's own kernel instead of the 'cloud' or another small one: apt install linux-image-amd64, and boot it",
	"cloud版などではなくDebian標準のカーネルを入れて起動してください: apt install linux-image-amd64");
FINDING(no_nf_tables, "modules.no-nf-tables", STATE_NOTE,
	"the kernel has no nf_tables", "カーネルに nf_tables がありません",
	"the host's packets cannot be filtered with nft, nor those of guests", "nft でホストやゲストのパケットを制限できません",
	"install Debian's own kernel: apt install linux-image-amd64, and boot it",
	"Debian標準のカーネルを入れて起動してください: apt install linux-image-amd64");
FINDING(no_loop, "modules.no-loop", STATE_NOTE,
	"the kernel has no loop devices", "カーネルにループデバイスがありません",
	"files cannot be mounted as file systems on the host, by which an administrator looks into images",
	"ホスト上でイメージファイルをマウントして中を見ることができません",
	"install Debian's own kernel: apt install linux-image-amd64, and boot it",
	"Debian標準のカーネルを入れて起動してください: apt install linux-image-amd64");
FINDING(gone, "modules.gone", STATE_WARNING,
	"the modules of the running kernel, {dir}, are gone: it was upgraded or removed while it ran",
	"稼働中のカーネルのモジュール {dir} がありません（稼働中に更新または削除された）",
	"what is not loaded yet ({missing}) cannot be had", "まだ読み込まれていないもの（{missing}）は使えません",
	"boot the host again: stop its guests in order with 'yado node shutdown-guests', then 'reboot'",
	"ゲストを 'yado node shutdown-guests' で順に停止し、'reboot' で再起動してください");
static const Finding *const findings[] = {&there,	 &no_tun,  &no_bridge, &no_vhost_net,
					  &no_nf_tables, &no_loop, &gone,      NULL};

static const struct {
	const char *name;
	const char *symbol; /* a function of it, as /proc/kallsyms has it when it is built in */
	const Finding *absent;
} modules[] = {
	{"tun", "tun_chr_open", &no_tun},
	{"bridge", "br_dev_xmit", &no_bridge},
	{"vhost_net", "vhost_net_open", &no_vhost_net},
	{"nf_tables", "nf_tables_newtable", &no_nf_tables},
	{"loop", "loop_control_ioctl", &no_loop},
};

/* "…/vhost_net.ko" or "…/vhost-net.ko.xz" as a line's path, or before its colon. */
static gboolean is_listed(const char *list, const char *name)
{
	g_autofree char *dashed = g_strdelimit(g_strdup(name), "_", '-');
	g_autofree char *plain_mark = g_strdup_printf("/%s.ko", name), *dashed_mark = g_strdup_printf("/%s.ko", dashed);
	return list && (strstr(list, plain_mark) || strstr(list, dashed_mark));
}

/* "ffffffff8a… t tun_chr_open" */
static gboolean is_symbol(const char *symbols, const char *name)
{
	g_autofree char *line_end = g_strdup_printf(" %s\n", name), *in_module = g_strdup_printf(" %s\t", name);
	return symbols && (strstr(symbols, line_end) || strstr(symbols, in_module));
}

static gboolean is_loaded(const Host *host, const char *builtin, const char *symbols, guint i)
{
	g_autofree char *path = g_strconcat("/sys/module/", modules[i].name, NULL);
	return host_exists(host, path) || is_listed(builtin, modules[i].name) || is_symbol(symbols, modules[i].symbol);
}

static void append(GString *list, const char *name)
{
	g_string_append_printf(list, "%s%s", list->len ? ", " : "", name);
}

static void report_absent(Report *to, const char *const *names)
{
	for (guint i = 0; i < G_N_ELEMENTS(modules); i++)
		if (g_strv_contains(names, modules[i].name))
			report(to, modules[i].absent, NULL);
}

/* A kernel that can load modules has a directory for them; where it is gone, nobody knows what could be had. */
static void look(const Host *host, Report *to)
{
	g_autofree char *release = host_read_line(host, "/proc/sys/kernel/osrelease");
	g_autofree char *dir = g_strconcat("/lib/modules/", release, NULL);
	g_autofree char *builtin_path = g_strconcat(dir, "/modules.builtin", NULL);
	g_autofree char *loadable_path = g_strconcat(dir, "/modules.dep", NULL);
	g_autofree char *builtin = host_read(host, builtin_path, MODULES_MAX);
	g_autofree char *loadable = host_read(host, loadable_path, MODULES_MAX);
	g_autofree char *symbols = builtin || loadable ? NULL : host_read(host, "/proc/kallsyms", SYMBOLS_MAX);
	gboolean lost = !builtin && !loadable && host_exists(host, "/proc/modules");
	g_autoptr(GString) there_now = g_string_new(NULL), missing = g_string_new(NULL);
	g_autoptr(GString) available = g_string_new(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(modules); i++) {
		if (is_loaded(host, builtin, symbols, i))
			append(there_now, modules[i].name);
		else if (is_listed(loadable, modules[i].name))
			append(available, modules[i].name);
		else
			append(missing, modules[i].name);
	}
	g_autofree char *rest = g_strdup_printf("%s%s", available->len ? "; " : "", available->str);
	g_auto(GStrv) names = g_strsplit(missing->str, ", ", -1);
	if (missing->len && lost)
		report(to, &gone, "dir", dir, "missing", missing->str, NULL);
	else if (missing->len)
		report_absent(to, (const char *const *)names);
	else
		report(to, &there, "loaded", there_now->str, "available", rest, NULL);
}

const Check module_checks[] = {{"modules", {"kernel modules", "カーネルモジュール"}, 0, look, findings}, {0}};
