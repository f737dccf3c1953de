/* yado-api-reference: writes the page of all routes and query parameters, English into DIRECTORY/api.md and Japanese
 * into DIRECTORY/ja/api.md; with --check it compares instead, and fails when a page is not what the routes say.
 * With --openapi it prints the description of the API, from which the page's types are made. */
#include <glib/gprintf.h>
#include <string.h>

#include "api/openapi.h"
#include "api/query.h"
#include "base/json.h"
#include "api/route-path.h"
#include "schema/reference-page.h"

typedef struct Words {
	const char *title, *intro, *columns, *parameters, *parameter_columns;
	const char *everybody, *signed_in, *own, *on, *own_or, *task;
	const char *list, *created, *task_answer, *or_task, *empty, *object, *text, *bytes, *events, *console, *ticket;
	const char *plan, *if_match, *in_person, *bulk, *text_up_to, *switch_values;
	const char *scopes[SCOPE_OWNER + 1];
} Words;

static const Words english = {
	.title = "# Routes of the API\n\n",
	.intro = "Below `/api/v1`, but for those under *top*. Generated from the tables that requests are routed by. "
		 "How requests are made: [the API](../api.md). Privileges: `yado role privileges`.\n\n",
	.columns = "| method and path | what it does | privilege, and on what | query | body | answer |\n"
		   "|---|---|---|---|---|---|\n",
	.parameters = "## Query parameters\n\n",
	.parameter_columns = "| parameter | values | default | meaning |\n|---|---|---|---|\n",
	.everybody = "none: everybody",
	.signed_in = "whoever is signed in",
	.own = "one's own",
	.on = "`%s`, %s",
	.own_or = "one's own; `%s` for others",
	.task = "one's own, or what reads the task's object",
	.list = "list of %s",
	.created = "201 %s",
	.task_answer = "202 task",
	.or_task = "%s, or 202 task",
	.empty = "`{}`",
	.object = "JSON",
	.text = "text",
	.bytes = "a file",
	.events = "events (WebSocket)",
	.console = "console (WebSocket)",
	.ticket = "201 %s",
	.plan = "`plan`",
	.if_match = "honours `if-match`",
	.in_person = "not by tokens",
	.bulk = "bytes",
	.text_up_to = "text, at most %s bytes",
	.switch_values = "`0`, `1`",
	.scopes = {[SCOPE_GLOBAL] = "`/`", [SCOPE_ROWS] = "each row", [SCOPE_CREATE] = "what is made",
		   [SCOPE_VM] = "the guest", [SCOPE_IMAGE] = "the image", [SCOPE_STORAGE] = "the storage", [SCOPE_MAPPING] = "the mapping",
		   [SCOPE_NODE] = "the node", [SCOPE_OBJECT] = "`/`, or what reads the object"},
};

static const Words japanese_words = {
	.title = "# APIの経路\n\n",
	.intro = "`/api/v1` の下（*top* 以外）。要求を振り分ける表から生成。使い方は [API](../../api.md)、"
		 "権限の一覧は `yado role privileges`。\n\n",
	.columns = "| メソッドとパス | 内容 | 権限と対象 | クエリー | 本文 | 応答 |\n|---|---|---|---|---|---|\n",
	.parameters = "## クエリーパラメーター\n\n",
	.parameter_columns = "| パラメーター | 値 | 既定値 | 意味 |\n|---|---|---|---|\n",
	.everybody = "不要（誰でも）",
	.signed_in = "ログイン済みの全員",
	.own = "自分のもの",
	.on = "`%s`（%s）",
	.own_or = "自分のもの。他人のものは `%s`",
	.task = "自分のもの、または対象を参照できる人",
	.list = "%s のリスト",
	.created = "201 %s",
	.task_answer = "202 タスク",
	.or_task = "%s、または 202 タスク",
	.empty = "`{}`",
	.object = "JSON",
	.text = "テキスト",
	.bytes = "ファイル",
	.events = "イベント（WebSocket）",
	.console = "コンソール（WebSocket）",
	.ticket = "201 %s",
	.plan = "`plan`",
	.if_match = "`if-match` に対応",
	.in_person = "トークン不可",
	.bulk = "バイト列",
	.text_up_to = "文字列、最大%sバイト",
	.switch_values = "`0`、`1`",
	.scopes = {[SCOPE_GLOBAL] = "`/`", [SCOPE_ROWS] = "各行", [SCOPE_CREATE] = "作成するもの", [SCOPE_VM] = "ゲスト",
		   [SCOPE_IMAGE] = "イメージ", [SCOPE_STORAGE] = "ストレージ", [SCOPE_MAPPING] = "マッピング", [SCOPE_NODE] = "ノード",
		   [SCOPE_OBJECT] = "`/`、または対象を参照できる人"},
};

/* One of the formats of Words. */
static void add(GString *page, const char *format, const char *first, const char *second)
{
	g_string_append_printf(page, format, first, second);
}

static char *link_to(const Table *table)
{
	return table ? g_strdup_printf("[%s](%s.md)", table->name, table->name) : g_strdup("JSON");
}

static void add_privilege(GString *page, const Words *words, const Route *route)
{
	const char *name = privileges[route->privilege].name;
	if (route->scope == SCOPE_PUBLIC)
		g_string_append(page, words->everybody);
	else if (route->scope == SCOPE_SELF)
		g_string_append(page, words->signed_in);
	else if (route->scope == SCOPE_TASK)
		g_string_append(page, words->task);
	else if (route->scope == SCOPE_OWNER)
		add(page, route->privilege ? words->own_or : words->own, name, NULL);
	else
		add(page, words->on, name, words->scopes[route->scope]);
	if (route->in_person)
		g_string_append_printf(page, "; %s", words->in_person);
}

