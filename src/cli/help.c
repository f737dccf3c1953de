/* Help: made from the tables of commands, options and fields. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/format.h"
#include "cli/messages/command-line.h"
#include "schema/spelling.h"

const Group *group_find(const char *name)
{
	for (const Group *group = groups; group->name; group++)
		if (strcmp(group->name, name) == 0)
			return group;
	return NULL;
}

const Command *command_find(const Group *group, const char *name)
{
	for (const Command *command = group ? group->commands : NULL; command && command->name; command++)
		if (strcmp(command->name, name) == 0 || g_strcmp0(command->alias, name) == 0)
			return command;
	return NULL;
}

const Group *command_group(const Command *wanted)
{
	for (const Group *group = groups; group->name; group++)
		for (const Command *command = group ? group->commands : NULL; command && command->name; command++)
			if (command == wanted)
				return group;
	return NULL;
}

static void print_line(FILE *stream, const char *left, guint width, const char *right)
{
	fputs("  ", stream);
	fputs(style_on(stream, STYLE_BOLD), stream);
	format_pad(stream, left, width);
	fprintf(stream, "%s  %s\n", style_off(stream), right);
}

char *option_label(const Option *option)
{
	char letter[5] = {'-', option->letter, ',', ' ', 0};
	return g_strconcat(option->letter ? letter : "    ", "--", option->name, option->value ? " " : NULL,
		option->value, NULL);
}

char *option_help(const Option *option)
{
	g_autofree char *values = option->values ? g_strjoinv("|", (char **)option->values) : NULL;
	return g_strconcat(text_of(option->help), values ? " (" : NULL, values, values ? ")" : NULL, NULL);
}

static void print_options(const char *heading, const Option *options)
{
	if (!options || !options->name)
		return;
	printf("\n%s\n", heading);
	guint width = 0;
	for (const Option *option = options; option->name; option++) {
		g_autofree char *label = option_label(option);
		width = MAX(width, format_width(label));
	}
	for (const Option *option = options; option->name; option++) {
		g_autofree char *label = option_label(option);
		g_autofree char *help = option_help(option);
		print_line(stdout, label, width, help);
	}
}

static const char name_line[] = "\n  --name ";
#define name_flag (name_line + 1)

void help_print_command(const char *group, const Command *command)
{
	printf("%s yado %s%s%s %s%s\n\n  %s\n", T(m_usage), group, *group ? " " : "", command->name,
		command->usage ? command->usage : "",
		command->options || command->table || command->changes ? T(m_usage_options) : "",
		text_of(command->help));
	if (command->alias)
		printf(T(m_also), command->alias);
	print_options(T(m_options), command->options);
	if (command->changes)
		print_options(T(m_change_options), change_options);
	if (command->table) {
		g_autofree char *flags = flags_help(command->table, command->mode, speak_japanese);
		/* A name that is given as a word is no flag. */
		char *name = !command->named		      ? NULL
			     : g_str_has_prefix(flags, name_flag) ? flags
								  : strstr(flags, name_line);
		if (name) {
			name += name == flags ? 0 : 1;
			char *rest = strchr(name, '\n') + 1;
			memmove(name, rest, strlen(rest) + 1);
		}
		printf("\n%s\n%s", T(m_field_options), flags);
	}
	print_options(T(m_global_options), global_options);
}

static void print_commands(FILE *stream, const char *prefix, const Command *commands)
{
	guint width = 0;
	for (int pass = 0; pass < 2; pass++) {
		for (const Command *command = commands; command->name; command++) {
			if (command->name[0] == '_')
				continue;
			g_autofree char *label = g_strconcat(prefix, command->name, command->usage ? " " : NULL,
				command->usage, NULL);
			if (pass == 0)
				width = MAX(width, format_width(label));
			else
				print_line(stream, label, width, text_of(command->help));
		}
	}
}

void help_print_group(const Group *group, gboolean as_error)
{
	FILE *stream = as_error ? stderr : stdout;
	fprintf(stream, "%s yado %s %s\n\n%s\n", T(m_usage), group->name, T(m_command_word), text_of(group->help));
	print_commands(stream, "", group->commands);
	fprintf(stream, T(m_more_help_group), group->name);
}

void help_print_all(gboolean as_error)
{
	FILE *stream = as_error ? stderr : stdout;
	fprintf(stream, "%s yado %s\n\n%s\n\n", T(m_usage), T(m_command_word), T(m_what_yado_is));
	guint width = 10;
	for (const Group *group = groups; group->name; group++)
		if (*group->name)
			print_line(stream, group->name, width, text_of(group->help));
	fputc('\n', stream);
	print_commands(stream, "", top_commands);
	fprintf(stream, "\n%s\n", T(m_first_steps));
}

const ExitHelp exit_helps[] = {
	{EXIT_DONE, TEXT(m_exit_done)},
	{EXIT_REFUSED, TEXT(m_exit_refused)},
	{EXIT_USAGE, TEXT(m_exit_usage)},
	{EXIT_MISSING, TEXT(m_exit_missing)},
	{EXIT_CONFLICT, TEXT(m_exit_conflict)},
	{EXIT_UNREACHABLE, TEXT(m_exit_unreachable)},
	{EXIT_TASK_FAILED, TEXT(m_exit_task_failed)},
	{EXIT_TIMED_OUT, TEXT(m_exit_timed_out)},
	{EXIT_INTERRUPTED, TEXT(m_exit_interrupted)},
	{0},
};

static Exit print_exit_codes(void)
{
	for (const ExitHelp *exit = exit_helps; exit->help.en; exit++)
		printf("%4d  %s\n", exit->code, text_of(exit->help));
	return EXIT_DONE;
}

static Exit unknown_topic(const char *word)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	for (const Group *group = groups; group->name; group++)
		if (*group->name)
			g_ptr_array_add(names, (gpointer)group->name);
	for (const Command *command = top_commands; command->name; command++)
		g_ptr_array_add(names, (gpointer)command->name);
	g_ptr_array_add(names, NULL);
	const char *near = spelling_closest(word, (const char *const *)names->pdata);
	g_autofree char *hint = near ? g_strdup_printf(T(m_did_you_mean_command), near) : NULL;
	return usage_error(hint, T(m_unknown_command), word);
}

/* help [GROUP [COMMAND] | COMMAND | exit-codes] */
Exit help_exec(Cli *cli, Arguments *arguments)
{
	(void)cli;
	const char *topic = arguments_word(arguments, 0), *second = arguments_word(arguments, 1);
	if (!topic) {
		help_print_all(FALSE);
		print_options(T(m_global_options), global_options);
		return EXIT_DONE;
	}
	if (strcmp(topic, "exit-codes") == 0)
		return print_exit_codes();
	const Group *group = *topic ? group_find(topic) : NULL;
	const Command *command =
		group ? (second ? command_find(group, second) : NULL) : command_find(group_find(""), topic);
	if (command)
		help_print_command(group ? group->name : "", command);
	else if (group && !second)
		help_print_group(group, FALSE);
	else
		return unknown_topic(second && group ? second : topic);
	return EXIT_DONE;
}

Exit version_exec(Cli *cli, Arguments *arguments)
{
	(void)arguments;
	if (cli->json)
		printf("{\"version\": \"%s\"}\n", YADO_VERSION);
	else
		printf("yado %s\n", YADO_VERSION);
	return EXIT_DONE;
}
