/* What list, show, create, set and delete are for one kind of object, so that a group that has nothing of its own to do
 * there is only tables. */
#pragma once
#include "cli/output.h"

struct Resource {
	const char *path; /* "/users" */
	const Table *table;
	const Column *columns;
	Text none;           /* what an empty list says */
	const char *unnamed; /* what show shows without a name; NULL: it needs one */
};

extern const Resource image_resource, preset_resource, storage_resource, mapping_resource, node_resource, user_resource,
	role_resource, token_resource, session_resource;

extern const Option resource_list_options[];

/* Each as a command's exec, for the resource of its entry. */
Exit resource_list_exec(Cli *cli, Arguments *arguments);
Exit resource_show_exec(Cli *cli, Arguments *arguments);
Exit resource_create_exec(Cli *cli, Arguments *arguments);
Exit resource_set_exec(Cli *cli, Arguments *arguments);
Exit resource_delete_exec(Cli *cli, Arguments *arguments);

/* How people call it: "user". */
const char *resource_title(const Resource *resource);
/* Prints a document, or JSON where that was asked for. */
Exit resource_print(Cli *cli, json_object *document, const Table *table);
