/* yado vm: guests and their configuration. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/messages/columns.h"
#include "cli/messages/console.h"
#include "cli/messages/shared.h"
#include "cli/messages/vm.h"
#include "cli/vm-identity.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/reason.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/vm-handed.h"
#include "cli/vm-settings.h"

static const Column row_columns[] = {
	{.path = "id", .heading = TEXT(m_col_id)},
	{.path = "name", .heading = TEXT(m_col_name)},
	{.path = "state", .heading = TEXT(m_col_state)},
	{.path = "reason", .heading = TEXT(m_col_reason), .if_any = TRUE, .may_cut = TRUE},
	{.path = "cpus", .heading = TEXT(m_col_cpus), .as = &as_count},
	{.path = "memory", .heading = TEXT(m_col_memory)},
	{.path = "age", .heading = TEXT(m_col_age), .as = &as_seconds},
	{.path = "node", .heading = TEXT(m_col_node)},
	{.path = "tags", .heading = TEXT(m_col_tags), .if_any = TRUE, .may_cut = TRUE},
	{.path = "pending", .heading = TEXT(m_col_pending), .if_any = TRUE},
	{.path = "since", .heading = TEXT(m_col_since), .extra = TRUE},
	{.path = "rev", .heading = TEXT(m_col_rev), .as = &as_count, .extra = TRUE},
	{0}};

/* Adds how long each guest has been in its state, and gives the reason in the reader's language. */
static void for_people(json_object *list)
{
	json_object *items = json_get(list, "items");
	for (gsize i = 0; i < json_object_array_length(items); i++) {
		json_object *row = json_object_array_get_idx(items, i);
		g_autofree char *reason = reason_text(row);
		json_set_str(row, "reason", reason);
		json_set_int(row, "age", format_age(json_get_str(row, "since", NULL)));
	}
}

/* One term more, whose value is quoted. */
static void add_term(GString *filter, const char *field, const char *value)
{
	if (!value)
		return;
	g_string_append_printf(filter, " %s:\"", field);
	for (const char *c = value; *c; c++) {
		if (*c == '"' || *c == '\\')
			g_string_append_c(filter, '\\');
		g_string_append_c(filter, *c);
	}
	g_string_append_c(filter, '"');
}

static const Option list_options[] = {
	{"state", 0, "STATE", NULL, COMPLETE_NOTHING, TEXT(m_opt_state)},
	{"tag", 0, "TAG", NULL, COMPLETE_NOTHING, TEXT(m_opt_tag)},
	OPTION_FILTER,
	{"ids-only", 'q', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_ids_only)},
	{0}};

static Exit list_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	g_autoptr(GString) filter = g_string_new(arguments_get(arguments, "filter", NULL));
	add_term(filter, "state", arguments_get(arguments, "state", NULL));
	add_term(filter, "tags", arguments_get(arguments, "tag", NULL));
	g_autofree char *path = ask_filtered("/vms", filter->str);
	json_auto json_object *list = ask_list(cli, path, &code);
	if (!list)
		return code;
	if (!cli->json)
		for_people(list);
	if (arguments_has(arguments, "ids-only")) {
		output_ids(list, "id");
		return EXIT_DONE;
	}
	return output_list(cli, list, &vm_table, row_columns, filter->len ? T(m_vm_none_match) : T(m_vm_none));
}

void vm_tell_outcome(Cli *cli, const char *path, const char *id, json_object *before)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Reply) reply = ask_quietly(cli, "GET", path, NULL, NULL, 0, &error);
	if (!reply)
		return;
	gsize count = json_get_count(json_get_path(reply->body, "status.pending"));
	if (count > 0)
		printf(T(m_vm_changes_wait), (guint)count, id);
	vm_settings_print_no_effect(reply->body, before, "  · ");
}

static const Option create_options[] = {
	{"start", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_start)},
	{0}};

static Exit start_created(Cli *cli, const char *name)
{
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/vms/", name, "/start");
	Reply *reply = ask(cli, "POST", path, NULL, &code);
	return reply ? finish(cli, reply, &vm_table, NULL) : code;
}

static Exit create_exec(Cli *cli, Arguments *arguments)
{
	gboolean start = arguments_has(arguments, "start");
	const char *name = arguments_word(arguments, 0);
	if (start && cli->no_wait)
		return usage_error(T(m_start_needs_wait_hint), T(m_start_needs_wait));
	json_auto json_object *document = arguments_document(arguments, NULL);
	if (!document)
		return EXIT_USAGE;
	json_set_str(document, "name", name);
	Exit code = EXIT_DONE;
	Reply *reply = ask(cli, "POST", "/vms", document, &code);
	if (!reply)
		return code;
	gint64 id = json_get_int(reply->body, "id", 0);
	gboolean json = cli->json;
	if (start && !cli->plan)
		cli->json = FALSE; /* one document: the start's */
	code = finish(cli, reply, &vm_table, NULL);
	cli->json = json;
	if (code != EXIT_DONE || cli->plan || cli->no_wait)
		return code;
	if (start)
		code = start_created(cli, name);
	if (cli->json || code != EXIT_DONE)
		return code;
	if (cli->quiet) {
		printf("%" G_GINT64_FORMAT "\n", id);
		return code;
	}
	printf(start ? T(m_vm_created_started) : T(m_vm_created), name, id, name);
	g_autofree char *path = ask_path("/vms/", name, NULL);
	vm_tell_outcome(cli, path, name, NULL);
	return code;
}

