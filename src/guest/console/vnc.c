/* The display: QEMU gets one end of a socket pair as a new VNC client, the caller the other. */
#include <errno.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/console/console.h"

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
	/* A name of its own: with the same, one of two clients that come at once would get the other's socket. */
	static gint counter;
	g_autofree char *fdname = g_strdup_printf("vnc-%d", g_atomic_int_add(&counter, 1));
	json_object *name = json_object_new_object();
	json_set_str(name, "fdname", fdname);
	json_auto json_object *taken = qmp_command_fd(qmp, "getfd", name, theirs, COMMAND_TIMEOUT_MS, error);
	if (!taken)
		return -1;
	json_object *client = json_object_new_object();
	json_set_str(client, "protocol", "vnc");
	json_set_str(client, "fdname", fdname);
	json_set_bool(client, "skipauth", TRUE);
	if (qmp_do(qmp, "add_client", client, COMMAND_TIMEOUT_MS, error))
		return fd_steal(&ours);
	json_object *undo = json_object_new_object();
	json_set_str(undo, "fdname", fdname);
	qmp_do(qmp, "closefd", undo, COMMAND_TIMEOUT_MS, NULL);
	return -1;
}
