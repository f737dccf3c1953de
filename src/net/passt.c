/* User-mode networking by passt(1). */
#include "net/passt.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/error.h"
#include "base/file.h"
#include "net/loopback.h"
#include "sandbox/cgroup.h"

enum {
	START_TIMEOUT_MS = 10000,
	SOCKET_NUMBER = 10,
	FILE_MAX = 4 << 20,
	RESOLVERS_MAX = 3, /* resolv.conf(5): MAXNS */
};

/* The guest sees the customary private network: itself .15, gateway .2. --no-map-gw keeps the gateway's address from
 * meaning the host's loopback; loopback.h does the rest. */
static const char *const arguments[] = {"--foreground", "--quiet", "--one-off", "--no-map-gw", "--address", "10.0.2.15",
					"--netmask", "255.255.255.0", "--gateway", "10.0.2.2", "--mac-addr",
					"52:55:0a:00:02:02", "--tcp-ports", "none", "--udp-ports", "none", "--fd",
					G_STRINGIFY(10)};

/* passt takes the interface of the default route as a template, and ends if there is none: a machine without a network
 * (yet) would boot no guest. The loopback interface will do as a template, once the MAC address is given. */
static const char *const unrouted_arguments[] = {"--interface", "lo", "--ipv4-only"};

static gboolean has_default_route(void)
{
	static const struct {
		const char *path, *pattern;
	} tables[] = {
		/* Interface, destination, gateway, flags, …; and for IPv6: destination and its length, … (proc(5)) */
		{"/proc/net/route",
		 "(?m)^[^*\\s]+\\s+00000000\\s+[0-9A-F]+\\s+\\S+\\s+\\S+\\s+\\S+\\s+\\S+\\s+00000000\\s"},
		{"/proc/net/ipv6_route", "(?m)^0{32} 00 .* (?!lo$)\\S+$"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
		g_autofree char *text = NULL;
		if (file_read(tables[i].path, FILE_MAX, &text, NULL, NULL) &&
		    g_regex_match_simple(tables[i].pattern, text, 0, 0))
			return TRUE;
	}
	return FALSE;
}

/* Name servers for the guest, by DHCP: the host's, which it asks through passt as it does everything else. One on the
 * host's loopback is out of its reach; where that is systemd-resolved, those that it asks in turn stand in another
 * file. passt's own --dns-forward leads nowhere with such a resolver and --no-map-gw. */
static void add_resolvers(Launch *launch)
{
	static const char *const files[] = {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"};
	guint count = 0;
	for (guint i = 0; i < G_N_ELEMENTS(files) && count == 0; i++) {
		g_autofree char *text = NULL;
		if (!file_read(files[i], FILE_MAX, &text, NULL, NULL))
			continue;
		g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
		for (char **line = lines; *line && count < RESOLVERS_MAX; line++) {
			char address[INET6_ADDRSTRLEN];
			if (sscanf(*line, " nameserver %45s", address) != 1 || !loopback_is_far(address))
				continue;
			launch_add_arg(launch, "--dns");
			launch_add_arg(launch, address);
			count++;
		}
	}
	if (count > 0)
		return;
	launch_add_arg(launch, "--dns");
	launch_add_arg(launch, "none");
	g_warning("user-mode networking has no name server for its guest: %s names none that is not on the loopback "
		  "interface", files[0]);
}

/* The group that QEMU and passt are in: QEMU has no network there to be denied. */
static gboolean close_loopback(const char *cgroup, GError **error)
{
	g_autofree char *group = cgroup_unified_path(cgroup);
	if (group)
		return loopback_deny(group, error);
	error_set(error, ERROR_UNSUPPORTED,
		  "mount it (mount -t cgroup2 none /sys/fs/cgroup/unified) and restart yadod, or use mode 'bridge'",
		  "without control groups of version 2 the guest could reach the host's loopback");
	return FALSE;
}

gboolean passt_start(const char *run_dir, uid_t uid, const char *cgroup, int socket, Launched *ret_launched,
		     GError **error)
{
	g_autofree char *program = g_find_program_in_path("passt");

	G_STATIC_ASSERT(SOCKET_NUMBER == 10);
	if (!program) {
		error_set(error, ERROR_UNSUPPORTED,
			  "install it (apt install passt) or use a network card of mode 'bridge'",
			  "user-mode networking needs passt, which is not installed");
		return FALSE;
	}
	if (!close_loopback(cgroup, error)) {
		g_prefix_error(error, "cannot start user-mode networking: ");
		return FALSE;
	}
	if (!dir_make(run_dir, 0700, error) || !launch_clear_record(run_dir, error))
		return FALSE;
	g_autoptr(Launch) launch = launch_new(program, run_dir);
	for (guint i = 0; i < G_N_ELEMENTS(arguments); i++)
		launch_add_arg(launch, arguments[i]);
	add_resolvers(launch);
	for (guint i = 0; !has_default_route() && i < G_N_ELEMENTS(unrouted_arguments); i++)
		launch_add_arg(launch, unrouted_arguments[i]);
	launch_pass_fd(launch, socket, SOCKET_NUMBER);
	launch_set_uid(launch, uid);
	launch_set_network(launch, LAUNCH_NETWORK_HOST);
	launch_set_cgroup(launch, cgroup);
	if (!launch_start(launch, START_TIMEOUT_MS, ret_launched, error)) {
		g_prefix_error(error, "cannot start user-mode networking: ");
		return FALSE;
	}
	return TRUE;
}
