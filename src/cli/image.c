/* yado image: what guests are made from. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/ask.h"
#include "cli/bytes.h"
#include "cli/download.h"
#include "cli/format.h"
#include "cli/messages/columns.h"
#include "cli/messages/files.h"
#include "cli/messages/image.h"
#include "cli/resource.h"

static const Column columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "kind", .heading = TEXT(m_col_kind)},
	{.path = "size", .heading = TEXT(m_col_size)},
	{.path = "created", .heading = TEXT(m_col_created)},
	{.path = "description", .heading = TEXT(m_col_description), .if_any = TRUE, .may_cut = TRUE},
	{0}};

const Resource image_resource = {"/images", &image_table, columns, TEXT(m_image_none), NULL};

static const Column recipe_columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "needs", .heading = TEXT(m_col_needs)},
	{.path = "takes", .heading = TEXT(m_col_takes)},
	{.path = "description", .heading = TEXT(m_col_description), .may_cut = TRUE},
	{0}};

static const char *recipe_description(json_object *recipe)
{
	const char *english = json_get_str(recipe, "description", "");
	return speak_japanese ? json_get_str(recipe, "description_ja", english) : english;
}

static Exit recipes_exec(Cli *cli, Arguments *arguments)
{
	(void)arguments;
	Exit code = EXIT_DONE;
	json_auto json_object *list = ask_list(cli, "/recipes", &code);
	json_object *items = json_get(list, "items");
	for (gsize i = 0; items && !cli->json && i < json_object_array_length(items); i++) {
		json_object *recipe = json_object_array_get_idx(items, i);
		g_autofree char *text = g_strdup(recipe_description(recipe));
		json_set_str(recipe, "description", text);
	}
	return list ? output_list(cli, list, &recipe_table, recipe_columns, T(m_recipes_none)) : code;
}

/* Below the help: what there is to build on that node, if one answers. */
static void build_explain(Cli *cli)
{
	g_autoptr(Reply) reply = ask_quietly(cli, "GET", "/recipes", NULL, NULL, 0, NULL);
	json_object *items = reply ? json_get(reply->body, "items") : NULL;
	if (!items)
		return;
	printf("\n%s\n", T(m_recipes_heading));
	guint width = 0;
	for (gsize i = 0; i < json_object_array_length(items); i++)
		width = MAX(width, format_width(json_get_str(json_object_array_get_idx(items, i), "name", "")));
	for (gsize i = 0; i < json_object_array_length(items); i++) {
		json_object *recipe = json_object_array_get_idx(items, i);
		printf("  ");
		format_pad(stdout, json_get_str(recipe, "name", ""), width);
		printf("  %s\n", recipe_description(recipe));
	}
}

/* Whether the node has a recipe of that name; FALSE with *ret_exit set if it cannot be asked. */
static gboolean is_recipe(Cli *cli, const char *name, Exit *ret_exit)
{
	json_auto json_object *list = ask_list(cli, "/recipes", ret_exit);
	json_object *items = json_get(list, "items");
	for (gsize i = 0; items && i < json_object_array_length(items); i++)
		if (!strcmp(json_get_str(json_object_array_get_idx(items, i), "name", ""), name))
			return TRUE;
	return FALSE;
}

/* The word is the recipe; the image's name where the recipe is said with --recipe, or by --suite alone. */
static Exit build_exec(Cli *cli, Arguments *arguments)
{
	const char *word = arguments_word(arguments, 0);
	json_auto json_object *body = arguments_document(arguments, NULL);
	if (!body)
		return EXIT_USAGE;
	Exit code = EXIT_DONE;
	gboolean names = json_get(body, "recipe") != NULL;
	if (!names && json_get(body, "suite") && !is_recipe(cli, word, &code)) {
		if (code != EXIT_DONE)
			return code;
		names = TRUE;
		json_set_str(body, "recipe", "debian");
	}
	if (names && json_get(body, "name"))
		return usage_error(NULL, T(m_name_twice), word, json_get_str(body, "name", ""));
	json_set_str(body, names ? "name" : "recipe", word);
	Reply *reply = ask(cli, "POST", "/images/build", body, &code);
	return reply ? finish(cli, reply, &image_table, NULL) : code;
}

