/* The command line: options out of the words, the table's flags apart.
 *
 * Options may stand anywhere after the command's words. An option is looked for among the global ones, the command's
 * own, those of every change, and last among the flags of the command's table, which are collected as they were
 * written: flags_parse() types them. */
#include <string.h>

#include "base/error.h"
#include "cli/ask.h"
#include "cli/messages/command-line.h"
#include "cli/messages/shared.h"
#include "schema/spelling.h"

const Option *option_find(const Option *options, const char *name, gsize length)
{
	for (; options && options->name; options++)
		if (strlen(options->name) == length && strncmp(options->name, name, length) == 0)
			return options;
	return NULL;
}

const Option *option_find_letter(const Option *options, char letter)
{
	for (; options && options->name; options++)
		if (letter && options->letter == letter)
			return options;
	return NULL;
}

void arguments_free(Arguments *arguments)
{
	if (!arguments)
		return;
	g_ptr_array_unref(arguments->words);
	g_ptr_array_unref(arguments->flags);
	g_hash_table_unref(arguments->options);
	g_free(arguments);
}

static void add_option_names(GPtrArray *names, const Option *options)
{
	for (; options && options->name; options++)
		g_ptr_array_add(names, g_strconcat("--", options->name, NULL));
}

static void unknown_option(const Command *command, const char *token)
{
	g_autofree char *name = g_strndup(token, strcspn(token, "="));
	if (command->table && command->mode == FLAGS_CHANGE) {
		g_auto(GStrv) fixed = flags_complete(command->table, FLAGS_CREATE);
		if (g_strv_contains((const char *const *)fixed, name)) {
			usage_error(T(m_fixed_hint), T(m_fixed_flag), name);
			return;
		}
	}
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	add_option_names(names, global_options);
	add_option_names(names, command->options);
	if (command->changes)
		add_option_names(names, change_options);
	if (command->table) {
		g_auto(GStrv) flags = flags_complete(command->table, command->mode);
		for (char **flag = flags; *flag; flag++)
			if (!(command->named && strcmp(*flag, "--name") == 0))
				g_ptr_array_add(names, g_strdup(*flag));
	}
	g_ptr_array_add(names, NULL);
	const char *near = spelling_closest(name, (const char *const *)names->pdata);
	g_autofree char *hint = near ? g_strdup_printf(T(m_did_you_mean), near) : NULL;
	usage_error(hint, T(m_unknown_option), name, command->name);
}

static const Option *find_option(const Command *command, const char *name, gsize length)
{
	const Option *option = option_find(command->options, name, length);
	if (!option)
		option = option_find(global_options, name, length);
	if (!option && command->changes)
		option = option_find(change_options, name, length);
	return option;
}

/* Stores the option's value, from "=…" or the next word. FALSE after printing. */
static gboolean take_option(Arguments *arguments, const Option *option, const char *token, const char *inline_value,
	char *const **inout_word)
{
	const char *value = "";
	if (option->value) {
		value = inline_value;
		if (!value && (*inout_word)[1])
			value = *++*inout_word;
		if (!value) {
			usage_error(NULL, T(m_option_needs_value), token, option->value);
			return FALSE;
		}
		if (option->values && !g_strv_contains(option->values, value)) {
			g_autofree char *allowed = g_strjoinv(", ", (char **)option->values);
			const char *near = spelling_closest(value, option->values);
			g_autofree char *hint = near ? g_strdup_printf(T(m_did_you_mean), near) : NULL;
			usage_error(hint, T(m_option_values), token, allowed, value);
			return FALSE;
		}
	} else if (inline_value) {
		usage_error(NULL, T(m_option_takes_no_value), token);
		return FALSE;
	}
	g_hash_table_insert(arguments->options, g_strdup(option->name), g_strdup(value));
	return TRUE;
}

static gboolean take_long(Arguments *arguments, char *const **inout_word)
{
	const Command *command = arguments->command;
	const char *token = **inout_word;
	const char *name = token + 2;
	gsize length = strcspn(name, "=");
	const char *inline_value = name[length] == '=' ? name + length + 1 : NULL;
	g_autofree char *bare = g_strndup(token, length + 2);
	const Option *option = find_option(command, name, length);
	if (option)
		return take_option(arguments, option, bare, inline_value, inout_word);
	g_auto(GStrv) flags = command->table ? flags_complete(command->table, command->mode) : NULL;
	gboolean by_word = command->named && strcmp(bare, "--name") == 0;
	if (!flags || by_word || !g_strv_contains((const char *const *)flags, bare)) {
		unknown_option(command, token);
		return FALSE;
	}
	g_ptr_array_add(arguments->flags, g_strdup(token));
	if (!inline_value && flags_takes_value(command->table, bare) && (*inout_word)[1])
		g_ptr_array_add(arguments->flags, g_strdup(*++*inout_word));
	return TRUE;
}

