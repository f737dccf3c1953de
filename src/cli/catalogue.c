/* The commands as JSON, for the build of the page: its palette offers what the command can do, under the same names. */
#include <stdio.h>

#include "base/json.h"
#include "cli/command.h"

static json_object *describe(const Group *group, const Command *command)
{
	json_object *entry = json_object_new_object();
	g_autofree char *name = g_strconcat(group->name, *group->name ? " " : "", command->name, NULL);
	json_set_str(entry, "name", name);
	json_set_str(entry, "usage", command->usage ? command->usage : "");
	json_set_str(entry, "help", command->help.en);
	json_set_str(entry, "help_ja", command->help.ja);
	return entry;
}

Exit catalogue_exec(Cli *cli, Arguments *arguments)
{
	(void)cli;
	(void)arguments;
	json_auto json_object *list = json_object_new_array();
	for (const Group *group = groups; group->name; group++)
		for (const Command *command = group->commands; command->name; command++)
			if (command->name[0] != '_')
				json_object_array_add(list, describe(group, command));
	puts(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	return EXIT_DONE;
}
