/* Questions.
 *
 * QEMU stops a guest at a request that its disk's storage refuses (werror and rerror "stop"): the request is kept, and
 * tried again when the guest goes on, so nothing is lost. Nothing is tried again without somebody's word.
 *
 * Which disks stand so is in the events that QEMU's second monitor writes into the launcher's log, for a daemon too
 * that was not there when it happened. (QEMU 7.2's query-block tells of each disk that has ever stood so: going on,
 * QEMU forgets that of those alone whose block backend has a name, and ours have none.) */
#include "guest/run/question.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/units.h"
#include "guest/guests.h"
#include "guest/run/watch.h"
#include "qemu/command.h"
#include "sandbox/launch.h"

enum { COMMAND_TIMEOUT_MS = 5000, AGAIN_MS = 500, EVENT_TIMEOUT_MS = 1000, EVENT_STEP_US = 5000 };

static const TaskPool answer_pool = {"answers", 8};

static void clear_disk(gpointer data)
{
	g_free(((QuestionDisk *)data)->key);
}

/* The disk whose block node that is. QEMU may be its guest's: a disk that the guest does not have is none. */
static const char *find_key(json_object *disks, const char *node)
{
	if (!disks)
		return NULL;
	json_object_object_foreach (disks, key, disk) {
		g_autofree char *own = qemu_node_name('d', key);
		(void)disk;
		if (g_str_equal(own, node))
			return key;
	}
	return NULL;
}

static void note_error(GArray *disks, const char *key, gboolean no_space)
{
	for (guint i = 0; i < disks->len; i++) {
		QuestionDisk *known = &g_array_index(disks, QuestionDisk, i);
		if (g_str_equal(known->key, key)) {
			known->no_space = no_space;
			return;
		}
	}
	QuestionDisk disk = {g_strdup(key), no_space};
	g_array_append_val(disks, disk);
}

GArray *question_find(Vm *vm, char **events)
{
	json_auto json_object *hardware = vm_dup_applied(vm);
	GArray *disks = g_array_new(FALSE, FALSE, sizeof(QuestionDisk));
	g_array_set_clear_func(disks, clear_disk);
	for (char **line = events; *line; line++) {
		if (!strstr(*line, "BLOCK_IO_ERROR") && !strstr(*line, "RESUME"))
			continue;
		json_auto json_object *event = json_parse(*line, strlen(*line), NULL);
		json_object *data = json_get(event, "data");
		const char *name = json_get_str(event, "event", "");
		if (g_str_equal(name, "RESUME"))
			g_array_set_size(disks, 0);
		if (!g_str_equal(name, "BLOCK_IO_ERROR") || !g_str_equal(json_get_str(data, "action", ""), "stop"))
			continue;
		const char *key = find_key(json_get(hardware, "disks"), json_get_str(data, "node-name", ""));
		if (key)
			note_error(disks, key, json_get_bool(data, "nospace", FALSE));
	}
	return disks;
}

GArray *question_ask(Vm *vm)
{
	gint64 deadline = g_get_monotonic_time() + EVENT_TIMEOUT_MS * 1000;
	for (;;) {
		g_auto(GStrv) events = launch_read_events(vm->run_dir);
		g_autoptr(GArray) disks = question_find(vm, events);
		/* Our monitor may have told us a moment before its word was in the log. */
		if (disks->len > 0 || g_get_monotonic_time() >= deadline)
			return g_steal_pointer(&disks);
		g_usleep(EVENT_STEP_US);
	}
}

static json_object *disk_of(json_object *hardware, const char *key)
{
	return json_get(json_get(hardware, "disks"), key);
}

char *question_reason(Vm *vm, GArray *disks)
{
	json_auto json_object *hardware = vm_dup_applied(vm);
	g_autoptr(GString) text = g_string_new("paused: ");
	for (guint i = 0; i < disks->len; i++) {
		const QuestionDisk *disk = &g_array_index(disks, QuestionDisk, i);
		g_string_append_printf(text, "%s%s storage '%s' for %s", i ? ", " : "",
				       disk->no_space ? "no space left on" : "I/O error of",
				       json_get_str(disk_of(hardware, disk->key), "storage", ""), disk->key);
	}
	if (disks->len == 0)
		g_string_append(text, "I/O error of a disk");
	g_string_append(text, "; see to it, then answer 'retry'");
	return g_strdup(text->str);
}

gboolean question_is_open(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return vm->state == VM_PAUSED &&
	       (g_str_equal(vm->reason_code, "no-space") || g_str_equal(vm->reason_code, "io-error"));
}

