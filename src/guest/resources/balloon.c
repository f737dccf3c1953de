/* What a guest says of its memory, by its balloon's driver (virtio 1.2, 5.5.6.3).
 *
 * QEMU asks the driver every some seconds and keeps its answer. The numbers are the guest's own: one that makes no
 * sense is none, and none is ever more than the guest has. */
#include "guest/resources/balloon.h"

#include "base/error.h"
#include "base/json.h"
#include "qemu/memory.h"

enum { POLL_S = 5, STALE_S = 20, KNOWN_S = 60 };

static const gint64 left_min = 32LL << 20; /* of what QEMU counts, whatever is asked */

static gint64 stat(json_object *stats, const char *name)
{
	/* what the driver does not know is all ones, and no number of a guest's */
	return json_get_int(stats, name, -1);
}

BalloonReport balloon_read_report(json_object *stats, gint64 memory)
{
	gint64 total = stat(stats, "stat-total-memory"), available = stat(stats, "stat-available-memory");
	/* A guest that has no word for what is available (before Linux 3.14, others than Linux). */
	if (available < 0 || available > total)
		available = stat(stats, "stat-free-memory");
	if (total <= 0 || total > memory || available < 0 || available > total)
		return (BalloonReport){0};
	return (BalloonReport){total, total - available};
}

static json_object *get_property(Qmp *qmp, const char *name, guint timeout_ms, GError **error)
{
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "path", "/machine/peripheral/" QEMU_BALLOON);
	json_set_str(arguments, "property", name);
	return qmp_command(qmp, "qom-get", arguments, timeout_ms, error);
}

/* Asked for anew whenever it is late: that costs nothing if QEMU does it already, and needs no memory of whether it
 * does. */
static void ask_for_more(Qmp *qmp, guint timeout_ms)
{
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "path", "/machine/peripheral/" QEMU_BALLOON);
	json_set_str(arguments, "property", "guest-stats-polling-interval");
	json_set_int(arguments, "value", POLL_S);
	qmp_do(qmp, "qom-set", arguments, timeout_ms, NULL);
}

/* What the process began with is what QEMU's balloon counts from. */
static gint64 get_base(Vm *vm, gint64 memory)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	return vm->memory_base ? vm->memory_base : memory;
}

static gint64 get_memory(Vm *vm)
{
	json_auto json_object *applied = vm_dup_applied(vm);
	return json_get_int(applied, "memory", 0);
}

gboolean balloon_refresh(Vm *vm, guint timeout_ms, GError **error)
{
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, error);
	json_auto json_object *answer = qmp ? get_property(qmp, "guest-stats", timeout_ms, error) : NULL;
	json_auto json_object *actual = answer ? qmp_command(qmp, "query-balloon", NULL, timeout_ms, error) : NULL;
	if (!actual)
		return FALSE;
	gint64 memory = get_memory(vm), base = get_base(vm, memory);
	gint64 now_s = g_get_real_time() / G_USEC_PER_SEC;
	gint64 age_s = now_s - CLAMP(json_get_int(answer, "last-update", 0), 0, 2 * now_s);
	VmBalloon balloon = {.at_us = g_get_monotonic_time()};
	balloon.taken = base - CLAMP(json_get_int(actual, "actual", base), 0, base);
	if (ABS(age_s) <= STALE_S) {
		BalloonReport report = balloon_read_report(json_get(answer, "stats"), memory);
		balloon.total = report.total;
		balloon.used = report.used;
	}
	if (ABS(age_s) > POLL_S)
		ask_for_more(qmp, timeout_ms);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	if (vm->qmp == qmp) /* else it is of another process */
		vm->balloon = balloon;
	return TRUE;
}

gboolean balloon_get(Vm *vm, VmBalloon *ret_balloon)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vm->lock);
	if (!vm->balloon.at_us || g_get_monotonic_time() - vm->balloon.at_us > KNOWN_S * G_USEC_PER_SEC)
		return FALSE;
	*ret_balloon = vm->balloon;
	return TRUE;
}

gboolean balloon_describe(Vm *vm, json_object *memory)
{
	VmBalloon balloon = {0};
	gboolean told = balloon_get(vm, &balloon);
	json_set(memory, "guest_total", balloon.total > 0 ? json_object_new_int64(balloon.total) : NULL);
	json_set(memory, "guest_used", balloon.total > 0 ? json_object_new_int64(balloon.used) : NULL);
	json_set(memory, "taken_back", told ? json_object_new_int64(balloon.taken) : NULL);
	return told;
}

gboolean balloon_take(Vm *vm, gint64 bytes, guint timeout_ms, GError **error)
{
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, error);
	gint64 base = get_base(vm, get_memory(vm));
	json_object *arguments = json_object_new_object();
	json_set_int(arguments, "value", MAX(base - bytes, MIN(left_min, base)));
	if (qmp)
		return qmp_do(qmp, "balloon", arguments, timeout_ms, error);
	json_object_put(arguments);
	return FALSE;
}
