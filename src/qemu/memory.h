/* A guest's memory as QEMU's arguments.
 *
 * What the guest begins with is the document's `memory` at that moment. With `memory_max`, a virtio-mem device has room
 * for the rest; how much of that the guest has is asked of it while it runs (guest/live/memory.c). */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "base/cpus.h"

#define QEMU_MEMORY_DEVICE "hotmem" /* id of the virtio-mem device, which only guests with `memory_max` have */
#define QEMU_BALLOON "balloon"      /* id of the balloon, which all guests have */

/* Bytes of a huge page of `hugepages`; 0: the guest has ordinary pages. */
gint64 qemu_memory_page(json_object *vm);
/* With `memory_max`, memory comes in multiples of this. */
gint64 qemu_memory_step(json_object *vm);
/* Whether another process than QEMU works in the guest's memory (virtiofsd, for shared folders). */
gboolean qemu_memory_is_shared(json_object *vm);
/* An -object with that much of the guest's memory, as the document wants its pages. New reference. */
json_object *qemu_memory_backend(json_object *vm, const char *id, gint64 size, gboolean shared);

/* NUMA nodes that the guest sees; and how much of its memory one of them has. */
guint qemu_memory_nodes(json_object *vm);
gint64 qemu_memory_of_node(json_object *vm, guint node);
/* What the document says of where one of them is (`numa.nodeN`; NULL: nothing), and the host's nodes of it. */
json_object *qemu_memory_place(json_object *vm, guint node);
gboolean qemu_memory_host_nodes(json_object *vm, guint node, Cpus *ret_nodes);

/* "-m" and what belongs to it; and what stands in -machine, from a comma on (caller frees). */
void qemu_memory_add(GPtrArray *argv, json_object *vm);
char *qemu_memory_machine(json_object *vm);
/* The device of guests with `memory_max`. */
void qemu_memory_add_device(GPtrArray *argv, json_object *vm);
