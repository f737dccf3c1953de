/* Control groups: which version, and whether the controllers that guests are bounded and counted with can be had. */
#include <string.h>

#include "doctor/check.h"

FINDING_OK(v2, "cgroups.v2", "version 2 with {controllers}", "バージョン2（{controllers}）");
FINDING(v2_short, "cgroups.missing", STATE_WARNING,
	"version 2, but without {missing}", "バージョン2ですが、{missing} がありません",
	"what guests use of it is neither bounded nor counted", "ゲストによるその資源の使用を制限も計測もできません",
	"take 'cgroup_disable=' out of the kernel's command line; in a container, let the host delegate the controllers (systemd: Delegate=yes)",
	"カーネル引数から 'cgroup_disable=' を外してください。コンテナ内ならホスト側で委譲してください（systemd: Delegate=yes）");
FINDING_OK(hybrid, "cgroups.hybrid", "version 1, and a tree of version 2 beside it: guests are bounded, counted and ended at once",
	   "バージョン1とバージョン2の併用です。制限、計測、一括終了ができます");
FINDING(v1, "cgroups.v1", STATE_NOTE,
	"version 1", "バージョン1です",
	"guests are bounded and counted, but what is left of one is ended process by process instead of at once, and user-mode network cards are refused (their guard against the host's loopback is a program of a version 2 group)",
	"制限と計測はできますが、残ったプロセスを一度に終了できず、ユーザーモードのネットワークカードも使えません（ループバック保護にバージョン2が必要）",
	"Debian boots with version 2 unless 'systemd.unified_cgroup_hierarchy=0' or another init is chosen: take that out and boot again; at least: mount -t cgroup2 none /sys/fs/cgroup/unified",
	"Debianの既定はバージョン2です。カーネル引数 'systemd.unified_cgroup_hierarchy=0' などを外して再起動するか、mount -t cgroup2 none /sys/fs/cgroup/unified で併用してください");
FINDING(none, "cgroups.none", STATE_PROBLEM,
	"no control groups are mounted", "コントロールグループがマウントされていません",
	"guests are neither bounded nor counted, and user-mode network cards are refused (their guard against the host's loopback is a program of a group)",
	"ゲストを制限も計測もできず、ユーザーモードのネットワークカードも使えません",
	"mount -t cgroup2 none /sys/fs/cgroup (systemd does it at boot), then: systemctl restart yadod",
	"mount -t cgroup2 none /sys/fs/cgroup を実行し（systemdなら起動時に自動）、systemctl restart yadod");
static const Finding *const findings[] = {&v2, &v2_short, &hybrid, &v1, &none, NULL};

static const char *const wanted[] = {"cpu", "io", "memory", "pids"};

static void look_at_v2(const Host *host, const char *mount_point, Report *to)
{
	g_autofree char *path = g_build_filename(mount_point, "cgroup.controllers", NULL);
	g_autofree char *line = host_read_line(host, path);
	g_auto(GStrv) there = g_strsplit(line ? line : "", " ", -1);
	g_autoptr(GString) missing = g_string_new(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(wanted); i++)
		if (!g_strv_contains((const char *const *)there, wanted[i]))
			g_string_append_printf(missing, "%s%s", missing->len ? ", " : "", wanted[i]);
	if (missing->len)
		report(to, &v2_short, "missing", missing->str, NULL);
	else
		report(to, &v2, "controllers", "cpu, io, memory, pids", NULL);
}

/* A mount of that type in mountinfo (proc(5)); caller frees. */
static char *find_mount(const char *mountinfo, const char *type)
{
	g_auto(GStrv) lines = g_strsplit(mountinfo, "\n", -1);
	g_autofree char *mark = g_strdup_printf(" - %s ", type);
	for (char **line = lines; *line; line++) {
		if (!strstr(*line, mark))
			continue;
		g_auto(GStrv) words = g_strsplit(*line, " ", 6);
		if (g_strv_length(words) > 4)
			return g_strcompress(words[4]);
	}
	return NULL;
}

static void look(const Host *host, Report *to)
{
	g_autofree char *mountinfo = host_read(host, "/proc/self/mountinfo", 4 << 20);
	if (!mountinfo) {
		report_unknown(to, "/proc/self/mountinfo cannot be read");
		return;
	}
	g_autofree char *unified = find_mount(mountinfo, "cgroup2"), *old = find_mount(mountinfo, "cgroup");
	if (old)
		report(to, unified ? &hybrid : &v1, NULL);
	else if (unified)
		look_at_v2(host, unified, to);
	else
		report(to, &none, NULL);
}

const Check cgroup_checks[] = {{"cgroups", {"control groups", "コントロールグループ"}, 0, look, findings}, {0}};
