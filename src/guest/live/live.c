/* What the process has now is `applied`; what it should have is the document's hardware. Each difference that QEMU can
 * make live is made by a small step of its part (part.h), after which `applied` is written anew; an interrupted
 * run is simply repeated. Differences that need a restart are left, and shown as pending. */
#include "guest/live/live.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "guest/live/memory.h"
#include "guest/live/part.h"
#include "guest/live/vcpus.h"

/* In the order in which they are brought about. */
static const LivePart *const parts[] = {&live_cpu,    &live_memory, &live_disks,  &live_nics,
					&live_cdroms, &live_usb,    &live_shares, &live_watchdog};

static const LivePart *find_part(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
		if (g_str_equal(parts[i]->name, name))
			return parts[i];
	return NULL;
}

gboolean live_touches(const char *path)
{
	g_auto(GStrv) steps = g_strsplit(path, ".", 2);
	return find_part(steps[0]) != NULL;
}

const char *live_when(Vm *vm, const char *path, json_object *before, json_object *after)
{
	json_auto json_object *applied = vm_dup_applied(vm);
	json_auto json_object *hardware = vm_hardware(after);
	json_auto json_object *old_hardware = vm_hardware(before);
	g_auto(GStrv) steps = g_strsplit(path, ".", 2);
	const LivePart *part = find_part(steps[0]);
	const char *field = steps[1];

	if (!json_get(hardware, steps[0]) && !json_get(old_hardware, steps[0]))
		return "now";
	if (g_str_equal(path, "memory") && live_memory_can(vm, applied, hardware))
		return "now";
	if (g_str_equal(path, "cpu.online") && !live_vcpus_hindrance(vm, applied, hardware))
		return "now";
	/* Compared with what the process has, not with the former document. */
	json_object *old = json_get(applied, steps[0]), *new = json_get(hardware, steps[0]);
	if (part && part->map && field) {
		g_auto(GStrv) rest = g_strsplit(field, ".", 2); /* keys have no dots */
		old = json_get(old, rest[0]);
		new = json_get(new, rest[0]);
		if (!old && !new)
			return "now"; /* it never came into the process */
		return (!part->can_hold || part->can_hold(vm, applied, hardware)) && part->is_live(rest[1], old, new)
			       ? "now"
			       : "restart";
	}
	if (json_equal(old, new))
		return "now";
	return part && !part->map && part->is_live(field, old, new) ? "now" : "restart";
}

/* A copy of the keys, since the steps change the map. */
static GPtrArray *keys_of(json_object *map)
{
	GPtrArray *keys = g_ptr_array_new_with_free_func(g_free);
	if (map) {
		json_object_object_foreach (map, key, value) {
			(void)value;
			g_ptr_array_add(keys, g_strdup(key));
		}
	}
	return keys;
}

/* One thing that the guest refuses keeps back no other: the first error is kept, the rest is logged. */
static void collect(Live *live, GError *failure, GError **ret_first)
{
	if (!failure)
		return;
	task_log(live->task, "%s", failure->message);
	if (*ret_first)
		g_error_free(failure);
	else
		*ret_first = failure;
}

static void apply_removals(Live *live, GError **ret_first)
{
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		if (!parts[i]->remove)
			continue;
		g_autoptr(GPtrArray) keys = keys_of(json_get(live->applied, parts[i]->name));
		for (guint j = 0; j < keys->len; j++) {
			const char *key = g_ptr_array_index(keys, j);
			GError *failure = NULL;
			parts[i]->remove(live, key, json_get(json_get(live->applied, parts[i]->name), key),
					 json_get(json_get(live->wanted, parts[i]->name), key), &failure);
			collect(live, failure, ret_first);
		}
	}
}

static void apply_additions(Live *live, GError **ret_first)
{
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		json_object *applied = json_get(live->applied, parts[i]->name);
		json_object *wanted = json_get(live->wanted, parts[i]->name);
		GError *failure = NULL;
		if (!parts[i]->map) {
			parts[i]->apply(live, NULL, applied, wanted, &failure);
			collect(live, failure, ret_first);
			continue;
		}
		if (!wanted)
			continue;
		json_object_object_foreach (wanted, key, value) {
			parts[i]->apply(live, key, json_get(applied, key), value, &failure);
			collect(live, g_steal_pointer(&failure), ret_first);
		}
	}
}

gboolean live_waits(Vm *vm)
{
	json_auto json_object *document = vm_dup_document(vm, NULL);
	json_auto json_object *pending = vm_pending(vm);
	for (size_t i = 0; i < json_get_count(pending); i++) {
		const char *path = json_get_str(json_object_array_get_idx(pending, i), "path", "");
		if (g_str_equal(live_when(vm, path, document, document), "now"))
			return TRUE;
	}
	return FALSE;
}

gboolean live_apply(Vm *vm, Task *task, GError **error)
{
	g_autoptr(Qmp) qmp = vm_ref_qmp(vm, error);
	if (!qmp)
		return FALSE;
	json_auto json_object *document = vm_dup_document(vm, NULL);
	json_auto json_object *applied = vm_dup_applied(vm);
	json_auto json_object *wanted = vm_hardware(document);
	/* The command's builders also look at the name. */
	json_set_str(wanted, "name", json_get_str(document, "name", ""));
	if (!applied) {
		error_set(error, ERROR_CONFLICT, "reboot it", "it is not known which hardware the running process has");
		return FALSE;
	}
	Live live = {vm, task, qmp, applied, wanted, FALSE};
	GError *first = NULL;
	apply_removals(&live, &first);
	apply_additions(&live, &first);
	json_auto json_object *pending = vm_pending(vm);
	if (json_get_count(pending) > 0)
		task_log(task, "%zu change(s) wait for the guest's next start", json_get_count(pending));
	if (!first)
		return TRUE;
	g_propagate_prefixed_error(error, first, "the change is saved, but not in effect yet: ");
	return FALSE;
}
