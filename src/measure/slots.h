/* The ring of one object and span, in memory as on disk.
 *
 * Each slot says of which interval it is: by the number of steps from 1970 to the interval's end. So a gap is nothing
 * that anybody has to write: where a slot has another number than the one asked for, nothing is known of that interval.
 * A clock that jumps forth leaves such a gap; one that jumps back has what it tells a second time written over the
 * first. */
#pragma once
#include "measure/spans.h"

typedef struct Slot {
	guint32 number; /* 0: never written */
	Values values;
} Slot;

G_STATIC_ASSERT(sizeof(Slot) == sizeof(guint32) * (1 + SERIES_MAX));

/* Where in the ring the interval's slot is. */
guint slot_place(Span span, guint32 number);
/* The slot of that number; NULL if the ring does not have it. */
const Slot *slots_find(const Slot *ring, Span span, guint32 number);
/* The number of the next coarser span's interval that the interval is a part of; and the first and last parts of
 * one. */
guint32 slot_parent(Span span, guint32 number);
void slot_parts(Span coarse, guint32 number, guint32 *ret_first, guint32 *ret_last);
/* The greatest number that is not above `limit`; 0: there is none. */
guint32 slots_newest(const Slot *ring, Span span, guint32 limit);
/* The coarser interval's slot: of each series the average of what is known of it in the finer ring. */
Slot slots_average(const Slot *finer, Span coarse, guint32 number);
