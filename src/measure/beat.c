/* The beat of the measurements. */
#include "measure/beat.h"

gint64 beat_next(gint64 now_us, guint step_s)
{
	gint64 step_us = (gint64)step_s * G_USEC_PER_SEC;
	return (now_us / step_us + 1) * step_us;
}

/* A waiting thread comes a little late, and by a clock that is being slewed a little early. */
gboolean beat_holds(gint64 aim_us, gint64 now_us, guint step_s)
{
	return ABS(now_us - aim_us) < (gint64)step_s * G_USEC_PER_SEC / 2;
}
