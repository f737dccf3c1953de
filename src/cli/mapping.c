/* yado mapping: names for what of the host guests may be given. */
#include "base/json.h"
#include "cli/ask.h"
#include "cli/messages/columns.h"
#include "cli/messages/mapping.h"
#include "cli/resource.h"

static const Column columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "kind", .heading = TEXT(m_col_kind)},
	{.path = "address", .heading = TEXT(m_col_pci_address), .if_any = TRUE},
	{.path = "device", .heading = TEXT(m_col_device_id), .if_any = TRUE},
	{.path = "path", .heading = TEXT(m_col_path), .may_cut = TRUE, .if_any = TRUE},
	{.path = "usable", .heading = TEXT(m_col_usable)},
	{.path = "problem", .heading = TEXT(m_col_problem), .if_any = TRUE, .may_cut = TRUE},
	{0}};

static const Column device_columns[] = {
	{.path = "name", .heading = TEXT(m_col_device)},
	{.path = "bus", .heading = TEXT(m_col_bus)},
	{.path = "device", .heading = TEXT(m_col_device_id)},
	{.path = "class", .heading = TEXT(m_col_class)},
	{.path = "title", .heading = TEXT(m_col_title), .if_any = TRUE, .may_cut = TRUE},
	{.path = "driver", .heading = TEXT(m_col_driver), .if_any = TRUE},
	{.path = "group", .heading = TEXT(m_col_iommu_group), .if_any = TRUE},
	{.path = "mappings", .heading = TEXT(m_col_mappings), .if_any = TRUE},
	{.path = "problem", .heading = TEXT(m_col_problem), .if_any = TRUE, .may_cut = TRUE},
	{0}};

const Resource mapping_resource = {"/mappings", &mapping_table, columns, TEXT(m_mapping_none), NULL};

Exit devices_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	const char *node = arguments->words->len ? arguments_word(arguments, 0) : "self";
	g_autofree char *path = ask_path("/nodes/", node, "/devices");
	json_auto json_object *list = ask_list(cli, path, &code);
	return list ? output_list(cli, list, &device_table, device_columns, T(m_device_none)) : code;
}

#define ONE .usage = "NAME", .min_words = 1, .max_words = 1

const Command mapping_commands[] = {
	{.name = "list", .alias = "ls", .help = TEXT(m_mapping_list_help), .resource = &mapping_resource,
	 .options = resource_list_options, .exec = resource_list_exec},
	{.name = "show", ONE, .help = TEXT(m_mapping_show_help), .complete = COMPLETE_MAPPING,
	 .resource = &mapping_resource, .exec = resource_show_exec},
	{.name = "create", ONE, .help = TEXT(m_mapping_create_help), .resource = &mapping_resource,
	 .table = &mapping_table, .mode = FLAGS_CREATE, .named = TRUE, .changes = TRUE, .exec = resource_create_exec},
	{.name = "set", ONE, .help = TEXT(m_mapping_set_help), .complete = COMPLETE_MAPPING,
	 .resource = &mapping_resource, .table = &mapping_table, .mode = FLAGS_CHANGE, .changes = TRUE,
	 .exec = resource_set_exec},
	{.name = "delete", .alias = "rm", .usage = "NAME…", .help = TEXT(m_mapping_delete_help), .min_words = 1,
	 .max_words = G_MAXUINT, .complete = COMPLETE_MAPPING, .resource = &mapping_resource, .changes = TRUE,
	 .exec = resource_delete_exec},
	{0}};
