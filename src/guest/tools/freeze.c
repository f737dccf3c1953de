/* Freezing.
 *
 * A frozen guest stands still at its next write, so it is never left so: how long it may stay frozen is on record in
 * RUN/vm/ID/frozen before the agent is asked, and a timer thaws it then, however the task, the client or this daemon
 * has ended; the next daemon finds the record and does the same, and one that ends in order thaws before. What does not
 * answer is asked again until it does, or the process ends. While a freeze is under way the record already counts. */
#include "guest/tools/freeze.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/tools/ask.h"

enum {
	FREEZE_TIMEOUT_MS = 60000, /* what waits to be written goes out first */
	THAW_TIMEOUT_MS = 10000,
	AGAIN_MS = 3000,
	TRIM_TIMEOUT_MS = 30 * 60 * 1000,
	PATHS_MAX = 256,
	RECORD_MAX = 4096,
	SECONDS_MAX = 600,
};

static const TaskPool tools_pool = {"guest tools", 16};

static char *record_path(const Vm *vm)
{
	return g_build_filename(vm->run_dir, "frozen", NULL);
}

static void drop_timer(GSource *timer)
{
	if (timer)
		g_source_destroy(timer);
	g_clear_pointer(&timer, g_source_unref);
}

void freeze_release(Vm *vm)
{
	g_mutex_lock(&vm->lock);
	GSource *timer = g_steal_pointer(&vm->thaw_timer);
	g_mutex_unlock(&vm->lock);
	drop_timer(timer);
}

static gboolean on_time(gpointer data);

static void arm(Vm *vm, gint64 wait_ms)
{
	GSource *timer =
		g_timeout_source_new((guint)CLAMP(wait_ms, 0, (SECONDS_MAX + FREEZE_TIMEOUT_MS / 1000) * 1000));
	g_source_set_callback(timer, on_time, vm_ref(vm), (GDestroyNotify)vm_unref);
	g_mutex_lock(&vm->lock);
	GSource *former = vm->thaw_timer;
	vm->thaw_timer = NULL;
	/* Without a process there is nothing to thaw, and nobody would take the timer away. */
	if (vm->pidfd >= 0) {
		vm->thaw_timer = g_source_ref(timer);
		g_source_attach(timer, qmp_monitor_context());
	}
	g_mutex_unlock(&vm->lock);
	drop_timer(former);
	g_source_unref(timer);
}

static void set_until(Vm *vm, gint64 until_us)
{
	g_mutex_lock(&vm->lock);
	vm->frozen_until_us = until_us;
	g_mutex_unlock(&vm->lock);
	guests_notify(vm->services->guests, vm);
}

static void forget(Vm *vm)
{
	g_autofree char *path = record_path(vm);
	freeze_release(vm);
	if (unlink(path) < 0 && errno != ENOENT)
		g_warning("%s cannot be removed: %s", path, g_strerror(errno));
	set_until(vm, 0);
}

/* On record, and the timer set. */
static gboolean hold_until(Vm *vm, gint64 until_us, GError **error)
{
	g_autofree char *path = record_path(vm);
	json_auto json_object *record = json_object_new_object();
	g_mutex_lock(&vm->lock);
	json_set_int(record, "start_time", (gint64)vm->start_time);
	g_mutex_unlock(&vm->lock);
	json_set_int(record, "until_us", until_us);
	g_autofree char *text = json_dup_text(record);
	if (!file_replace(path, text, strlen(text), 0600, error))
		return FALSE;
	arm(vm, (until_us - g_get_real_time()) / 1000);
	return TRUE;
}

static gboolean has_process(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return vm->pidfd >= 0;
}

static gboolean thaw(Vm *vm, gint64 *ret_count, GError **error)
{
	json_auto json_object *count = tools_ask(vm, "guest-fsfreeze-thaw", NULL, THAW_TIMEOUT_MS, error);
	if (!count)
		return FALSE;
	*ret_count = json_object_is_type(count, json_type_int) ? json_object_get_int64(count) : 0;
	forget(vm);
	return TRUE;
}