gboolean question_check(Vm *vm, GError **error)
{
	if (question_is_open(vm))
		return TRUE;
	g_autofree char *label = vm_label(vm);
	error_set(error, ERROR_NOT_FOUND, "'yado vm question' lists all that are open", "%s asks nothing: it is %s",
		  label, vm_state_name(vm_get_state(vm)));
	return FALSE;
}

/* What to do beside the answer. */
static char *describe_remedy(const QuestionDisk *disk, const char *storage, gboolean known, const StorageSpace *space)
{
	if (!disk->no_space)
		return g_strdup_printf("see why storage '%s' fails (yado storage show %s; dmesg on the node)", storage,
				       storage);
	g_autofree char *room = known ? units_format_size(space->free) : NULL;
	return g_strdup_printf("free space on storage '%s'%s%s%s", storage, room ? ", which has " : "",
			       room ? room : "", room ? " free now" : "");
}

static json_object *describe_disk(Vm *vm, json_object *hardware, const QuestionDisk *disk)
{
	json_object *json = json_object_new_object(), *document = disk_of(hardware, disk->key);
	const char *storage = json_get_str(document, "storage", "");
	StorageSpace space = {0};
	gboolean known = storage_space(&vm->services->storage, storage, &space, NULL);
	g_autofree char *remedy = describe_remedy(disk, storage, known, &space);
	json_set_str(json, "disk", disk->key);
	json_set_str(json, "problem", disk->no_space ? "no-space" : "io-error");
	json_set_str(json, "storage", storage);
	json_set_str(json, "volume", json_get_str(document, "volume", ""));
	json_set(json, "free", known ? json_object_new_int64((gint64)space.free) : NULL);
	json_set_str(json, "remedy", remedy);
	return json;
}

json_object *question_describe(Vm *vm, GError **error)
{
	if (!question_check(vm, error))
		return NULL;
	g_autoptr(GArray) disks = question_ask(vm);
	json_auto json_object *hardware = vm_dup_applied(vm);
	json_object *question = json_object_new_object(), *list = json_object_new_array();
	g_autofree char *name = vm_dup_name(vm);
	g_mutex_lock(&vm->lock);
	g_autoptr(GDateTime) since = g_date_time_new_from_unix_utc(vm->since_us / G_USEC_PER_SEC);
	json_set_int(question, "vm", vm->id);
	json_set_str(question, "name", name);
	json_set_str(question, "problem", vm->reason_code);
	json_set_str(question, "text", vm->reason);
	g_mutex_unlock(&vm->lock);
	g_autofree char *since_text = g_date_time_format_iso8601(since);
	json_set_str(question, "since", since_text);
	for (guint i = 0; i < disks->len; i++)
		json_object_array_add(list, describe_disk(vm, hardware, &g_array_index(disks, QuestionDisk, i)));
	json_set(question, "disks", list);
	return question;
}

/* What was refused is tried at once; if it is refused again, that is seen now. */
static gboolean retry(Vm *vm, Task *task, GError **error)
{
	g_autoptr(Qmp) qmp = question_check(vm, error) ? vm_ref_qmp(vm, error) : NULL;
	if (!qmp)
		return FALSE;
	guint64 mark = qmp_event_mark(qmp);
	if (!qmp_do(qmp, "cont", NULL, COMMAND_TIMEOUT_MS, error))
		return FALSE;
	vm_set_state(vm, VM_RUNNING, "resumed", "resumed by %s", task_user(task));
	json_auto json_object *again = qmp_wait_event(qmp, mark, "BLOCK_IO_ERROR", NULL, AGAIN_MS, NULL);
	vm_query_state(vm);
	if (!again || !question_is_open(vm))
		return TRUE;
	g_autofree char *label = vm_label(vm);
	g_mutex_lock(&vm->lock);
	g_autofree char *reason = g_strdup(vm->reason);
	g_mutex_unlock(&vm->lock);
	error_set(error, ERROR_CONFLICT, "'yado vm question' says what to do before", "%s could not go on: %s", label,
		  reason);
	return FALSE;
}

static gboolean run_retry(Task *task, gpointer data, GError **error)
{
	Services *services = data;
	g_autoptr(Vm) vm = guests_find(services->guests, task_object(task) + strlen("vm/"), error);
	return vm && retry(vm, task, error);
}

static gboolean recover_retry(Task *task, json_object *steps, gpointer data, GError **error)
{
	Services *services = data;
	g_autoptr(Vm) vm = guests_find(services->guests, task_object(task) + strlen("vm/"), error);
	(void)steps;
	return vm && (!question_is_open(vm) || retry(vm, task, error));
}

const TaskKind vm_retry_kind = {"vm.retry", &answer_pool, .queue = TRUE, .run = run_retry, .recover = recover_retry};
