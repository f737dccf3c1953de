/* Completion: `yado __complete WORD…` prints what could stand in place of the last word, one candidate a line; the
 * script for bash filters nothing and knows nothing. Names of objects are asked of the daemon, for at most two
 * seconds, silently. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/ask.h"
#include "cli/connection.h"
#include "cli/messages/command-line.h"
#include "cli/remotes.h"

enum { COMPLETE_TIMEOUT_MS = 2000 };

typedef struct Completion {
	const char *typed; /* the word to complete, or what stands after the "=" of "--flag=value" */
	const char *flag;  /* "--flag=" then, else "" */
	Cli *cli;
} Completion;

static void offer(const Completion *completion, const char *candidate)
{
	if (g_str_has_prefix(candidate, completion->typed))
		printf("%s%s\n", completion->flag, candidate);
}

/* Items of a list, asked for silently; NULL if that fails. New reference. */
static json_object *fetch(const Completion *completion, const char *path)
{
	g_autoptr(Client) client = connection_open(completion->cli, NULL);
	g_autoptr(Reply) reply =
		client ? client_request(client, "GET", path, NULL, NULL, NULL, 0, COMPLETE_TIMEOUT_MS, NULL) : NULL;
	json_object *items = reply ? json_get(reply->body, "items") : NULL;
	return json_object_is_type(items, json_type_array) ? json_object_get(items) : NULL;
}

static void offer_names(const Completion *completion, const char *path, const char *key)
{
	json_auto json_object *items = fetch(completion, path);
	for (gsize i = 0; items && i < json_object_array_length(items); i++) {
		json_object *value = json_get(json_object_array_get_idx(items, i), key);
		if (value)
			offer(completion, json_object_get_string(value));
	}
}

static void offer_remotes(const Completion *completion)
{
	json_auto json_object *remotes = remotes_load(NULL);
	json_object *saved = json_get(remotes, "remotes");
	if (!saved)
		return;
	json_object_object_foreach(saved, name, remote) {
		(void)remote;
		offer(completion, name);
	}
}

static void offer_kind(const Completion *completion, Complete kind)
{
	static const struct {
		Complete kind;
		const char *path, *key;
	} lists[] = {
		{COMPLETE_VM, "/api/v1/vms?limit=1000", "name"},
		{COMPLETE_IMAGE, "/api/v1/images?limit=1000", "name"},
		{COMPLETE_RECIPE, "/api/v1/recipes?limit=1000", "name"},
		{COMPLETE_PRESET, "/api/v1/presets?limit=1000", "name"},
		{COMPLETE_STORAGE, "/api/v1/storages?limit=1000", "name"},
		{COMPLETE_MAPPING, "/api/v1/mappings?limit=1000", "name"},
		{COMPLETE_NODE, "/api/v1/nodes?limit=1000", "name"},
		{COMPLETE_TASK, "/api/v1/tasks?limit=50", "id"},
		{COMPLETE_REVISION, "/api/v1/history?limit=50", "rev"},
		{COMPLETE_USER, "/api/v1/users?limit=1000", "name"},
		{COMPLETE_ROLE, "/api/v1/roles?limit=1000", "name"},
		{COMPLETE_TOKEN, "/api/v1/tokens?limit=1000", "id"},
		{COMPLETE_SESSION, "/api/v1/sessions?limit=1000", "id"},
	};
	for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
		if (lists[i].kind == kind)
			offer_names(completion, lists[i].path, lists[i].key);
	switch (kind) {
	case COMPLETE_REMOTE:
		offer_remotes(completion);
		break;
	case COMPLETE_HELP:
		for (const Group *group = groups; group->name; group++)
			if (*group->name)
				offer(completion, group->name);
		offer(completion, "exit-codes");
		break;
	default:
		break;
	}
}

static void offer_commands(const Completion *completion, const Group *group)
{
	for (const Command *command = group->commands; command->name; command++)
		if (command->name[0] != '_')
			offer(completion, command->name);
}

static void offer_options(const Completion *completion, const Option *options)
{
	for (; options && options->name; options++) {
		g_autofree char *name = g_strconcat("--", options->name, NULL);
		offer(completion, name);
	}
}

static void offer_flags(const Completion *completion, const Command *command)
{
	offer_options(completion, command->options);
	if (command->table) {
		g_auto(GStrv) flags = flags_complete(command->table, command->mode);
		for (char **flag = flags; *flag; flag++)
			if (!(command->named && strcmp(*flag, "--name") == 0))
				offer(completion, *flag);
	}
	if (command->changes)
		offer_options(completion, change_options);
	offer_options(completion, global_options);
}

static const Option *find_option(const Command *command, const char *word)
{
	gboolean is_long = g_str_has_prefix(word, "--");
	const Option *const tables[] = {command ? command->options : NULL, global_options,
		command && command->changes ? change_options : NULL};
	for (gsize i = 0; i < G_N_ELEMENTS(tables); i++) {
		const Option *option = is_long ? option_find(tables[i], word + 2, strlen(word + 2))
				       : word[0] == '-' && word[1] && !word[2] ? option_find_letter(tables[i], word[1])
									       : NULL;
		if (option)
			return option;
	}
	return NULL;
}

static const char *last_part(const char *text, char separator)
{
	const char *last = strrchr(text, separator);
	return last ? last + 1 : text;
}