static Exit set_exec(Cli *cli, Arguments *arguments)
{
	const char *id = arguments_word(arguments, 0);
	if (arguments->flags->len == 0)
		return usage_error(T(m_nothing_to_set_hint), T(m_nothing_to_set));
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/vms/", id, NULL);
	g_autoptr(Reply) current = ask(cli, "GET", path, NULL, &code);
	if (!current)
		return code;
	json_auto json_object *patch = arguments_document(arguments, current->body);
	if (!patch)
		return EXIT_USAGE;
	/* The patch was made for the document as it was read: another change in between must not be mixed with it. */
	json_object *etag = json_get(current->head, "etag");
	if (!cli->if_rev && etag)
		cli->if_rev = json_object_get_string(etag);
	Reply *reply = ask(cli, "PATCH", path, patch, &code);
	cli->if_rev = NULL;
	if (!reply)
		return code;
	gboolean applied = !cli->plan && !(reply->status == 202 && cli->no_wait);
	g_autofree char *done = g_strdup_printf(T(m_vm_changed), id);
	code = finish(cli, reply, &vm_table, done);
	if (code == EXIT_DONE && applied && !cli->json && !cli->quiet)
		vm_tell_outcome(cli, path, id, current->body);
	return code;
}

static gboolean confirm_delete(Cli *cli, const char *id, Exit *ret_exit)
{
	if (cli->yes || cli->plan || !can_confirm())
		return TRUE;
	g_autofree char *path = ask_path("/vms/", id, NULL);
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, ret_exit);
	if (!reply)
		return FALSE;
	json_object *disks = json_get(reply->body, "disks");
	int count = json_object_is_type(disks, json_type_object) ? json_object_object_length(disks) : 0;
	g_autofree char *name = format_safe(json_get_str(reply->body, "name", id));
	*ret_exit = EXIT_REFUSED;
	return confirm(T(m_vm_confirm_delete), name, json_get_int(reply->body, "id", 0), count);
}

static Exit delete_exec(Cli *cli, Arguments *arguments)
{
	Exit worst = EXIT_DONE;
	for (guint i = 0; i < arguments->words->len; i++) {
		const char *id = arguments_word(arguments, i);
		Exit code = EXIT_DONE;
		g_autofree char *path = ask_path("/vms/", id, NULL);
		Reply *reply = confirm_delete(cli, id, &code) ? ask(cli, "DELETE", path, NULL, &code) : NULL;
		if (reply)
			code = finish(cli, reply, &vm_table, NULL);
		if (worst == EXIT_DONE)
			worst = code;
	}
	return worst;
}

#define POWER(verb, text)                                                                                             \
	{.name = verb, .usage = "ID…", .help = TEXT(text), .min_words = 1, .max_words = G_MAXUINT,                   \
	 .complete = COMPLETE_VM, .changes = TRUE, .exec = vm_power_exec}

