/* What the kernel's log of this boot says about guests and disks, and who crashed. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "doctor/check.h"
#include "doctor/kernel-log.h"

enum { RECENT_S = 7 * 86400, SHOWN_MAX = 200 };

FINDING_OK(quiet, "kernel-log.quiet", "nothing of concern in this boot's log", "今回の起動後、問題となる記録はありません");
FINDING(out_of_memory, "kernel-log.out-of-memory", STATE_WARNING,
	"the kernel has ended programs for want of memory, {count} times; the last: {line}",
	"メモリ不足でカーネルがプログラムを {count} 回終了させました。最後: {line}",
	"a guest that is ended like this loses what it had not written, as with a power cut", "終了されたゲストは電源断と同じく未書き込みのデータを失います",
	"give guests less memory or run fewer (yado vm list --fields name,state,memory), or add memory or swap",
	"ゲストのメモリか数を減らす（yado vm list --fields name,state,memory）か、メモリかスワップを増やしてください");
FINDING(disk_error, "kernel-log.disk", STATE_PROBLEM,
	"disk errors, {count} lines; the last: {line}", "ディスクのエラーが {count} 行あります。最後: {line}",
	"data on that disk may be lost at any time", "そのディスクのデータがいつ失われてもおかしくありません",
	"save what is on it, look at 'smartctl -a /dev/DISK', and replace it", "データを退避し、'smartctl -a /dev/ディスク' を確認の上、交換してください");
FINDING(machine_check, "kernel-log.machine-check", STATE_WARNING,
	"errors of the machine itself, {count} lines; the last: {line}", "ハードウェアのエラーが {count} 行あります。最後: {line}",
	"memory or CPU are failing: guests crash or compute wrong results", "メモリかCPUの故障で、ゲストの異常終了や計算の誤りが起こり得ます",
	"apt install rasdaemon && ras-mc-ctl --errors says which part; test the memory with memtest86+",
	"apt install rasdaemon && ras-mc-ctl --errors で部品を特定し、memtest86+ でメモリを検査してください");
FINDING(denied, "kernel-log.denied", STATE_WARNING,
	"AppArmor has refused what guests need, {count} times; the last: {line}", "AppArmorがゲストに必要な操作を {count} 回拒否しました。最後: {line}",
	"guests or their network cards do not start, or stop working", "ゲストやネットワークカードが起動しないか、動かなくなります",
	"aa-complain /etc/apparmor.d/PROFILE (apt install apparmor-utils), with the profile that the line names; then tell Yado's makers by 'yado support-bundle'",
	"行に示されたプロファイルで aa-complain /etc/apparmor.d/PROFILE（apt install apparmor-utils）を実行し、'yado support-bundle' で報告してください");
static const Finding *const log_findings[] = {&quiet, &out_of_memory, &disk_error, &machine_check, &denied, NULL};

/* A line counts when it has one of `marks` and, where there are any, one of `about`. */
static const struct {
	const Finding *finding;
	const char *marks[8], *about[5];
} patterns[] = {
	{&out_of_memory, {"Out of memory: Killed process", "oom-kill:"}, {NULL}},
	{&disk_error,
	 {"I/O error, dev ", "EXT4-fs error", "XFS (", "BTRFS error", "Medium Error", "critical medium error",
	  "failed command: "},
	 {"error", "Error", "ERROR", "failed command"}},
	{&machine_check, {"Machine check events logged", "[Hardware Error]", "EDAC "}, {"Error", "error", "events logged"}},
	{&denied, {"apparmor=\"DENIED\""}, {"qemu", "passt", "yado"}},
};

static gboolean has_one(const char *line, const char *const *words, guint count)
{
	if (!words[0])
		return TRUE;
	for (guint i = 0; i < count && words[i]; i++)
		if (strstr(line, words[i]))
			return TRUE;
	return FALSE;
}

static void look_at_log(const Host *host, Report *to)
{
	g_autofree char *reason = NULL;
	g_autofree char *text = kernel_log_read(host, &reason);
	if (!text) {
		report_unknown(to, reason);
		return;
	}
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	gboolean good = TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(patterns); i++) {
		guint count = 0;
		const char *last = NULL;
		for (char **line = lines; *line; line++) {
			if (!has_one(*line, patterns[i].marks, G_N_ELEMENTS(patterns[i].marks)) ||
			    !has_one(*line, patterns[i].about, G_N_ELEMENTS(patterns[i].about)))
				continue;
			count++;
			last = *line;
		}
		if (!count)
			continue;
		g_autofree char *number = g_strdup_printf("%u", count), *shown = g_strndup(last, SHOWN_MAX);
		report(to, patterns[i].finding, "count", number, "line", shown, NULL);
		good = FALSE;
	}
	if (good)
		report(to, &quiet, NULL);
}

FINDING_OK(none, "crashes.none", "no crash of QEMU or Yado within a week is kept", "この1週間のQEMUやYadoのクラッシュ記録はありません");
FINDING(some, "crashes.some", STATE_WARNING,
	"{count} crashes of QEMU or Yado within a week are kept; the last: {name}", "この1週間のQEMUやYadoのクラッシュ記録が {count} 件あります。最後: {name}",
	"a guest that crashed lost what it had not written", "クラッシュしたゲストは未書き込みのデータを失っています",
	"coredumpctl info shows where; report it with a 'yado support-bundle'", "coredumpctl info で詳細を確認し、'yado support-bundle' を添えて報告してください");
static const Finding *const crash_findings[] = {&none, &some, NULL};

/* systemd-coredump's files: "core.qemu-system-x86.0.BOOT.PID.TIME.zst". */
static void look_at_crashes(const Host *host, Report *to)
{
	static const char dir[] = "/var/lib/systemd/coredump";
	g_auto(GStrv) names = host_list(host, dir);
	guint count = 0;
	const char *last = "";
	time_t newest = 0;
	for (char **name = names; *name; name++) {
		g_autofree char *path = g_strconcat(host->root, dir, "/", *name, NULL);
		struct stat info;
		if ((!g_str_has_prefix(*name, "core.qemu-system") && !g_str_has_prefix(*name, "core.yado")) ||
		    stat(path, &info) < 0 || (!host->recorded && info.st_mtime < host_now(host) - RECENT_S))
			continue;
		count++;
		if (info.st_mtime >= newest) {
			newest = info.st_mtime;
			last = *name;
		}
	}
	g_autofree char *number = g_strdup_printf("%u", count);
	report(to, count ? &some : &none, "count", number, "name", last, NULL);
}

const Check log_checks[] = {
	{"kernel-log", {"kernel's log", "カーネルのログ"}, 0, look_at_log, log_findings},
	{"crashes", {"crashes", "クラッシュ"}, 0, look_at_crashes, crash_findings},
	{0}};
