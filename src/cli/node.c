/* yado node: the machines that guests run on. */
#include "cli/resource.h"

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

const Resource node_resource = {"/nodes", &node_table, columns, TEXT(m_node_none), "self"};

const Command node_commands[] = {
	{.name = "list", .alias = "ls", .help = TEXT(m_node_list_help), .resource = &node_resource,
	 .options = resource_list_options, .exec = resource_list_exec},
	{.name = "show", .usage = "[NAME]", .help = TEXT(m_node_show_help), .max_words = 1, .complete = COMPLETE_NODE,
	 .resource = &node_resource, .exec = resource_show_exec},
	{0}};