const Command vm_commands[] =
	{{.name = "list", .alias = "ls", .help = TEXT(m_vm_list_help), .options = list_options, .exec = list_exec},
	 {.name = "show",
	  .usage = "ID",
	  .help = TEXT(m_vm_show_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .exec = vm_show_exec},
	 {.name = "create",
	  .usage = "NAME",
	  .help = TEXT(m_vm_create_help),
	  .min_words = 1,
	  .max_words = 1,
	  .options = create_options,
	  .table = &vm_table,
	  .mode = FLAGS_CREATE,
	  .named = TRUE,
	  .changes = TRUE,
	  .exec = create_exec},
	 {.name = "set",
	  .usage = "ID",
	  .help = TEXT(m_vm_set_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .table = &vm_table,
	  .mode = FLAGS_CHANGE,
	  .changes = TRUE,
	  .exec = set_exec},
	 {.name = "delete",
	  .alias = "rm",
	  .usage = "ID…",
	  .help = TEXT(m_vm_delete_help),
	  .min_words = 1,
	  .max_words = G_MAXUINT,
	  .complete = COMPLETE_VM,
	  .changes = TRUE,
	  .exec = delete_exec},
	 POWER("start", m_vm_start_help),
	 {.name = "shutdown",
	  .usage = "ID…",
	  .help = TEXT(m_vm_shutdown_help),
	  .min_words = 1,
	  .max_words = G_MAXUINT,
	  .complete = COMPLETE_VM,
	  .options = shutdown_options,
	  .changes = TRUE,
	  .exec = vm_power_exec},
	 POWER("stop", m_vm_stop_help),
	 POWER("reset", m_vm_reset_help),
	 POWER("reboot", m_vm_reboot_help),
	 POWER("pause", m_vm_pause_help),
	 POWER("resume", m_vm_resume_help),
	 {.name = "question",
	  .usage = "[ID]",
	  .help = TEXT(m_vm_question_help),
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .exec = vm_question_exec},
	 {.name = "answer",
	  .usage = "ID retry|stop",
	  .help = TEXT(m_vm_answer_help),
	  .min_words = 2,
	  .max_words = 2,
	  .complete = COMPLETE_VM,
	  .changes = TRUE,
	  .exec = vm_answer_exec},
	 {.name = "firmware-setup",
	  .usage = "ID",
	  .help = TEXT(m_vm_setup_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .options = firmware_setup_options,
	  .changes = TRUE,
	  .exec = vm_firmware_setup_exec},
	 {.name = "upgrade-hardware",
	  .usage = "ID",
	  .help = TEXT(m_vm_upgrade_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .options = upgrade_hardware_options,
	  .changes = TRUE,
	  .exec = vm_upgrade_hardware_exec},
	 {.name = "stats",
	  .usage = "[ID…]",
	  .help = TEXT(m_vm_stats_help),
	  .max_words = G_MAXUINT,
	  .complete = COMPLETE_VM,
	  .options = stats_options,
	  .exec = vm_stats_exec},
	 {.name = "user-data",
	  .usage = "ID [FILE]",
	  .help = TEXT(m_vm_user_data_help),
	  .min_words = 1,
	  .max_words = 2,
	  .complete = COMPLETE_VM,
	  .options = user_data_options,
	  .changes = TRUE,
	  .exec = vm_user_data_exec},
	 {.name = "cloud-init-password",
	  .usage = "ID",
	  .help = TEXT(m_vm_password_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .options = guest_password_options,
	  .changes = TRUE,
	  .exec = vm_password_exec},
	 {.name = "answers",
	  .usage = "ID [FILE]",
	  .help = TEXT(m_vm_answers_help),
	  .min_words = 1,
	  .max_words = 2,
	  .complete = COMPLETE_VM,
	  .options = answers_options,
	  .changes = TRUE,
	  .exec = vm_answers_exec},
	 {.name = "handed",
	  .usage = "ID",
	  .help = TEXT(m_vm_handed_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .exec = vm_handed_exec},
	 {.name = "renew-identity",
	  .usage = "ID",
	  .help = TEXT(m_vm_renew_identity_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .options = renew_options,
	  .changes = TRUE,
	  .exec = renew_identity_exec},
	 {.name = "console",
	  .usage = "ID",
	  .help = TEXT(m_console_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .options = console_options,
	  .exec = console_exec},
	 {.name = "vnc",
	  .usage = "ID",
	  .help = TEXT(m_vnc_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .options = vnc_options,
	  .exec = vnc_exec},
	 {.name = "exec",
	  .usage = "ID -- COMMAND…",
	  .help = TEXT(m_vm_exec_help),
	  .min_words = 2,
	  .max_words = 1024,
	  .complete = COMPLETE_VM,
	  .options = exec_options,
	  .changes = TRUE,
	  .exec = vm_exec_exec},
	 {.name = "get-file",
	  .usage = "ID PATH [FILE]",
	  .help = TEXT(m_vm_get_file_help),
	  .min_words = 2,
	  .max_words = 3,
	  .complete = COMPLETE_VM,
	  .options = get_file_options,
	  .exec = vm_get_file_exec},
	 {.name = "put-file",
	  .usage = "ID FILE PATH",
	  .help = TEXT(m_vm_put_file_help),
	  .min_words = 3,
	  .max_words = 3,
	  .complete = COMPLETE_VM,
	  .options = put_file_options,
	  .exec = vm_put_file_exec},
	 {.name = "guest-info",
	  .usage = "ID",
	  .help = TEXT(m_vm_guest_info_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .exec = vm_guest_info_exec},
	 {.name = "filesystems",
	  .usage = "ID",
	  .help = TEXT(m_vm_filesystems_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .exec = vm_filesystems_exec},
	 {.name = "set-password",
	  .usage = "ID USER",
	  .help = TEXT(m_vm_set_password_help),
	  .min_words = 2,
	  .max_words = 2,
	  .complete = COMPLETE_VM,
	  .options = agent_password_options,
	  .changes = TRUE,
	  .exec = vm_set_password_exec},
	 {.name = "sync-time",
	  .usage = "ID",
	  .help = TEXT(m_vm_sync_time_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .changes = TRUE,
	  .exec = vm_sync_time_exec},
	 {.name = "freeze",
	  .usage = "ID",
	  .help = TEXT(m_vm_freeze_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .options = freeze_options,
	  .changes = TRUE,
	  .exec = vm_guest_task_exec},
	 {.name = "thaw",
	  .usage = "ID",
	  .help = TEXT(m_vm_thaw_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .changes = TRUE,
	  .exec = vm_guest_task_exec},
	 {.name = "trim",
	  .usage = "ID",
	  .help = TEXT(m_vm_trim_help),
	  .min_words = 1,
	  .max_words = 1,
	  .complete = COMPLETE_VM,
	  .changes = TRUE,
	  .exec = vm_guest_task_exec},
	 {0}};
