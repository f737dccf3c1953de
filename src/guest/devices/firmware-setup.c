/* Entering the firmware's set-up once.
 *
 * UEFI reads the wish from a variable (OsIndications), clears it and shows its set-up. The variables are data of the
 * guest, so it is not we who write among them but yado-nvram, in a cage. BIOS has no set-up: it waits half a minute for
 * the Esc key, which opens its boot menu. The fact goes when the guest runs; a daemon that dies before that asks once
 * more. */
#include "guest/devices/firmware-setup.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/devices/firmware.h"
#include "guest/guests.h"
#include "sandbox/caged.h"

#define PREFIX "vm-firmware-setup/"

enum { VARIABLES_FD = 10, TIMEOUT_MS = 10000, BIOS_MENU_S = 30 };

static char *fact_path(Vm *vm)
{
	return g_strdup_printf(PREFIX "%" G_GINT64_FORMAT, vm->id);
}

static void set_wanted(Vm *vm, gboolean wanted)
{
	g_mutex_lock(&vm->lock);
	vm->firmware_setup = wanted;
	g_mutex_unlock(&vm->lock);
}

gboolean firmware_setup_is_wanted(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return vm->firmware_setup;
}

gboolean firmware_setup_load(Services *services, GError **error)
{
	g_autoptr(GPtrArray) facts = store_list(services->store, PREFIX, error);
	for (guint i = 0; facts && i < facts->len; i++) {
		const char *path = ((Doc *)g_ptr_array_index(facts, i))->path;
		g_autoptr(Vm) vm = guests_get(services->guests, g_ascii_strtoll(path + strlen(PREFIX), NULL, 10));
		if (vm)
			set_wanted(vm, TRUE);
	}
	return facts != NULL;
}

static gboolean is_uefi(json_object *document)
{
	return g_str_equal(json_get_str(document, "firmware", ""), "uefi");
}

gboolean firmware_setup_check(Vm *vm, GError **error)
{
	json_auto json_object *document = vm_dup_document(vm, NULL);
	g_autofree char *label = vm_label(vm);
	if (json_get(document, "kernel")) {
		error_set(error, ERROR_CONFLICT,
			  "take the direct kernel away (yado vm set ID --unset kernel), so that it boots from a disk",
			  "%s starts a kernel directly, past its firmware's set-up", label);
		return FALSE;
	}
	if (!is_uefi(document) && g_str_equal(json_get_str(document, "display", ""), "none")) {
		error_set(error, ERROR_CONFLICT, "give it a display (yado vm set ID --display vga)",
			  "%s has no display, and BIOS shows its boot menu nowhere else", label);
		return FALSE;
	}
	return TRUE;
}

gboolean firmware_setup_request(Vm *vm, gboolean wanted, const char *user, GError **error)
{
	g_autofree char *path = fact_path(vm);
	g_autoptr(Batch) batch = batch_new(user, 0);
	json_auto json_object *fact = json_object_new_object();
	if (firmware_setup_is_wanted(vm) == wanted)
		return TRUE;
	json_set_str(fact, "user", user);
	if (wanted)
		batch_put(batch, path, REV_ANY, fact);
	else
		batch_delete(batch, path, REV_ANY);
	if (!store_commit(vm->services->store, batch, error))
		return FALSE;
	set_wanted(vm, wanted);
	guests_notify(vm->services->guests, vm);
	return TRUE;
}

static gboolean write_variable(Vm *vm, GError **error)
{
	g_auto(Caged) caged = CAGED_INIT;
	LaunchRecord record;
	g_autofree char *program = process_find_program("yado-nvram", error);
	fd_auto int variables = program ? firmware_open_volume(vm->services, vm->id, "firmware", error) : -1;
	if (variables < 0 || !caged_init(&caged, vm->services->run_dir, error))
		return FALSE;
	g_autoptr(Launch) launch = caged_launch(&caged, program);
	G_STATIC_ASSERT(VARIABLES_FD == 10);
	launch_add_arg(launch, "10");
	launch_pass_fd(launch, variables, VARIABLES_FD);
	if (!caged_start(&caged, launch, error))
		return FALSE;
	gboolean ended = caged_wait(&caged, TIMEOUT_MS, &record);
	if (ended && record.exit_code == 0)
		return TRUE;
	g_autofree char *log = launch_read_log(caged.dir, 400);
	error_set(error, ERROR_FAILED, "start it without: yado vm firmware-setup ID --cancel",
		  "cannot ask the firmware for its set-up: %s",
		  ended && *log ? g_strstrip(log) : "yado-nvram failed without a word");
	return FALSE;
}

json_object *firmware_setup_prepare(Vm *vm, json_object *document, GError **error)
{
	if (!firmware_setup_is_wanted(vm))
		return json_object_get(document);
	/* It may have been changed since the request. */
	if (!firmware_setup_check(vm, error) || (is_uefi(document) && !write_variable(vm, error)))
		return NULL;
	json_object *wanted = json_copy(document);
	if (!is_uefi(document))
		json_set_int(wanted, "boot_menu", BIOS_MENU_S);
	return wanted;
}

void firmware_setup_done(Vm *vm, const char *user)
{
	g_autoptr(GError) error = NULL;
	if (!firmware_setup_request(vm, FALSE, user, &error))
		g_warning("VM %" G_GINT64_FORMAT ": it is not noted that its firmware was entered: %s", vm->id,
			  error->message);
}
