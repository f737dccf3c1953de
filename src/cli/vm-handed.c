/* yado vm user-data, password, answers, handed: what a guest is handed at its first boot, beyond its fields. */
#include "cli/vm-handed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/messages/files.h"
#include "cli/messages/handed.h"
#include "cli/messages/vm.h"
#include "cli/output.h"
#include "cli/secret.h"

static const char *const kinds[] = {"kickstart", "autounattend", "preseed", NULL};
static const char *const buses[] = {"sata", "virtio-scsi", NULL};

#define OPTION_REMOVE {"remove", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_handed_remove)}

const Option user_data_options[] = {OPTION_REMOVE, {0}};
const Option guest_password_options[] = {
	{"password-file", 0, "FILE", NULL, COMPLETE_FILE, TEXT(m_opt_password_file)},
	{"generate-password", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_generate_password)},
	OPTION_REMOVE,
	{0}};
const Option answers_options[] = {
	{"kind", 0, "KIND", kinds, COMPLETE_NOTHING, TEXT(m_opt_answers_kind)},
	{"bus", 0, "BUS", buses, COMPLETE_NOTHING, TEXT(m_opt_answers_bus)},
	OPTION_REMOVE,
	{0}};

/* The whole file, "-" being standard input. */
static char *read_content(const char *path, GError **error)
{
	g_autofree char *content = NULL;
	const char *name = strcmp(path, "-") == 0 ? "/dev/stdin" : path;
	gsize length = 0;
	if (!file_read(name, HANDED_BYTES_MAX, &content, &length, error))
		return NULL;
	if (strlen(content) != length || !g_utf8_validate(content, -1, NULL)) {
		error_set(error, ERROR_INVALID, NULL, T(m_handed_no_text), path);
		return NULL;
	}
	return g_steal_pointer(&content);
}

static Exit send(Cli *cli, const Arguments *arguments, const char *suffix, json_object *body)
{
	const char *id = arguments_word(arguments, 0);
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/vms/", id, suffix);
	g_autofree char *done = g_strdup_printf(T(m_vm_changed), id);
	Reply *reply = ask(cli, body ? "POST" : "DELETE", path, body, &code);
	if (!reply)
		return code;
	code = finish(cli, reply, &vm_table, done);
	if (code == EXIT_DONE && !cli->plan && !cli->json && !cli->quiet) {
		g_autofree char *vm_path = ask_path("/vms/", id, NULL);
		vm_tell_outcome(cli, vm_path, id, NULL);
	}
	return code;
}

/* A file must be given, or --remove; not both. */
static gboolean one_of(const Arguments *arguments)
{
	gboolean file = arguments_word(arguments, 1) != NULL;
	if (file != arguments_has(arguments, "remove"))
		return TRUE;
	usage_error(NULL, T(m_handed_file_or_remove));
	return FALSE;
}

Exit vm_user_data_exec(Cli *cli, Arguments *arguments)
{
	g_autoptr(GError) error = NULL;
	if (!one_of(arguments))
		return EXIT_USAGE;
	if (arguments_has(arguments, "remove"))
		return send(cli, arguments, "/user-data", NULL);
	g_autofree char *content = read_content(arguments_word(arguments, 1), &error);
	if (!content)
		return report(error);
	json_auto json_object *body = json_object_new_object();
	json_set_str(body, "content", content);
	return send(cli, arguments, "/user-data", body);
}

static void tell_boot_line(json_object *handed, FILE *stream)
{
	const char *line = json_get_str(handed, "boot_line", NULL);
	if (line)
		fprintf(stream, T(m_handed_boot_line), line);
}

/* To whoever has just given answers: not every installer finds them by itself. */
static void tell_what_else(Cli *cli, const char *id)
{
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/vms/", id, "/handed");
	json_auto json_object *handed = ask_to_show(cli, path, &code);
	if (handed)
		tell_boot_line(handed, stderr);
}

Exit vm_answers_exec(Cli *cli, Arguments *arguments)
{
	g_autoptr(GError) error = NULL;
	const char *kind = arguments_get(arguments, "kind", NULL), *bus = arguments_get(arguments, "bus", NULL);
	if (!one_of(arguments))
		return EXIT_USAGE;
	if (arguments_has(arguments, "remove"))
		return send(cli, arguments, "/answers", NULL);
	if (!kind)
		return usage_error(NULL, T(m_answers_need_kind));
	g_autofree char *content = read_content(arguments_word(arguments, 1), &error);
	if (!content)
		return report(error);
	json_auto json_object *body = json_object_new_object();
	json_set_str(body, "kind", kind);
	if (bus)
		json_set_str(body, "bus", bus);
	json_set_str(body, "content", content);
	Exit code = send(cli, arguments, "/answers", body);
	if (code == EXIT_DONE && !cli->plan && !cli->json && !cli->quiet)
		tell_what_else(cli, arguments_word(arguments, 0));
	return code;
}

Exit vm_password_exec(Cli *cli, Arguments *arguments)
{
	g_autoptr(GError) error = NULL;
	const char *file = arguments_get(arguments, "password-file", NULL);
	gboolean generate = arguments_has(arguments, "generate-password"), away = arguments_has(arguments, "remove");
	if ((file != NULL) + generate + away > 1)
		return usage_error(NULL, T(m_password_one_way));
	if (away)
		return send(cli, arguments, "/cloud-init-password", NULL);
	secret_auto char *password = generate ? secret_generate()
				     : file   ? secret_read(file, &error)
					      : secret_ask_twice(T(m_ask_password), T(m_ask_password_again), &error);
	if (!password)
		return report(error);
	json_auto json_object *body = json_object_new_object();
	json_set_str(body, "password", password);
	Exit code = send(cli, arguments, "/cloud-init-password", body);
	if (code == EXIT_DONE && generate && !cli->plan)
		fprintf(cli->json ? stderr : stdout, T(m_password_is), arguments_word(arguments, 0), password);
	return code;
}

Exit vm_handed_exec(Cli *cli, Arguments *arguments)
{
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/vms/", arguments_word(arguments, 0), "/handed");
	json_auto json_object *handed = ask_to_show(cli, path, &code);
	if (!handed)
		return code;
	json_object *files = json_get(handed, "files");
	gsize count = json_get_count(files);
	if (count == 0)
		fprintf(stderr, "%s\n", T(m_handed_none));
	for (gsize i = 0; i < count; i++) {
		json_object *file = json_object_array_get_idx(files, i);
		const char *content = json_get_str(file, "content", NULL);
		printf("%s--- %s/%s (%" G_GINT64_FORMAT " B) ---\n", i ? "\n" : "", json_get_str(file, "drive", ""),
		       json_get_str(file, "name", ""), json_get_int(file, "size", 0));
		if (content)
			printf("%s", content);
		else
			printf(T(m_handed_uploaded), json_get_str(file, "sha256", ""));
	}
	tell_boot_line(handed, stdout);
	return code;
}
