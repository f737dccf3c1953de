/* yado history: who changed what and when; what it was before; and back to it. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/columns.h"
#include "cli/messages/history.h"
#include "cli/messages/shared.h"
#include "cli/output.h"

enum { LIMIT_DEFAULT = 30, PAGE = 1000 };

static const Column columns[] = {
	{.path = "rev", .heading = TEXT(m_col_rev), .as = &as_count},
	{.path = "at", .heading = TEXT(m_col_at)},
	{.path = "author", .heading = TEXT(m_col_author)},
	{.path = "path", .heading = TEXT(m_col_object)},
	{.path = "task", .heading = TEXT(m_col_task), .as = &as_count, .extra = TRUE},
	{.path = "summary", .heading = TEXT(m_col_changes), .may_cut = TRUE},
	{0}};

static const Option list_options[] = {
	{"limit", 'n', "N", NULL, COMPLETE_NOTHING, TEXT(m_opt_limit)},
	{"before", 0, "REV", NULL, COMPLETE_REVISION, TEXT(m_opt_before)},
	{"prefix", 0, "PREFIX", NULL, COMPLETE_NOTHING, TEXT(m_opt_prefix)},
	{"facts", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_facts)},
	{0}};

/* PREFIX may be given as a word or as an option. */
static const Option prefix_options[] = {
	{"prefix", 0, "PREFIX", NULL, COMPLETE_NOTHING, TEXT(m_opt_prefix)},
	{0}};

static const char *prefix_of(const Arguments *arguments, guint word)
{
	return arguments_get(arguments, "prefix", arguments_word(arguments, word));
}

static gsize length_of(json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

/* "made", "deleted", or the fields that changed. */
static char *summarize(json_object *item)
{
	json_object *changes = json_get(item, "changes");
	const char *action = json_get_str(item, "action", "");
	if (strcmp(action, "created") == 0 || strcmp(action, "deleted") == 0)
		return g_strdup(*action == 'c' ? T(m_made) : T(m_deleted));
	GString *text = g_string_new(NULL);
	for (gsize i = 0; i < length_of(changes); i++) {
		json_object *change = json_object_array_get_idx(changes, i);
		const char *path = json_get_str(change, "path", "");
		g_string_append_printf(text, "%s%s", i ? ", " : "", path);
	}
	return g_string_free(text, FALSE);
}

static char *history_path(const char *prefix, gint64 before, gint64 limit, gboolean facts)
{
	g_autofree char *escaped = g_uri_escape_string(prefix ? prefix : "", NULL, FALSE);
	g_autofree char *start = before > 0 ? g_strdup_printf("&before=%" G_GINT64_FORMAT, before) : g_strdup("");
	return g_strdup_printf("/history?limit=%" G_GINT64_FORMAT "%s%s%s%s", limit, *escaped ? "&prefix=" : "",
		escaped, start, facts ? "&facts=1" : "");
}

static Exit list_exec(Cli *cli, Arguments *arguments)
{
	gint64 limit = LIMIT_DEFAULT, before = 0;
	if (!arguments_number(arguments, "limit", 1, 1000, &limit) ||
		!arguments_number(arguments, "before", 1, G_MAXINT64, &before))
		return EXIT_USAGE;
	Exit code = EXIT_DONE;
	g_autofree char *path = history_path(prefix_of(arguments, 0), before, limit, arguments_has(arguments, "facts"));
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, &code);
	if (!reply)
		return code;
	json_object *items = json_get(reply->body, "items");
	for (gsize i = 0; !cli->json && i < length_of(items); i++) {
		json_object *item = json_object_array_get_idx(items, i);
		g_autofree char *summary = summarize(item);
		json_set_str(item, "summary", summary);
	}
	return output_list(cli, reply->body, NULL, columns, T(m_history_none));
}

static Exit parse_revision(const Arguments *arguments, guint index, gint64 *ret_rev)
{
	const char *word = arguments_word(arguments, index);
	if (g_ascii_string_to_signed(word, 10, 1, G_MAXINT64, ret_rev, NULL))
		return EXIT_DONE;
	return usage_error(T(m_revision_hint), T(m_revision_wrong), word);
}