/* Of "--disk": "field=value,…" — what follows the last comma is completed, what stands before it is kept. Names of
 * images and storages come from the daemon. */
static void offer_flag_values(const Completion *completion, const Command *command, const char *flag)
{
	const char *tail = last_part(completion->typed, ',');
	const char *bare = last_part(tail, ':');
	g_autofree char *kept = g_strndup(completion->typed, (gsize)(bare - completion->typed));
	g_auto(GStrv) values = flags_complete_values(command->table, flag);
	for (char **value = values; *value; value++) {
		g_autofree char *candidate = g_strconcat(kept, *value, NULL);
		offer(completion, candidate);
	}
	const char *equals = strchr(bare, '=');
	g_autofree char *field = equals ? g_strndup(bare, (gsize)(equals - bare)) : g_strdup(flag + 2);
	if (strcmp(field, "os") == 0)
		offer_kind(completion, COMPLETE_PRESET);
	Complete kind = g_str_has_suffix(field, "image") ? COMPLETE_IMAGE
			: g_str_has_suffix(field, "storage") ? COMPLETE_STORAGE
			: g_str_has_suffix(field, "mapping") ? COMPLETE_MAPPING
							     : COMPLETE_NOTHING;
	if (kind == COMPLETE_NOTHING || strcmp(command->name, "import") == 0)
		return;
	g_autofree char *before =
		equals ? g_strndup(completion->typed, (gsize)(equals + 1 - completion->typed)) : g_strdup("");
	json_auto json_object *items =
		fetch(completion, kind == COMPLETE_IMAGE     ? "/api/v1/images"
				  : kind == COMPLETE_MAPPING ? "/api/v1/mappings"
							     : "/api/v1/storages");
	for (gsize i = 0; items && i < json_object_array_length(items); i++) {
		g_autofree char *candidate = g_strconcat(before,
			json_get_str(json_object_array_get_idx(items, i), "name", ""), NULL);
		offer(completion, candidate);
	}
}

/* The value of an option that the word before asks for; FALSE if it asks for none. */
static gboolean offer_value(const Completion *completion, const Command *command, const char *previous)
{
	const Option *option = find_option(command, previous);
	if (option && option->value) {
		for (const char *const *value = option->values; value && *value; value++)
			offer(completion, *value);
		offer_kind(completion, option->complete);
		return TRUE;
	}
	if (!option && command && command->table && g_str_has_prefix(previous, "--") &&
		flags_takes_value(command->table, previous)) {
		offer_flag_values(completion, command, previous);
		return TRUE;
	}
	return FALSE;
}

/* The command that the words before the last name; *ret_group may be set without it. */
static const Command *find_command(char **words, const Group **ret_group)
{
	const Group *group = NULL;
	const Command *command = NULL;
	for (char **word = words; word[0] && word[1] && !command; word++) {
		const Option *option = **word == '-' ? find_option(NULL, *word) : NULL;
		if (option && option->value && word[2])
			word++;
		if (**word == '-' || option)
			continue;
		if (!group)
			group = **word ? group_find(*word) : NULL;
		else
			command = command_find(group, *word);
		if (!group)
			command = command_find(group_find(""), *word);
		if (!group && !command)
			break;
	}
	*ret_group = group;
	return command;
}

Exit complete_exec(Cli *cli, Arguments *arguments)
{
	char **words = (char **)arguments->words->pdata;
	guint count = g_strv_length(words);
	if (count == 0)
		return EXIT_DONE;
	Completion completion = {.typed = words[count - 1], .flag = "", .cli = cli};
	cli->silent = TRUE;
	for (guint i = 0; i + 2 < count; i++) {
		if (strcmp(words[i], "--socket") == 0)
			cli->socket = words[i + 1];
		else if (strcmp(words[i], "--remote") == 0)
			cli->remote = words[i + 1];
		else if (strcmp(words[i], "--token-file") == 0)
			cli->token_file = words[i + 1];
	}
	const Group *group = NULL;
	const Command *command = find_command(words, &group);
	const char *previous = count > 1 ? words[count - 2] : "";
	gsize length = strcspn(completion.typed, "=");
	if (g_str_has_prefix(completion.typed, "--") && completion.typed[length]) {
		g_autofree char *flag = g_strndup(completion.typed, length + 1);
		g_autofree char *bare = g_strndup(completion.typed, length);
		completion.flag = flag;
		completion.typed += length + 1;
		offer_value(&completion, command, bare);
		return EXIT_DONE;
	}
	if (previous[0] == '-' && offer_value(&completion, command, previous))
		return EXIT_DONE;
	if (command && completion.typed[0] == '-')
		offer_flags(&completion, command);
	else if (command)
		offer_kind(&completion, command->complete);
	else if (completion.typed[0] == '-')
		offer_options(&completion, global_options);
	else if (group)
		offer_commands(&completion, group);
	else {
		offer_kind(&completion, COMPLETE_HELP);
		offer_commands(&completion, group_find(""));
	}
	return EXIT_DONE;
}

static const char script[] =
#include "bash_script.h" /* made from yado.bash-completion */
	;

Exit completion_exec(Cli *cli, Arguments *arguments)
{
	(void)cli;
	if (strcmp(arguments_word(arguments, 0), "bash") != 0)
		return usage_error(NULL, T(m_unknown_shell), arguments_word(arguments, 0));
	fputs(script, stdout);
	return EXIT_DONE;
}
