/* Reading a guest's counters without a document made of them. */
#include "guest/run/counters.h"

#include <string.h>

#include "base/json.h"
#include "guest/devices/nic.h"
#include "guest/resources/balloon.h"
#include "guest/run/stats.h"
#include "guest/tools/agent.h"
#include "net/tap.h"
#include "qemu/vcpus.h"

typedef struct Card {
	gboolean tap;
	guint index; /* of the tap */
	char mac[18];
} Card;

struct VmDevices {
	GRefString *applied; /* whose they are */
	guint vcpus, card_count;
	Card cards[];
};

void vm_devices_free(VmDevices *devices)
{
	if (!devices)
		return;
	g_ref_string_release(devices->applied);
	g_free(devices);
}

/* Takes over the text. */
static VmDevices *read_devices(GRefString *applied)
{
	json_auto json_object *hardware = json_parse(applied, g_ref_string_length(applied), NULL);
	json_object *nics = json_get(hardware, "nics");
	VmDevices *devices =
		g_malloc0(sizeof *devices + (gsize)(nics ? json_object_object_length(nics) : 0) * sizeof(Card));
	devices->applied = applied;
	devices->vcpus = (guint)qemu_vcpus(json_get(hardware, "cpu"));
	if (!nics)
		return devices;
	json_object_object_foreach(nics, key, nic) {
		Card *card = &devices->cards[devices->card_count++];
		card->tap = g_str_equal(json_get_str(nic, "mode", ""), "bridge");
		card->index = nic_index(hardware, key);
		g_strlcpy(card->mac, json_get_str(nic, "mac", ""), sizeof card->mac);
	}
	return devices;
}

static gboolean look_up_devices(Vm *vm, VmDevices **inout_devices)
{
	GRefString *applied = vm_ref_applied(vm);
	if (*inout_devices && (*inout_devices)->applied == applied) {
		g_ref_string_release(applied);
		return TRUE;
	}
	g_clear_pointer(inout_devices, vm_devices_free);
	if (applied)
		*inout_devices = read_devices(applied);
	return applied != NULL;
}

static void add_card(Vm *vm, const Card *card, VmCounters *counters)
{
	guint64 rx = 0, tx = 0;
	gint64 at_us = g_get_monotonic_time();
	gboolean known = card->tap ? tap_read_counters(vm->id, card->index, &rx, &tx)
				   : agent_read_counters(vm, card->mac, &rx, &tx, &at_us);
	counters->user_cards |= !card->tap;
	if (!known)
		return;
	Counters *group = &counters->groups[card->tap ? COUNTER_TAPS : COUNTER_AGENT];
	group->at_us = at_us;
	group->devices++;
	group->of[0] += rx;
	group->of[1] += tx;
}

gboolean vm_read_counters(Vm *vm, VmDevices **inout_devices, VmCounters *ret_counters)
{
	if (!look_up_devices(vm, inout_devices))
		return FALSE;
	const VmDevices *devices = *inout_devices;
	VmCounters counters = {.vcpus = devices->vcpus};
	Counters *cpu = &counters.groups[COUNTER_CPU];
	g_mutex_lock(&vm->lock);
	counters.started = vm->start_time;
	g_mutex_unlock(&vm->lock);
	if (vm_read_cpu(vm, &cpu->of[0])) {
		cpu->at_us = g_get_monotonic_time();
		cpu->devices = devices->vcpus;
	}
	counters.memory_known = vm_read_memory(vm, &counters.memory);
	VmBalloon balloon;
	counters.guest_memory_known = balloon_get(vm, &balloon) && balloon.total > 0;
	if (counters.guest_memory_known)
		counters.guest_memory = (guint64)balloon.used;
	for (guint i = 0; i < devices->card_count; i++)
		add_card(vm, &devices->cards[i], &counters);
	*ret_counters = counters;
	return TRUE;
}

gboolean vm_read_disk_counters(Vm *vm, guint timeout_ms, Counters *ret_counters, GError **error)
{
	static const char *const keys[] = {"rd_bytes", "wr_bytes", "rd_operations", "wr_operations"};
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, error);
	json_auto json_object *blocks = qmp ? qmp_command(qmp, "query-blockstats", NULL, timeout_ms, error) : NULL;
	if (!blocks)
		return FALSE;
	Counters counters = {.at_us = g_get_monotonic_time()};
	for (size_t i = 0; i < json_get_count(blocks); i++) {
		json_object *block = json_object_array_get_idx(blocks, i), *stats = json_get(block, "stats");
		if (strncmp(json_get_str(block, "node-name", ""), "d-", 2) != 0)
			continue; /* no disk (qemu_node_name) */
		counters.devices++;
		for (guint j = 0; j < G_N_ELEMENTS(keys); j++)
			counters.of[j] += (guint64)json_get_int(stats, keys[j], 0);
	}
	*ret_counters = counters;
	return TRUE;
}
