/* The display: QEMU gets one end of a socket pair as a new VNC client, the caller the other. */
#include <errno.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/console.h"

enum { COMMAND_TIMEOUT_MS = 5000 };

int vnc_attach(Vm *vm, GError **error)
{
	json_auto json_object *hardware = vm_dup_applied(vm);
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, error);
	int pair[2];

	if (!qmp)
		return -1;
	if (g_str_equal(json_get_str(hardware, "display", "none"), "none")) {
		error_set(error, ERROR_CONFLICT, "give it one with 'yado vm set --display vga' and reboot it",
			  "VM %" G_GINT64_FORMAT " has no display", vm->id);
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error_set_errno(error, errno, "cannot make a socket pair");
		return -1;
	}
	fd_auto int ours = pair[0], theirs = pair[1];
	json_object *name = json_object_new_object();
	json_set_str(name, "fdname", "vnc-client");
	json_object *client = json_object_new_object();
	json_set_str(client, "protocol", "vnc");
	json_set_str(client, "fdname", "vnc-client");
	json_set_bool(client, "skipauth", TRUE);
	json_auto json_object *taken = qmp_command_fd(qmp, "getfd", name, theirs, COMMAND_TIMEOUT_MS, error);
	if (!taken) {
		json_object_put(client);
		return -1;
	}
	return qmp_do(qmp, "add_client", client, COMMAND_TIMEOUT_MS, error) ? fd_steal(&ours) : -1;
}
