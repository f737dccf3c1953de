/* yado audit: who asked for what, and how it went. yado access: the rules of getting in. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/audit.h"
#include "cli/messages/columns.h"
#include "cli/messages/shared.h"
#include "cli/resource.h"

enum { LIMIT_DEFAULT = 30 };

static const char *const outcomes[] = {"done", "refused", "failed", NULL};

static const Column columns[] = {
	{.path = "seq", .heading = TEXT(m_col_seq), .as = &as_count},
	{.path = "at", .heading = TEXT(m_col_at)},
	{.path = "user", .heading = TEXT(m_col_user)},
	{.path = "address", .heading = TEXT(m_col_address), .if_any = TRUE},
	{.path = "action", .heading = TEXT(m_col_action)},
	{.path = "object", .heading = TEXT(m_col_object)},
	{.path = "outcome", .heading = TEXT(m_col_outcome)},
	{.path = "message", .heading = TEXT(m_col_message), .if_any = TRUE, .may_cut = TRUE},
	{.path = "repeated", .heading = TEXT(m_col_repeated), .as = &as_count, .if_any = TRUE},
	{0}};

static const Option list_options[] = {
	{"user", 0, "NAME", NULL, COMPLETE_USER, TEXT(m_opt_audit_user)},
	{"object", 0, "PATH", NULL, COMPLETE_NOTHING, TEXT(m_opt_audit_object)},
	{"outcome", 0, "OUTCOME", outcomes, COMPLETE_NOTHING, TEXT(m_opt_audit_outcome)},
	{"before", 0, "N", NULL, COMPLETE_NOTHING, TEXT(m_opt_audit_before)},
	OPTION_FILTER,
	{"limit", 'n', "N", NULL, COMPLETE_NOTHING, TEXT(m_opt_limit)},
	{0}};

static Exit list_exec(Cli *cli, Arguments *arguments)
{
	static const char *const filters[] = {"user", "object", "outcome"};
	gint64 limit = LIMIT_DEFAULT, before = 0;
	if (!arguments_number(arguments, "limit", 1, 1000, &limit) ||
		!arguments_number(arguments, "before", 1, G_MAXINT64, &before))
		return EXIT_USAGE;
	g_autoptr(GString) path = g_string_new(NULL);
	g_string_printf(path, "/audit?limit=%d", (int)limit);
	for (gsize i = 0; i < G_N_ELEMENTS(filters); i++) {
		const char *value = arguments_get(arguments, filters[i], NULL);
		g_autofree char *escaped = value ? g_uri_escape_string(value, NULL, FALSE) : NULL;
		if (escaped)
			g_string_append_printf(path, "&%s=%s", filters[i], escaped);
	}
	if (before > 0)
		g_string_append_printf(path, "&after=%" G_GINT64_FORMAT, before);
	Exit code = EXIT_DONE;
	g_autofree char *filtered = ask_filtered(path->str, arguments_get(arguments, "filter", NULL));
	g_autoptr(Reply) reply = ask(cli, "GET", filtered, NULL, &code);
	return reply ? output_list(cli, reply->body, &audit_table, columns, T(m_audit_none)) : code;
}

static Exit verify_exec(Cli *cli, Arguments *arguments)
{
	const char *seq = arguments_word(arguments, 0), *hash = arguments_word(arguments, 1);
	guint64 number;
	if (seq && (!hash || !g_ascii_string_to_unsigned(seq, 10, 1, G_MAXINT64, &number, NULL)))
		return usage_error(NULL, T(m_missing_word), "verify", "[SEQ HASH]");
	Exit code = EXIT_DONE;
	g_autofree char *escaped = hash ? g_uri_escape_string(hash, NULL, FALSE) : NULL;
	g_autofree char *path =
		seq ? g_strdup_printf("/audit/verify?seq=%s&hash=%s", seq, escaped) : g_strdup("/audit/verify");
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, &code);
	if (!reply)
		return code;
	gboolean intact = json_get_bool(reply->body, "intact", FALSE);
	if (cli->json) {
		output_json(reply->body);
	} else if (intact) {
		g_autofree char *last = format_safe(json_get_str(reply->body, "hash", ""));
		printf(T(m_audit_intact), json_get_int(reply->body, "entries", 0), json_get_int(reply->body, "last", 0),
		       last);
	} else {
		g_autofree char *problem = format_safe(json_get_str(reply->body, "problem", "?"));
		fprintf(stderr, T(m_audit_broken), json_get_int(reply->body, "broken_at", 0), problem);
	}
	return intact ? EXIT_DONE : EXIT_REFUSED;
}

const Command audit_commands[] =
	{{.name = "list", .alias = "ls", .help = TEXT(m_audit_list_help), .options = list_options, .exec = list_exec},
	 {.name = "verify",
	  .usage = "[SEQ HASH]",
	  .help = TEXT(m_audit_verify_help),
	  .max_words = 2,
	  .exec = verify_exec},
	 {0}};

static Exit access_show_exec(Cli *cli, Arguments *arguments)
{
	(void)arguments;
	Exit code = EXIT_DONE;
	g_autoptr(Reply) reply = ask(cli, "GET", "/settings/access", NULL, &code);
	return reply ? resource_print(cli, reply->body, &access_settings_table) : code;
}

static Exit access_set_exec(Cli *cli, Arguments *arguments)
{
	if (arguments->flags->len == 0)
		return usage_error(T(m_nothing_to_set_access_hint), T(m_nothing_to_set));
	json_auto json_object *patch = arguments_document(arguments, NULL);
	if (!patch)
		return EXIT_USAGE;
	Exit code = EXIT_DONE;
	Reply *reply = ask(cli, "PATCH", "/settings/access", patch, &code);
	return reply ? finish(cli, reply, &access_settings_table, T(m_access_changed)) : code;
}

const Command access_commands[] = {
	{.name = "show", .help = TEXT(m_access_show_help), .exec = access_show_exec},
	{.name = "set", .help = TEXT(m_access_set_help), .table = &access_settings_table, .mode = FLAGS_CHANGE,
	 .changes = TRUE, .exec = access_set_exec},
	{0}};
