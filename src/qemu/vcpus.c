#include "qemu/vcpus.h"

#include "base/json.h"

gint64 qemu_vcpus_max(json_object *cpu)
{
	return json_get_int(cpu, "sockets", 1) * json_get_int(cpu, "cores", 1) * json_get_int(cpu, "threads", 1);
}

gint64 qemu_vcpus(json_object *cpu)
{
	return json_get_int(cpu, "online", qemu_vcpus_max(cpu));
}

const char *qemu_vcpu_model(json_object *cpu, gboolean kvm)
{
	const char *model = json_get_str(cpu, "model", "host");
	return g_str_equal(model, "host") && !kvm ? "max" : model;
}

char *qemu_vcpu_id(gint64 index)
{
	return g_strdup_printf("cpu%" G_GINT64_FORMAT, index);
}

/* What "-cpu" adds to the model and takes from it holds for all CPUs of that type, whenever they come. The place is
 * counted as QEMU counts cpu-index: threads, then cores, then sockets. Of the NUMA node QEMU knows by the place. */
json_object *qemu_vcpu_device(json_object *cpu, gboolean kvm, gint64 index)
{
	gint64 cores = json_get_int(cpu, "cores", 1), threads = json_get_int(cpu, "threads", 1);
	g_autofree char *driver = g_strconcat(qemu_vcpu_model(cpu, kvm), "-x86_64-cpu", NULL);
	g_autofree char *id = qemu_vcpu_id(index);
	json_object *device = json_object_new_object();
	json_set_str(device, "driver", driver);
	json_set_str(device, "id", id);
	json_set_int(device, "socket-id", index / (cores * threads));
	json_set_int(device, "core-id", index / threads % cores);
	json_set_int(device, "thread-id", index % threads);
	return device;
}