/* "-vo json", "-ojson". */
static gboolean take_short(Arguments *arguments, char *const **inout_word)
{
	const Command *command = arguments->command;
	const char *cluster = **inout_word + 1;
	for (; *cluster; cluster++) {
		char token[3] = {'-', *cluster, 0};
		const Option *option = option_find_letter(command->options, *cluster);
		if (!option)
			option = option_find_letter(global_options, *cluster);
		if (!option && command->changes)
			option = option_find_letter(change_options, *cluster);
		if (!option) {
			unknown_option(command, token);
			return FALSE;
		}
		const char *rest = option->value && cluster[1] ? cluster + 1 : NULL;
		if (!take_option(arguments, option, token, rest, inout_word))
			return FALSE;
		if (rest)
			break;
	}
	return TRUE;
}

static gboolean check_word_count(const Arguments *arguments)
{
	const Command *command = arguments->command;
	if (arguments->words->len < command->min_words) {
		usage_error(NULL, T(m_missing_word), command->name, command->usage);
		return FALSE;
	}
	if (arguments->words->len > command->max_words) {
		const char *extra = arguments->words->pdata[command->max_words];
		usage_error(NULL, T(m_extra_word), extra, command->name);
		return FALSE;
	}
	return TRUE;
}

Arguments *arguments_parse(const Command *command, char *const *words)
{
	g_autoptr(Arguments) arguments = g_new0(Arguments, 1);
	arguments->command = command;
	arguments->words = g_ptr_array_new_with_free_func(g_free);
	arguments->flags = g_ptr_array_new_with_free_func(g_free);
	arguments->options = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	gboolean only_words = FALSE;
	for (char *const *word = words; *word; word++) {
		if (only_words || (*word)[0] != '-' || !(*word)[1])
			g_ptr_array_add(arguments->words, g_strdup(*word));
		else if (strcmp(*word, "--") == 0)
			only_words = TRUE;
		else if (!((*word)[1] == '-' ? take_long(arguments, &word) : take_short(arguments, &word)))
			return NULL;
	}
	if (!arguments_has(arguments, "help") && !check_word_count(arguments))
		return NULL;
	return g_steal_pointer(&arguments);
}

const char *arguments_word(const Arguments *arguments, guint index)
{
	return index < arguments->words->len ? arguments->words->pdata[index] : NULL;
}

gboolean arguments_has(const Arguments *arguments, const char *option)
{
	return g_hash_table_contains(arguments->options, option);
}

const char *arguments_get(const Arguments *arguments, const char *option, const char *fallback)
{
	const char *value = g_hash_table_lookup(arguments->options, option);
	return value ? value : fallback;
}

gboolean arguments_number(const Arguments *arguments, const char *option, gint64 min, gint64 max, gint64 *inout_value)
{
	const char *text = arguments_get(arguments, option, NULL);
	if (!text)
		return TRUE;
	g_autoptr(GError) bounds = NULL;
	if (!g_ascii_string_to_signed(text, 10, min, max, inout_value, &bounds)) {
		usage_error(NULL, T(m_option_number), option, min, max, text);
		return FALSE;
	}
	return TRUE;
}

json_object *arguments_document(const Arguments *arguments, json_object *current)
{
	g_auto(GStrv) flags = g_new0(char *, arguments->flags->len + 1);
	for (guint i = 0; i < arguments->flags->len; i++)
		flags[i] = g_strdup(arguments->flags->pdata[i]);
	g_autoptr(GError) error = NULL;
	json_object *document = NULL;
	const Command *command = arguments->command;
	if (!flags_parse(command->table, command->mode, current, &flags, &document, &error)) {
		report(error);
		return NULL;
	}
	if (flags[0]) {
		usage_error(NULL, T(m_extra_word), flags[0], command->name);
		json_object_put(document);
		return NULL;
	}
	return document;
}
