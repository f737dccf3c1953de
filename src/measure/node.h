/* This node's counters. */
#pragma once
#include "guest/run/counters.h"

typedef struct NodeCounters {
	Counters cpu;   /* processors' ticks that were used; at_us: all ticks */
	Counters disks; /* bytes read and written, of block devices that are no parts and no layers of others */
	Counters nics;  /* bytes received and sent, of network cards that are devices */
	gboolean memory_known, load_known;
	guint64 memory; /* in use, which could not be given to guests */
	double load;    /* of one minute */
} NodeCounters;

void node_read_counters(NodeCounters *ret_counters);
