/* The processors of a guest: how many its topology has room for, how many it has, and the devices of those that come
 * and go. */
#pragma once
#include <json-c/json.h>
#include <glib.h>

enum { QEMU_VCPUS_MAX = 255 };

/* Of the document's `cpu`. */
gint64 qemu_vcpus_max(json_object *cpu);
gint64 qemu_vcpus(json_object *cpu);
/* With `online` each CPU but the first is a device of its own, so that it can be taken away again: QEMU lets go of no
 * other. The device of that index (1…) as "-device" and device_add take it; new reference. */
json_object *qemu_vcpu_device(json_object *cpu, gboolean kvm, gint64 index);
/* Its id; caller frees. */
char *qemu_vcpu_id(gint64 index);
/* The name by which QEMU knows the document's model. */
const char *qemu_vcpu_model(json_object *cpu, gboolean kvm);
