/* yado vm firmware-setup and yado vm upgrade-hardware. */
#include "base/json.h"
#include "cli/ask.h"
#include "cli/messages/vm.h"
#include "cli/vm-handed.h"

const Option firmware_setup_options[] = {
	{"cancel", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_setup_cancel)},
	{0}};

Exit vm_firmware_setup_exec(Cli *cli, Arguments *arguments)
{
	const char *id = arguments_word(arguments, 0);
	gboolean cancel = arguments_has(arguments, "cancel");
	json_auto json_object *body = json_object_new_object();
	Exit code = EXIT_DONE;
	json_set_bool(body, "cancel", cancel);
	g_autofree char *path = ask_path("/vms/", id, "/firmware-setup");
	Reply *reply = ask(cli, "POST", path, body, &code);
	g_autofree char *done = g_strdup_printf(cancel ? T(m_vm_setup_cancelled) : T(m_vm_setup_asked), id);
	return reply ? finish(cli, reply, &vm_table, done) : code;
}

const Option upgrade_hardware_options[] = {
	{"machine", 0, "MACHINE", NULL, COMPLETE_NOTHING, TEXT(m_opt_upgrade_machine)},
	{0}};

Exit vm_upgrade_hardware_exec(Cli *cli, Arguments *arguments)
{
	const char *id = arguments_word(arguments, 0), *machine = arguments_get(arguments, "machine", NULL);
	json_auto json_object *body = json_object_new_object();
	Exit code = EXIT_DONE;
	if (machine)
		json_set_str(body, "machine", machine);
	g_autofree char *path = ask_path("/vms/", id, "/upgrade-hardware");
	g_autofree char *vm_path = ask_path("/vms/", id, NULL);
	Reply *reply = ask(cli, "POST", path, body, &code);
	if (!reply)
		return code;
	const char *present = json_get_str(reply->body, "machine", "");
	const char *former = json_get_str(reply->body, "former", "");
	g_autofree char *done = g_str_equal(present, former) ? g_strdup_printf(T(m_vm_upgraded_already), id, present)
				: json_get_bool(reply->body, "step_back", FALSE)
					? g_strdup_printf(T(m_vm_stepped_back), id, former, present, id, former)
					: g_strdup_printf(T(m_vm_upgraded), id, former, present);
	code = finish(cli, reply, &vm_table, done);
	if (code == EXIT_DONE && !cli->plan && !cli->json && !cli->quiet)
		vm_tell_outcome(cli, vm_path, id, NULL);
	return code;
}
