/* Starting a guest's process: command line from its document, every need opened and passed, the cage, the monitor,
 * `cont`. The start is a fact when `cont` has returned: QEMU greets before it builds its machine, and answers after
 * that.
 *
 * Building its machine takes QEMU longer than all the rest together. So what only has to be there before the guest runs
 * is done while it does: the cards' passt processes (QEMU has its ends of their sockets already), the fact that the
 * guest is wanted, the console. passt, whose own beginning takes 20 ms of a processor, gives way to QEMU meanwhile. A
 * daemon that dies meanwhile leaves a QEMU that was never told to run: adoption ends it, and the task, whose record
 * came before all this, starts anew. */
#include "guest/run/start.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/console/console.h"
#include "guest/devices/firmware-setup.h"
#include "guest/devices/helper.h"
#include "guest/devices/nic.h"
#include "guest/devices/passthrough.h"
#include "guest/devices/share.h"
#include "guest/devices/tpm.h"
#include "guest/identity.h"
#include "guest/prepare/prepare.h"
#include "guest/resources/placement.h"
#include "guest/resources/throttle.h"
#include "guest/run/needs.h"
#include "guest/run/wanted.h"
#include "guest/run/watch.h"
#include "net/shape.h"
#include "qemu/command.h"
#include "qemu/memory.h"
#include "sandbox/groups.h"

enum {
	LAUNCH_TIMEOUT_MS = 15000,
	MONITOR_TIMEOUT_MS = 30000,
	COMMAND_TIMEOUT_MS = 10000,
	RECORD_TIMEOUT_MS = 3000,
	NICER_MEANWHILE = 10,
};

/* What is behind a device, in a process beside QEMU: the passt of a network card, the TPM's swtpm, a share's
 * virtiofsd. */
typedef struct Backend {
	enum { BACKEND_NIC, BACKEND_TPM, BACKEND_SHARE } kind;
	char *key; /* NULL of the TPM */
	int peer;
	Launched process;
} Backend;

static void backend_clear(gpointer data)
{
	Backend *backend = data;
	g_free(backend->key);
	fd_close(backend->peer);
	fd_close(backend->process.pidfd);
}

/* Opens what the command needs, in order, and has the launcher pass it. */
static gboolean pass_needs(Vm *vm, json_object *document, QemuCommand *command, Launch *launch, GArray *opened,
			   GArray *backends, GError **error)
{
	for (guint i = 0; i < command->needs->len; i++) {
		QemuNeed *need = &g_array_index(command->needs, QemuNeed, i);
		const char *key = strchr(need->name, ':') ? strchr(need->name, ':') + 1 : NULL;
		Backend backend = {.peer = -1, .process.pidfd = -1};
		int fd;
		if (g_str_has_prefix(need->name, "nic:")) {
			backend.kind = BACKEND_NIC;
			fd = nic_prepare(vm, document, key, &backend.peer, error);
		} else if (g_str_has_prefix(need->name, "share:")) {
			backend.kind = BACKEND_SHARE;
			fd = share_prepare(vm, key, &backend.peer, error);
		} else if (g_str_equal(need->name, "tpm")) {
			backend.kind = BACKEND_TPM;
			fd = tpm_prepare(&backend.peer, error);
		} else {
			fd = vm_open_need(vm, document, need->name, need->writable, error);
		}
		if (fd < 0)
			return FALSE;
		g_array_append_val(opened, fd);
		if (backend.peer >= 0) {
			backend.key = g_strdup(key);
			g_array_append_val(backends, backend);
		}
		launch_pass_fd(launch, fd, need->fd);
	}
	return TRUE;
}

static gboolean launch_qemu(Vm *vm, json_object *document, GArray *backends, Launched *ret_launched, GError **error)
{
	Services *services = vm->services;
	const char *cmdline = json_get_str(json_get(document, "kernel"), "cmdline", NULL);
	uid_t uid = identity_vm_uid(vm, error);
	if (!uid)
		return FALSE;
	if (!dir_make(vm->run_dir, 0700, error) || !launch_clear_record(vm->run_dir, error))
		return FALSE;
	launch_clear_log(vm->run_dir);

	g_autoptr(Launch) launch = launch_new(services->host->program, vm->run_dir);
	json_auto json_object *resolved = json_copy(document);
	g_autoptr(QemuCommand) command = NULL;
	if (!passthrough_begin(vm, resolved, uid, launch, error) ||
	    !(command = qemu_command_build(resolved, services->host->kvm, cmdline, error)))
		return FALSE;
	for (guint i = 1; i < command->argv->len; i++)
		launch_add_arg(launch, g_ptr_array_index(command->argv, i));
	launch_set_uid(launch, uid);
	launch_set_input(launch, "{\"execute\":\"qmp_capabilities\"}\n");
	launch_set_network(launch, LAUNCH_NETWORK_NONE);
	g_autofree char *label = vm_label(vm);
	CpuBounds bounds = placement_bounds(json_get(document, "cpu"));
	if (!groups_begin(vm->cgroup, label, &bounds, launch, error))
		return FALSE;
	/* Beside QEMU's own filter, which lets ptrace() through and ends one thread, not the process. */
	json_object *numa = json_get(document, "numa");
	launch_set_filter(launch, numa && json_object_object_length(numa) > 0 ? SECCOMP_GUEST_PLACED : SECCOMP_GUEST);
	if (services->host->kvm)
		launch_bind(launch, "/dev/kvm", TRUE);

	/* The child has its own copies; ours must go at once, or a dead QEMU's volume would look in use. */
	g_autoptr(GArray) opened = g_array_new(FALSE, FALSE, sizeof(int));
	gboolean ok = pass_needs(vm, document, command, launch, opened, backends, error) &&
		      launch_start(launch, LAUNCH_TIMEOUT_MS, ret_launched, error);
	for (guint i = 0; i < opened->len; i++)
		fd_close(g_array_index(opened, int, i));
	return ok;
}