static void thaw_in_time(Vm *vm, gpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	gint64 count;
	g_mutex_lock(&vm->lock);
	gboolean due = vm->frozen_until_us > 0;
	g_mutex_unlock(&vm->lock);
	if (!due)
		return;
	if (!has_process(vm)) {
		forget(vm);
	} else if (thaw(vm, &count, &error)) {
		g_message("VM %" G_GINT64_FORMAT " was frozen for as long as it may be and is thawed", vm->id);
	} else {
		g_warning("VM %" G_GINT64_FORMAT " is frozen and cannot be thawed yet: %s", vm->id, error->message);
		arm(vm, AGAIN_MS);
	}
}

static gboolean on_time(gpointer data)
{
	Vm *vm = data;
	guests_react_slowly(vm->services->guests, vm_ref(vm), thaw_in_time, NULL);
	return G_SOURCE_REMOVE;
}

void freeze_end(Vm *vm)
{
	g_autoptr(GError) error = NULL;
	gint64 count;
	g_mutex_lock(&vm->lock);
	gboolean frozen = vm->frozen_until_us > 0 && vm->pidfd >= 0;
	g_mutex_unlock(&vm->lock);
	if (frozen && !thaw(vm, &count, &error))
		g_warning("VM %" G_GINT64_FORMAT " is frozen and cannot be thawed: %s", vm->id, error->message);
}

void freeze_adopt(Vm *vm)
{
	g_autofree char *path = record_path(vm), *text = NULL;
	gsize length;
	if (!file_read(path, RECORD_MAX, &text, &length, NULL))
		return;
	json_auto json_object *record = json_parse(text, length, NULL);
	g_mutex_lock(&vm->lock);
	gboolean same = record && json_get_int(record, "start_time", -1) == (gint64)vm->start_time;
	g_mutex_unlock(&vm->lock);
	if (!same) {
		unlink(path);
		return;
	}
	gint64 until_us = json_get_int(record, "until_us", 0);
	set_until(vm, MAX(until_us, 1));
	/* The agent is connected a moment later. */
	arm(vm, MAX((until_us - g_get_real_time()) / 1000, AGAIN_MS / 3));
}

/* --- Tasks --- */

static Vm *guest_of(Task *task, Services *services, GError **error)
{
	return guests_find(services->guests, task_object(task) + strlen("vm/"), error);
}

/* A freeze whose outcome is not known is undone at once. */
static gboolean freeze(Vm *vm, gint64 *ret_count, GError **error)
{
	g_autoptr(GError) failure = NULL;
	json_auto json_object *count = tools_ask(vm, "guest-fsfreeze-freeze", NULL, FREEZE_TIMEOUT_MS, &failure);
	if (count) {
		*ret_count = json_object_is_type(count, json_type_int) ? json_object_get_int64(count) : 0;
		return TRUE;
	}
	if (error_code(failure) == ERROR_FAILED || error_code(failure) == ERROR_UNSUPPORTED)
		forget(vm);
	else
		arm(vm, 0);
	g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}

static gboolean check_not_frozen(Vm *vm, GError **error)
{
	json_auto json_object *status = tools_ask(vm, "guest-fsfreeze-status", NULL, TOOLS_TIMEOUT_MS, error);
	if (!status)
		return FALSE;
	if (!json_object_is_type(status, json_type_string) || !g_str_equal(json_object_get_string(status), "frozen"))
		return TRUE;
	error_set(error, ERROR_CONFLICT, "thaw it first ('yado vm thaw')", "the guest is frozen already");
	return FALSE;
}

