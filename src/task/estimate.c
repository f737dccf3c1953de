/* Estimates of the time that a task still takes.
 *
 * Samples are at least a fifth of a second apart, so that bursts of a buffer do not count as speed. Each sample moves
 * the rate towards the newest speed by dt / (dt + 10 s): a disk that slows down is seen within seconds, a hiccup is
 * not. While nothing moves, the time since the last sample counts as well, so that a stalled task does not promise
 * its end for ever. */
#include "task/estimate.h"

enum { SAMPLE_US = G_USEC_PER_SEC / 5, STALL_US = 2 * G_USEC_PER_SEC };
static const double smooth_s = 10;
static const double longest_s = 10.0 * 365 * 86400; /* past it no number helps anyone */

static double blend(const Estimate *estimate, guint64 done, gint64 now_us)
{
	double dt = (double)(now_us - estimate->sampled_us) / G_USEC_PER_SEC;
	double speed = (double)(done - estimate->sampled) / dt;
	if (estimate->rate <= 0)
		return speed;
	return estimate->rate + (speed - estimate->rate) * dt / (dt + smooth_s);
}

void estimate_update(Estimate *estimate, guint64 done, gint64 now_us)
{
	if (estimate->sampled_us == 0 || done < estimate->sampled) {
		*estimate = (Estimate){.sampled_us = now_us, .sampled = done};
		return;
	}
	if (now_us - estimate->sampled_us < SAMPLE_US)
		return;
	estimate->rate = blend(estimate, done, now_us);
	estimate->sampled = done;
	estimate->sampled_us = now_us;
}

gint64 estimate_seconds(const Estimate *estimate, guint64 done, guint64 total, gint64 now_us)
{
	if (total == 0 || estimate->sampled_us == 0 || done < estimate->sampled)
		return -1;
	if (done >= total)
		return 0;
	double rate = now_us - estimate->sampled_us > STALL_US ? blend(estimate, done, now_us) : estimate->rate;
	if (rate <= 0)
		return -1;
	double seconds = (double)(total - done) / rate;
	return seconds < longest_s ? (gint64)(seconds + 0.5) : -1;
}
