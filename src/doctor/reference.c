/* The page of docs/reference: what each check can find, what that costs, and how to get what is missing. */
#include "doctor/check.h"

static const char *text_of(const Texts *texts, gboolean japanese)
{
	return japanese ? texts->ja : texts->en;
}

static void add_finding(GString *page, const Finding *finding, gboolean japanese)
{
	g_string_append_printf(page, "| `%s` | %s | %s | %s | %s |\n", finding->id, state_name(finding->state),
			       text_of(&finding->found, japanese), text_of(&finding->cost, japanese),
			       text_of(&finding->remedy, japanese));
}

static void add_table(GString *page, const Finding *const *findings, gboolean japanese)
{
	g_string_append(page, japanese ? "| 結果 | 状態 | 内容 | 影響 | 対処 |\n|---|---|---|---|---|\n"
				       : "| finding | state | what is so | what it costs | how to get it |\n|---|---|---|---|---|\n");
	for (; *findings; findings++)
		add_finding(page, *findings, japanese);
	g_string_append_c(page, '\n');
}

char *checks_reference(gboolean japanese)
{
	GString *page = g_string_new(japanese ? "# yado doctor のチェック\n\n`{…}` には調べた値が入ります。\n\n"
					      : "# What yado doctor looks at\n\n`{…}` stands for what was seen.\n\n");
	for (const Check *const *table = check_tables; *table; table++) {
		for (const Check *check = *table; check->id; check++) {
			g_string_append_printf(page, "## %s: `%s`\n\n", text_of(&check->title, japanese), check->id);
			add_table(page, check->findings, japanese);
		}
	}
	g_string_append(page, japanese ? "## すべてのチェックに共通\n\n" : "## Of every check\n\n");
	add_table(page, common_findings, japanese);
	return g_string_free(page, FALSE);
}
