/* The node's processors and memory nodes, as sysfs tells (Documentation/ABI/stable/sysfs-devices-system-cpu and
 * -node). */
#pragma once
#include <json-c/json.h>

#include "base/cpus.h"

typedef struct NumaNode {
	guint id;
	Cpus cpus;
	guint64 memory; /* bytes */
} NumaNode;

typedef struct Processors {
	char *model;       /* "AMD EPYC 7543 32-Core Processor"; "" if the kernel does not say */
	char *vendor;      /* "GenuineIntel", "AuthenticAMD"; "" likewise */
	Cpus online;
	guint sockets, cores;
	/* On a hybrid processor the online CPUs are divided in these two; else both are empty. */
	Cpus performance, efficiency;
	GArray *nodes;     /* of NumaNode, by id; empty where the kernel has none */
} Processors;

/* root: "", or where a test has its own /sys and /proc. Asked anew each time: CPUs go on- and offline. */
Processors *processors_read(const char *root);
void processors_free(Processors *processors);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Processors, processors_free)

/* Whether this node's processor has Intel's virtualization (vmx) rather than AMD's (svm). */
gboolean processors_have_vmx(void);
gboolean processors_are_hybrid(const Processors *processors);
/* The CPUs that are left of all by a list (`cpu.pin`) and a kind (`cpu.kind`: "any", "performance", "efficiency"); each
 * may be NULL. ERROR_UNSUPPORTED with the field, if this node has no such CPUs. */
gboolean processors_choose(const Processors *processors, const char *pin, const char *kind, Cpus *ret_cpus,
			   GError **error);
/* As node_table has it; new reference. */
json_object *processors_describe(const Processors *processors);
