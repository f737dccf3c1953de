/* What other programs say. Each runs with as little as it needs: no new privileges, and as nobody or with the few
 * capabilities that it cannot do without; with a deadline, and its output bounded (process_run). */
#include <string.h>

#include "base/error.h"
#include "base/process.h"
#include "doctor/collect.h"

enum { COMMAND_MS = 6000, ARGUMENTS_MAX = 20 };

typedef struct Command {
	const char *name, *what;
	const char *argv[ARGUMENTS_MAX];
	const char *capabilities; /* of root, "+net_admin" or ""; NULL: runs as nobody */
	gboolean systemd;         /* only where systemd runs */
} Command;

static const Command commands[] = {
	{"host/packages", "versions of packages that matter here",
	 {"dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package} ${Version}\n", "yado*", "qemu*", "passt", "ovmf", "seabios", "swtpm*", "libtpms0",
	  "libwebsockets*", "libglib2.0-0*", "libjson-c5", "libsqlite3-0", "libssl3*", "linux-image-*", "systemd"}},
	{"host/filesystems", "room on local file systems", {"df", "-PTl"}},
	{"host/block-devices", "disks",
	 {"lsblk", "-o", "NAME,TYPE,SIZE,FSTYPE,MOUNTPOINT,MODEL,ROTA,RO,DISC-MAX,LOG-SEC"}},
	{"host/pci", "devices", {"lspci", "-nnk"}},
	{"host/addresses", "network interfaces and their addresses", {"ip", "-d", "address"}},
	{"host/routes", "routes", {"ip", "route", "show", "table", "all"}},
	{"host/routes-6", "routes of IPv6", {"ip", "-6", "route", "show", "table", "all"}},
	{"host/bridges", "ports of bridges", {"bridge", "-d", "link"}},
	{"host/firewall", "the firewall's rules", {"nft", "list", "ruleset"}, "+net_admin"},
	{"host/processes", "processes, without their arguments",
	 {"ps", "-eo", "pid,ppid,user,stat,etime,rss,nlwp,wchan:24,comm"}},
	{"host/time", "the clock", {"timedatectl"}, NULL, TRUE},
	{"host/crashes", "crashes that systemd has kept", {"coredumpctl", "list", "--no-pager"}, "", TRUE},
	{"yado/units", "the units of Yado",
	 {"systemctl", "--no-pager", "--full", "-n", "0", "status", "yadod.service", "yado-httpd.service", "yado-httpd.socket",
	  "yado-guests.slice", "yado-guests.service"}, NULL, TRUE},
	{"yado/failed-units", "units that have failed", {"systemctl", "--no-pager", "list-units", "--failed"}, NULL, TRUE},
	{"yado/journal", "the log of yadod and yado-httpd",
	 {"journalctl", "--no-pager", "-o", "short-iso-precise", "-n", "8000", "-u", "yadod", "-u", "yado-httpd", "-u",
	  "yado-guests"}, "+dac_read_search", TRUE},
};

static char *run(const Command *command, GError **error)
{
	g_autofree char *bounding = g_strdup_printf("-all%s%s", command->capabilities && *command->capabilities ? "," : "",
						    command->capabilities ? command->capabilities : "");
	const char *const as_nobody[] = {"--reuid", "65534", "--regid", "65534", "--clear-groups"};
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	char *output = NULL;
	g_ptr_array_add(argv, (gpointer) "setpriv");
	for (guint i = 0; !command->capabilities && i < G_N_ELEMENTS(as_nobody); i++)
		g_ptr_array_add(argv, (gpointer)as_nobody[i]);
	g_ptr_array_add(argv, (gpointer) "--no-new-privs");
	g_ptr_array_add(argv, (gpointer) "--inh-caps=-all");
	g_ptr_array_add(argv, (gpointer) "--bounding-set");
	g_ptr_array_add(argv, bounding);
	/* What was said before or beside a failure, or until it was too late, is worth having too. */
	static const char *const shell[] = {"sh", "-c", "timeout -k 1 4 \"$@\" 2>&1; status=$?; [ $status = 0 ] || echo \"(exit status $status)\"",
					    "sh"};
	for (guint i = 0; i < G_N_ELEMENTS(shell); i++)
		g_ptr_array_add(argv, (gpointer)shell[i]);
	for (guint i = 0; i < ARGUMENTS_MAX && command->argv[i]; i++)
		g_ptr_array_add(argv, (gpointer)command->argv[i]);
	g_ptr_array_add(argv, NULL);
	return process_run((const char *const *)argv->pdata, COMMAND_MS, &output, error) ? output : NULL;
}

static void add(const Host *host, Archive *archive, const Command *command)
{
	g_autofree char *program = g_find_program_in_path(command->argv[0]);
	g_autoptr(GError) error = NULL;
	if (command->systemd && !host_exists(host, "/run/systemd/system")) {
		archive_miss(archive, command->name, command->what, "systemd does not run here");
	} else if (!program) {
		g_autofree char *reason = g_strdup_printf("%s is not installed", command->argv[0]);
		archive_miss(archive, command->name, command->what, reason);
	} else {
		g_autofree char *output = run(command, &error);
		if (output)
			archive_add(archive, command->name, command->what, output, strlen(output));
		else
			archive_miss(archive, command->name, command->what, error->message);
	}
}

void collect_commands(const Host *host, Archive *archive, gint64 deadline_us)
{
	for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
		if (g_get_monotonic_time() < deadline_us)
			add(host, archive, &commands[i]);
		else
			archive_miss(archive, commands[i].name, commands[i].what, "the time for the bundle was over");
	}
}
