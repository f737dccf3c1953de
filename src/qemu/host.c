/* What this node's QEMU can do.
 *
 * QEMU is asked over QMP in a process without a machine; the probe of KVM (acceleration.c) runs a little guest. Both
 * answers are kept in RUNDIR/qemu.json together with what they depend on: the boot, the QEMU binary, /dev/kvm. */
#include "qemu/host.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "qemu/acceleration.h"
#include "qemu/peripherals.h"
#include "qemu/qmp.h"

enum { CACHE_MAX = 1 << 20, QEMU_TIMEOUT_MS = 10000, SOCKET_FD = 10 };
enum { PROBE_MIN_MS = 3000, PROBE_MAX_MS = 60000, PROBE_TO_QUERY = 10 };

void qemu_host_free(QemuHost *host)
{
	if (!host)
		return;
	g_free(host->program);
	g_free(host->version);
	g_free(host->newest_machine);
	g_strfreev(host->machines);
	g_strfreev(host->cpu_models);
	g_strfreev(host->drivers);
	g_free(host->acceleration_reason);
	g_free(host);
}

gboolean qemu_host_has_machine(const QemuHost *host, const char *machine)
{
	return g_strv_contains((const char *const *)host->machines, machine);
}

/* What the answers hold for; new reference. */
static json_object *make_stamp(const char *program, GError **error)
{
	struct stat info, device;
	if (stat(program, &info) < 0) {
		error_set_errno(error, errno, "cannot look at '%s'", program);
		return NULL;
	}
	json_object *stamp = json_object_new_object();
	json_set_str(stamp, "boot", process_boot_id());
	json_set_str(stamp, "program", program);
	json_set_int(stamp, "size", info.st_size);
	json_set_int(stamp, "mtime_ns", (gint64)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec);
	json_set_bool(stamp, "kvm_device", stat("/dev/kvm", &device) == 0);
	return stamp;
}

static char **dup_strings(json_object *array)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	gsize count = json_get_count(array);
	for (gsize i = 0; i < count; i++) {
		json_object *value = json_object_array_get_idx(array, i);
		if (json_object_is_type(value, json_type_string))
			g_strv_builder_add(builder, json_object_get_string(value));
	}
	return g_strv_builder_end(builder);
}

static json_object *strings_to_json(char **strings)
{
	json_object *array = json_object_new_array();
	for (char **string = strings; *string; string++)
		json_object_array_add(array, json_object_new_string(*string));
	return array;
}

/* NULL if the cache is missing, damaged, or of another boot or binary. */
static QemuHost *read_cache(const char *path, json_object *stamp)
{
	g_autofree char *text = NULL;
	gsize length;
	if (!file_read(path, CACHE_MAX, &text, &length, NULL))
		return NULL;
	json_auto json_object *json = json_parse(text, length, NULL);
	/* One without drivers was written by an earlier release. */
	if (!json || !json_equal(json_get(json, "stamp"), stamp) || !json_get(json, "drivers"))
		return NULL;
	QemuHost *host = g_new0(QemuHost, 1);
	host->program = g_strdup(json_get_str(stamp, "program", NULL));
	host->version = g_strdup(json_get_str(json, "version", NULL));
	host->machines = dup_strings(json_get(json, "machines"));
	host->newest_machine = g_strdup(host->machines[0]);
	host->cpu_models = dup_strings(json_get(json, "cpu_models"));
	host->drivers = dup_strings(json_get(json, "drivers"));
	host->kvm = json_get_bool(json, "kvm", FALSE);
	host->acceleration_reason = g_strdup(json_get_str(json, "acceleration_reason", NULL));
	if (!host->version || !host->newest_machine || !host->acceleration_reason)
		g_clear_pointer(&host, qemu_host_free);
	return host;
}

/* The cache saves time only: that it cannot be written stops nobody. */
static void write_cache(const char *path, json_object *stamp, const QemuHost *host)
{
	json_auto json_object *json = json_object_new_object();
	json_set(json, "stamp", json_object_get(stamp));
	json_set_str(json, "version", host->version);
	json_set(json, "machines", strings_to_json(host->machines));
	json_set(json, "cpu_models", strings_to_json(host->cpu_models));
	json_set(json, "drivers", strings_to_json(host->drivers));
	json_set_bool(json, "kvm", host->kvm);
	json_set_str(json, "acceleration_reason", host->acceleration_reason);
	g_autofree char *text = json_dup_text(json);
	g_autoptr(GError) error = NULL;
	if (!file_write_atomic(path, text, strlen(text), 0600, &error))
		g_warning("cannot keep what QEMU can do: %s", error->message);
}

/* "pc-q35-7.2": 7, 2. */
static gboolean parse_machine(const char *name, guint *ret_major, guint *ret_minor)
{
	const char *prefix = "pc-q35-";
	char *end = NULL;
	if (!g_str_has_prefix(name, prefix) || !g_ascii_isdigit(name[strlen(prefix)]))
		return FALSE;
	*ret_major = (guint)strtoul(name + strlen(prefix), &end, 10);
	*ret_minor = *end == '.' ? (guint)strtoul(end + 1, NULL, 10) : 0;
	return TRUE;
}

gboolean qemu_machine_is_older(const char *machine, const char *other)
{
	guint major, minor, other_major, other_minor;
	if (!parse_machine(machine, &major, &minor) || !parse_machine(other, &other_major, &other_minor))
		return FALSE;
	return major < other_major || (major == other_major && minor < other_minor);
}

