/* Rates of counters. Where a device has come or gone, or a counter went back (the guest was started anew), nothing is
 * known of that step. */
#include "measure/rates.h"

#include <math.h>

/* A second, where at_us is µs. FALSE if it cannot be known. */
static gboolean rate(const Counters *before, const Counters *now, guint which, double unit, float *ret_rate)
{
	if (!before->at_us || !now->at_us || now->at_us <= before->at_us || now->devices != before->devices ||
	    now->of[which] < before->of[which])
		return FALSE;
	*ret_rate = (float)((double)(now->of[which] - before->of[which]) * unit / (double)(now->at_us - before->at_us));
	return TRUE;
}

/* What did not answer for long is known from then on, not of all that time. */
static void set_rates(const Counters *before, const Counters *now, guint count, float *rates)
{
	if (now->at_us - before->at_us > RATE_GAP_MAX_US)
		return;
	for (guint i = 0; i < count; i++)
		rate(before, now, i, G_USEC_PER_SEC, &rates[i]);
}

/* A fraction of all processors: time used by time passed. */
static void set_cpu(const Counters *before, const Counters *now, guint processors, float *value)
{
	if (processors && rate(before, now, 0, 1, value))
		*value = MIN(*value / (float)processors, 1);
}

/* Between two reports of the agent, what the last one said holds on. */
static void set_agent_rates(Reading *last, const Counters *now, float rates[2])
{
	Counters *before = &last->groups[COUNTER_AGENT];
	if (!now->at_us || now->at_us != before->at_us) {
		last->agent_rates[0] = last->agent_rates[1] = NAN;
		set_rates(before, now, 2, last->agent_rates);
		*before = *now;
	}
	for (guint i = 0; i < 2; i++)
		if (!isnan(last->agent_rates[i]))
			rates[i] = last->agent_rates[i] + (isnan(rates[i]) ? 0 : rates[i]);
}

static gboolean is_recent(const Reading *last, gint64 now_us)
{
	return last->at_us && now_us - last->at_us <= RATE_AGE_MAX_US;
}

Values rates_of_guest(Reading *last, gint64 now_us, const VmCounters *now)
{
	Values values = values_unknown;
	if (!is_recent(last, now_us) || last->started != now->started)
		*last = (Reading){.started = now->started, .agent_rates = {NAN, NAN}};
	set_cpu(&last->groups[COUNTER_CPU], &now->groups[COUNTER_CPU], now->vcpus, &values.of[0]);
	if (now->memory_known)
		values.of[1] = (float)now->memory;
	if (now->guest_memory_known)
		values.of[8] = (float)now->guest_memory;
	set_rates(&last->groups[COUNTER_DISKS], &now->groups[COUNTER_DISKS], 4, &values.of[2]);
	set_rates(&last->groups[COUNTER_TAPS], &now->groups[COUNTER_TAPS], 2, &values.of[6]);
	set_agent_rates(last, &now->groups[COUNTER_AGENT], &values.of[6]);
	last->at_us = now_us;
	for (CounterGroup group = 0; group < COUNTER_AGENT; group++)
		last->groups[group] = now->groups[group];
	return values;
}

Values rates_of_node(Reading *last, gint64 now_us, const NodeCounters *now)
{
	Values values = values_unknown;
	if (!is_recent(last, now_us))
		*last = (Reading){0};
	set_cpu(&last->groups[COUNTER_CPU], &now->cpu, 1, &values.of[0]); /* the ticks are those of all */
	if (now->load_known)
		values.of[1] = (float)now->load;
	if (now->memory_known)
		values.of[2] = (float)now->memory;
	set_rates(&last->groups[COUNTER_DISKS], &now->disks, 2, &values.of[3]);
	set_rates(&last->groups[COUNTER_TAPS], &now->nics, 2, &values.of[5]);
	*last = (Reading){.at_us = now_us, .groups = {[COUNTER_CPU] = now->cpu, [COUNTER_DISKS] = now->disks,
						      [COUNTER_TAPS] = now->nics}};
	return values;
}
