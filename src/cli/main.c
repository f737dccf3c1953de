/* yado: the command. Finds the entry that the words name, parses its options, runs it.
 *
 * The words of a command come first ("yado vm start"); only global options may stand before them. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/format.h"
#include "cli/messages/command-line.h"
#include "cli/messages/console.h"
#include "schema/spelling.h"

gboolean speak_japanese;

static const char *const outputs[] = {"table", "json", NULL};
static const char *const languages[] = {"en", "ja", NULL};

const Option global_options[] = {
	{"output", 'o', "FORMAT", outputs, COMPLETE_NOTHING, TEXT(m_opt_output)},
	{"fields", 0, "A,B", NULL, COMPLETE_NOTHING, TEXT(m_opt_fields)},
	{"quiet", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_quiet)},
	{"verbose", 'v', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_verbose)},
	{"socket", 0, "PATH", NULL, COMPLETE_FILE, TEXT(m_opt_socket)},
	{"remote", 0, "NAME|URL", NULL, COMPLETE_REMOTE, TEXT(m_opt_remote)},
	{"token-file", 0, "FILE", NULL, COMPLETE_FILE, TEXT(m_opt_token_file)},
	{"token", 0, "TOKEN", NULL, COMPLETE_NOTHING, TEXT(m_opt_token)},
	{"fingerprint", 0, "SHA256", NULL, COMPLETE_NOTHING, TEXT(m_opt_fingerprint)},
	{"lang", 0, "LANG", languages, COMPLETE_NOTHING, TEXT(m_opt_lang)},
	{"help", 'h', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_help)},
	{0}};

const Option change_options[] = {
	{"plan", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_plan)},
	{"no-wait", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_no_wait)},
	{"if-rev", 0, "N", NULL, COMPLETE_NOTHING, TEXT(m_opt_if_rev)},
	{"idempotency-key", 0, "KEY", NULL, COMPLETE_NOTHING, TEXT(m_opt_idempotency_key)},
	{"yes", 'y', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_yes)},
	{0}};

const Command top_commands[] = {
	{.name = "console", .usage = "ID", .help = TEXT(m_console_help), .min_words = 1, .max_words = 1,
	 .complete = COMPLETE_VM, .options = console_options, .exec = console_exec},
	{.name = "vnc", .usage = "ID", .help = TEXT(m_vnc_help), .min_words = 1, .max_words = 1,
	 .complete = COMPLETE_VM, .options = vnc_options, .exec = vnc_exec},
	{.name = "events", .usage = "[PREFIX]", .help = TEXT(m_events_help), .max_words = 1, .exec = events_exec},
	{.name = "doctor", .usage = "[NODE]", .help = TEXT(m_doctor_help), .max_words = 1, .complete = COMPLETE_NODE,
	 .options = doctor_options, .exec = doctor_exec},
	{.name = "support-bundle", .usage = "[FILE]", .help = TEXT(m_bundle_help), .max_words = 1,
	 .complete = COMPLETE_FILE, .options = bundle_options, .exec = bundle_exec},
	{.name = "whoami", .help = TEXT(m_whoami_help), .exec = whoami_exec},
	{.name = "help", .usage = "[TOPIC]", .help = TEXT(m_help_help), .max_words = 2, .complete = COMPLETE_HELP,
	 .exec = help_exec},
	{.name = "version", .help = TEXT(m_version_help), .exec = version_exec},
	{.name = "completion", .usage = "bash", .help = TEXT(m_completion_help), .min_words = 1, .max_words = 1,
	 .exec = completion_exec},
	{.name = "__manual", .usage = "[PAGE]", .help = TEXT(m_help_help), .max_words = 1, .exec = manual_exec},
	{.name = "__commands", .help = TEXT(m_help_help), .exec = catalogue_exec},
	{.name = "__complete", .help = TEXT(m_completion_help), .max_words = G_MAXUINT, .exec = complete_exec},
	{0}};

const Group groups[] = {
	{"vm", TEXT(m_group_vm), vm_commands},
	{"image", TEXT(m_group_image), image_commands},
	{"preset", TEXT(m_group_preset), preset_commands},
	{"storage", TEXT(m_group_storage), storage_commands},
	{"mapping", TEXT(m_group_mapping), mapping_commands},
	{"task", TEXT(m_group_task), task_commands},
	{"node", TEXT(m_group_node), node_commands},
	{"history", TEXT(m_group_history), history_commands},
	{"user", TEXT(m_group_user), user_commands},
	{"role", TEXT(m_group_role), role_commands},
	{"token", TEXT(m_group_token), token_commands},
	{"session", TEXT(m_group_session), session_commands},
	{"access", TEXT(m_group_access), access_commands},
	{"audit", TEXT(m_group_audit), audit_commands},
	{"remote", TEXT(m_group_remote), remote_commands},
	{"", TEXT(m_group_top), top_commands},
	{0}};

Exit usage_error(const char *hint, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *message = g_strdup_vprintf(format, args);
	va_end(args);
	g_autofree char *safe = format_safe(message);
	fprintf(stderr, "%syado:%s %s\n", style_on(stderr, STYLE_RED), style_off(stderr), safe);
	if (hint)
		fprintf(stderr, "  → %s\n", hint);
	return EXIT_USAGE;
}

static void choose_language(const char *wanted)
{
	static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
	for (gsize i = 0; !(wanted && *wanted) && i < G_N_ELEMENTS(variables); i++)
		wanted = g_getenv(variables[i]);
	speak_japanese = wanted && g_str_has_prefix(wanted, "ja");
}

/* Before anything is printed, --lang must be known, wherever it stands. */
static const char *find_language(char *const *words)
{
	for (; *words && strcmp(*words, "--") != 0; words++) {
		if (g_str_has_prefix(*words, "--lang="))
			return *words + strlen("--lang=");
		if (strcmp(*words, "--lang") == 0)
			return words[1];
	}
	return NULL;
}

