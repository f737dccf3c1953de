/* When to measure: at whole multiples of a step of the wall clock, so that intervals are the same for all and after a
 * restart. The wall clock may jump, and stands still for nobody while the host sleeps. */
#pragma once
#include <glib.h>

/* The next multiple after now; µs since 1970. */
gint64 beat_next(gint64 now_us, guint step_s);
/* Whether what was to be done at `aim` may be done now: not if the clock has jumped meanwhile, or nobody came for long.
 * What is measured then belongs to no interval. */
gboolean beat_holds(gint64 aim_us, gint64 now_us, guint step_s);
