/* A guest's counters, added up over its devices: for who measures many guests often. */
#pragma once
#include "guest/vm.h"

/* By who keeps them, since they are of different moments. */
typedef enum CounterGroup {
	COUNTER_CPU,    /* its µs */
	COUNTER_DISKS,  /* bytes read, bytes written, read operations, write operations */
	COUNTER_TAPS,   /* of cards on bridges: bytes that the guest has received, and sent */
	COUNTER_AGENT,  /* the same of user-mode cards, which nobody but the guest counts */
	COUNTER_GROUPS,
} CounterGroup;

typedef struct Counters {
	gint64 at_us;  /* monotonic; 0: they are not known */
	guint devices; /* of which it is known */
	guint64 of[4];
} Counters;

typedef struct VmCounters {
	Counters groups[COUNTER_GROUPS];
	guint64 started;       /* by its process: another one has begun to count anew */
	guint vcpus;
	gboolean user_cards;   /* it has some */
	gboolean memory_known;
	guint64 memory;        /* what its process uses */
	gboolean guest_memory_known;
	guint64 guest_memory;  /* what the guest itself says that it uses */
} VmCounters;

/* Which devices it has, kept between two readings: to find that out takes longer than to read. */
typedef struct VmDevices VmDevices;
void vm_devices_free(VmDevices *devices); /* NULL is fine */
/* What the host knows of it, which asks nobody; the disks are not known then. FALSE if it does not run. The devices are
 * NULL the first time. */
gboolean vm_read_counters(Vm *vm, VmDevices **inout_devices, VmCounters *ret_counters);
/* What only QEMU knows, which may not answer. */
gboolean vm_read_disk_counters(Vm *vm, guint timeout_ms, Counters *ret_counters, GError **error);