/* The first of all: QEMU cannot build its machine without its answers. */
static gboolean start_first(Vm *vm, json_object *document, GArray *backends, GError **error)
{
	for (guint i = 0; i < backends->len; i++) {
		Backend *backend = &g_array_index(backends, Backend, i);
		if (backend->kind == BACKEND_TPM && !tpm_start(vm, backend->peer, &backend->process, error))
			return FALSE;
		if (backend->kind == BACKEND_SHARE &&
		    !share_start(vm, document, backend->key, backend->peer, &backend->process, error))
			return FALSE;
		/* One that has died is to be seen by QEMU as the end of its connection. */
		if (backend->kind == BACKEND_SHARE)
			fd_close(fd_steal(&backend->peer));
	}
	return TRUE;
}

/* `nicer` than we are. One that has ended has no priority any more. */
static gboolean set_priority(const Backend *backend, int nicer, GError **error)
{
	const Launched *passt = &backend->process;
	if (backend->kind != BACKEND_NIC || process_start_time(passt->pid) != passt->start_time ||
	    setpriority(PRIO_PROCESS, (id_t)passt->pid, getpriority(PRIO_PROCESS, 0) + nicer) == 0 || errno == ESRCH)
		return TRUE;
	error_set_errno(error, errno, "cannot set the priority of passt (process %d)", (int)passt->pid);
	return FALSE;
}

static gboolean start_networks(Vm *vm, GArray *backends, GError **error)
{
	for (guint i = 0; i < backends->len; i++) {
		Backend *backend = &g_array_index(backends, Backend, i);
		if (backend->kind == BACKEND_NIC &&
		    (!nic_start(vm, backend->key, backend->peer, &backend->process, error) ||
		     !set_priority(backend, NICER_MEANWHILE, error)))
			return FALSE;
	}
	return TRUE;
}

/* Before the guest runs: none runs with a passt that gives way. */
static gboolean hurry_networks(GArray *backends, GError **error)
{
	for (guint i = 0; i < backends->len; i++)
		if (!set_priority(&g_array_index(backends, Backend, i), 0, error))
			return FALSE;
	return TRUE;
}

static void watch_backends(Vm *vm, GArray *backends)
{
	static const char *const prefixes[] =
		{[BACKEND_NIC] = "nic-", [BACKEND_TPM] = "tpm", [BACKEND_SHARE] = "share-"};
	for (guint i = 0; i < backends->len; i++) {
		Backend *backend = &g_array_index(backends, Backend, i);
		g_autofree char *name = g_strconcat(prefixes[backend->kind], backend->key, NULL);
		helper_watch(vm, name, backend->process.pidfd);
	}
}

static gboolean unplug_cables(Qmp *qmp, json_object *document, GError **error)
{
	json_object *nics = json_get(document, "nics");
	if (!nics)
		return TRUE;
	json_object_object_foreach (nics, key, nic) {
		if (json_get_bool(nic, "link", TRUE))
			continue;
		json_object *arguments = json_object_new_object();
		g_autofree char *device = g_strconcat("nic-", key, NULL);
		json_set_str(arguments, "name", device);
		json_set_bool(arguments, "up", FALSE);
		if (!qmp_do(qmp, "set_link", arguments, COMMAND_TIMEOUT_MS, error))
			return FALSE;
	}
	return TRUE;
}

/* Of "TIME qemu-system-x86_64: -blockdev {JSON}: REASON" the reason, and which of our names it is about. */
static char *tidy_message(const char *line)
{
	static const char program[] = "qemu-system-x86_64: ", name[] = "\"node-name\":\"", id[] = "\"id\":\"";
	const char *said = strstr(line, program), *end;
	said = said ? said + strlen(program) : line;
	if (*said != '-' || !(end = g_strrstr(said, "}: ")))
		return g_strdup(said);
	const char *of = strstr(said, name), *device = strstr(said, id);
	const char *begin = of ? of + strlen(name) : device ? device + strlen(id) : NULL;
	if (!begin)
		return g_strdup(end + 3);
	return g_strdup_printf("%.*s: %s", (int)strcspn(begin, "\""), begin, end + 3);
}

