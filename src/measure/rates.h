/* From counters to values: what happened between two readings. */
#pragma once
#include "measure/node.h"
#include "measure/spans.h"

/* A reading that is older belongs to no interval that ends now; one that is younger tells too little. */
enum {
	RATE_AGE_MAX_US = 30 * G_USEC_PER_SEC,
	RATE_AGE_MIN_US = G_USEC_PER_SEC / 2,
	RATE_GAP_MAX_US = 60 * G_USEC_PER_SEC, /* between counters that come in their own time */
};

/* The last reading; all zeros: none yet. Of a node, cpu, disks and taps are its own. */
typedef struct Reading {
	gint64 at_us; /* monotonic; when it was taken */
	guint64 started; /* of the guest's process */
	Counters groups[COUNTER_GROUPS];
	float agent_rates[2]; /* as of the agent's last report: it comes less often than readings may */
} Reading;

/* What has happened since the last reading, which becomes this one. */
Values rates_of_guest(Reading *last, gint64 now_us, const VmCounters *now);
Values rates_of_node(Reading *last, gint64 now_us, const NodeCounters *now);
