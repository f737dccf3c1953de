/* One guest in memory. */
#include "guest/vm.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/devices/helper.h"
#include "guest/guests.h"
#include "guest/run/remember.h"
#include "qemu/vcpus.h"
#include "sandbox/groups.h"
#include "schema/schema.h"

/* One block: the pointers, then what they point to. */
static char **tags_new(json_object *tags)
{
	size_t count = tags ? json_object_array_length(tags) : 0, length = 0;
	for (size_t i = 0; i < count; i++)
		length += strlen(json_object_get_string(json_object_array_get_idx(tags, i))) + 1;
	char **box = g_atomic_rc_box_alloc0((count + 1) * sizeof(char *) + length);
	char *text = (char *)(box + count + 1);
	for (size_t i = 0; i < count; i++) {
		box[i] = text;
		text = stpcpy(text, json_object_get_string(json_object_array_get_idx(tags, i))) + 1;
	}
	return box;
}

void vm_tags_unref(char **tags)
{
	g_atomic_rc_box_release(tags);
}

char **vm_ref_tags(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return g_atomic_rc_box_acquire(vm->tags);
}

Vm *vm_new(Services *services, gint64 id)
{
	Vm *vm = g_new0(Vm, 1);
	vm->id = id;
	vm->services = services;
	vm->path = g_strdup_printf("/vms/%" G_GINT64_FORMAT, id);
	vm->run_dir = g_strdup_printf("%s/vm/%" G_GINT64_FORMAT, services->run_dir, id);
	vm->cgroup = groups_guest(id);
	g_atomic_ref_count_init(&vm->refs);
	g_mutex_init(&vm->lock);
	g_cond_init(&vm->changed);
	vm->pidfd = -1;
	vm->restarts_us = g_array_new(FALSE, FALSE, sizeof(gint64));
	vm->since_us = g_get_real_time();
	vm->reason_code = g_strdup("none");
	vm->reason = g_strdup("");
	vm->tags = tags_new(NULL);
	return vm;
}

Vm *vm_ref(Vm *vm)
{
	g_atomic_ref_count_inc(&vm->refs);
	return vm;
}

void vm_unref(Vm *vm)
{
	if (!vm || !g_atomic_ref_count_dec(&vm->refs))
		return;
	g_clear_pointer(&vm->qmp, qmp_unref);
	g_clear_pointer(&vm->agent, qmp_unref);
	fd_close(vm->pidfd);
	g_clear_pointer(&vm->text, g_ref_string_release);
	g_clear_pointer(&vm->applied, g_ref_string_release);
	g_clear_pointer(&vm->row, g_ref_string_release);
	g_clear_pointer(&vm->no_effect, g_ref_string_release);
	if (vm->agent_nics)
		json_object_put(vm->agent_nics);
	g_free(vm->agent_version);
	g_clear_pointer(&vm->agent_handles, g_array_unref);
	g_clear_pointer(&vm->work, g_ptr_array_unref);
	g_clear_pointer(&vm->left, g_ptr_array_unref);
	g_free(vm->name);
	g_free(vm->reason_code);
	g_free(vm->reason);
	g_array_unref(vm->restarts_us);
	g_free(vm->exit_code);
	g_free(vm->exit_reason);
	g_free(vm->path);
	g_free(vm->run_dir);
	g_free(vm->cgroup);
	vm_tags_unref(vm->tags);
	g_mutex_clear(&vm->lock);
	g_cond_clear(&vm->changed);
	g_free(vm);
}

/* Texts come from our own documents, so parsing cannot fail. */
static json_object *parse_text(GRefString *text)
{
	return text ? json_parse(text, g_ref_string_length(text), NULL) : NULL;
}

static GRefString *make_text(json_object *json)
{
	g_autofree char *text = json_dup_text(json);
	return g_ref_string_new(text);
}

static GRefString *ref_text(Vm *vm, GRefString *const *text)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return *text ? g_ref_string_acquire(*text) : NULL;
}

GRefString *vm_ref_document(Vm *vm, gint64 *ret_rev)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	if (ret_rev)
		*ret_rev = vm->rev;
	return g_ref_string_acquire(vm->text);
}

json_object *vm_dup_document(Vm *vm, gint64 *ret_rev)
{
	GRefString *text = vm_ref_document(vm, ret_rev);
	json_object *json = parse_text(text);
	g_ref_string_release(text);
	return json;
}

GRefString *vm_ref_applied(Vm *vm)
{
	return ref_text(vm, &vm->applied);
}

json_object *vm_dup_applied(Vm *vm)
{
	GRefString *text = ref_text(vm, &vm->applied);
	json_object *json = parse_text(text);
	if (text)
		g_ref_string_release(text);
	return json;
}

char *vm_dup_name(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return g_strdup(vm->name);
}

GRefString *vm_ref_row(Vm *vm)
{
	return ref_text(vm, &vm->row);
}