/* QEMU says why it would not start on stderr; without that, a lost monitor is all that one sees. */
static void explain_failure(Vm *vm, GError **error)
{
	g_autofree char *log = launch_read_log(vm->run_dir, 1500);
	g_strstrip(log);
	if (!error || !*error || !*log)
		return;
	g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
	g_autoptr(GString) text = g_string_new(NULL);
	for (char **line = lines; *line; line++) {
		g_autofree char *tidy = tidy_message(*line);
		g_string_append_printf(text, "%s%s", text->len ? "; " : "", tidy);
	}
	g_prefix_error(error, "QEMU said: %s: ", text->str);
}

/* After a start that failed: helpers (passt) go with the control group. The log stays to be read. */
static void clean_up(Vm *vm)
{
	g_autoptr(GError) error = NULL;
	shape_end_all(vm->services->run_dir, vm->id);
	if (!groups_end(vm->cgroup, COMMAND_TIMEOUT_MS, &error) || !launch_clear_record(vm->run_dir, &error))
		g_warning("VM %" G_GINT64_FORMAT ": after a failed start: %s", vm->id, error->message);
	passthrough_end(vm->services, vm->run_dir);
}

/* The process waits, with everything that it needs, to be told to run. */
static void take_process(Vm *vm, json_object *document, const Launched *launched)
{
	g_mutex_lock(&vm->lock);
	vm->pid = launched->pid;
	vm->start_time = launched->start_time;
	vm->pidfd = launched->pidfd;
	vm->memory_base = json_get_int(document, "memory", 0);
	vm->memory_shared = qemu_memory_is_shared(document);
	g_mutex_unlock(&vm->lock);
	json_auto json_object *hardware = vm_hardware(document);
	vm_set_applied(vm, hardware);
}

/* From a process that builds its machine to a guest that runs. */
static gboolean bring_up(Vm *vm, Task *task, json_object *document, GArray *backends, GError **error)
{
	if (!start_first(vm, document, backends, error) || !start_networks(vm, backends, error) ||
	    !vm_want(vm, TRUE, task_user(task), error) || !console_open(vm, error) ||
	    !vm_connect_monitor(vm, MONITOR_TIMEOUT_MS, error))
		return FALSE;
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, error);
	return qmp && (!placement_is_wanted(document) || placement_pin(vm, qmp, document, error)) &&
	       hurry_networks(backends, error) && unplug_cables(qmp, document, error) &&
	       throttle_start(qmp, document, error) && qmp_do(qmp, "cont", NULL, COMMAND_TIMEOUT_MS, error);
}

/* Ends a process that did not come to run, and says why it did not. */
static void give_up(Vm *vm, json_object *document, const Launched *launched, GError **error)
{
	if (launched->pidfd >= 0 && process_signal(launched->pidfd, SIGKILL) &&
	    !process_wait(launched->pidfd, COMMAND_TIMEOUT_MS))
		g_warning("QEMU %d of VM %" G_GINT64_FORMAT " does not end", (int)launched->pid, vm->id);
	/* What it said last is in the log once its launcher has recorded its end. */
	LaunchRecord record;
	launch_await_exit(vm->run_dir, RECORD_TIMEOUT_MS, &record);
	explain_failure(vm, error);
	share_explain(vm, document, error);
	vm_release_process(vm);
	vm_set_applied(vm, NULL);
	clean_up(vm);
}

static void tell_started(Vm *vm, Task *task)
{
	const char *cause = json_get_str(task_args(task), "cause", NULL);
	if (cause)
		vm_set_state(vm, VM_RUNNING, "restarted", "restarted after this: %s", cause);
	else
		vm_set_state(vm, VM_RUNNING, "started", "started by %s", task_user(task));
}

gboolean vm_start_process(Vm *vm, Task *task, GError **error)
{
	json_auto json_object *document = vm_dup_document(vm, NULL);
	gint64 begin = g_get_monotonic_time();
	Launched launched = {.pidfd = -1};
	g_autoptr(GArray) backends = g_array_new(FALSE, FALSE, sizeof(Backend));

	g_array_set_clear_func(backends, backend_clear);
	if (!prepare_check_machine(vm->services, document, error) ||
	    !placement_check(vm->services, NULL, document, error))
		return FALSE;
	gboolean setup = firmware_setup_is_wanted(vm);
	json_auto json_object *started = firmware_setup_prepare(vm, document, error);
	if (!started || !launch_qemu(vm, started, backends, &launched, error)) {
		clean_up(vm);
		return FALSE;
	}
	gint64 executed = g_get_monotonic_time();
	take_process(vm, document, &launched);
	if (!bring_up(vm, task, document, backends, error)) {
		give_up(vm, document, &launched, error);
		return FALSE;
	}
	gint64 now = g_get_monotonic_time();
	if (launched.scope_ms > 0)
		task_log(task, "systemd made %s within %.1f ms", groups_scope(vm->cgroup), launched.scope_ms);
	task_log(task, "QEMU %d: executed after %.1f ms, running after %.1f ms", (int)launched.pid,
		 (double)(executed - begin) / 1000, (double)(now - begin) / 1000);
	tell_started(vm, task);
	if (setup)
		firmware_setup_done(vm, task_user(task));
	vm_watch_exit(vm);
	watch_backends(vm, backends);
	return TRUE;
}
