/* Manual pages, from the same tables as the help: `yado __manual` prints their names, `yado __manual PAGE` one page,
 * for the build. "yado" is the page of the command as a whole, "yado-vm" that of the group vm.
 *
 * The language is man(7); what comes from the tables is escaped, so that no text is taken for a request. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/messages/command-line.h"
#include "cli/messages/manual.h"

enum { WIDTH = 78 }; /* bytes of a line of source */

/* Text within a line, or within the quotes of a macro's argument; caller frees. */
static char *escape(const char *text)
{
	static const struct {
		char c;
		const char *name;
	} names[] = {{'\\', "\\e"},    {'-', "\\-"},    {'"', "\\(dq"}, {'\'', "\\(aq"},
		     {'^', "\\(ha"}, {'~', "\\(ti"}, {'`', "\\(ga"}};
	GString *escaped = g_string_new(NULL);
	for (; *text; text++) {
		gsize i = 0;
		while (i < G_N_ELEMENTS(names) && names[i].c != *text)
			i++;
		if (i < G_N_ELEMENTS(names))
			g_string_append(escaped, names[i].name);
		else
			g_string_append_c(escaped, *text);
	}
	return g_string_free(escaped, FALSE);
}

static void put_text(const char *text)
{
	g_autofree char *escaped = escape(text);
	fputs(escaped, stdout);
}

/* A line of text as short lines, broken at its blanks. */
static void put_words(const char *text)
{
	g_autofree char *escaped = escape(text);
	g_auto(GStrv) words = g_strsplit(escaped, " ", -1);
	gsize width = 0;
	for (char **word = words; *word; word++) {
		gboolean fits = width > 0 && width + 1 + strlen(*word) <= WIDTH;
		if (width > 0)
			fputc(fits ? ' ' : '\n', stdout);
		width = fits ? width + 1 : 0;
		/* What begins with a dot would be a request. */
		printf("%s%s", width == 0 && **word == '.' ? "\\&" : "", *word);
		width += strlen(*word);
	}
	fputc('\n', stdout);
}

/* `between` stands between the text's lines. */
static void put_lines(const char *text, const char *between)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		fputs(line == lines ? "" : between, stdout);
		put_words(*line);
	}
}

static void put_heading(const char *macro, const char *heading)
{
	printf("%s \"", macro);
	put_text(heading);
	printf("\"\n");
}

/* A paragraph with a tag. */
static void put_tagged(const char *tag, const char *text)
{
	printf(".TP\n.B \"");
	put_text(tag);
	printf("\"\n");
	put_lines(text, ".br\n");
}

static void put_options(const char *heading, const Option *options)
{
	if (!options || !options->name)
		return;
	put_heading(".SS", heading);
	for (const Option *option = options; option->name; option++) {
		g_autofree char *label = option_label(option);
		g_autofree char *help = option_help(option);
		put_tagged(g_strstrip(label), help);
	}
}

static void put_flag(const char *flag, gboolean of_entry, const char *help, gpointer data)
{
	const Command *command = data;
	static gboolean in_entry;
	/* A name that is given as a word is no flag. */
	if (command && command->named && g_str_has_prefix(flag, "--name "))
		return;
	if (of_entry != in_entry)
		puts(of_entry ? ".RS" : ".RE");
	in_entry = of_entry;
	if (command)
		put_tagged(flag, help);
}

static void put_command(const char *group, const Command *command)
{
	g_autofree char *line = g_strconcat("yado ", group, *group ? " " : "", command->name,
		command->usage ? " " : "", command->usage ? command->usage : "",
		command->options || command->table || command->changes ? T(m_usage_options) : "", NULL);
	put_heading(".SS", line);
	put_lines(text_of(command->help), ".br\n");
	if (command->alias) {
		g_autofree char *also = g_strdup_printf(T(m_also), command->alias);
		puts(".br");
		put_lines(g_strstrip(also), "");
	}
	for (const Option *option = command->options; option && option->name; option++) {
		g_autofree char *label = option_label(option);
		g_autofree char *help = option_help(option);
		put_tagged(g_strstrip(label), help);
	}
	if (command->table) {
		flags_each(command->table, command->mode, speak_japanese, put_flag, (gpointer)command);
		put_flag("", FALSE, "", NULL); /* ends the last entry */
	}
	if (command->changes) {
		puts(".PP");
		put_lines(T(m_man_changes), "");
	}
}