/* Takes global options from the front: they move behind the command's words, where all options are parsed. Returns the
 * number of words that were taken. */
static guint leading_options(char *const *words, GPtrArray *moved)
{
	guint count = 0;
	while (words[count] && words[count][0] == '-' && words[count][1]) {
		const char *word = words[count];
		const Option *option = word[1] == '-' ? option_find(global_options, word + 2, strcspn(word + 2, "="))
						      : option_find_letter(global_options, word[1]);
		if (!option)
			break;
		g_ptr_array_add(moved, g_strdup(words[count++]));
		gboolean has_value = word[1] == '-' ? strchr(word, '=') != NULL : word[2] != 0;
		if (option->value && !has_value && words[count])
			g_ptr_array_add(moved, g_strdup(words[count++]));
	}
	return count;
}

static Exit unknown_command(const Group *group, const char *word)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	if (!*group->name)
		for (const Group *other = groups; other->name; other++)
			if (*other->name)
				g_ptr_array_add(names, (gpointer)other->name);
	for (const Command *command = group->commands; command->name; command++)
		if (command->name[0] != '_')
			g_ptr_array_add(names, (gpointer)command->name);
	g_ptr_array_add(names, NULL);
	const char *near = spelling_closest(word, (const char *const *)names->pdata);
	g_autofree char *full = g_strconcat("yado ", group->name, *group->name ? " " : "", near, NULL);
	g_autofree char *hint =
		g_strdup_printf(near ? T(m_did_you_mean_command) : T(m_see_help), near ? full : "yado help");
	return usage_error(hint, T(m_unknown_command), word);
}