static void print_commit(json_object *item)
{
	g_autofree char *at = format_time(json_get_str(item, "at", NULL));
	g_autofree char *author = format_safe(json_get_str(item, "author", "?"));
	g_autofree char *path = format_safe(json_get_str(item, "path", ""));
	printf(T(m_history_heading), style_on(stdout, STYLE_BOLD), json_get_int(item, "rev", 0), style_off(stdout),
		path, at, author);
	gint64 task = json_get_int(item, "task", 0);
	if (task > 0)
		printf(T(m_history_task), task);
	fputc('\n', stdout);
	changes_print(json_get(item, "changes"), NULL, "  ");
}

static Exit show_exec(Cli *cli, Arguments *arguments)
{
	gint64 rev;
	Exit code = parse_revision(arguments, 0, &rev);
	if (code != EXIT_DONE)
		return code;
	const char *object = arguments_word(arguments, 1);
	g_autofree char *path = g_strdup_printf("/history/%" G_GINT64_FORMAT "%s%s", rev, object ? "/" : "",
		object ? object : "");
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, &code);
	if (!reply)
		return code;
	if (cli->json || object) {
		output_json(reply->body);
		return EXIT_DONE;
	}
	json_object *items = json_get(reply->body, "items");
	for (gsize i = 0; i < length_of(items); i++)
		print_commit(json_object_array_get_idx(items, i));
	return EXIT_DONE;
}

/* What happened to one leaf over several commits; the walk goes from the newest to the oldest. */
typedef struct Span {
	char *object, *field;
	json_object *before, *after;
} Span;

static void span_free(gpointer data)
{
	Span *span = data;
	g_free(span->object);
	g_free(span->field);
	json_clear(&span->before);
	json_clear(&span->after);
	g_free(span);
}

static void widen(GHashTable *spans, GPtrArray *order, json_object *item)
{
	const char *object = json_get_str(item, "path", "");
	json_object *changes = json_get(item, "changes");
	for (gsize i = 0; i < length_of(changes); i++) {
		json_object *change = json_object_array_get_idx(changes, i);
		const char *field = json_get_str(change, "path", "");
		g_autofree char *key = g_strconcat(object, "\n", field, NULL);
		Span *span = g_hash_table_lookup(spans, key);
		if (!span) {
			span = g_new0(Span, 1);
			span->object = g_strdup(object);
			span->field = g_strdup(field);
			span->after = json_object_get(json_get(change, "after"));
			g_hash_table_insert(spans, g_steal_pointer(&key), span);
			g_ptr_array_add(order, span);
		}
		json_clear(&span->before);
		span->before = json_object_get(json_get(change, "before"));
	}
}

static gint compare_spans(gconstpointer a, gconstpointer b)
{
	const Span *first = *(Span *const *)a, *second = *(Span *const *)b;
	int objects = strcmp(first->object, second->object);
	return objects ? objects : strcmp(first->field, second->field);
}

static json_object *spans_to_items(GPtrArray *order)
{
	g_ptr_array_sort(order, compare_spans);
	json_object *items = json_object_new_array(), *changes = NULL;
	const char *object = NULL;
	for (guint i = 0; i < order->len; i++) {
		const Span *span = order->pdata[i];
		if (span->before && span->after && json_equal(span->before, span->after))
			continue;
		if (!span->before && !span->after)
			continue;
		if (g_strcmp0(object, span->object) != 0) {
			json_object *item = json_object_new_object();
			json_set_str(item, "path", span->object);
			changes = json_object_new_array();
			json_set(item, "changes", changes);
			json_object_array_add(items, item);
			object = span->object;
		}
		json_object *change = json_object_new_object();
		json_set_str(change, "path", span->field);
		if (span->before)
			json_set(change, "before", json_object_get(span->before));
		if (span->after)
			json_set(change, "after", json_object_get(span->after));
		json_object_array_add(changes, change);
	}
	return items;
}

