/* The rings of measurements on disk: STATE/measurements.db. */
#pragma once
#include "measure/spans.h"

typedef struct Rings Rings;

/* Never fails: the file is opened or made when it is first needed, and what cannot be written is lost with a warning.
 * All calls are thread-safe. */
Rings *rings_new(const char *path);
void rings_free(Rings *rings);

/* Of the interval that has just ended: its number (measure/slots.h) in the finest span. */
typedef struct RingSample {
	gint64 object;
	Values values;
} RingSample;
void rings_write(Rings *rings, guint32 number, const RingSample *samples, guint count);
/* Drops the rings of all objects but those. */
void rings_sweep(Rings *rings, gboolean (*keep)(gint64 object, gpointer data), gpointer data);

/* As many as the span has slots, the oldest first; the first interval ends at start_s (since 1970). With the interval
 * that is going on, as far as it is known. Unknown ones for who has no ring. */
typedef struct RingView {
	gint64 start_s;
	guint count;
	Values values[SLOTS_MAX];
} RingView;
void rings_read(Rings *rings, gint64 object, Span span, gint64 now_s, RingView *ret_view);
