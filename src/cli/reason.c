/* Why a guest is in its state. */
#include "cli/reason.h"

#include <string.h>

#include "base/json.h"
#include "cli/format.h"

typedef enum Detail { DETAIL_NONE, DETAIL_USER, DETAIL_TEXT } Detail;

static const struct {
	const char *code;
	const char *japanese;
	Detail detail;
} reasons[] = {
	{"started", "起動", DETAIL_USER},
	{"restarted", "異常の後に再起動", DETAIL_TEXT},
	{"start-failed", "起動に失敗", DETAIL_TEXT},
	{"resumed", "再開", DETAIL_USER},
	{"user-pause", "一時停止", DETAIL_USER},
	{"user-reset", "リセット", DETAIL_USER},
	{"user-stop", "停止", DETAIL_USER},
	{"user-shutdown", "シャットダウン", DETAIL_USER},
	{"shutdown-forced", "時間切れで電源断", DETAIL_USER},
	{"guest-shutdown", "ゲストが電源を切った", DETAIL_NONE},
	{"guest-reboot", "ゲストが再起動した", DETAIL_NONE},
	{"paused", "一時停止", DETAIL_NONE},
	{"no-space", "ストレージの空き不足で一時停止。空きを作って回答してください", DETAIL_TEXT},
	{"io-error", "I/Oエラーで一時停止。ストレージを確認して回答してください", DETAIL_TEXT},
	{"internal-error", "QEMUの内部エラーで停止", DETAIL_NONE},
	{"asleep", "ゲストがスリープ中。再開すると起きる", DETAIL_NONE},
	{"watchdog", "ウォッチドッグの時間切れ", DETAIL_TEXT},
	{"panic", "ゲストのカーネルがパニック", DETAIL_TEXT},
	{"crash", "QEMUの異常終了", DETAIL_TEXT},
	{"host-signal", "QEMUが外部のシグナルで終了", DETAIL_TEXT},
	{"scope-stopped", "systemdがスコープを停止した", DETAIL_TEXT},
	{"node-shutdown", "ノードとともにシャットダウン", DETAIL_USER},
	{"unresponsive", "QEMUが応答しない", DETAIL_TEXT},
	{"node-restart", "稼働中にノードが再起動した", DETAIL_NONE},
};

char *reason_text(json_object *status)
{
	g_autofree char *text = format_safe(json_get_str(status, "reason", ""));
	const char *code = json_get_str(status, "reason_code", ""), *by = strstr(text, " by ");
	for (gsize i = 0; speak_japanese && i < G_N_ELEMENTS(reasons); i++) {
		if (!g_str_equal(reasons[i].code, code))
			continue;
		if (reasons[i].detail == DETAIL_USER && by)
			return g_strdup_printf("%s（%s）", reasons[i].japanese, by + strlen(" by "));
		if (reasons[i].detail == DETAIL_TEXT)
			return g_strdup_printf("%s（%s）", reasons[i].japanese, text);
		return g_strdup(reasons[i].japanese);
	}
	return g_steal_pointer(&text);
}
