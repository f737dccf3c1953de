/* Memory, its pages, and room for more of it. */
#include "qemu/memory.h"

#include "base/cpus.h"
#include "base/json.h"
#include "qemu/vcpus.h"

#define MIB (G_GINT64_CONSTANT(1) << 20)
#define GIB (G_GINT64_CONSTANT(1) << 30)

/* Linux takes and gives back memory of a virtio-mem device in blocks of this size at least, and makes no use of what is
 * left at the end of the device besides whole sections: of 128 MiB, or 2 GiB where there is much memory. */
static const gint64 step_min = 4 * MIB, device_block = 2 * MIB, section = 128 * MIB;
static const gint64 much_memory = 64 * GIB, much_section = 2 * GIB;

gint64 qemu_memory_page(json_object *vm)
{
	const char *pages = json_get_str(vm, "hugepages", "none");
	return g_str_equal(pages, "2M") ? 2 * MIB : g_str_equal(pages, "1G") ? GIB : 0;
}

gint64 qemu_memory_step(json_object *vm)
{
	return MAX(qemu_memory_page(vm), step_min);
}

gboolean qemu_memory_is_shared(json_object *vm)
{
	json_object *shares = json_get(vm, "shares");
	return json_object_is_type(shares, json_type_object) && json_object_object_length(shares) > 0;
}

json_object *qemu_memory_backend(json_object *vm, const char *id, gint64 size, gboolean shared)
{
	gint64 page = qemu_memory_page(vm);
	json_object *json = json_object_new_object();
	json_set_str(json, "qom-type", page || shared ? "memory-backend-memfd" : "memory-backend-ram");
	json_set_str(json, "id", id);
	json_set_int(json, "size", size);
	if (page || shared)
		json_set_bool(json, "share", shared);
	if (page) {
		json_set_bool(json, "hugetlb", TRUE);
		json_set_int(json, "hugetlbsize", page);
	}
	return json;
}

static void add(GPtrArray *argv, const char *option, char *value)
{
	g_ptr_array_add(argv, g_strdup(option));
	g_ptr_array_add(argv, value);
}

static void add_json(GPtrArray *argv, const char *option, json_object *value)
{
	add(argv, option, json_dup_text(value));
	json_object_put(value);
}

guint qemu_memory_nodes(json_object *vm)
{
	return (guint)MAX(json_get_int(json_get(vm, "cpu"), "numa", 1), 1);
}

json_object *qemu_memory_place(json_object *vm, guint node)
{
	g_autofree char *key = g_strdup_printf("node%u", node);
	return json_get(json_get(vm, "numa"), key);
}

gboolean qemu_memory_host_nodes(json_object *vm, guint node, Cpus *ret_nodes)
{
	const char *list = json_get_str(qemu_memory_place(vm, node), "host_nodes", NULL);
	return list && cpus_parse(list, ret_nodes);
}

/* Has the kernel take the memory of one of the guest's nodes from where the document wants it. */
static void place(json_object *backend, json_object *vm, guint node)
{
	json_object *list = json_object_new_array();
	Cpus nodes = {0};
	if (qemu_memory_host_nodes(vm, node, &nodes)) {
		for (guint host_node = 0; host_node < CPUS_MAX; host_node++)
			if (cpus_has(&nodes, host_node))
				json_object_array_add(list, json_object_new_int64(host_node));
		json_set(backend, "host-nodes", json_object_get(list));
		json_set_str(backend, "policy", json_get_str(qemu_memory_place(vm, node), "policy", "bind"));
	}
	json_object_put(list);
}

/* Without one of its own, memory is what "-m" alone makes: what guests had before there were others. */
static gboolean has_backend(json_object *vm)
{
	return qemu_memory_page(vm) || qemu_memory_is_shared(vm) || qemu_memory_place(vm, 0);
}

