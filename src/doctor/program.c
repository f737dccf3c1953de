/* Whether what runs is what is installed: programs and libraries that an upgrade has replaced, and the kernel. */
#include <string.h>

#include "doctor/check.h"

enum { MAPS_MAX = 4 << 20 };

FINDING_OK(current, "stale.none", "what runs is what is installed", "稼働中のプログラムはインストール済みのものと一致しています");
FINDING(stale_yado, "stale.yado", STATE_WARNING,
	"{programs} run from files that an upgrade has replaced", "{programs} は更新前のファイルのまま動いています",
	"what the upgrade has repaired, security included, is not in effect", "更新による修正（セキュリティを含む）がまだ有効ではありません",
	"systemctl restart yadod yado-httpd; guests run on meanwhile", "systemctl restart yadod yado-httpd（ゲストは動き続けます）");
FINDING(stale_guests, "stale.guests", STATE_NOTE,
	"{count} guests run on a QEMU or libraries that an upgrade has replaced", "{count} 台のゲストが更新前のQEMUまたはライブラリーで動いています",
	"what the upgrade has repaired, security included, is not in effect for them", "更新による修正（セキュリティを含む）がそれらには有効ではありません",
	"shut each of them down and start it again when it suits (a reboot from inside is not enough): yado vm shutdown ID && yado vm start ID",
	"都合の良い時に停止して起動し直してください（ゲスト内の再起動では不十分）: yado vm shutdown ID && yado vm start ID");
static const Finding *const stale_findings[] = {&current, &stale_yado, &stale_guests, NULL};

/* A mapped library whose file is gone; files in /dev, /memfd: and /tmp come and go by themselves. */
static gboolean maps_replaced(const Host *host, int pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/maps", pid);
	g_autofree char *maps = host_read(host, path, MAPS_MAX);
	g_auto(GStrv) lines = g_strsplit(maps ? maps : "", "\n", -1);
	for (char **line = lines; *line; line++)
		if (g_str_has_suffix(*line, " (deleted)") && (strstr(*line, " /usr/") || strstr(*line, " /lib/")))
			return TRUE;
	return FALSE;
}

static gboolean is_stale(const Host *host, const HostProcess *process)
{
	return process->replaced || maps_replaced(host, process->pid);
}

static void look_at_programs(const Host *host, Report *to)
{
	static const char *const ours[] = {"yadod", "yado-httpd", NULL};
	static const char *const guests[] = {"qemu-system-x86_64", NULL};
	g_autoptr(GPtrArray) programs = host_processes(host, ours), qemus = host_processes(host, guests);
	g_autoptr(GString) names = g_string_new(NULL);
	guint count = 0;
	for (guint i = 0; i < programs->len; i++) {
		const HostProcess *process = programs->pdata[i];
		if (is_stale(host, process) && !strstr(names->str, process->name))
			g_string_append_printf(names, "%s%s", names->len ? ", " : "", process->name);
	}
	for (guint i = 0; i < qemus->len; i++)
		count += is_stale(host, qemus->pdata[i]);
	g_autofree char *number = g_strdup_printf("%u", count);
	if (names->len)
		report(to, &stale_yado, "programs", names->str, NULL);
	if (count)
		report(to, &stale_guests, "count", number, NULL);
	if (!names->len && !count)
		report(to, &current, NULL);
}

FINDING_OK(not_pending, "reboot.none", "no reboot is waited for (kernel {release})", "再起動の必要はありません（カーネル {release}）");
FINDING(newer, "reboot.newer-kernel", STATE_NOTE,
	"kernel {release} runs, {newest} is installed", "カーネル {release} が稼働中、{newest} がインストール済みです",
	"what the newer kernel has repaired, security included, is not in effect", "新しいカーネルの修正（セキュリティを含む）がまだ有効ではありません",
	"when it suits: yado node shutdown-guests && reboot", "都合の良い時に: yado node shutdown-guests && reboot");
FINDING(required, "reboot.required", STATE_NOTE,
	"an upgrade asks for a reboot: {packages}", "更新により再起動が求められています: {packages}",
	"what was upgraded is not in effect everywhere", "更新内容の一部がまだ有効ではありません",
	"when it suits: yado node shutdown-guests && reboot", "都合の良い時に: yado node shutdown-guests && reboot");
static const Finding *const reboot_findings[] = {&not_pending, &newer, &required, NULL};

/* The part of a release behind its numbers: "-amd64" of "6.1.0-28-amd64"; kernels of another flavour are no upgrade. */
static const char *flavour(const char *release)
{
	const char *at = release + strspn(release, "0123456789.-+~");
	return at;
}

/* The order of versions: numbers by their value. */
static int compare_releases(const char *a, const char *b)
{
	return strverscmp(a, b);
}

static void look_at_boot(const Host *host, Report *to)
{
	static const char prefix[] = "vmlinuz-";
	g_autofree char *release = host_read_line(host, "/proc/sys/kernel/osrelease");
	g_autofree char *packages = host_read(host, "/run/reboot-required.pkgs", 65536);
	g_auto(GStrv) files = host_list(host, "/boot");
	const char *newest = NULL;
	for (char **file = files; release && *file; file++) {
		const char *name = g_str_has_prefix(*file, prefix) ? *file + strlen(prefix) : NULL;
		if (name && strcmp(flavour(name), flavour(release)) == 0 &&
		    compare_releases(name, newest ? newest : release) > 0)
			newest = name;
	}
	if (newest)
		report(to, &newer, "release", release, "newest", newest, NULL);
	else if (host_exists(host, "/run/reboot-required"))
		report(to, &required, "packages", packages ? g_strdelimit(g_strstrip(packages), "\n", ' ') : "-", NULL);
	else
		report(to, &not_pending, "release", release, NULL);
}

const Check program_checks[] = {
	{"stale", {"programs after an upgrade", "更新後のプログラム"}, 0, look_at_programs, stale_findings},
	{"reboot", {"reboot", "再起動"}, 0, look_at_boot, reboot_findings},
	{0}};
