/* Processors that a running guest gets and gives back.
 *
 * With `cpu.online` each CPU but the first is a device (qemu/vcpus.h). CPUs come in the order of their numbers, and go
 * from the last. A new one is put where the guest's processors run, and then has to be switched on by the guest's
 * system: Windows does that itself, Linux by a rule of udev's (docs/processors.md), and where there is an agent it is
 * asked to. One that goes is switched off by the guest's system first. Which there are is asked of QEMU each time, so
 * that an interrupted change goes on. */
#include "guest/live/vcpus.h"

#include "base/error.h"
#include "base/json.h"
#include "guest/resources/placement.h"
#include "guest/tools/ask.h"
#include "qemu/vcpus.h"

enum { LOOK_MS = 200, ONLINE_TIMEOUT_S = 8 };

static gboolean is_arranged_anew(json_object *old, json_object *new)
{
	static const char *const fields[] = {"sockets", "cores", "threads", "numa"};
	for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
		if (!json_equal(json_get(old, fields[i]), json_get(new, fields[i])))
			return TRUE;
	return FALSE;
}

const Hindrance *live_vcpus_hindrance(Vm *vm, json_object *applied, json_object *wanted)
{
	static const Hindrance started_whole = {"it was started without cpu.online, and so with CPUs that stay",
						"cpu.online なしで起動されたため、CPUは固定"};
	static const Hindrance arranged_anew = {"its sockets, cores, threads or NUMA nodes change with it",
						"ソケット、コア、スレッド、NUMAノードも変わるため"};
	static const Hindrance secure_boot = {"with Secure Boot the firmware has a part in it, and guests were seen to hang",
					      "セキュアブートではファームウェアも関わり、ゲストが停止した例があるため"};
	static const Hindrance translator = {"QEMU's translator cannot take CPUs away, only KVM can", "CPUを減らせるのはKVMの使用時のみ"};
	json_object *old = json_get(applied, "cpu"), *new = json_get(wanted, "cpu");
	if (json_equal(json_get(old, "online"), json_get(new, "online")))
		return NULL;
	if (!json_get(old, "online"))
		return &started_whole;
	if (is_arranged_anew(old, new))
		return &arranged_anew;
	/* OVMF (2022.11) brings a new CPU into system management mode first. After that a guest was seen to stand
	 * still, with QEMU's translator; without Secure Boot, UEFI has no part in it. */
	if (json_get_bool(applied, "secure_boot", FALSE))
		return &secure_boot;
	/* QEMU 7.2's translator dies of it: with one thread for all CPUs at once, else when the CPU comes again. */
	if (qemu_vcpus(new) < qemu_vcpus(old) && !vm->services->host->kvm)
		return &translator;
	return NULL;
}

/* QEMU may be its guest's: numbers that it cannot have are passed over. */
static gboolean ask_present(Qmp *qmp, gboolean *ret_present, GError **error)
{
	json_auto json_object *list = qmp_command(qmp, "query-cpus-fast", NULL, LIVE_TIMEOUT_MS, error);
	if (!list)
		return FALSE;
	for (gsize i = 0; i < json_get_count(list); i++) {
		gint64 index = json_get_int(json_object_array_get_idx(list, i), "cpu-index", -1);
		if (index >= 0 && index < QEMU_VCPUS_MAX)
			ret_present[index] = TRUE;
	}
	return TRUE;
}

/* As the document has it: without a number where it has none. */
static void record(Live *live, gint64 count)
{
	json_object *wanted = json_get(live->wanted, "cpu");
	json_auto json_object *cpu = json_copy(json_get(live->applied, "cpu"));
	if (count == qemu_vcpus(wanted) && !json_get(wanted, "online"))
		json_object_object_del(cpu, "online");
	else
		json_set_int(cpu, "online", count);
	live_record(live, "cpu", NULL, cpu);
}

static gboolean plug(Live *live, gint64 index, GError **error)
{
	task_step(live->task, "plugging CPU %" G_GINT64_FORMAT, index);
	json_object *device = qemu_vcpu_device(json_get(live->applied, "cpu"), live->vm->services->host->kvm, index);
	return qmp_do(live->qmp, "device_add", device, LIVE_TIMEOUT_MS, error);
}

static gboolean unplug(Live *live, gint64 index, GError **error)
{
	g_autofree char *id = qemu_vcpu_id(index);
	if (!live_unplug(live, "", id, error))
		return FALSE;
	record(live, index);
	return TRUE;
}

