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
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/output.h"

static const Column columns[] = {
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "kind", .heading = TEXT(m_col_kind)},
	{.path = "size", .heading = TEXT(m_col_size)},
	{.path = "created", .heading = TEXT(m_col_created)},
	{.path = "description", .heading = TEXT(m_col_description), .if_any = TRUE, .may_cut = TRUE},
	{0}};

static Exit list_exec(Cli *cli, Arguments *arguments)
{
	(void)arguments;
	Exit code = EXIT_DONE;
	json_auto json_object *list = ask_list(cli, "/images", &code);
	return list ? output_list(cli, list, &image_table, columns, T(m_image_none)) : code;
}

static Exit show_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/images/", arguments_word(arguments, 0), NULL);
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, &code);
	if (!reply)
		return code;
	if (cli->json)
		output_json(reply->body);
	else
		output_document(reply->body, &image_table, "");
	return EXIT_DONE;
}

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
	g_autoptr(Reply) reply = ask_quietly(cli, "POST", "/images", body, &fd, 1, &error);
	return reply ? finish(cli, g_steal_pointer(&reply), &image_table, NULL) : report(error);
}

static Exit delete_exec(Cli *cli, Arguments *arguments)
{
	Exit worst = EXIT_DONE;
	for (guint i = 0; i < arguments->words->len; i++) {
		const char *name = arguments_word(arguments, i);
		g_autofree char *path = ask_path("/images/", name, NULL);
		g_autofree char *done = g_strdup_printf(T(m_image_deleted), name);
		Exit code = EXIT_REFUSED;
		gboolean sure = cli->yes || cli->plan || !can_confirm() || confirm(T(m_image_confirm_delete), name);
		Reply *reply = sure ? ask(cli, "DELETE", path, NULL, &code) : NULL;
		if (reply)
			code = finish(cli, reply, &image_table, done);
		if (worst == EXIT_DONE)
			worst = code;
	}
	return worst;
}

static const Option build_options[] = {
	{"name", 0, "NAME", NULL, COMPLETE_NOTHING, TEXT(m_opt_image_name)},
	{0}};

const Command image_commands[] = {
	{.name = "list", .alias = "ls", .help = TEXT(m_image_list_help), .exec = list_exec},
	{.name = "show", .usage = "NAME", .help = TEXT(m_image_show_help), .min_words = 1, .max_words = 1,
	 .complete = COMPLETE_IMAGE, .exec = show_exec},
	{.name = "build", .usage = "RECIPE", .help = TEXT(m_image_build_help), .min_words = 1, .max_words = 1,
	 .complete = COMPLETE_RECIPE, .options = build_options, .changes = TRUE, .exec = build_exec},
	{.name = "import", .usage = "FILE", .help = TEXT(m_image_import_help), .min_words = 1, .max_words = 1,
	 .complete = COMPLETE_FILE, .table = &image_table, .mode = FLAGS_CREATE, .changes = TRUE, .exec = import_exec},
	{.name = "delete", .alias = "rm", .usage = "NAME…", .help = TEXT(m_image_delete_help), .min_words = 1,
	 .max_words = G_MAXUINT, .complete = COMPLETE_IMAGE, .changes = TRUE, .exec = delete_exec},
	{0}};