static void add_query(GString *page, const Words *words, const Route *route)
{
	g_auto(GStrv) names = g_strsplit(route->query ? route->query : "", " ", -1);
	const char *separator = "";
	for (char **name = names; *name; name++, separator = " ")
		g_string_append_printf(page, "%s`%s`", separator, *name);
	if (route->plannable)
		g_string_append_printf(page, "%s%s", separator, words->plan);
}

static void add_body(GString *page, const Words *words, const Route *route)
{
	g_autofree char *body = route->body ? link_to(route->body) : NULL;
	g_string_append(page, route->bulk ? words->bulk : body ? body : "");
	if (route->if_match)
		g_string_append_printf(page, "%s%s", body ? "; " : "", words->if_match);
}

static void add_answer(GString *page, const Words *words, const Route *route)
{
	const char *const formats[] = {
		[ANSWER_UNSET] = "",
		[ANSWER_DOCUMENT] = "%s",
		[ANSWER_CREATED] = words->created,
		[ANSWER_LIST] = words->list,
		[ANSWER_TASK] = words->task_answer,
		[ANSWER_MAYBE_TASK] = words->or_task,
		[ANSWER_EMPTY] = words->empty,
		[ANSWER_OBJECT] = words->object,
		[ANSWER_TEXT] = words->text,
		[ANSWER_BYTES] = words->bytes,
		[ANSWER_EVENTS] = words->events,
		[ANSWER_CONSOLE] = words->console,
		[ANSWER_TICKET] = words->ticket,
	};
	g_autofree char *result = link_to(route->result);
	add(page, formats[route->answer], result, NULL);
}

static void add_route(GString *page, const Words *words, const Route *route)
{
	PathParameter parameters[3];
	guint count;
	g_autofree char *path = route_path(route, parameters, &count);
	path_parameters_clear(parameters, count);
	g_string_append_printf(page, "| `%s %s` | %s | ", route->method, path,
			       words == &english ? route->summary : route->summary_ja);
	add_privilege(page, words, route);
	g_string_append(page, " | ");
	add_query(page, words, route);
	g_string_append(page, " | ");
	add_body(page, words, route);
	g_string_append(page, " | ");
	add_answer(page, words, route);
	g_string_append(page, " |\n");
}

/* Routes of one first step together, in the order in which they are declared. */
static void add_group(GString *page, const Words *words, const char *group)
{
	g_string_append_printf(page, "## %s\n\n%s", group, words->columns);
	for (const Route *const *table = route_tables; *table; table++)
		for (const Route *route = *table; route->method; route++) {
			g_auto(GStrv) steps = g_strsplit(route->pattern + 1, "/", 2);
			if (g_str_equal(route->top ? "top" : steps[0], group))
				add_route(page, words, route);
		}
	g_string_append_c(page, '\n');
}

static void add_parameter(GString *page, const Words *words, const Parameter *parameter)
{
	g_string_append_printf(page, "| `%s` | ", parameter->name);
	if (parameter->type == PARAMETER_SWITCH) {
		g_string_append_printf(page, "%s | `0`", words->switch_values);
	} else if (parameter->type == PARAMETER_NUMBER) {
		g_string_append_printf(page, "%" G_GINT64_FORMAT "–", parameter->min);
		if (parameter->max < G_MAXINT32)
			g_string_append_printf(page, "%" G_GINT64_FORMAT, parameter->max);
		g_string_append(page, " | ");
		if (parameter->fallback >= parameter->min)
			g_string_append_printf(page, "%" G_GINT64_FORMAT, parameter->fallback);
	} else if (parameter->values) {
		g_autofree char *values = g_strjoinv("`, `", (char **)parameter->values);
		g_string_append_printf(page, "`%s` | ", values);
	} else {
		g_autofree char *length = g_strdup_printf("%" G_GINT64_FORMAT, parameter->max);
		add(page, words->text_up_to, length, NULL);
		g_string_append(page, " | ");
	}
	g_string_append_printf(page, " | %s |\n", words == &english ? parameter->help : parameter->help_ja);
}

static char *make_page(gboolean japanese)
{
	const Words *words = japanese ? &japanese_words : &english;
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GString *page = g_string_new(words->title);
	g_string_append(page, words->intro);
	for (const Route *const *table = route_tables; *table; table++)
		for (const Route *route = *table; route->method; route++) {
			g_auto(GStrv) steps = g_strsplit(route->pattern + 1, "/", 2);
			const char *group = route->top ? "top" : steps[0];
			if (g_hash_table_add(seen, g_strdup(group)))
				add_group(page, words, group);
		}
	g_string_append(page, words->parameters);
	g_string_append(page, words->parameter_columns);
	for (const Parameter *parameter = query_parameters; parameter->name; parameter++)
		add_parameter(page, words, parameter);
	return g_string_free(page, FALSE);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--openapi") == 0) {
		json_auto json_object *document = openapi_describe();
		puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN));
		return 0;
	}
	gboolean check = argc == 3 && strcmp(argv[1], "--check") == 0;
	if (argc != 2 && !check) {
		g_fprintf(stderr, "usage: yado-api-reference [--check] DIRECTORY | --openapi\n");
		return 2;
	}
	int status = 0;
	for (int japanese = 0; japanese <= 1; japanese++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *page = make_page(japanese);
		g_autofree char *path = g_build_filename(argv[argc - 1], japanese ? "ja/api.md" : "api.md", NULL);
		if (!reference_page(path, page, check, &error)) {
			g_fprintf(stderr, "yado-api-reference: %s\n", error->message);
			status = 1;
		}
	}
	return status;
}
