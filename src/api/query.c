/* What queries may say. A parameter that is not known is refused: it would be a wish that is silently not fulfilled. */
#include "api/query.h"

#include <string.h>

#include "api/filter.h"
#include "base/error.h"
#include "qemu/peripherals.h"

static const char *const task_states[] = {"queued", "running", "done", "failed", "cancelled", NULL};
static const char *const outcomes[] = {"done", "refused", "failed", NULL};
static const char *const console_modes[] = {"write", "read", NULL};

enum { NAME_LENGTH = 255, FIELDS_LENGTH = 1024 };

const Parameter query_parameters[] = {
	{"limit", PARAMETER_NUMBER, 1, LIST_LIMIT_MAX, LIST_LIMIT_DEFAULT, .help = "how many items at most",
	 .help_ja = "最大件数"},
	{"after", PARAMETER_TEXT, .max = NAME_LENGTH, .help = "what the former page gave as next",
	 .help_ja = "前のページの next の値"},
	{"fields", PARAMETER_TEXT, .max = FIELDS_LENGTH,
	 .help = "names of fields, separated by commas: items have only these, also where their schema requires others",
	 .help_ja = "フィールド名（カンマ区切り）。項目はこれだけになる"},
	{"filter", PARAMETER_TEXT, .max = FILTER_LENGTH_MAX,
	 .help = "terms separated by spaces, all of which must hold: state:running name~web memory>1G -tags:test",
	 .help_ja = "空白で区切った条件（すべて満たす）: state:running name~web memory>1G -tags:test"},
	{"plan", PARAMETER_SWITCH, .help = "1: nothing is changed, the answer says what would be",
	 .help_ja = "1: 変更せず、何が起こるかを答える"},
	{"object", PARAMETER_TEXT, .max = NAME_LENGTH, .help = "only of this object, as in vm/100",
	 .help_ja = "この対象のみ（例: vm/100）"},
	{"state", PARAMETER_TEXT, .max = NAME_LENGTH, .values = task_states, .help = "only in this state",
	 .help_ja = "この状態のみ"},
	{"from", PARAMETER_NUMBER, 0, G_MAXINT32, 0, .help = "number of the first line", .help_ja = "最初の行番号"},
	{"timeout", PARAMETER_NUMBER, 0, 60, 30, .help = "how many seconds to wait at most", .help_ja = "最大待ち時間（秒）"},
	{"prefix", PARAMETER_TEXT, .max = NAME_LENGTH,
	 .help = "one object (vm/100), or all whose path begins so, ending with / (vm/)",
	 .help_ja = "1つの対象（vm/100）、または / で終わる接頭辞（vm/）"},
	{"before", PARAMETER_NUMBER, 0, G_MAXINT64, 0, .help = "what the former page gave as next",
	 .help_ja = "前のページの next の値"},
	{"facts", PARAMETER_SWITCH, .help = "1: with what Yado itself keeps, beside configuration",
	 .help_ja = "1: 設定以外のYado自身の記録も含む"},
	{"user", PARAMETER_TEXT, .max = NAME_LENGTH, .help = "only of this user", .help_ja = "このユーザーのみ"},
	{"outcome", PARAMETER_TEXT, .max = NAME_LENGTH, .values = outcomes, .help = "only with this outcome",
	 .help_ja = "この結果のみ"},
	{"seq", PARAMETER_NUMBER, 1, G_MAXINT64, 0, .help = "number of an entry or a change that was seen before",
	 .help_ja = "以前に確認したエントリーまたは変更の番号"},
	{"epoch", PARAMETER_TEXT, .max = NAME_LENGTH,
	 .help = "what the event 'live' said: with seq, goes on from there",
	 .help_ja = "イベント live の epoch の値。seq とともに指定すると続きから受け取る"},
	{"ticket", PARAMETER_TEXT, .max = 64,
	 .help = "what a POST to the console gave: opens it once, instead of a credential",
	 .help_ja = "コンソールへの POST で得たチケット。認証の代わりに一度だけ使える"},
	{"mode", PARAMETER_TEXT, .max = NAME_LENGTH, .values = console_modes, .help = "whether keys go to the guest",
	 .help_ja = "キー入力をゲストに送るかどうか"},
	{"take_over", PARAMETER_SWITCH, .help = "1: whoever writes there now only reads from then on",
	 .help_ja = "1: 現在書き込んでいる接続を読み取り専用にする"},
	{"port", PARAMETER_NUMBER, 1, QEMU_SERIAL_PORTS, 1,
	 .help = "number of the serial port", .help_ja = "シリアルポートの番号"},
	{"only", PARAMETER_TEXT, .max = NAME_LENGTH, .help = "only these checks, separated by commas",
	 .help_ja = "このチェックのみ（カンマ区切り）"},
	{"span", PARAMETER_TEXT, .max = NAME_LENGTH, .values = measurement_spans, .help = "how much is told; an hour if it is not given",
	 .help_ja = "期間（省略時は1時間）"},
	{"path", PARAMETER_TEXT, .max = 4096, .help = "absolute path of a file in the guest",
	 .help_ja = "ゲスト内のファイルの絶対パス"},
	{"permissions", PARAMETER_TEXT, .max = 4,
	 .help = "octal, as in 600; without it those of the former file, or 644",
	 .help_ja = "8進数のモード（例: 600）。省略時は既存のファイルと同じ、なければ644"},
	{"hash", PARAMETER_TEXT, .max = 64, .help = "its hash as it was then", .help_ja = "そのときのハッシュ"},
	{0}};