static void put_commands(const Group *group)
{
	put_heading(".SH", T(m_man_commands));
	for (const Command *command = group->commands; command->name; command++)
		if (command->name[0] != '_')
			put_command(group->name, command);
}

static void put_title(const char *page, const char *help)
{
	g_autofree char *upper = g_ascii_strup(page, -1);
	printf(".\\\" -*- coding: UTF-8 -*-\n.\\\" Made by \"yado __manual %s\" from the command's tables.\n", page);
	printf(".TH \"%s\" 1 \"%s\" \"Yado %s\" \"Yado\"\n", upper, YADO_DATE, YADO_VERSION);
	if (speak_japanese)
		puts(".ad l"); /* without blanks there is nothing to stretch */
	put_heading(".SH", T(m_man_name));
	put_text(page);
	printf(" \\- ");
	put_text(help);
	fputc('\n', stdout);
}

static void put_synopsis(const char *group)
{
	put_heading(".SH", T(m_man_synopsis));
	printf(".B yado%s%s\n.I \"", *group ? " " : "", group);
	put_text(T(m_command_word));
	printf("\"\n[");
	put_text(T(m_man_words));
	printf("]\n");
}

static void put_see_also(const char *page)
{
	put_heading(".SH", T(m_man_see_also));
	if (strcmp(page, "yado") != 0)
		printf(".BR yado (1),\n");
	for (const Group *group = groups; strcmp(page, "yado") == 0 && group->name; group++)
		if (*group->name)
			printf(".BR yado\\-%s (1),\n", group->name);
	printf(".BR yadod (8),\n.BR yado\\-httpd (8)\n");
}

static void put_group_page(const char *page, const Group *group)
{
	put_title(page, text_of(group->help));
	put_synopsis(group->name);
	put_commands(group);
	put_see_also(page);
}

static void put_whole_page(void)
{
	static const struct {
		const char *tag;
		Text text;
	} environment[] = {
		{"YADO_SOCKET", TEXT(m_man_env_socket)},
		{"YADO_REMOTE", TEXT(m_man_env_remote)},
		{"YADO_TOKEN", TEXT(m_man_env_token)},
		{"LC_ALL, LC_MESSAGES, LANG", TEXT(m_man_env_locale)},
		{"NO_COLOR", TEXT(m_man_env_no_color)},
	}, files[] = {
		{"/run/yado/api.sock", TEXT(m_man_file_socket)},
		{"~/.config/yado/remotes.json", TEXT(m_man_file_remotes)},
		{"/var/lib/yado", TEXT(m_man_file_state)},
	};
	put_title("yado", T(m_what_yado_is));
	put_synopsis("");
	put_heading(".SH", T(m_man_description));
	put_lines(T(m_man_about), ".PP\n");
	put_heading(".SH", T(m_man_groups));
	for (const Group *group = groups; group->name; group++) {
		g_autofree char *see = g_strdup_printf("%s: yado-%s(1)", text_of(group->help), group->name);
		if (*group->name)
			put_tagged(group->name, see);
	}
	put_commands(group_find(""));
	put_heading(".SH", T(m_man_options));
	put_options(T(m_change_options), change_options);
	put_options(T(m_global_options), global_options);
	put_heading(".SH", T(m_man_exit));
	for (const ExitHelp *exit = exit_helps; exit->help.en; exit++) {
		g_autofree char *code = g_strdup_printf("%d", exit->code);
		put_tagged(code, text_of(exit->help));
	}
	put_heading(".SH", T(m_man_environment));
	for (gsize i = 0; i < G_N_ELEMENTS(environment); i++)
		put_tagged(environment[i].tag, text_of(environment[i].text));
	put_heading(".SH", T(m_man_files));
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
		put_tagged(files[i].tag, text_of(files[i].text));
	put_heading(".SH", T(m_man_examples));
	put_lines(T(m_first_steps), ".PP\n");
	put_see_also("yado");
}

Exit manual_exec(Cli *cli, Arguments *arguments)
{
	(void)cli;
	const char *page = arguments_word(arguments, 0);
	if (!page)
		puts("yado");
	else if (strcmp(page, "yado") == 0)
		put_whole_page();
	for (const Group *group = groups; group->name; group++) {
		g_autofree char *name = g_strdup_printf("yado-%s", group->name);
		if (!page && *group->name)
			puts(name);
		else if (*group->name && g_strcmp0(page, name) == 0)
			put_group_page(page, group);
	}
	return EXIT_DONE;
}