void vm_read_row(Vm *vm, VmRowReader read, gpointer data)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	read(vm, (const char *const *)vm->tags, vm->row, data);
}

void vm_prefetch_row(Vm *vm)
{
	enum { LINE = 64, ROW_LINES = 4 }; /* bytes; of most rows */
	const char *row = g_atomic_pointer_get(&vm->row);
	__builtin_prefetch(g_atomic_pointer_get(&vm->tags));
	for (guint line = 0; row && line < ROW_LINES; line++)
		__builtin_prefetch(row + line * LINE);
}

VmState vm_get_state(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return vm->state;
}

gint64 vm_get_rev(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return vm->rev;
}

char *vm_label(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return g_strdup_printf("VM %" G_GINT64_FORMAT " '%s'", vm->id, vm->name ? vm->name : "");
}

Qmp *vm_ref_qmp(Vm *vm, GError **error)
{
	g_mutex_lock(&vm->lock);
	Qmp *qmp = vm->qmp && qmp_is_open(vm->qmp) ? qmp_ref(vm->qmp) : NULL;
	VmState state = vm->state;
	g_mutex_unlock(&vm->lock);
	if (!qmp) {
		g_autofree char *label = vm_label(vm);
		if (vm_state_is_alive(state))
			error_set(error, ERROR_CONFLICT, "see its state with 'yado vm show', or stop it",
				  "%s is %s and its monitor is not connected", label, vm_state_name(state));
		else
			error_set(error, ERROR_CONFLICT, "start it first", "%s is %s", label, vm_state_name(state));
	}
	return qmp;
}

/* With the lock held. */
static void renew_row(Vm *vm)
{
	json_auto json_object *document = parse_text(vm->text);
	json_auto json_object *row = json_object_new_object();
	json_auto json_object *applied = parse_text(vm->applied);
	if (applied) {
		json_auto json_object *wanted = vm_hardware(document);
		vm->pending = !json_equal(applied, wanted);
	} else {
		vm->pending = FALSE;
	}
	json_object *cpu = json_get(document, "cpu");
	g_autoptr(GDateTime) since = g_date_time_new_from_unix_utc(vm->since_us / G_USEC_PER_SEC);
	g_autofree char *since_text = g_date_time_format_iso8601(since);
	json_set_int(row, "id", vm->id);
	json_set_str(row, "name", vm->name);
	json_set_str(row, "state", vm_state_name(vm->state));
	json_set_str(row, "reason", vm->reason);
	json_set_str(row, "reason_code", vm->reason_code);
	json_set_str(row, "since", since_text);
	json_set_str(row, "node", json_get_str(document, "node", ""));
	json_set(row, "tags", json_copy(json_get(document, "tags")));
	json_set_int(row, "memory", json_get_int(document, "memory", 0));
	json_set_int(row, "cpus", qemu_vcpus(cpu));
	json_set_bool(row, "pending", vm->pending);
	if (vm->shared)
		json_set_bool(row, "conflict", TRUE);
	json_object *broken = helper_list_broken(vm);
	if (broken)
		json_set(row, "broken", broken);
	json_set_int(row, "rev", vm->rev);
	GRefString *former = vm->row;
	g_atomic_pointer_set(&vm->row, make_text(row));
	if (former)
		g_ref_string_release(former);
}

void vm_load_document(Vm *vm, json_object *document, gint64 rev)
{
	json_auto json_object *filled = schema_filled(&vm_table, document);
	g_mutex_lock(&vm->lock);
	g_clear_pointer(&vm->text, g_ref_string_release);
	vm->text = make_text(filled);
	vm->rev = rev;
	g_free(vm->name);
	vm->name = g_strdup(json_get_str(document, "name", ""));
	char **former = vm->tags;
	g_atomic_pointer_set(&vm->tags, tags_new(json_get(document, "tags")));
	vm_tags_unref(former);
	vm->agent_wanted = json_get_bool(document, "agent", FALSE);
	vm->memory_min = json_get_int(document, "memory_min", 0);
	renew_row(vm);
	g_mutex_unlock(&vm->lock);
}

void vm_renew(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	renew_row(vm);
	g_mutex_unlock(&vm->lock);
	guests_notify(vm->services->guests, vm);
}

void vm_set_shared(Vm *vm, gboolean shared)
{
	g_mutex_lock(&vm->lock);
	gboolean changed = vm->shared != shared;
	vm->shared = shared;
	if (changed)
		renew_row(vm);
	g_mutex_unlock(&vm->lock);
	if (changed)
		guests_notify(vm->services->guests, vm);
}

void vm_set_document(Vm *vm, json_object *document, gint64 rev)
{
	vm_load_document(vm, document, rev);
	guests_notify(vm->services->guests, vm);
}