static gboolean run_freeze(Task *task, gpointer data, GError **error)
{
	g_autoptr(Vm) vm = guest_of(task, data, error);
	gint64 seconds = json_get_int(task_args(task), "seconds", 60), count = 0;
	if (!vm || !check_not_frozen(vm, error))
		return FALSE;
	gint64 begin_us = g_get_real_time();
	set_until(vm, begin_us + FREEZE_TIMEOUT_MS * 1000LL + seconds * G_USEC_PER_SEC);
	if (!hold_until(vm, begin_us + FREEZE_TIMEOUT_MS * 1000LL + seconds * G_USEC_PER_SEC, error)) {
		set_until(vm, 0);
		return FALSE;
	}
	task_step(task, "the guest writes out what waits, and freezes");
	if (!freeze(vm, &count, error))
		return FALSE;
	gint64 until_us = g_get_real_time() + seconds * G_USEC_PER_SEC;
	set_until(vm, until_us);
	if (!hold_until(vm, until_us, error)) {
		freeze_end(vm);
		return FALSE;
	}
	task_log(task, "%" G_GINT64_FORMAT " file systems are frozen, for %" G_GINT64_FORMAT " s at most", count,
		 seconds);
	json_object *result = json_object_new_object();
	json_set_int(result, "filesystems", count);
	task_result(task, result);
	return TRUE;
}

static gboolean run_thaw(Task *task, gpointer data, GError **error)
{
	g_autoptr(Vm) vm = guest_of(task, data, error);
	gint64 count = 0;
	if (!vm || !thaw(vm, &count, error))
		return FALSE;
	task_log(task, "%" G_GINT64_FORMAT " file systems were thawed", count);
	json_object *result = json_object_new_object();
	json_set_int(result, "filesystems", count);
	task_result(task, result);
	return TRUE;
}

static void log_trimmed(Task *task, json_object *path, guint64 *total, guint *failed)
{
	g_autofree char *name = tools_clean(json_get_str(path, "path", "?"), 400);
	g_autofree char *why = tools_clean(json_get_str(path, "error", NULL), 400);
	guint64 trimmed = (guint64)CLAMP(json_get_int(path, "trimmed", 0), 0, G_MAXINT64 / PATHS_MAX);
	if (why) {
		*failed += 1;
		task_log(task, "%s: %s", name, why);
		return;
	}
	g_autofree char *size = g_format_size_full(trimmed, G_FORMAT_SIZE_IEC_UNITS);
	task_log(task, "%s: %s", name, size);
	*total += trimmed;
}

static gboolean run_trim(Task *task, gpointer data, GError **error)
{
	g_autoptr(Vm) vm = guest_of(task, data, error);
	if (!vm)
		return FALSE;
	task_step(task, "the guest tells its disks what it no longer uses");
	json_auto json_object *answer = tools_ask(vm, "guest-fstrim", NULL, TRIM_TIMEOUT_MS, error);
	if (!answer)
		return FALSE;
	json_object *paths = json_get(answer, "paths");
	gsize count = MIN(json_get_count(paths), PATHS_MAX);
	guint64 total = 0;
	guint failed = 0;
	for (gsize i = 0; i < count; i++)
		log_trimmed(task, json_object_array_get_idx(paths, i), &total, &failed);
	json_object *result = json_object_new_object();
	json_set_int(result, "filesystems", (gint64)count);
	json_set_int(result, "failed", failed);
	json_set_int(result, "trimmed", (gint64)total);
	task_result(task, result);
	return TRUE;
}

/* Interrupted by the daemon's end: what was frozen is thawed by its record. */
static gboolean recover(Task *task, json_object *steps, gpointer data, GError **error)
{
	(void)task;
	(void)steps;
	(void)data;
	error_set(error, ERROR_FAILED, "ask for it again", "yadod ended meanwhile");
	return FALSE;
}

const TaskKind vm_freeze_kind = {"vm.freeze", &tools_pool, .queue = TRUE, .run = run_freeze, .recover = recover};
const TaskKind vm_thaw_kind = {"vm.thaw", &tools_pool, .shared = TRUE, .queue = TRUE, .run = run_thaw,
			       .recover = recover};
const TaskKind vm_trim_kind = {"vm.trim", &tools_pool, .shared = TRUE, .queue = TRUE, .run = run_trim,
			       .recover = recover};
