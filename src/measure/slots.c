/* Which interval is where in a ring, and averages. */
#include "measure/slots.h"

#include <math.h>

guint slot_place(Span span, guint32 number)
{
	return number % spans[span].slots;
}

const Slot *slots_find(const Slot *ring, Span span, guint32 number)
{
	const Slot *slot = &ring[slot_place(span, number)];
	return slot->number == number ? slot : NULL;
}

/* Intervals end with their number's step: 1 to 15 are parts of 1, 16 of 2. */
guint32 slot_parent(Span span, guint32 number)
{
	guint32 ratio = spans[span + 1].step_s / spans[span].step_s;
	return (number + ratio - 1) / ratio;
}

void slot_parts(Span coarse, guint32 number, guint32 *ret_first, guint32 *ret_last)
{
	guint32 ratio = spans[coarse].step_s / spans[coarse - 1].step_s;
	*ret_first = (number - 1) * ratio + 1;
	*ret_last = number * ratio;
}

guint32 slots_newest(const Slot *ring, Span span, guint32 limit)
{
	guint32 newest = 0;
	for (guint i = 0; i < spans[span].slots; i++)
		if (ring[i].number <= limit && slot_place(span, ring[i].number) == i)
			newest = MAX(newest, ring[i].number);
	return newest;
}

Slot slots_average(const Slot *finer, Span coarse, guint32 number)
{
	Slot result = {number, values_unknown};
	double sums[SERIES_MAX] = {0};
	guint known[SERIES_MAX] = {0};
	guint32 first, last;
	slot_parts(coarse, number, &first, &last);
	for (guint32 part = first; part <= last; part++) {
		const Slot *slot = slots_find(finer, coarse - 1, part);
		for (guint i = 0; slot && i < SERIES_MAX; i++)
			if (isfinite(slot->values.of[i])) {
				sums[i] += (double)slot->values.of[i];
				known[i]++;
			}
	}
	for (guint i = 0; i < SERIES_MAX; i++)
		if (known[i])
			result.values.of[i] = (float)(sums[i] / known[i]);
	return result;
}
