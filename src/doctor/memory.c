/* Memory: what guests could take beside what there is, and settings that cost some of it. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"
#include "doctor/check.h"
#include "doctor/database.h"

enum { AVAILABLE_BAD = 5, SWAPPED_NOTE = 50, HUGE_NOTE_KIB = 1 << 20 };

FINDING_OK(enough, "memory.enough", "{available} of {total} are available; all guests ({count}) together may take {wanted}",
	   "{total} のうち {available} が使用可能。全ゲスト（{count} 台）の合計は {wanted} です");
FINDING(promised, "memory.promised", STATE_NOTE,
	"all guests ({count}) together may take {wanted}, the host has {total} and {swap} of swap",
	"全ゲスト（{count} 台）の合計は {wanted}、ホストは {total}、スワップは {swap} です",
	"if all of them run and use it, the kernel ends one of them to save the others", "すべてが動いて使い切ると、カーネルがどれか1台を強制終了します",
	"run fewer at once, give them less (yado vm set ID --memory SIZE), or add memory or swap",
	"同時に動かす数やメモリ（yado vm set ID --memory サイズ）を減らすか、メモリかスワップを増やしてください");
FINDING(scarce, "memory.scarce", STATE_WARNING,
	"only {available} of {total} are available", "{total} のうち使用可能なのは {available} だけです",
	"the next guest may not start, and the kernel may end one that runs", "次のゲストが起動しないか、稼働中のゲストがカーネルに終了される恐れがあります",
	"stop a guest that nobody needs, or give it less: yado vm list --fields name,state,memory",
	"不要なゲストを止めるかメモリを減らしてください: yado vm list --fields name,state,memory");
FINDING(strict, "memory.strict", STATE_WARNING,
	"vm.overcommit_memory is 2: memory must be there before it is asked for, {left} of {limit} are left",
	"vm.overcommit_memory が 2 です。確保済みでないメモリは割り当てられず、{limit} のうち残り {left} です",
	"guests do not start although there is memory that nobody uses", "空きメモリがあってもゲストが起動しないことがあります",
	"sysctl vm.overcommit_memory=0, and take it out of /etc/sysctl.conf and /etc/sysctl.d",
	"sysctl vm.overcommit_memory=0 を実行し、/etc/sysctl.conf と /etc/sysctl.d からも外してください");
FINDING(swapping, "memory.swapping", STATE_NOTE,
	"{used} of {swap} of swap are in use", "スワップ {swap} のうち {used} を使用中です",
	"parts of guests lie on the disk: they stand still for a moment when they are used", "ゲストの一部がディスク上にあり、使うときに一瞬止まります",
	"look whether it still goes on (vmstat 1); if so, run less on this host", "続いているか vmstat 1 で確認し、続いているなら負荷を減らしてください");
FINDING(huge, "memory.huge-pages", STATE_NOTE,
	"{size} are set aside as huge pages, {free} of them unused", "{size} がヒュージページに確保され、うち {free} は未使用です",
	"only guests with huge pages (yado vm set ID --hugepages 2M) take them, nothing else can", "ヒュージページを使うゲスト（yado vm set ID --hugepages 2M）以外は使えません",
	"if neither guests nor anything else on this host needs them: sysctl vm.nr_hugepages=0, and take it out of /etc/sysctl.d and the kernel's command line",
	"ゲストにも他の用途にも使わないなら sysctl vm.nr_hugepages=0 を実行し、/etc/sysctl.d とカーネル引数からも外してください");
FINDING(no_thp, "memory.no-thp", STATE_NOTE,
	"transparent huge pages are off", "Transparent Huge Pages が無効です",
	"guests with much memory run slower: more of the CPU's time goes into finding pages", "メモリの多いゲストが遅くなります（ページの検索にCPU時間を使う）",
	"echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, and take 'transparent_hugepage=never' out of the kernel's command line",
	"echo madvise > /sys/kernel/mm/transparent_hugepage/enabled を実行し、カーネル引数から 'transparent_hugepage=never' を外してください");
FINDING(blind, "memory.ksm-blind", STATE_NOTE,
	"equal pages are merged (KSM) beside automatic NUMA balancing, with Linux {kernel}",
	"Linux {kernel} で、同一ページの統合（KSM）と自動NUMAバランシングが両方とも有効です",
	"Linux 6.1 to 6.4 does not merge pages that the balancing has marked until a guest uses them: KSM saves little and costs as much",
	"Linux 6.1～6.4 では、バランシングが印を付けたページはゲストが使うまで統合されません。KSMの負荷は同じで、節約はわずかです",
	"sysctl kernel.numa_balancing=0, and a file in /etc/sysctl.d that says so; or yado node memory --ksm off",
	"sysctl kernel.numa_balancing=0 を実行して /etc/sysctl.d にも書くか、yado node memory --ksm off を実行してください");
static const Finding *const findings[] = {&enough, &promised, &scarce, &strict, &swapping, &huge, &no_thp, &blind, NULL};

static char *format_kib(gint64 kib)
{
	return units_format_size((guint64)MAX(kib, 0) * 1024);
}

/* The memory of all guests' documents, in KiB. */
static gint64 sum_guests(const Host *host, guint *ret_count)
{
	json_auto json_object *vms = database_documents(host, "vm/", NULL);
	gint64 sum = 0;
	*ret_count = vms ? (guint)json_object_object_length(vms) : 0;
	if (!vms)
		return 0;
	json_object_object_foreach(vms, path, vm) {
		(void)path;
		sum += json_get_int(vm, "memory", 0) / 1024;
	}
	return sum;
}