void vm_set_applied(Vm *vm, json_object *hardware)
{
	g_autofree char *path = g_build_filename(vm->run_dir, "applied.json", NULL);
	GRefString *text = hardware ? make_text(hardware) : NULL;
	g_autoptr(GError) error = NULL;

	/* The run directory is gone after a reboot, as is the process: nothing to make durable. */
	if (text && !file_replace(path, text, g_ref_string_length(text), 0600, &error))
		g_warning("cannot record the hardware of VM %" G_GINT64_FORMAT ": %s", vm->id, error->message);
	else if (!text)
		unlink(path);
	g_mutex_lock(&vm->lock);
	g_clear_pointer(&vm->applied, g_ref_string_release);
	vm->applied = text;
	renew_row(vm);
	g_mutex_unlock(&vm->lock);
	guests_notify(vm->services->guests, vm);
}

/* With the lock held. FALSE: the table has no such transition. Takes the reason over. */
static gboolean set_state(Vm *vm, VmState state, const char *reason_code, char *reason)
{
	if (!vm_state_allows(vm->state, state)) {
		g_message("VM %" G_GINT64_FORMAT ": transition %s -> %s is not in the table", vm->id,
			  vm_state_name(vm->state), vm_state_name(state));
		g_free(reason);
		return FALSE;
	}
	if (vm->state != state || reason_code) {
		vm->since_us = g_get_real_time();
		vm->state_changes++;
	}
	if (reason_code) {
		g_free(vm->reason);
		vm->reason = reason;
		g_free(vm->reason_code);
		vm->reason_code = g_strdup(reason_code);
	}
	g_info("VM %" G_GINT64_FORMAT ": %s -> %s%s%s", vm->id, vm_state_name(vm->state), vm_state_name(state),
	       *vm->reason ? ": " : "", vm->reason);
	vm->state = state;
	renew_row(vm);
	g_cond_broadcast(&vm->changed);
	return TRUE;
}

static void tell_state(Vm *vm)
{
	vm_remember(vm);
	guests_notify(vm->services->guests, vm);
}

void vm_set_since(Vm *vm, gint64 since_us)
{
	g_mutex_lock(&vm->lock);
	vm->since_us = since_us;
	VmState state = vm->state;
	g_mutex_unlock(&vm->lock);
	vm_set_state(vm, state, NULL, NULL); /* renews the row */
}

void vm_set_state(Vm *vm, VmState state, const char *reason_code, const char *format, ...)
{
	char *reason = NULL;
	if (reason_code) {
		va_list args;
		va_start(args, format);
		reason = g_strdup_vprintf(format, args);
		va_end(args);
	}
	g_mutex_lock(&vm->lock);
	gboolean set = set_state(vm, state, reason_code, reason);
	g_mutex_unlock(&vm->lock);
	if (set)
		tell_state(vm);
}

gboolean vm_set_state_since(Vm *vm, guint64 mark, VmState state, const char *reason_code, const char *reason)
{
	g_mutex_lock(&vm->lock);
	gboolean present = vm->state_changes == mark;
	gboolean set = present && set_state(vm, state, reason_code, g_strdup(reason));
	g_mutex_unlock(&vm->lock);
	if (set)
		tell_state(vm);
	return present;
}

gboolean vm_wait_state(Vm *vm, guint mask, guint timeout_ms)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	while (!(mask & (1u << vm->state)))
		if (!g_cond_wait_until(&vm->changed, &vm->lock, deadline))
			return (mask & (1u << vm->state)) != 0;
	return TRUE;
}

/* What of a document the process is made from. What is not in here never needs the process to change. */
static const char *const hardware_parts[] = {
	"uuid",
	"hostname",
	"machine",
	"firmware",
	"secure_boot",
	"tpm",
	"cpu",
	"memory",
	"memory_max",
	"hugepages",
	"ksm",
	"numa",
	"kernel",
	"disks",
	"cdroms",
	"nics",
	"usb",
	"usb_ports",
	"pci",
	"shares",
	"serial",
	"serial_ports",
	"display",
	"display_memory",
	"clock",
	"hpet",
	"sleep",
	"sound",
	"watchdog",
	"rng",
	"vsock",
	"agent",
	"boot",
	"boot_menu",
	"smbios",
	"guestinfo",
	"cloud_init",
	"answers",
};

json_object *vm_hardware(json_object *document)
{
	json_object *hardware = json_object_new_object();
	for (guint i = 0; i < G_N_ELEMENTS(hardware_parts); i++)
		if (json_get(document, hardware_parts[i]))
			json_set(hardware, hardware_parts[i], json_copy(json_get(document, hardware_parts[i])));
	return hardware;
}

json_object *vm_pending(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	gboolean waits = vm->pending;
	g_mutex_unlock(&vm->lock);
	json_auto json_object *applied = waits ? vm_dup_applied(vm) : NULL;
	if (!applied)
		return json_object_new_array();
	json_auto json_object *document = vm_dup_document(vm, NULL);
	json_auto json_object *wanted = vm_hardware(document);
	return json_diff(applied, wanted);
}
