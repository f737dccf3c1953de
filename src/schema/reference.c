/* A table as a page of Markdown: one section for the resource and one for each table inside it. */
#include <string.h>

#include "base/json.h"
#include "schema/schema.h"
#include "schema/value.h"

typedef struct Words {
	const char *intro, *intro_readonly, *columns;
	const char *inside, *inside_map, *inside_items;
	const char *required, *readonly, *fixed, *live, *nullable;
	const char *yes_or_no, *list, *map, *items, *object, *any, *size, *number, *number_list, *measured, *text;
	const char *from_to, *up_to_values, *up_to_entries, *characters, *up_to_characters, *exactly_characters;
	const char *and_more;
} Words;

static const Words english = {
	.intro = "Fields of `%s`. Generated from the table that also checks values and makes the command's flags.",
	.intro_readonly = "All of them are set by Yado.",
	.columns = "| field | values | default | notes | meaning |",
	.inside = "Fields inside `%s`.",
	.inside_map = "Fields of each entry of `%s`. An entry's key is its permanent name: 1 to 63 of a-z, 0-9, `-` "
		      "and `_`, beginning with a letter or digit.",
	.inside_items = "Fields of each element of `%s`.",
	.required = "required",
	.readonly = "set by Yado",
	.fixed = "only at creation",
	.live = "takes effect while running",
	.nullable = "may be absent",
	.yes_or_no = "`true` or `false`",
	.list = "list of texts",
	.map = "entries, see below",
	.items = "list, see below",
	.object = "see below",
	.any = "any JSON",
	.size = "size",
	.number = "whole number",
	.number_list = "list of whole numbers",
	.measured = "list of numbers; `null`: not known",
	.text = "text",
	.from_to = ", %s to %s",
	.up_to_values = ", at most %s",
	.up_to_entries = ", at most %s",
	.characters = ", %s to %s characters",
	.up_to_characters = ", at most %s characters",
	.exactly_characters = ", %s characters",
	.and_more = ", from %s",
};

static const Words japanese_words = {
	.intro = "`%s` のフィールド。値の検査とコマンドのフラグの元になる表から生成。",
	.intro_readonly = "すべて Yado が設定する。",
	.columns = "| フィールド | 値 | 既定値 | 備考 | 意味 |",
	.inside = "`%s` の中のフィールド。",
	.inside_map = "`%s` の各項目のフィールド。項目のキーは変わらない名前（a-z、0-9、`-`、`_` を1〜63文字、"
		      "先頭は英数字）。",
	.inside_items = "`%s` の各要素のフィールド。",
	.required = "必須",
	.readonly = "Yado が設定",
	.fixed = "作成時のみ",
	.live = "稼働中に反映",
	.nullable = "省略可",
	.yes_or_no = "`true` または `false`",
	.list = "文字列のリスト",
	.map = "項目の集まり（下記）",
	.items = "リスト（下記）",
	.object = "下記",
	.any = "任意のJSON",
	.size = "サイズ",
	.number = "整数",
	.number_list = "整数のリスト",
	.measured = "数値のリスト（`null` は不明）",
	.text = "文字列",
	.from_to = "、%s〜%s",
	.up_to_values = "、最大%s個",
	.up_to_entries = "、最大%s個",
	.characters = "、%s〜%s文字",
	.up_to_characters = "、最大%s文字",
	.exactly_characters = "、%s文字",
	.and_more = "、%s以上",
};

/* One of the formats of Words. */
static void add(GString *page, const char *format, const char *first, const char *second)
{
	g_string_append_printf(page, format, first, second);
}