/* Has the guest switch on as many of its CPUs as are lacking. */
static void ask_for_more(Vm *vm, json_object *list, gint64 lacking)
{
	json_object *changes = json_object_new_array(), *arguments = json_object_new_object();
	json_set(arguments, "vcpus", changes);
	for (gsize i = 0; i < json_get_count(list) && (gint64)json_get_count(changes) < lacking; i++) {
		json_object *item = json_object_array_get_idx(list, i);
		if (json_get_bool(item, "online", TRUE))
			continue;
		json_object *change = json_object_new_object();
		json_set_int(change, "logical-id", json_get_int(item, "logical-id", 0));
		json_set_bool(change, "online", TRUE);
		json_object_array_add(changes, change);
	}
	/* None yet: its system has not found the new one. */
	if (json_get_count(changes) == 0) {
		json_object_put(arguments);
		return;
	}
	json_auto json_object *done = tools_ask(vm, "guest-set-vcpus", arguments, TOOLS_TIMEOUT_MS, NULL);
}

/* How many CPUs the guest says that it uses, before it is asked for more. -1: its agent does not say. */
static gint64 ask_guest(Vm *vm, gint64 wanted)
{
	json_auto json_object *list = tools_ask(vm, "guest-get-vcpus", NULL, TOOLS_TIMEOUT_MS, NULL);
	gint64 used = 0;
	for (gsize i = 0; i < json_get_count(list); i++)
		used += json_get_bool(json_object_array_get_idx(list, i), "online", FALSE);
	if (used < wanted)
		ask_for_more(vm, list, wanted - used);
	return list ? used : -1;
}

/* A guest may leave a CPU off for reasons of its own: it has it, so this is told and no failure. */
static gboolean switch_on(Live *live, gint64 count, GError **error)
{
	gint64 deadline_us = g_get_monotonic_time() + ONLINE_TIMEOUT_S * G_USEC_PER_SEC, used;
	while ((used = ask_guest(live->vm, count)) >= 0 && used < count && g_get_monotonic_time() < deadline_us) {
		if (task_check_cancelled(live->task, error))
			return FALSE;
		json_auto json_object *news =
			qmp_wait_event(live->qmp, qmp_event_mark(live->qmp), "ACPI_DEVICE_OST", NULL, LOOK_MS, NULL);
	}
	if (used < 0)
		task_log(live->task, "the guest's system has to switch new CPUs on itself, as it has no agent to be "
				     "asked for that (docs/processors.md)");
	else if (used < count)
		task_log(live->task, "the guest has %" G_GINT64_FORMAT " CPUs and uses %" G_GINT64_FORMAT " so far",
			 count, used);
	return TRUE;
}

/* Recorded last: whoever was interrupted finds the CPUs, but not yet where they belong and not yet switched on. */
static gboolean grow(Live *live, const gboolean *present, gint64 count, GError **error)
{
	gint64 reached = 1;
	while (reached < count && (present[reached] || plug(live, reached, error)))
		reached++;
	gboolean good = reached == count;
	if (placement_is_wanted(live->applied))
		good &= placement_pin(live->vm, live->qmp, live->applied, good ? error : NULL);
	good = good && switch_on(live, count, error);
	record(live, reached);
	return good;
}

static gboolean shrink(Live *live, const gboolean *present, gint64 count, GError **error)
{
	for (gint64 index = MIN(qemu_vcpus_max(json_get(live->applied, "cpu")), QEMU_VCPUS_MAX) - 1; index >= count;
	     index--)
		if (present[index] && !unplug(live, index, error))
			return FALSE;
	record(live, count);
	return TRUE;
}

gboolean live_vcpus_apply(Live *live, GError **error)
{
	json_object *had = json_get(live->applied, "cpu"), *wanted = json_get(live->wanted, "cpu");
	gboolean present[QEMU_VCPUS_MAX] = {FALSE};
	if (json_equal(json_get(had, "online"), json_get(wanted, "online")) ||
	    live_vcpus_hindrance(live->vm, live->applied, live->wanted))
		return TRUE;
	gint64 count = MIN(qemu_vcpus(wanted), QEMU_VCPUS_MAX);
	if (!ask_present(live->qmp, present, error))
		return FALSE;
	return count < qemu_vcpus(had) ? shrink(live, present, count, error) : grow(live, present, count, error);
}
