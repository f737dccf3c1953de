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
#include "cli/resource.h"

static const Column columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "kind", .heading = TEXT(m_col_kind)},
	{.path = "size", .heading = TEXT(m_col_size)},
	{.path = "created", .heading = TEXT(m_col_created)},
	{.path = "description", .heading = TEXT(m_col_description), .if_any = TRUE, .may_cut = TRUE},
	{0}};

const Resource image_resource = {"/images", &image_table, columns, TEXT(m_image_none), NULL};

static Exit build_exec(Cli *cli, Arguments *arguments)
{
	json_auto json_object *body = json_object_new_object();
	const char *recipe = arguments_word(arguments, 0);
	const Field *field = schema_find(&image_build_table, "recipe");
	if (!g_strv_contains(field->values, recipe)) {
		g_autofree char *known = g_strjoinv(", ", (char **)field->values);
		return usage_error(NULL, T(m_unknown_recipe), recipe, known);
	}
	json_set_str(body, "recipe", recipe);
	const char *name = arguments_get(arguments, "name", NULL);
	if (name)
		json_set_str(body, "name", name);
	Exit code = EXIT_DONE;
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

static const Option build_options[] = {
	{"name", 0, "NAME", NULL, COMPLETE_NOTHING, TEXT(m_opt_image_name)},
	{0}};

const Command image_commands[] = {
	{.name = "list", .alias = "ls", .help = TEXT(m_image_list_help), .resource = &image_resource,
	 .options = resource_list_options, .exec = resource_list_exec},
	{.name = "show", .usage = "NAME", .help = TEXT(m_image_show_help), .min_words = 1, .max_words = 1,
	 .complete = COMPLETE_IMAGE, .resource = &image_resource, .exec = resource_show_exec},
	{.name = "build", .usage = "RECIPE", .help = TEXT(m_image_build_help), .min_words = 1, .max_words = 1,
	 .complete = COMPLETE_RECIPE, .options = build_options, .changes = TRUE, .exec = build_exec},
	{.name = "import", .usage = "FILE", .help = TEXT(m_image_import_help), .min_words = 1, .max_words = 1,
	 .complete = COMPLETE_FILE, .table = &image_table, .mode = FLAGS_CREATE, .changes = TRUE, .exec = import_exec},
	{.name = "export", .usage = "NAME FILE", .help = TEXT(m_image_export_help), .min_words = 2, .max_words = 2,
	 .complete = COMPLETE_IMAGE, .options = export_options, .exec = export_exec},
	{.name = "delete", .alias = "rm", .usage = "NAME…", .help = TEXT(m_image_delete_help), .min_words = 1,
	 .max_words = G_MAXUINT, .complete = COMPLETE_IMAGE, .resource = &image_resource, .changes = TRUE,
	 .exec = resource_delete_exec},
	{0}};