/* The file is opened here, with the caller's rights, and its descriptor goes with the request. */
static Exit import_exec(Cli *cli, Arguments *arguments)
{
	const char *file = arguments_word(arguments, 0);
	json_auto json_object *body = arguments_document(arguments, NULL);
	if (!body)
		return EXIT_USAGE;
	fd_auto int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat status;
	g_autoptr(GError) error = NULL;
	if (fd < 0 || fstat(fd, &status) < 0) {
		error_set_errno(&error, errno, T(m_cannot_open), file);
		return report(error);
	}
	if (!S_ISREG(status.st_mode))
		return usage_error(T(m_not_regular_hint), T(m_not_regular), file);
	/* A local daemon takes the descriptor; to another host the file has to travel. */
	Client *client = ask_client(cli, &error);
	Bytes *bytes = bytes_new(cli);
	if (client)
		client_set_progress(client, bytes_on_progress, bytes);
	g_autoptr(Reply) reply = client ? ask_quietly(cli, "POST", "/images", body, &fd, 1, &error) : NULL;
	if (client)
		client_set_progress(client, NULL, NULL);
	bytes_free(bytes);
	return reply ? finish(cli, g_steal_pointer(&reply), &image_table, NULL) : report(error);
}

static Exit export_exec(Cli *cli, Arguments *arguments)
{
	const char *name = arguments_word(arguments, 0), *path = arguments_word(arguments, 1);
	if (access(path, F_OK) == 0 && !arguments_has(arguments, "force"))
		return usage_error(T(m_file_exists_hint), T(m_file_exists), path);
	Exit code = EXIT_DONE;
	g_autofree char *from = ask_path("/images/", name, "/disk");
	g_autoptr(Reply) reply = ask(cli, "GET", from, NULL, &code);
	if (!reply)
		return code;
	g_autoptr(GError) error = NULL;
	if (!download_save(cli, name, reply, path, 0666, &error))
		return report(error);
	g_autofree char *size = units_format_size((guint64)json_get_int(reply->head, "content_length", 0));
	if (!cli->quiet)
		fprintf(stderr, T(m_image_exported), name, path, size);
	return EXIT_DONE;
}

static const Option export_options[] = {
	{"force", 'f', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_force)},
	{0}};

const Command image_commands[] = {{.name = "list",
				   .alias = "ls",
				   .help = TEXT(m_image_list_help),
				   .resource = &image_resource,
				   .options = resource_list_options,
				   .exec = resource_list_exec},
				  {.name = "show",
				   .usage = "NAME",
				   .help = TEXT(m_image_show_help),
				   .min_words = 1,
				   .max_words = 1,
				   .complete = COMPLETE_IMAGE,
				   .resource = &image_resource,
				   .exec = resource_show_exec},
				  {.name = "build",
				   .usage = "RECIPE|NAME",
				   .help = TEXT(m_image_build_help),
				   .min_words = 1,
				   .max_words = 1,
				   .complete = COMPLETE_RECIPE,
				   .table = &image_build_table,
				   .mode = FLAGS_CREATE,
				   .changes = TRUE,
				   .exec = build_exec,
				   .explain = build_explain},
				  {.name = "recipes", .help = TEXT(m_recipes_help), .exec = recipes_exec},
				  {.name = "import",
				   .usage = "FILE",
				   .help = TEXT(m_image_import_help),
				   .min_words = 1,
				   .max_words = 1,
				   .complete = COMPLETE_FILE,
				   .table = &image_table,
				   .mode = FLAGS_CREATE,
				   .changes = TRUE,
				   .exec = import_exec},
				  {.name = "export",
				   .usage = "NAME FILE",
				   .help = TEXT(m_image_export_help),
				   .min_words = 2,
				   .max_words = 2,
				   .complete = COMPLETE_IMAGE,
				   .options = export_options,
				   .exec = export_exec},
				  {.name = "set",
				   .usage = "NAME",
				   .help = TEXT(m_image_set_help),
				   .min_words = 1,
				   .max_words = 1,
				   .complete = COMPLETE_IMAGE,
				   .resource = &image_resource,
				   .table = &image_table,
				   .mode = FLAGS_CHANGE,
				   .changes = TRUE,
				   .exec = resource_set_exec},
				  {.name = "delete",
				   .alias = "rm",
				   .usage = "NAME…",
				   .help = TEXT(m_image_delete_help),
				   .min_words = 1,
				   .max_words = G_MAXUINT,
				   .complete = COMPLETE_IMAGE,
				   .resource = &image_resource,
				   .changes = TRUE,
				   .exec = resource_delete_exec},
				  {0}};
