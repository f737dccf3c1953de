/* What a check has found, as it goes into the answer: the texts of its findings with their parameters filled in. */
#include "doctor/report.h"

#include <stdarg.h>
#include <string.h>

#include "base/json.h"

enum { PARAMETER_MAX = 1024 };

FINDING(unknown, "unknown", STATE_UNKNOWN,
	"could not be found out: {reason}", "調べられませんでした: {reason}",
	"whether something is wrong here stays open", "ここに問題があるかどうかは分かりません",
	"run 'yado doctor' as root on the host itself; if it stays so, look at what the reason names",
	"このホスト上でrootとして 'yado doctor' を実行し、それでも同じなら理由に挙がったものを確認してください");
FINDING(late, "unknown.late", STATE_UNKNOWN,
	"did not come to an end within {seconds} s", "{seconds} 秒以内に終わりませんでした",
	"whatever it looks at hangs, and so will what uses it", "調査対象が応答しておらず、それを使うものも止まる恐れがあります",
	"look at the kernel's log for a device or a server that does not answer: journalctl -k -b",
	"応答しない装置やサーバーをカーネルのログで確認してください: journalctl -k -b");

const Finding *const common_findings[] = {&unknown, &late, NULL};

const char *state_name(State state)
{
	static const char *const names[STATE_COUNT] = {
		[STATE_OK] = "ok", [STATE_NOTE] = "note", [STATE_UNKNOWN] = "unknown",
		[STATE_WARNING] = "warning", [STATE_PROBLEM] = "problem"};
	return names[state];
}

struct Report {
	const Check *check;
	json_object *items; /* of this thread's alone until the check has ended */
	guint counts[STATE_COUNT];
};

Report *report_new(const Check *check)
{
	Report *report = g_new0(Report, 1);
	report->check = check;
	report->items = json_object_new_array();
	return report;
}

void report_free(Report *report)
{
	if (!report)
		return;
	json_object_put(report->items);
	g_free(report);
}

json_object *report_items(const Report *report)
{
	return report->items;
}

guint report_count(const Report *report, State state)
{
	return report->counts[state];
}

/* Text of others: bounded, and what would drive a terminal becomes '?'. */
static char *dup_harmless(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *harmless = g_string_new(NULL);
	for (const char *at = valid; *at && harmless->len < PARAMETER_MAX; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);
		gboolean shown = g_unichar_isprint(c) && g_unichar_type(c) != G_UNICODE_FORMAT;
		g_string_append_unichar(harmless, shown ? c : '?');
	}
	return g_string_free(harmless, FALSE);
}

static char *fill_in(const char *text, json_object *parameters)
{
	GString *filled = g_string_new(NULL);
	for (const char *at = text; *at;) {
		const char *end = *at == '{' ? strchr(at, '}') : NULL;
		g_autofree char *name = end ? g_strndup(at + 1, (gsize)(end - at - 1)) : NULL;
		const char *value = name ? json_get_str(parameters, name, NULL) : NULL;
		if (!value) {
			g_string_append_c(filled, *at++);
			continue;
		}
		g_string_append(filled, value);
		at = end + 1;
	}
	return g_string_free(filled, FALSE);
}

static void set_texts(json_object *item, const char *name, const Texts *texts, json_object *parameters)
{
	g_autofree char *name_ja = g_strconcat(name, "_ja", NULL);
	g_autofree char *en = fill_in(texts->en, parameters), *ja = fill_in(texts->ja, parameters);
	json_set_str(item, name, en);
	json_set_str(item, name_ja, ja);
}

static void add(Report *report, const Finding *finding, json_object *parameters)
{
	json_object *item = json_object_new_object();
	json_set_str(item, "check", report->check->id);
	json_set_str(item, "id", finding->id);
	json_set_str(item, "state", state_name(finding->state));
	set_texts(item, "title", &report->check->title, NULL);
	set_texts(item, "found", &finding->found, parameters);
	set_texts(item, "cost", &finding->cost, parameters);
	set_texts(item, "remedy", &finding->remedy, parameters);
	json_set(item, "parameters", parameters);
	json_object_array_add(report->items, item);
	report->counts[finding->state]++;
}

void report(Report *report, const Finding *finding, ...)
{
	json_object *parameters = json_object_new_object();
	va_list args;
	va_start(args, finding);
	for (const char *name; (name = va_arg(args, const char *));) {
		const char *value = va_arg(args, const char *);
		g_autofree char *harmless = dup_harmless(value ? value : "?");
		json_set_str(parameters, name, harmless);
	}
	va_end(args);
	add(report, finding, parameters);
}

void report_unknown(Report *report_, const char *reason)
{
	report(report_, &unknown, "reason", reason, NULL);
}

void report_late(Report *report_, guint deadline_ms)
{
	g_autofree char *seconds = g_strdup_printf("%.3g", deadline_ms / 1000.0);
	report(report_, &late, "seconds", seconds, NULL);
}