static Exit run(const Command *command, Arguments *arguments)
{
	const char *fields = arguments_get(arguments, "fields", NULL);
	Cli cli = {
		.socket = arguments_get(arguments, "socket", NULL),
		.remote = arguments_get(arguments, "remote", NULL),
		.token = arguments_get(arguments, "token", NULL),
		.token_file = arguments_get(arguments, "token-file", NULL),
		.fingerprint = arguments_get(arguments, "fingerprint", NULL),
		.json = strcmp(arguments_get(arguments, "output", "table"), "json") == 0,
		.plan = arguments_has(arguments, "plan"),
		.no_wait = arguments_has(arguments, "no-wait"),
		.quiet = arguments_has(arguments, "quiet"),
		.verbose = arguments_has(arguments, "verbose"),
		.yes = arguments_has(arguments, "yes"),
		.if_rev = arguments_get(arguments, "if-rev", NULL),
		.idempotency_key = arguments_get(arguments, "idempotency-key", NULL),
		.fields = fields ? g_strsplit(fields, ",", -1) : NULL,
	};
	gint64 rev = 0;
	Exit code = EXIT_USAGE;
	ask_for(command);
	if (cli.socket && cli.remote)
		usage_error(T(m_socket_or_remote_hint), T(m_socket_or_remote));
	else if (arguments_has(arguments, "help")) {
		cli.silent = TRUE;
		command->explain(&cli);
		code = EXIT_DONE;
	} else if (arguments_number(arguments, "if-rev", 1, G_MAXINT64, &rev))
		code = command->exec(&cli, arguments);
	client_free(cli.client);
	g_strfreev(cli.fields);
	return code;
}

static gboolean asks_for_help(const GPtrArray *options)
{
	for (guint i = 0; i < options->len; i++)
		if (strcmp(options->pdata[i], "-h") == 0 || strcmp(options->pdata[i], "--help") == 0)
			return TRUE;
	return FALSE;
}

static Exit dispatch(char *const *words)
{
	g_autoptr(GPtrArray) rest = g_ptr_array_new_with_free_func(g_free);
	words += leading_options(words, rest);
	if (!*words) {
		gboolean asked = asks_for_help(rest);
		help_print_all(!asked);
		return asked ? EXIT_DONE : EXIT_USAGE;
	}
	if (**words == '-' && strcmp(*words, "--version") != 0)
		return usage_error(T(m_options_come_after), T(m_unknown_global_option), *words);
	static char *const version[] = {(char *)"version", NULL};
	if (strcmp(*words, "--version") == 0)
		words = version;
	const Group *group = **words ? group_find(*words) : NULL;
	if (group) {
		words++;
		words += leading_options(words, rest);
		if (!*words || strcmp(*words, "help") == 0) {
			gboolean asked = *words || asks_for_help(rest);
			help_print_group(group, !asked);
			return asked ? EXIT_DONE : EXIT_USAGE;
		}
	} else {
		group = group_find("");
	}
	const Command *command = command_find(group, *words);
	if (!command)
		return unknown_command(group, *words);
	for (words++; *words; words++)
		g_ptr_array_add(rest, g_strdup(*words));
	g_ptr_array_add(rest, NULL);
	if (command->exec == complete_exec) {
		Arguments raw = {.command = command, .words = rest};
		Cli cli = {0};
		return complete_exec(&cli, &raw);
	}
	g_autoptr(Arguments) arguments = arguments_parse(command, (char *const *)rest->pdata);
	if (!arguments)
		return EXIT_USAGE;
	if (arguments_has(arguments, "help")) {
		help_print_command(group->name, command);
		return command->explain ? run(command, arguments) : EXIT_DONE;
	}
	return run(command, arguments);
}

int main(int argc, char **argv)
{
	connection_hide_secrets(argc, argv);
	/* Text is UTF-8 throughout; a locale of another encoding (or the C locale) must not mangle what is printed. */
	setlocale(LC_ALL, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
	setlocale(LC_NUMERIC, "C");
	choose_language(find_language(argv + 1));
	Exit code = dispatch(argv + 1);
	if (fflush(stdout) != 0 && code == EXIT_DONE)
		return EXIT_REFUSED;
	return code;
}
