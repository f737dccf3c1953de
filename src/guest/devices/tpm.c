/* TPMs by swtpm.
 *
 * swtpm gets two descriptors: its end of the control socket, over which QEMU hands it the data socket, and its volume.
 * It opens the latter once more through /proc/self/fd, where the file's owner counts: so the volume is made its uid's.
 * The uid belongs to the guest's TPM for ever. When QEMU is gone the control socket ends, and so does swtpm
 * (--terminate), after what it has to write; it outlives yadod as QEMU does. */
#include "guest/devices/tpm.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "guest/devices/firmware.h"
#include "guest/identity.h"

enum { START_TIMEOUT_MS = 10000, STATE_FD = 10, CONTROL_FD = 11 };

static const char program[] = "/usr/bin/swtpm";
static const char *const arguments[] = {"socket", "--tpm2", "--tpmstate", "backend-uri=file:///proc/self/fd/10",
					"--ctrl", "type=unixio,clientfd=11", "--terminate", "--seccomp", "action=kill"};

gboolean tpm_check(GError **error)
{
	if (access(program, X_OK) == 0)
		return TRUE;
	error_set_field(error, ERROR_UNSUPPORTED, "tpm", "install it (apt install swtpm) or do without a TPM",
			"a TPM needs swtpm, which is not installed on this node");
	return FALSE;
}

int tpm_prepare(int *ret_peer, GError **error)
{
	int pair[2];
	if (!tpm_check(error))
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error_set_errno(error, errno, "cannot make a socket pair");
		return -1;
	}
	*ret_peer = pair[1];
	return pair[0];
}

static char *run_dir_of(Vm *vm)
{
	return g_build_filename(vm->run_dir, "tpm", NULL);
}

gboolean tpm_start(Vm *vm, int peer, Launched *ret_launched, GError **error)
{
	g_autofree char *run_dir = run_dir_of(vm);
	uid_t uid = identity_tpm_uid(vm, error);
	fd_auto int state = uid ? firmware_open_volume(vm->services, vm->id, "tpm", error) : -1;

	G_STATIC_ASSERT(STATE_FD == 10 && CONTROL_FD == 11);
	if (state < 0 || !dir_make(run_dir, 0700, error) || !launch_clear_record(run_dir, error))
		return FALSE;
	if (fchown(state, uid, uid) < 0) {
		error_set_errno(error, errno, "cannot give the TPM's volume to its process");
		return FALSE;
	}
	launch_clear_log(run_dir);
	g_autoptr(Launch) launch = launch_new(program, run_dir);
	for (guint i = 0; i < G_N_ELEMENTS(arguments); i++)
		launch_add_arg(launch, arguments[i]);
	launch_pass_fd(launch, state, STATE_FD);
	launch_pass_fd(launch, peer, CONTROL_FD);
	launch_set_uid(launch, uid);
	launch_set_network(launch, LAUNCH_NETWORK_NONE);
	launch_set_cgroup(launch, vm->cgroup);
	launch_set_seccomp(launch);
	if (!launch_start(launch, START_TIMEOUT_MS, ret_launched, error)) {
		g_prefix_error(error, "cannot start the TPM: ");
		return FALSE;
	}
	return TRUE;
}

void tpm_wait_end(Vm *vm, guint timeout_ms)
{
	g_autofree char *run_dir = run_dir_of(vm);
	LaunchRecord record;
	if (!launch_read_record(run_dir, &record, NULL) || !record.running)
		return;
	fd_auto int pidfd = process_open(record.pid, record.start_time);
	if (pidfd >= 0 && !process_wait(pidfd, timeout_ms))
		g_warning("the TPM of VM %" G_GINT64_FORMAT " does not end; it is killed", vm->id);
}