/* Commit 474098edac26 (6.1) made follow_page(), by which KSM finds pages, pass over those that wait for a NUMA hinting
 * fault; d74943a2f3cd (6.5) undid that, and was not taken into 6.1's later versions. */
static gboolean hides_pages(const char *kernel)
{
	int major = 0, minor = 0;
	return kernel && sscanf(kernel, "%d.%d", &major, &minor) == 2 && major == 6 && minor >= 1 && minor <= 4;
}

static gboolean look_at_merging(const Host *host, Report *to)
{
	g_autofree char *run = host_read_line(host, "/sys/kernel/mm/ksm/run");
	g_autofree char *balancing = host_read_line(host, "/proc/sys/kernel/numa_balancing");
	g_autofree char *kernel = host_read_line(host, "/proc/sys/kernel/osrelease");
	if (g_strcmp0(run, "1") != 0 || !balancing || g_str_equal(balancing, "0") || !hides_pages(kernel))
		return TRUE;
	report(to, &blind, "kernel", kernel, NULL);
	return FALSE;
}

static gboolean look_at_settings(const Host *host, const char *meminfo, Report *to)
{
	g_autofree char *mode = host_read_line(host, "/proc/sys/vm/overcommit_memory");
	g_autofree char *thp = host_read_line(host, "/sys/kernel/mm/transparent_hugepage/enabled");
	gint64 pages = host_number(meminfo, "HugePages_Total"), unused = host_number(meminfo, "HugePages_Free");
	gint64 size = host_number(meminfo, "Hugepagesize");
	gboolean good = TRUE;
	if (g_strcmp0(mode, "2") == 0) {
		gint64 limit = host_number(meminfo, "CommitLimit"), used = host_number(meminfo, "Committed_AS");
		g_autofree char *limit_text = format_kib(limit), *left = format_kib(limit - used);
		report(to, &strict, "limit", limit_text, "left", left, NULL);
		good = FALSE;
	}
	if (unused * size >= HUGE_NOTE_KIB) {
		g_autofree char *all = format_kib(pages * size), *free_text = format_kib(unused * size);
		report(to, &huge, "size", all, "free", free_text, NULL);
		good = FALSE;
	}
	if (thp && strstr(thp, "[never]")) {
		report(to, &no_thp, NULL);
		good = FALSE;
	}
	return look_at_merging(host, to) && good;
}

static void look(const Host *host, Report *to)
{
	g_autofree char *meminfo = host_read(host, "/proc/meminfo", 65536);
	guint guests;
	if (!meminfo) {
		report_unknown(to, "/proc/meminfo cannot be read");
		return;
	}
	gint64 total = host_number(meminfo, "MemTotal"), available = host_number(meminfo, "MemAvailable");
	gint64 swap = MAX(host_number(meminfo, "SwapTotal"), 0), swap_free = MAX(host_number(meminfo, "SwapFree"), 0);
	gint64 wanted = sum_guests(host, &guests);
	g_autofree char *total_text = format_kib(total), *available_text = format_kib(available);
	g_autofree char *swap_text = format_kib(swap), *wanted_text = format_kib(wanted);
	g_autofree char *used_text = format_kib(swap - swap_free), *count = g_strdup_printf("%u", guests);
	gboolean good = look_at_settings(host, meminfo, to);
	if (swap > 0 && (swap - swap_free) * 100 > swap * SWAPPED_NOTE) {
		report(to, &swapping, "used", used_text, "swap", swap_text, NULL);
		good = FALSE;
	}
	if (available < total / 100 * AVAILABLE_BAD)
		report(to, &scarce, "available", available_text, "total", total_text, NULL);
	else if (wanted > total + swap)
		report(to, &promised, "count", count, "wanted", wanted_text, "total", total_text, "swap", swap_text, NULL);
	else if (good)
		report(to, &enough, "available", available_text, "total", total_text, "count", count, "wanted", wanted_text,
		       NULL);
}

const Check memory_checks[] = {{"memory", {"memory", "メモリ"}, 25000, look, findings}, {0}};
