/* The clock: kept by somebody, not behind what was already recorded, and read without a detour. */
#include <string.h>
#include <sys/timex.h>

#include "base/json.h"
#include "doctor/check.h"
#include "doctor/database.h"

#define WRONG "sessions, tokens and certificates end too early or too late, logs cannot be compared, and guests take the wrong time over at their start"
#define WRONG_JA "セッション、トークン、証明書の期限がずれ、ログを比較できず、ゲストも起動時に誤った時刻を受け取ります"

FINDING_OK(synchronised, "time.synchronised", "the clock is kept by a time server", "時刻は同期されています");
FINDING(unsynchronised, "time.unsynchronised", STATE_WARNING,
	"nobody keeps the clock: the kernel counts it as unsynchronised", "時刻が同期されていません（カーネルの判定）",
	WRONG, WRONG_JA,
	"apt install systemd-timesyncd (or chrony); it needs a way to a time server: see 'timedatectl timesync-status'",
	"apt install systemd-timesyncd（または chrony）。時刻サーバーに届くか 'timedatectl timesync-status' で確認してください");
FINDING(behind, "time.behind", STATE_PROBLEM,
	"the clock says {now}, but the configuration was changed at {then}", "時計は {now} ですが、設定は {then} に変更されています",
	WRONG, WRONG_JA,
	"set it: timedatectl set-time 'YYYY-MM-DD hh:mm:ss', or let it be kept: apt install systemd-timesyncd; a clock that is wrong after each boot needs a new battery on the board",
	"timedatectl set-time 'YYYY-MM-DD hh:mm:ss' で合わせるか、systemd-timesyncd を入れてください。起動のたびに狂うなら基板の電池を交換してください");
static const Finding *const time_findings[] = {&synchronised, &unsynchronised, &behind, NULL};

enum { TOLERANCE_S = 60 };

static gboolean is_synchronised(const Host *host, gboolean *ret_known)
{
	struct timex state = {0};
	json_auto json_object *fact = host_fact(host, "synchronised");
	*ret_known = TRUE;
	if (host->recorded) {
		*ret_known = fact != NULL;
		return fact && json_object_get_boolean(fact);
	}
	int clock = adjtimex(&state);
	*ret_known = clock >= 0;
	return clock >= 0 && clock != TIME_ERROR && !(state.status & STA_UNSYNC);
}

static char *format(gint64 seconds)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
	return time ? g_date_time_format(time, "%F %T UTC") : g_strdup("?");
}

static void look_at_time(const Host *host, Report *to)
{
	gboolean known;
	gint64 now = host_now(host), then = database_newest_change(host);
	gboolean kept = is_synchronised(host, &known);
	g_autofree char *now_text = format(now), *then_text = format(then);
	if (then > now + TOLERANCE_S)
		report(to, &behind, "now", now_text, "then", then_text, NULL);
	if (!known)
		report_unknown(to, "the kernel does not say whether the clock is synchronised");
	else if (!kept)
		report(to, &unsynchronised, NULL);
	else if (then <= now + TOLERANCE_S)
		report(to, &synchronised, NULL);
}

FINDING_OK(quick, "clocksource.quick", "the kernel reads its clock from {source}", "カーネルの時計は {source} です");
FINDING(slow, "clocksource.slow", STATE_NOTE,
	"the kernel reads its clock from {source}; there are {available}", "カーネルの時計は {source} です（選択肢: {available}）",
	"each look at the clock leaves the CPU: busy guests and programs that ask often become slower",
	"時刻の取得のたびに遅い装置を読むため、負荷の高いゲストやプログラムが遅くなります",
	"look why the time stamp counter was given up: journalctl -k -g tsc; often the firmware needs an update, or a virtual machine the CPU model 'host'",
	"TSCが使われない理由を確認してください: journalctl -k -g tsc。多くはファームウェアの更新、仮想マシンならCPUモデル 'host' で直ります");
static const Finding *const source_findings[] = {&quick, &slow, NULL};

static void look_at_source(const Host *host, Report *to)
{
	static const char dir[] = "/sys/devices/system/clocksource/clocksource0";
	static const char *const good[] = {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", NULL};
	g_autofree char *path = g_strconcat(dir, "/current_clocksource", NULL);
	g_autofree char *all = g_strconcat(dir, "/available_clocksource", NULL);
	g_autofree char *source = host_read_line(host, path), *available = host_read_line(host, all);
	if (!source)
		report_unknown(to, "there is no /sys/devices/system/clocksource");
	else if (g_strv_contains(good, source))
		report(to, &quick, "source", source, NULL);
	else
		report(to, &slow, "source", source, "available", available, NULL);
}

const Check clock_checks[] = {
	{"time", {"time", "時刻"}, 0, look_at_time, time_findings},
	{"clocksource", {"source of the clock", "時計の源"}, 0, look_at_source, source_findings},
	{0}};
