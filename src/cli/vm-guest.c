/* yado vm guest-info, filesystems, set-password, sync-time, freeze, thaw, trim: the inside of a guest, by its agent. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/columns.h"
#include "cli/messages/files.h"
#include "cli/messages/guest-tools.h"
#include "cli/output.h"
#include "cli/resource.h"
#include "cli/secret.h"

static const Column filesystem_columns[] = {
	{.path = "mountpoint", .heading = TEXT(m_col_mountpoint)},
	{.path = "device", .heading = TEXT(m_col_guest_device)},
	{.path = "type", .heading = TEXT(m_col_fs_type)},
	{.path = "total", .heading = TEXT(m_col_size), .as = &as_bytes},
	{.path = "used", .heading = TEXT(m_col_fs_used), .as = &as_bytes},
	{.path = "share", .heading = TEXT(m_col_share)},
	{.path = "disks", .heading = TEXT(m_col_fs_disks), .if_any = TRUE},
	{0}};

const Option agent_password_options[] = {
	{"password-file", 0, "FILE", NULL, COMPLETE_FILE, TEXT(m_opt_password_file)},
	{0}};
const Option freeze_options[] = {
	{"seconds", 0, "SECONDS", NULL, COMPLETE_NOTHING, TEXT(m_opt_freeze_seconds)},
	{0}};

Exit vm_guest_info_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/vms/", arguments_word(arguments, 0), "/guest");
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, &code);
	return reply ? resource_print(cli, reply->body, &guest_info_table) : code;
}

/* Adds how full each is. */
static void for_people(json_object *list)
{
	json_object *items = json_get(list, "items");
	for (gsize i = 0; i < json_get_count(items); i++) {
		json_object *row = json_object_array_get_idx(items, i);
		gint64 total = json_get_int(row, "total", 0), used = json_get_int(row, "used", 0);
		g_autofree char *share =
			total > 0 ? g_strdup_printf("%.0f %%", (double)used / (double)total * 100) : g_strdup("-");
		json_set_str(row, "share", share);
	}
}

Exit vm_filesystems_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/vms/", arguments_word(arguments, 0), "/guest/filesystems");
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, &code);
	if (!reply)
		return code;
	if (!cli->json)
		for_people(reply->body);
	return output_list(cli, reply->body, &guest_filesystem_table, filesystem_columns, T(m_filesystems_none));
}

Exit vm_set_password_exec(Cli *cli, Arguments *arguments)
{
	const char *id = arguments_word(arguments, 0), *user = arguments_word(arguments, 1);
	const char *file = arguments_get(arguments, "password-file", NULL);
	g_autoptr(GError) error = NULL;
	secret_auto char *password =
		file ? secret_read(file, &error) : secret_ask_twice(T(m_ask_password), T(m_ask_password_again), &error);
	if (!password)
		return report(error);
	Exit code = EXIT_DONE;
	json_auto json_object *body = json_object_new_object();
	json_set_str(body, "user", user);
	json_set_str(body, "password", password);
	g_autofree char *path = ask_path("/vms/", id, "/guest/password");
	Reply *reply = ask(cli, "POST", path, body, &code);
	g_autofree char *done = g_strdup_printf(T(m_guest_password_set), user);
	return reply ? finish(cli, reply, NULL, done) : code;
}

Exit vm_sync_time_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/vms/", arguments_word(arguments, 0), "/guest/sync-time");
	Reply *reply = ask(cli, "POST", path, NULL, &code);
	if (!reply || cli->plan || cli->json)
		return reply ? finish(cli, reply, &guest_time_table, NULL) : code;
	if (!cli->quiet && json_get(reply->body, "before_ms"))
		printf(T(m_time_set_from), (double)json_get_int(reply->body, "before_ms", 0) / 1000,
		       (double)json_get_int(reply->body, "after_ms", 0) / 1000);
	else if (!cli->quiet)
		printf("%s\n", T(m_time_set));
	reply_free(reply);
	return EXIT_DONE;
}

/* freeze, thaw, trim */
Exit vm_guest_task_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	gint64 seconds = 0;
	json_auto json_object *body = NULL;
	if (!arguments_number(arguments, "seconds", 1, 600, &seconds))
		return EXIT_USAGE;
	if (seconds) {
		body = json_object_new_object();
		json_set_int(body, "seconds", seconds);
	}
	g_autofree char *suffix = g_strconcat("/guest/", arguments->command->name, NULL);
	g_autofree char *path = ask_path("/vms/", arguments_word(arguments, 0), suffix);
	Reply *reply = ask(cli, "POST", path, body, &code);
	return reply ? finish(cli, reply, NULL, NULL) : code;
}
