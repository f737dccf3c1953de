/* Measurements of this node and of its running guests: kept in rings, and told to who follows. */
#pragma once
#include "guest/services.h"
#include "measure/rings.h"

/* Begins at once; never fails. `services` is lent, and must have its guests. */
Measure *measure_start(Services *services, const char *state_dir);
/* NULL is fine. Waits for what is being asked, for half a second at most. */
void measure_stop(Measure *measure);

/* What was measured up to now. */
void measure_read(Measure *measure, gint64 object, Span span, RingView *ret_view);

/* While an object is followed by somebody it is measured every two seconds, and its watch is called with each sample,
 * as JSON; with NULL once it is gone. From one thread, holding nothing; must be quick. */
typedef void (*MeasureWatch)(gint64 object, const char *sample, gpointer data);
void measure_set_watch(Measure *measure, MeasureWatch watch, gpointer data);
/* As often as unfollow. Returns the last sample if somebody follows it already; NULL: there is none yet. Caller
 * frees. */
char *measure_follow(Measure *measure, gint64 object);
void measure_unfollow(Measure *measure, gint64 object);
