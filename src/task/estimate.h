/* How long a task still takes, from how fast it went: a rate smoothed over about ten seconds. */
#pragma once
#include <glib.h>

typedef struct Estimate {
	gint64 sampled_us; /* monotonic time of the last sample; 0: none yet */
	guint64 sampled;   /* what was done then */
	double rate;	   /* units per second; 0: unknown */
} Estimate;

/* Tells what is done now. A step backwards begins anew: it is another part of the work. */
void estimate_update(Estimate *estimate, guint64 done, gint64 now_us);
/* Seconds until the total, or -1 if that is unknown. */
gint64 estimate_seconds(const Estimate *estimate, guint64 done, guint64 total, gint64 now_us);
