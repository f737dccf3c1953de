/* yado vm start|shutdown|stop|reset|reboot|pause|resume: several guests at once, all asked before the first is waited
 * for. */
#include <string.h>

#include "base/json.h"
#include "cli/ask.h"
#include "cli/messages/vm.h"

static const char *const actions[] = {"stop", "leave", NULL};

const Option shutdown_options[] = {
	{"timeout", 0, "SECONDS", NULL, COMPLETE_NOTHING, TEXT(m_opt_shutdown_timeout)},
	{"action", 0, "ACTION", actions, COMPLETE_NOTHING, TEXT(m_opt_shutdown_action)},
	{0}};

Exit vm_power_exec(Cli *cli, Arguments *arguments)
{
	json_auto json_object *body = NULL;
	gint64 timeout = 0;
	if (!arguments_number(arguments, "timeout", 1, 3600, &timeout))
		return EXIT_USAGE;
	const char *action = arguments_get(arguments, "action", NULL);
	if (timeout || action)
		body = json_object_new_object();
	if (timeout)
		json_set_int(body, "timeout", timeout);
	if (action)
		json_set_str(body, "action", action);

	g_autofree char *verb = g_strconcat("/", arguments->command->name, NULL);
	Exit worst = EXIT_DONE;
	g_autoptr(GPtrArray) replies = g_ptr_array_new();
	for (guint i = 0; i < arguments->words->len; i++) {
		Exit code = EXIT_DONE;
		g_autofree char *path = ask_path("/vms/", arguments_word(arguments, i), verb);
		Reply *reply = ask(cli, "POST", path, body, &code);
		if (reply)
			g_ptr_array_add(replies, reply);
		else if (worst == EXIT_DONE)
			worst = code;
	}
	for (guint i = 0; i < replies->len; i++) {
		Exit code = finish(cli, replies->pdata[i], &vm_table, NULL);
		if (worst == EXIT_DONE)
			worst = code;
	}
	return worst;
}
