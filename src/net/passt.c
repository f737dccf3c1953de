/* User-mode networking by passt(1). */
#include "net/passt.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"

enum { START_TIMEOUT_MS = 10000, SOCKET_NUMBER = 10 };

/* The guest sees the customary private network: itself .15, gateway .2, name server .3 (which passt answers with the
 * host's resolver, wherever that listens). --no-map-gw keeps the gateway's address from meaning the host's loopback. */
static const char *const arguments[] = {"--foreground", "--quiet", "--one-off", "--no-map-gw", "--address", "10.0.2.15",
					"--netmask", "255.255.255.0", "--gateway", "10.0.2.2", "--dns", "10.0.2.3",
					"--dns-forward", "10.0.2.3", "--tcp-ports", "none", "--udp-ports", "none",
					"--fd", G_STRINGIFY(10)};

gboolean passt_start(const char *run_dir, uid_t uid, const char *cgroup, int *ret_socket, Launched *ret_launched,
		     GError **error)
{
	g_autofree char *program = g_find_program_in_path("passt");
	int pair[2];

	G_STATIC_ASSERT(SOCKET_NUMBER == 10);
	if (!program) {
		error_set(error, ERROR_UNSUPPORTED, "install it (apt install passt) or use a network card of mode 'bridge'",
			  "user-mode networking needs passt, which is not installed");
		return FALSE;
	}
	if (!dir_make(run_dir, 0700, error) || !launch_clear_record(run_dir, error))
		return FALSE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error_set_errno(error, errno, "cannot make a socket pair");
		return FALSE;
	}
	fd_auto int ours = pair[0], theirs = pair[1];
	g_autoptr(Launch) launch = launch_new(program, run_dir);
	for (guint i = 0; i < G_N_ELEMENTS(arguments); i++)
		launch_add_arg(launch, arguments[i]);
	launch_pass_fd(launch, theirs, SOCKET_NUMBER);
	launch_set_uid(launch, uid);
	launch_set_network(launch, LAUNCH_NETWORK_HOST);
	launch_set_cgroup(launch, cgroup);
	if (!launch_start(launch, START_TIMEOUT_MS, ret_launched, error)) {
		g_prefix_error(error, "cannot start user-mode networking: ");
		return FALSE;
	}
	*ret_socket = fd_steal(&ours);
	return TRUE;
}
