/* yado preset: what is recommended for guests of each operating system. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/columns.h"
#include "cli/messages/preset.h"
#include "cli/resource.h"

static const Column columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "title", .heading = TEXT(m_col_os)},
	{.path = "group_title", .heading = TEXT(m_col_group), .may_cut = TRUE},
	{0}};

const Resource preset_resource = {"/presets", &preset_table, columns, TEXT(m_preset_none), NULL};

/* What is said in both languages, in the reader's. */
static const char *spoken(json_object *object, const char *english, const char *japanese)
{
	const char *text = json_get_str(object, english, "");
	return speak_japanese ? json_get_str(object, japanese, text) : text;
}

static Exit list_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_filtered("/presets", arguments_get(arguments, "filter", NULL));
	json_auto json_object *list = ask_list(cli, path, &code);
	json_object *items = json_get(list, "items");
	for (gsize i = 0; !cli->json && i < json_get_count(items); i++) {
		json_object *preset = json_object_array_get_idx(items, i);
		g_autofree char *title = g_strdup(spoken(preset, "title", "title_ja"));
		g_autofree char *group = g_strdup(spoken(preset, "group_title", "group_title_ja"));
		json_set_str(preset, "title", title);
		json_set_str(preset, "group_title", group);
	}
	return list ? output_list(cli, list, &preset_table, columns, T(m_preset_none)) : code;
}

void choices_print(json_object *choices, const Table *table, const char *indent)
{
	g_autofree char *below = g_strconcat(indent, "    ", NULL);
	for (gsize i = 0; i < json_get_count(choices); i++) {
		json_object *choice = json_object_array_get_idx(choices, i);
		const char *path = json_get_str(choice, "field", "?");
		g_autofree char *field = format_safe(path);
		g_autofree char *value = format_value(json_get(choice, "value"), schema_find(table, path));
		g_autofree char *why = format_safe(spoken(choice, "why", "why_ja"));
		printf("%s%s = %s%s%s\n%s%s\n", indent, field, style_on(stdout, STYLE_BOLD), value, style_off(stdout),
		       below, why);
	}
}

static Exit show_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/presets/", arguments_word(arguments, 0), NULL);
	json_auto json_object *preset = ask_to_show(cli, path, &code);
	if (!preset)
		return code;
	g_autofree char *title = format_safe(spoken(preset, "title", "title_ja"));
	printf("%s%s%s\n", style_on(stdout, STYLE_BOLD), title, style_off(stdout));
	choices_print(json_get(preset, "settings"), &vm_table, "  ");
	if (json_get_count(json_get(preset, "with_drivers"))) {
		printf("%s\n", T(m_preset_with_drivers));
		choices_print(json_get(preset, "with_drivers"), &vm_table, "  ");
	}
	return EXIT_DONE;
}

const Command preset_commands[] = {
	{.name = "list", .alias = "ls", .help = TEXT(m_preset_list_help), .resource = &preset_resource,
	 .options = resource_list_options, .exec = list_exec},
	{.name = "show", .usage = "NAME", .help = TEXT(m_preset_show_help), .min_words = 1, .max_words = 1,
	 .complete = COMPLETE_PRESET, .exec = show_exec},
	{0}};
