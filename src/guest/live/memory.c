/* Memory of a running guest.
 *
 * A virtio-mem device is asked for a size; the guest's driver plugs or unplugs memory block by block until it has that
 * much, or as much as it can. So the answer may come late, in part, or (a guest without the driver) never. What the
 * guest has is asked of QEMU, and is what `applied` says. */
#include "guest/live/memory.h"

#include "base/error.h"
#include "base/json.h"
#include "base/units.h"
#include "guest/live/part.h"
#include "qemu/memory.h"

enum { LOOK_MS = 200, PATIENCE_S = 10 };

/* 0: not known, and so nothing is changed. */
static gint64 get_base(Vm *vm)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return vm->memory_base;
}

gboolean live_memory_can(Vm *vm, json_object *applied, json_object *wanted)
{
	gint64 memory = json_get_int(wanted, "memory", 0), max = json_get_int(applied, "memory_max", 0),
	       base = get_base(vm);
	return max && max == json_get_int(wanted, "memory_max", 0) && base && memory >= base && memory <= max;
}

/* How much of the device the guest has; -1: error. QEMU may be its guest's: no more than there can be. */
static gint64 ask_size(Qmp *qmp, gint64 room, GError **error)
{
	json_auto json_object *devices = qmp_command(qmp, "query-memory-devices", NULL, LIVE_TIMEOUT_MS, error);
	if (!devices)
		return -1;
	for (gsize i = 0; i < json_get_count(devices); i++) {
		json_object *data = json_get(json_object_array_get_idx(devices, i), "data");
		if (g_str_equal(json_get_str(data, "id", ""), QEMU_MEMORY_DEVICE))
			return CLAMP(json_get_int(data, "size", 0), 0, room);
	}
	error_set(error, ERROR_FAILED, "reboot it with 'yado vm reboot'",
		  "the running guest has no device for more memory");
	return -1;
}

static gboolean request(Qmp *qmp, gint64 size, GError **error)
{
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "path", "/machine/peripheral/" QEMU_MEMORY_DEVICE);
	json_set_str(arguments, "property", "requested-size");
	json_set_int(arguments, "value", size);
	return qmp_do(qmp, "qom-set", arguments, LIVE_TIMEOUT_MS, error);
}

/* As long as it gets on. Returns what it has then; -1: error. */
static gint64 wait_for_guest(Qmp *qmp, Task *task, gint64 from, gint64 wanted, gint64 room, GError **error)
{
	gint64 size = from, moved_us = g_get_monotonic_time();
	while (size != wanted && g_get_monotonic_time() - moved_us < PATIENCE_S * G_USEC_PER_SEC) {
		if (task_check_cancelled(task, error))
			return -1;
		json_auto json_object *news =
			qmp_wait_event(qmp, qmp_event_mark(qmp), "MEMORY_DEVICE_SIZE_CHANGE", NULL, LOOK_MS, NULL);
		gint64 now = ask_size(qmp, room, error);
		if (now < 0)
			return -1;
		if (now != size)
			moved_us = g_get_monotonic_time();
		size = now;
		task_progress(task, (guint64)ABS(size - from), (guint64)ABS(wanted - from), "B");
	}
	return size;
}

static void explain(gint64 has, gint64 wanted, GError **error)
{
	g_autofree char *present = units_format_size((guint64)has), *asked = units_format_size((guint64)wanted);
	if (has < wanted)
		error_set(error, ERROR_TIMEOUT,
			  "it needs the driver virtio_mem and must bring new memory online (docs/memory.md); 'yado vm "
			  "reboot' gives it the memory anyway",
			  "the guest was offered memory up to %s and has taken it up to %s so far", asked, present);
	else
		error_set(error, ERROR_TIMEOUT, "free memory in the guest; it goes on then, or with 'yado vm reboot'",
			  "the guest was asked to give memory back down to %s and still has %s", asked, present);
}

static gboolean apply(Live *live, const char *key, json_object *old, json_object *new, GError **error)
{
	gint64 memory = json_object_get_int64(new), base = get_base(live->vm);
	(void)key;
	if (json_equal(old, new) || !live_memory_can(live->vm, live->applied, live->wanted))
		return TRUE;
	gint64 room = json_get_int(live->applied, "memory_max", 0) - base, from = ask_size(live->qmp, room, error);
	if (from < 0)
		return FALSE;
	g_autofree char *text = units_format_size((guint64)memory);
	task_step(live->task, "memory: asking the guest to %s %s", memory - base > from ? "grow to" : "shrink to",
		  text);
	if (!request(live->qmp, memory - base, error))
		return FALSE;
	gint64 size = wait_for_guest(live->qmp, live->task, from, memory - base, room, error);
	if (size < 0)
		return FALSE;
	json_auto json_object *now = json_object_new_int64(base + size);
	live_record(live, "memory", NULL, now);
	if (base + size == memory)
		return TRUE;
	explain(base + size, memory, error);
	return FALSE;
}

/* Whether a difference goes live takes more than the part to tell (live_memory_can). */
static gboolean is_live(const char *field, json_object *old, json_object *new)
{
	(void)field, (void)old, (void)new;
	return FALSE;
}

const LivePart live_memory = {.name = "memory", .is_live = is_live, .apply = apply};

gboolean live_memory_came(Vm *vm)
{
	json_auto json_object *applied = vm_dup_applied(vm);
	json_auto json_object *wanted = vm_dup_document(vm, NULL);
	gint64 memory = json_get_int(wanted, "memory", 0);
	if (json_get_int(applied, "memory", 0) == memory || !live_memory_can(vm, applied, wanted))
		return FALSE;
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, NULL);
	gint64 base = get_base(vm);
	return qmp && ask_size(qmp, json_get_int(applied, "memory_max", 0) - base, NULL) == memory - base;
}