/* All that changed after `from`, up to and with `to`. NULL after printing. */
static json_object *changes_between(Cli *cli, gint64 from, gint64 to, const char *prefix, Exit *ret_exit)
{
	g_autoptr(GHashTable) spans = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, span_free);
	g_autoptr(GPtrArray) order = g_ptr_array_new();
	for (gint64 before = to + 1; before > from + 1;) { /* a page never ends inside a commit */
		g_autofree char *path = history_path(prefix, before, PAGE, FALSE);
		g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, ret_exit);
		if (!reply)
			return NULL;
		json_object *items = json_get(reply->body, "items");
		for (gsize i = 0; i < length_of(items); i++) {
			json_object *item = json_object_array_get_idx(items, i);
			if (json_get_int(item, "rev", 0) > from)
				widen(spans, order, item);
		}
		gint64 next = g_ascii_strtoll(json_get_str(reply->body, "next", "0"), NULL, 10);
		before = next < before ? next : 0;
	}
	return spans_to_items(order);
}

static Exit diff_exec(Cli *cli, Arguments *arguments)
{
	if (!arguments_word(arguments, 1))
		return show_exec(cli, arguments);
	gint64 from, to;
	Exit code = parse_revision(arguments, 0, &from);
	if (code == EXIT_DONE)
		code = parse_revision(arguments, 1, &to);
	if (code != EXIT_DONE)
		return code;
	json_auto json_object *items =
		changes_between(cli, MIN(from, to), MAX(from, to), prefix_of(arguments, 2), &code);
	if (!items)
		return code;
	if (cli->json) {
		json_auto json_object *list = json_object_new_object();
		json_set(list, "items", json_object_get(items));
		output_json(list);
		return EXIT_DONE;
	}
	for (gsize i = 0; i < length_of(items); i++) {
		json_object *item = json_object_array_get_idx(items, i);
		g_autofree char *path = format_safe(json_get_str(item, "path", ""));
		printf("%s%s%s\n", style_on(stdout, STYLE_BOLD), path, style_off(stdout));
		changes_print(json_get(item, "changes"), NULL, "  ");
	}
	if (length_of(items) == 0 && !cli->quiet)
		fprintf(stderr, "%s\n", T(m_history_same));
	return EXIT_DONE;
}

/* On a terminal the plan is shown before the question. */
static Exit show_plan_and_ask(Cli *cli, json_object *body)
{
	Exit code = EXIT_DONE;
	cli->plan = TRUE;
	g_autoptr(Reply) reply = ask(cli, "POST", "/history/restore", body, &code);
	cli->plan = FALSE;
	if (!reply)
		return code;
	code = plan_print(json_get(reply->body, "plan"), NULL);
	if (code != EXIT_DONE)
		return code;
	return confirm("%s", T(m_history_confirm)) ? EXIT_DONE : EXIT_REFUSED;
}

static Exit restore_exec(Cli *cli, Arguments *arguments)
{
	gint64 rev;
	Exit code = parse_revision(arguments, 0, &rev);
	if (code != EXIT_DONE)
		return code;
	const char *prefix = prefix_of(arguments, 1);
	json_auto json_object *body = json_object_new_object();
	json_set_int(body, "rev", rev);
	json_set_str(body, "prefix", prefix ? prefix : "");
	if (!cli->plan && !cli->yes && can_confirm())
		code = show_plan_and_ask(cli, body);
	if (code != EXIT_DONE)
		return code;
	g_autofree char *done = g_strdup_printf(T(m_history_restored), rev);
	Reply *reply = ask(cli, "POST", "/history/restore", body, &code);
	return reply ? finish(cli, reply, NULL, done) : code;
}

const Command history_commands[] = {
	{.name = "list", .alias = "ls", .usage = "[PREFIX]", .help = TEXT(m_history_list_help), .max_words = 1,
	 .options = list_options, .exec = list_exec},
	{.name = "show", .usage = "REV [OBJECT]", .help = TEXT(m_history_show_help), .min_words = 1, .max_words = 2,
	 .complete = COMPLETE_REVISION, .exec = show_exec},
	{.name = "diff", .usage = "REV [REV2 [PREFIX]]", .help = TEXT(m_history_diff_help), .min_words = 1,
	 .max_words = 3, .complete = COMPLETE_REVISION, .options = prefix_options, .exec = diff_exec},
	{.name = "restore", .usage = "REV [PREFIX]", .help = TEXT(m_history_restore_help), .min_words = 1,
	 .max_words = 2, .complete = COMPLETE_REVISION, .options = prefix_options, .changes = TRUE,
	 .exec = restore_exec},
	{0}};