gint64 qemu_memory_of_node(json_object *vm, guint node)
{
	gint64 memory = json_get_int(vm, "memory", 0), unit = MAX(qemu_memory_page(vm), MIB);
	guint nodes = qemu_memory_nodes(vm);
	gint64 part = memory / nodes / unit * unit;
	return node < nodes - 1 ? part : memory - part * (nodes - 1);
}

/* Each node has a backend of its own, and the CPUs of as many sockets. */
static void add_nodes(GPtrArray *argv, json_object *vm, guint nodes)
{
	gint64 cpus = qemu_vcpus_max(json_get(vm, "cpu")) / nodes;
	for (guint node = 0; node < nodes; node++) {
		g_autofree char *id = g_strdup_printf("ram-%u", node);
		json_object *backend =
			qemu_memory_backend(vm, id, qemu_memory_of_node(vm, node), qemu_memory_is_shared(vm));
		place(backend, vm, node);
		add_json(argv, "-object", backend);
		add(argv, "-numa",
		    g_strdup_printf("node,nodeid=%u,cpus=%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT ",memdev=%s", node,
				    node * cpus, (node + 1) * cpus - 1, id));
	}
}

/* Room costs nothing but address space. 0: the guest has no device. */
static gint64 device_size(json_object *vm)
{
	gint64 memory = json_get_int(vm, "memory", 0), max = json_get_int(vm, "memory_max", 0);
	gint64 unit = MAX(qemu_memory_page(vm), memory >= much_memory ? much_section : section);
	return max > 0 ? (MAX(max - memory, 1) + unit - 1) / unit * unit : 0;
}

void qemu_memory_add(GPtrArray *argv, json_object *vm)
{
	gint64 memory = json_get_int(vm, "memory", 0), room = device_size(vm);
	add(argv, "-m", room ? g_strdup_printf("size=%" G_GINT64_FORMAT "M,maxmem=%" G_GINT64_FORMAT "M", memory / MIB,
					       (memory + room) / MIB)
			     : g_strdup_printf("%" G_GINT64_FORMAT, memory / MIB));
	if (qemu_memory_nodes(vm) > 1)
		add_nodes(argv, vm, qemu_memory_nodes(vm));
	else if (has_backend(vm)) {
		json_object *backend = qemu_memory_backend(vm, "ram", memory, qemu_memory_is_shared(vm));
		place(backend, vm, 0);
		add_json(argv, "-object", backend);
	}
}

char *qemu_memory_machine(json_object *vm)
{
	return g_strconcat(has_backend(vm) && qemu_memory_nodes(vm) == 1 ? ",memory-backend=ram" : "",
			   json_get_bool(vm, "ksm", TRUE) ? "" : ",mem-merge=off", NULL);
}

void qemu_memory_add_device(GPtrArray *argv, json_object *vm)
{
	static const char backend_id[] = "hotmem-ram";
	gint64 room = device_size(vm), page = qemu_memory_page(vm);
	if (!room)
		return;
	/* Huge pages that the guest gives back are free only if they are no private copies of the file's. */
	json_object *backend = qemu_memory_backend(vm, backend_id, room, page || qemu_memory_is_shared(vm));
	place(backend, vm, 0); /* the device is in the guest's first node */
	/* Ordinary memory is not reserved anyway, and in its cage QEMU cannot read whether it would be. */
	if (page)
		json_set_bool(backend, "reserve", FALSE);
	add_json(argv, "-object", backend);
	json_object *device = json_object_new_object();
	json_set_str(device, "driver", "virtio-mem-pci");
	json_set_str(device, "id", QEMU_MEMORY_DEVICE);
	json_set_str(device, "bus", "pcie.0");
	json_set_str(device, "addr", "f.0");
	json_set_str(device, "memdev", backend_id);
	json_set_int(device, "block-size", MAX(page, device_block));
	json_set_int(device, "requested-size", 0);
	/* Huge pages that are not there would kill QEMU when the guest touches them: then the guest gets none of
	 * them. */
	if (page)
		json_set_bool(device, "prealloc", TRUE);
	add_json(argv, "-device", device);
}