static void add_values(GString *page, const Words *words, const Field *field)
{
	g_autofree char *low = value_format(field, field->min);
	g_autofree char *high = value_format(field, field->max);
	switch (field->type) {
	case FIELD_STRING:
		g_string_append(page, words->text);
		if (field->max == 0)
			break; /* an answer's, without a bound */
		if (field->min == field->max)
			add(page, words->exactly_characters, low, NULL);
		else if (field->min == 0)
			add(page, words->up_to_characters, high, NULL);
		else
			add(page, words->characters, low, high);
		break;
	case FIELD_BOOL:
		g_string_append(page, words->yes_or_no);
		break;
	case FIELD_INT:
	case FIELD_SIZE:
		g_string_append(page, field->type == FIELD_SIZE ? words->size : words->number);
		if (field->max == G_MAXINT32 || field->max == G_MAXINT64)
			add(page, words->and_more, low, NULL);
		else
			add(page, words->from_to, low, high);
		break;
	case FIELD_ENUM:
		for (const char *const *value = field->values; *value; value++)
			g_string_append_printf(page, "%s`%s`", value == field->values ? "" : ", ", *value);
		break;
	case FIELD_LIST:
		g_string_append(page, words->list);
		if (field->max)
			add(page, words->up_to_values, high, NULL);
		break;
	case FIELD_OBJECT:
		g_string_append(page, words->object);
		break;
	case FIELD_MAP:
		g_string_append(page, words->map);
		add(page, words->up_to_entries, high, NULL);
		break;
	case FIELD_ITEMS:
		g_string_append(page, field->table ? words->items : words->number_list);
		break;
	case FIELD_NUMBERS:
		g_string_append(page, words->measured);
		break;
	case FIELD_ANY:
		g_string_append(page, words->any);
		break;
	}
}

static void add_default(GString *page, const Field *field)
{
	if (!field->fallback)
		return;
	g_autofree char *size = NULL;
	if (field->type == FIELD_SIZE)
		size = value_format(field, g_ascii_strtoll(field->fallback, NULL, 10));
	g_string_append_printf(page, size ? "%s" : "`%s`", size ? size : field->fallback);
}

static void add_notes(GString *page, const Words *words, const Field *field)
{
	const struct {
		guint flag;
		const char *word;
	} notes[] = {
		{FIELD_REQUIRED, words->required}, {FIELD_READONLY, words->readonly}, {FIELD_FIXED, words->fixed},
		{FIELD_NULLABLE, words->nullable}, {FIELD_LIVE, words->live},
	};
	const char *separator = "";
	for (guint i = 0; i < G_N_ELEMENTS(notes); i++)
		if (field->flags & notes[i].flag) {
			g_string_append_printf(page, "%s%s", separator, notes[i].word);
			separator = words == &english ? ", " : "、";
		}
}

static gboolean is_readonly(const Table *table)
{
	for (const Field *field = table->fields; field->name; field++)
		if (!(field->flags & FIELD_READONLY))
			return FALSE;
	return TRUE;
}

static void add_table(GString *page, const Words *words, const Table *table, const char *prefix)
{
	g_string_append_printf(page, "%s\n|---|---|---|---|---|\n", words->columns);
	for (const Field *field = table->fields; field->name; field++) {
		g_string_append_printf(page, "| `%s%s` | ", prefix, field->name);
		add_values(page, words, field);
		g_string_append(page, " | ");
		add_default(page, field);
		g_string_append(page, " | ");
		add_notes(page, words, field);
		g_string_append_printf(page, " | %s |\n", words == &english ? field->help : field->help_ja);
	}
	for (const Field *field = table->fields; field->name; field++) {
		if (!field->table)
			continue;
		gboolean map = field->type == FIELD_MAP, items = field->type == FIELD_ITEMS;
		g_autofree char *path = g_strdup_printf("%s%s", prefix, field->name);
		g_autofree char *inner = g_strdup_printf(map ? "%s.KEY." : items ? "%s[]." : "%s.", path);
		g_string_append_printf(page, "\n## %s\n\n",
				       words == &english ? field->table->title : field->table->title_ja);
		add(page, map ? words->inside_map : items ? words->inside_items : words->inside, path, NULL);
		g_string_append(page, "\n\n");
		add_table(page, words, field->table, inner);
	}
}

char *schema_reference(const Table *table, gboolean japanese)
{
	const Words *words = japanese ? &japanese_words : &english;
	GString *page = g_string_new(NULL);
	g_string_append_printf(page, "# %s\n\n", japanese ? table->title_ja : table->title);
	add(page, words->intro, table->name, NULL);
	if (is_readonly(table))
		g_string_append_printf(page, "%s%s", japanese ? "" : " ", words->intro_readonly);
	g_string_append(page, "\n\n");
	add_table(page, words, table, "");
	return g_string_free(page, FALSE);
}
