/* What the doctor answers. */
#include "schema/schema.h"

#define ALWAYS FIELD_READONLY
#define MAYBE (FIELD_READONLY | FIELD_NULLABLE)

static const char *const states[] = {"ok", "note", "unknown", "warning", "problem", NULL};

#define BOTH(name_, help_, help_ja_)                                                                                   \
	{.name = name_, .type = FIELD_STRING, .flags = ALWAYS, .help = help_ " (English)",                          \
	 .help_ja = help_ja_ "（英語）"},                                                                              \
	{.name = name_ "_ja", .type = FIELD_STRING, .flags = ALWAYS, .help = help_ " (Japanese)",                      \
	 .help_ja = help_ja_ "（日本語）"}

static const Field finding_fields[] = {
	{.name = "check", .type = FIELD_STRING, .flags = ALWAYS, .max = 63, .help = "what was looked at, as in 'kvm'",
	 .help_ja = "チェックの名前（例: 'kvm'）"},
	{.name = "id", .type = FIELD_STRING, .flags = ALWAYS, .max = 63,
	 .help = "what was found, as in 'kvm.no-flags'; stable", .help_ja = "結果の名前（例: 'kvm.no-flags'）。変わらない"},
	{.name = "state", .type = FIELD_ENUM, .flags = ALWAYS, .values = states,
	 .help = "'note': nothing has to be done; 'unknown': could not be found out; 'warning': it costs something; "
		 "'problem': something does not work, or soon will not",
	 .help_ja = "'note' は参考、'unknown' は不明、'warning' は支障あり、'problem' は動かない、または間もなく動かなくなる"},
	BOTH("title", "what was looked at", "チェックの題名"),
	BOTH("found", "what is so", "分かったこと"),
	BOTH("cost", "what that costs; empty if nothing", "影響。なければ空"),
	BOTH("remedy", "how to get what is missing; empty if nothing is", "対処。なければ空"),
	{.name = "parameters", .type = FIELD_ANY, .flags = ALWAYS, .help = "the values in the texts, by name",
	 .help_ja = "文中の値（名前ごと）"},
	{0}};
static const Table finding_table = {.name = "finding", .title = "Finding", .title_ja = "結果", .fields = finding_fields};

#define COUNT(name_, help_, help_ja_)                                                                                 \
	{.name = name_, .type = FIELD_INT, .flags = ALWAYS, .max = G_MAXINT32, .help = help_, .help_ja = help_ja_}

static const Field summary_fields[] = {
	COUNT("ok", "how many are well", "問題なしの件数"), COUNT("note", "how many notes", "参考の件数"),
	COUNT("unknown", "how many could not be found out", "不明の件数"),
	COUNT("warning", "how many warnings", "支障ありの件数"), COUNT("problem", "how many problems", "問題の件数"), {0}};
static const Table summary_table = {.name = "doctor-summary", .title = "Summary", .title_ja = "まとめ",
				    .fields = summary_fields};

static const Field doctor_fields[] = {
	{.name = "node", .type = FIELD_STRING, .flags = MAYBE, .max = 63, .help = "name of the node",
	 .help_ja = "ノード名"},
	{.name = "version", .type = FIELD_STRING, .flags = ALWAYS, .max = 63, .help = "version of Yado",
	 .help_ja = "Yadoのバージョン"},
	{.name = "at", .type = FIELD_STRING, .flags = ALWAYS, .max = 40, .help = "when it was looked at (UTC)",
	 .help_ja = "調べた日時（UTC）"},
	{.name = "duration_ms", .type = FIELD_INT, .flags = ALWAYS, .max = G_MAXINT32, .unit = "ms",
	 .help = "how long that took", .help_ja = "所要時間"},
	{.name = "summary", .type = FIELD_OBJECT, .flags = ALWAYS, .table = &summary_table,
	 .help = "how many findings of each state", .help_ja = "状態ごとの件数"},
	{.name = "checks", .type = FIELD_ITEMS, .flags = ALWAYS, .table = &finding_table, .help = "what was found",
	 .help_ja = "調べた結果"},
	{0}};
const Table doctor_table = {.name = "doctor", .title = "Check of a host", .title_ja = "ホストの診断",
			    .fields = doctor_fields};
