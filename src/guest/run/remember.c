/* RUN/vm/ID/memory.json. */
#include "guest/run/remember.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "guest/run/wanted.h"

enum {
	MEMORY_BYTES_MAX = 64 * 1024,
	RESTARTS_MAX = 100, /* restart.max's bound */
};

static char *memory_path(Vm *vm)
{
	return g_build_filename(vm->run_dir, "memory.json", NULL);
}

void vm_remember(Vm *vm)
{
	/* So that two threads do not write in another order than that of their changes. The file is void after a
	 * boot. */
	static GMutex writing;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&writing);
	json_auto json_object *json = json_object_new_object();
	json_object *restarts = json_object_new_array();
	g_mutex_lock(&vm->lock);
	/* What the former daemon knew is needed until QEMU has said what has become of it. */
	if (vm->adopting) {
		g_mutex_unlock(&vm->lock);
		json_object_put(restarts);
		return;
	}
	json_set_str(json, "boot", process_boot_id());
	json_set_str(json, "state", vm_state_name(vm->state));
	json_set_str(json, "reason_code", vm->reason_code);
	json_set_str(json, "reason", vm->reason);
	json_set_int(json, "since_us", vm->since_us);
	json_set_int(json, "memory_base", vm->memory_base);
	json_set_bool(json, "memory_shared", vm->memory_shared);
	if (vm->exit_code) {
		json_set_str(json, "exit_code", vm->exit_code);
		json_set_str(json, "exit_reason", vm->exit_reason);
	}
	for (guint i = 0; i < vm->restarts_us->len; i++)
		json_object_array_add(restarts, json_object_new_int64(g_array_index(vm->restarts_us, gint64, i)));
	g_mutex_unlock(&vm->lock);
	json_set(json, "restarts_us", restarts);

	/* A guest that never ran has no run directory, and needs none. */
	if (!g_file_test(vm->run_dir, G_FILE_TEST_IS_DIR))
		return;
	g_autofree char *path = memory_path(vm);
	g_autofree char *text = json_dup_text(json);
	g_autoptr(GError) error = NULL;
	if (!file_replace(path, text, strlen(text), 0600, &error))
		g_warning("VM %" G_GINT64_FORMAT ": what a restarted daemon should know cannot be written: %s", vm->id,
			  error->message);
}

json_object *vm_read_remembered(Vm *vm)
{
	g_autofree char *path = memory_path(vm);
	g_autofree char *text = NULL;
	gsize length = 0;
	if (!file_read(path, MEMORY_BYTES_MAX, &text, &length, NULL))
		return NULL;
	json_auto json_object *memory = json_parse(text, length, NULL);
	return g_str_equal(json_get_str(memory, "boot", ""), process_boot_id()) ? g_steal_pointer(&memory) : NULL;
}

void vm_recall(Vm *vm, json_object *memory)
{
	json_object *restarts = json_get(memory, "restarts_us");
	const char *exit_code = json_get_str(memory, "exit_code", NULL);
	if (!memory) {
		vm_recall_reason(vm);
		return;
	}
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	g_free(vm->reason_code);
	g_free(vm->reason);
	vm->reason_code = g_strdup(json_get_str(memory, "reason_code", "none"));
	vm->reason = g_strdup(json_get_str(memory, "reason", ""));
	vm->since_us = json_get_int(memory, "since_us", vm->since_us);
	vm->memory_base = json_get_int(memory, "memory_base", 0);
	vm->memory_shared = json_get_bool(memory, "memory_shared", FALSE);
	if (exit_code && !vm->exit_code) {
		vm->exit_code = g_strdup(exit_code);
		vm->exit_reason = g_strdup(json_get_str(memory, "exit_reason", ""));
	}
	gsize count = json_get_count(restarts);
	g_array_set_size(vm->restarts_us, 0);
	for (gsize i = 0; i < MIN(count, RESTARTS_MAX); i++) {
		gint64 at = json_object_get_int64(json_object_array_get_idx(restarts, i));
		g_array_append_val(vm->restarts_us, at);
	}
}