static int compare_newest_first(gconstpointer a, gconstpointer b)
{
	return -strverscmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names out of [{"name":…},…]; of machines the versioned q35 ones, newest first. */
static char **collect_names(json_object *list, gboolean machines)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	gsize count = json_get_count(list);
	for (gsize i = 0; i < count; i++) {
		const char *name = json_get_str(json_object_array_get_idx(list, i), "name", NULL);
		guint major, minor;
		if (name && (!machines || parse_machine(name, &major, &minor)))
			g_ptr_array_add(names, g_strdup(name));
	}
	g_ptr_array_sort(names, compare_newest_first);
	if (!machines) {
		/* People read CPU models from A to Z. */
		for (guint i = 0; i < names->len / 2; i++) {
			gpointer other = names->pdata[names->len - 1 - i];
			names->pdata[names->len - 1 - i] = names->pdata[i];
			names->pdata[i] = other;
		}
	}
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

/* Of the drivers that a QEMU may lack those in the list. */
static char **collect_drivers(json_object *list)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	gsize count = json_get_count(list);
	for (const char *const *driver = qemu_optional_drivers; *driver; driver++)
		for (gsize i = 0; i < count; i++)
			if (g_str_equal(json_get_str(json_object_array_get_idx(list, i), "name", ""), *driver))
				g_strv_builder_add(builder, *driver);
	return g_strv_builder_end(builder);
}

static gboolean ask(Qmp *qmp, gpointer data, GError **error)
{
	QemuHost *host = data;
	json_auto json_object *version = qmp_command(qmp, "query-version", NULL, QEMU_TIMEOUT_MS, error);
	if (!version)
		return FALSE;
	json_auto json_object *machines = qmp_command(qmp, "query-machines", NULL, QEMU_TIMEOUT_MS, error);
	if (!machines)
		return FALSE;
	json_auto json_object *models = qmp_command(qmp, "query-cpu-definitions", NULL, QEMU_TIMEOUT_MS, error);
	if (!models)
		return FALSE;
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "implements", "device");
	json_auto json_object *drivers = qmp_command(qmp, "qom-list-types", arguments, QEMU_TIMEOUT_MS, error);
	if (!drivers)
		return FALSE;

	json_object *number = json_get(version, "qemu");
	host->version = g_strdup_printf("%d.%d.%d", (int)json_get_int(number, "major", 0),
					(int)json_get_int(number, "minor", 0), (int)json_get_int(number, "micro", 0));
	host->machines = collect_names(machines, TRUE);
	host->cpu_models = collect_names(models, FALSE);
	host->drivers = collect_drivers(drivers);
	if (!host->machines[0]) {
		error_set(error, ERROR_UNSUPPORTED, "install the package qemu-system-x86",
			  "'%s' has no q35 machine", host->program);
		return FALSE;
	}
	host->newest_machine = g_strdup(host->machines[0]);
	return TRUE;
}

/* Takes the descriptor over. */
static gboolean ask_over(int fd, QemuQuestions questions, gpointer data, GError **error)
{
	g_autoptr(Qmp) qmp = qmp_connect_fd(fd, QEMU_TIMEOUT_MS, error);
	gboolean answered = qmp && questions(qmp, data, error);
	if (qmp)
		qmp_do(qmp, "quit", NULL, QEMU_TIMEOUT_MS, NULL);
	return answered;
}

gboolean qemu_host_ask(const char *program, gboolean kvm, QemuQuestions questions, gpointer data, GError **error)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error_set_errno(error, errno, "cannot make a pair of sockets");
		return FALSE;
	}
	fd_auto int ours = pair[0], theirs = pair[1];
	g_autofree char *chardev = g_strdup_printf("socket,id=qmp,fd=%d", SOCKET_FD);
	const char *const argv[] = {program, "-nodefaults", "-no-user-config", "-machine", "none", "-accel",
				    kvm ? "kvm" : "tcg", "-display", "none", "-sandbox",
				    "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
				    "-chardev", chardev, "-mon", "chardev=qmp,mode=control", NULL};
	ProcessFd fds[] = {{theirs, SOCKET_FD}};
	pid_t pid;
	gboolean spawned = process_spawn(argv, fds, G_N_ELEMENTS(fds), &pid, error);
	/* With our copy closed, a QEMU that dies ends the connection at once. */
	fd_close(fd_steal(&theirs));
	gboolean asked = spawned && ask_over(fd_steal(&ours), questions, data, error);
	if (spawned) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return asked;
}

/* How long the probe of KVM may take. A machine on which KVM does not work must not wait long for its daemon, but one
 * that is slow now (busy, cold, emulated) must not be without KVM until its next boot: it has shown how slow it is. */
static guint probe_timeout(gint64 query_us)
{
	return (guint)CLAMP(query_us / 1000 * PROBE_TO_QUERY, PROBE_MIN_MS, PROBE_MAX_MS);
}

QemuHost *qemu_host_probe(const char *run_dir, const char *probe_rom, GError **error)
{
	g_autofree char *cache = g_build_filename(run_dir, "qemu.json", NULL);
	g_autofree char *program = g_find_program_in_path("qemu-system-x86_64");
	if (!program) {
		error_set(error, ERROR_UNSUPPORTED, "install the package qemu-system-x86",
			  "QEMU is not installed: there is no qemu-system-x86_64");
		return NULL;
	}
	json_auto json_object *stamp = make_stamp(program, error);
	if (!stamp)
		return NULL;
	QemuHost *cached = read_cache(cache, stamp);
	if (cached)
		return cached;

	g_autoptr(QemuHost) host = g_new0(QemuHost, 1);
	host->program = g_steal_pointer(&program);
	gint64 started = g_get_monotonic_time();
	if (!qemu_host_ask(host->program, FALSE, ask, host, error))
		return NULL;
	host->kvm =
		qemu_acceleration_probe_kvm(host->program, probe_rom, probe_timeout(g_get_monotonic_time() - started),
					    &host->acceleration_reason);
	write_cache(cache, stamp, host);
	return g_steal_pointer(&host);
}
