/* yado node: the machines that guests run on. */
#include <stdio.h>

#include "base/json.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/output.h"

static const Column columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "version", .heading = TEXT(m_col_version)},
	{.path = "qemu", .heading = TEXT(m_col_qemu)},
	{.path = "acceleration", .heading = TEXT(m_col_acceleration)},
	{.path = "cpus", .heading = TEXT(m_col_cpus)},
	{.path = "memory", .heading = TEXT(m_col_memory)},
	{.path = "memory_free", .heading = TEXT(m_col_free)},
	{.path = "uptime", .heading = TEXT(m_col_uptime)},
	{.path = "running", .heading = TEXT(m_col_running)},
	{0}};

static Exit list_exec(Cli *cli, Arguments *arguments)
{
	(void)arguments;
	Exit code = EXIT_DONE;
	json_auto json_object *list = ask_list(cli, "/nodes", &code);
	return list ? output_list(cli, list, &node_table, columns, T(m_node_none)) : code;
}

static Exit show_exec(Cli *cli, Arguments *arguments)
{
	const char *name = arguments_word(arguments, 0);
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/nodes/", name ? name : "self", NULL);
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, &code);
	if (!reply)
		return code;
	if (cli->json)
		output_json(reply->body);
	else
		output_document(reply->body, &node_table, "");
	return EXIT_DONE;
}

const Command node_commands[] = {
	{.name = "list", .alias = "ls", .help = TEXT(m_node_list_help), .exec = list_exec},
	{.name = "show", .usage = "[NAME]", .help = TEXT(m_node_show_help), .max_words = 1, .complete = COMPLETE_NODE,
	 .exec = show_exec},
	{0}};