const Parameter *parameter_find(const char *name)
{
	for (const Parameter *parameter = query_parameters; parameter->name; parameter++)
		if (g_str_equal(parameter->name, name))
			return parameter;
	return NULL;
}

gboolean route_has_parameter(const Route *route, const char *name)
{
	if (g_str_equal(name, "plan"))
		return route->plannable;
	g_auto(GStrv) words = g_strsplit(route->query ? route->query : "", " ", -1);
	return g_strv_contains((const char *const *)words, name);
}

const char *query_find_fault(const Route *route)
{
	g_auto(GStrv) words = g_strsplit(route->query ? route->query : "", " ", -1);
	for (char **word = words; *word; word++)
		if (!parameter_find(*word))
			return "knows a parameter that api/query.c does not";
	if ((route_has_parameter(route, "filter") || route_has_parameter(route, "fields")) && !route->result)
		return "has no table of its rows' fields";
	return NULL;
}

static void refuse_unknown(Call *call, const char *name, GError **error)
{
	const char *known = call->route->query;
	g_autofree char *hint = known ? g_strdup_printf("it knows: %s", known) : NULL;
	if (g_str_equal(name, "plan"))
		error_set_field(error, ERROR_INVALID, name, NULL, "%s %s changes nothing, so there is no plan",
				call->request->method, call->request->path);
	else
		error_set_field(error, ERROR_INVALID, name, hint, "%s %s has no parameter '%s'", call->request->method,
				call->request->path, name);
}

static gboolean check_value(const Parameter *parameter, const char *value, GError **error)
{
	gint64 number;
	const char *name = parameter->name;
	switch (parameter->type) {
	case PARAMETER_SWITCH:
		if (g_str_equal(value, "0") || g_str_equal(value, "1"))
			return TRUE;
		error_set_field(error, ERROR_INVALID, name, NULL, "%s must be 0 or 1", name);
		return FALSE;
	case PARAMETER_NUMBER:
		if (g_ascii_string_to_signed(value, 10, parameter->min, parameter->max, &number, NULL))
			return TRUE;
		error_set_field(error, ERROR_INVALID, name, NULL,
				"%s must be a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, name,
				parameter->min, parameter->max);
		return FALSE;
	case PARAMETER_TEXT:
		if (parameter->values && !g_strv_contains(parameter->values, value)) {
			g_autofree char *list = g_strjoinv(", ", (char **)parameter->values);
			error_set_field(error, ERROR_INVALID, name, NULL, "%s must be one of %s", name, list);
			return FALSE;
		}
		if (strlen(value) <= (gsize)parameter->max)
			return TRUE;
		error_set_field(error, ERROR_INVALID, name, NULL, "%s must have at most %" G_GINT64_FORMAT " bytes",
				name, parameter->max);
		return FALSE;
	}
	g_return_val_if_reached(FALSE);
}

/* Unknown names are refused with those that there are. */
static gboolean read_fields(Call *call, const char *text, GError **error)
{
	const Table *table = call->route->result;
	g_auto(GStrv) names = g_strsplit(text, ",", -1);
	for (char **name = names; *name; name++) {
		const Field *known = NULL;
		for (const Field *field = table->fields; field->name && !known; field++)
			known = g_str_equal(field->name, *name) ? field : NULL;
		if (known)
			continue;
		g_autoptr(GString) list = g_string_new("fields are");
		for (const Field *field = table->fields; field->name; field++)
			g_string_append_printf(list, "%s %s", field == table->fields ? "" : ",", field->name);
		error_set_field(error, ERROR_INVALID, "fields", list->str, "fields: there is no field '%s'", *name);
		return FALSE;
	}
	call->fields = g_steal_pointer(&names);
	return TRUE;
}

void query_clear(Call *call)
{
	g_clear_pointer(&call->filter, filter_free);
	g_clear_pointer(&call->fields, g_strfreev);
}

gboolean query_check(Call *call, GError **error)
{
	GHashTableIter iter;
	gpointer name, value;
	if (!call->request->query)
		return TRUE;
	g_hash_table_iter_init(&iter, call->request->query);
	while (g_hash_table_iter_next(&iter, &name, &value)) {
		const Parameter *parameter = parameter_find(name);
		if (!route_has_parameter(call->route, name)) {
			refuse_unknown(call, name, error);
			return FALSE;
		}
		if (parameter && !check_value(parameter, value, error))
			return FALSE;
	}
	const char *fields = call_query(call, "fields"), *filter = call_query(call, "filter");
	if (fields && !read_fields(call, fields, error))
		return FALSE;
	call->filter = filter ? filter_new(call->route->result, filter, error) : NULL;
	return !filter || call->filter;
}

const char *call_query(const Call *call, const char *name)
{
	return call->request->query ? g_hash_table_lookup(call->request->query, name) : NULL;
}

gint64 call_number(const Call *call, const char *name)
{
	const char *text = call_query(call, name);
	return text ? g_ascii_strtoll(text, NULL, 10) : parameter_find(name)->fallback;
}

json_object *text_of_number(gint64 number)
{
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, number);
	return json_object_new_string(text);
}

gboolean call_switch(Call *call, const char *name)
{
	return g_strcmp0(call_query(call, name), "1") == 0;
}
