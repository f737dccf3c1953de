/* yado vm renew-identity: new values for what must be one of its kind. */
#include "cli/vm-identity.h"

#include "base/json.h"
#include "cli/ask.h"
#include "cli/messages/vm.h"

const Option renew_options[] = {
	{"uuid", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_renew_uuid)},
	{"macs", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_renew_macs)},
	{"serials", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_renew_serials)},
	{0}};

Exit renew_identity_exec(Cli *cli, Arguments *arguments)
{
	const char *id = arguments_word(arguments, 0);
	json_auto json_object *body = json_object_new_object();
	for (const Option *option = renew_options; option->name; option++)
		if (arguments_has(arguments, option->name))
			json_set_bool(body, option->name, TRUE);
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/vms/", id, "/renew-identity");
	g_autofree char *done = g_strdup_printf(T(m_vm_identity_renewed), id);
	Reply *reply = ask(cli, "POST", path, body, &code);
	return reply ? finish(cli, reply, &vm_table, done) : code;
}
