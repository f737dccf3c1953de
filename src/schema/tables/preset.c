/* Presets of operating systems, as they are told; what they are is in preset/. */
#include "schema/schema.h"

#define ALWAYS FIELD_READONLY
#define MAYBE (FIELD_READONLY | FIELD_NULLABLE)

static const Field choice_fields[] = {
	{.name = "field", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .max = 255,
	 .help = "field of the guest; '*' stands for each device", .help_ja = "ゲストの項目（'*' は各デバイス）"},
	{.name = "value", .type = FIELD_ANY, .flags = ALWAYS | FIELD_ROW, .help = "its value", .help_ja = "値"},
	{.name = "why", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .help = "the reason", .help_ja = "理由（英語）"},
	{.name = "why_ja", .type = FIELD_STRING, .flags = ALWAYS, .help = "the reason, in Japanese", .help_ja = "理由"},
	{0}};
const Table preset_choice_table = {.name = "preset-choice", .title = "Choice of a preset", .title_ja = "プリセットによる値",
				   .fields = choice_fields};

static const Field preset_fields[] = {
	{.name = "name", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .min = 1, .max = 63,
	 .check = schema_check_key, .help = "name of the preset", .help_ja = "プリセット名"},
	{.name = "title", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .max = 255,
	 .help = "operating system that it is for", .help_ja = "対象のOS（英語）"},
	{.name = "title_ja", .type = FIELD_STRING, .flags = ALWAYS, .max = 255, .help = "the same in Japanese",
	 .help_ja = "対象のOS"},
	{.name = "group", .type = FIELD_STRING, .flags = ALWAYS, .max = 63, .check = schema_check_key,
	 .help = "group that it is shown in", .help_ja = "分類"},
	{.name = "group_title", .type = FIELD_STRING, .flags = ALWAYS | FIELD_ROW, .max = 255,
	 .help = "heading of that group", .help_ja = "分類の見出し（英語）"},
	{.name = "group_title_ja", .type = FIELD_STRING, .flags = ALWAYS, .max = 255, .help = "the same in Japanese",
	 .help_ja = "分類の見出し"},
	{.name = "settings", .type = FIELD_ITEMS, .flags = MAYBE, .table = &preset_choice_table,
	 .help = "what it decides where nothing else is said; not in lists", .help_ja = "指定がないときに決める値（一覧にはない）"},
	{.name = "with_drivers", .type = FIELD_ITEMS, .flags = MAYBE, .table = &preset_choice_table,
	 .help = "what it decides instead where a disk with drivers is in the library; not in lists",
	 .help_ja = "ライブラリにドライバーディスクがあるときに代わりに決める値（一覧にはない）"},
	{0}};
const Table preset_table = {.name = "preset", .title = "Preset", .title_ja = "プリセット", .fields = preset_fields};
