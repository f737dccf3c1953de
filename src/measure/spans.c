/* The tables of spans and series, and values as text. */
#include "measure/spans.h"

#include <math.h>
#include <string.h>

#include "schema/schema.h"

const SpanInfo spans[SPAN_COUNT] = {
	[SPAN_HOUR] = {STEP_S, 180},
	[SPAN_DAY] = {300, 288},
	[SPAN_WEEK] = {1800, 336},
	[SPAN_MONTH] = {7200, SLOTS_MAX},
	[SPAN_YEAR] = {86400, 366},
};

/* Fractions to a hundredth of a percent; bytes, and bytes a second, whole; operations a second to a tenth. */
const Series guest_series[] = {
	{"cpu", 4}, {"memory", 0}, {"disk_read", 0}, {"disk_write", 0}, {"disk_reads", 1}, {"disk_writes", 1},
	{"net_receive", 0}, {"net_send", 0}, {"memory_guest", 0}, {0}};
const Series node_series[] = {{"cpu", 4}, {"load", 2}, {"memory", 0}, {"disk_read", 0}, {"disk_write", 0},
			      {"net_receive", 0}, {"net_send", 0}, {0}};

G_STATIC_ASSERT(G_N_ELEMENTS(guest_series) - 1 <= SERIES_MAX && G_N_ELEMENTS(node_series) - 1 <= SERIES_MAX);

const Values values_unknown = {{[0 ... SERIES_MAX - 1] = NAN}};

Span span_from_name(const char *name)
{
	Span span = SPAN_HOUR;
	while (span < SPAN_COUNT && !g_str_equal(measurement_spans[span], name))
		span++;
	return span;
}

const Series *series_of(gint64 object)
{
	return object == OBJECT_NODE ? node_series : guest_series;
}

gboolean values_any(const Values *values)
{
	for (guint i = 0; i < SERIES_MAX; i++)
		if (!isnan(values->of[i]))
			return TRUE;
	return FALSE;
}

/* What is damaged on disk may be any number. */
void value_append(GString *text, const Series *series, float value)
{
	char digits[64];
	if (!isfinite(value) || value < 0) {
		g_string_append(text, "null");
		return;
	}
	g_snprintf(digits, sizeof digits, "%.*f", (int)series->decimals, (double)value);
	if (series->decimals) {
		char *end = digits + strlen(digits);
		while (end[-1] == '0')
			*--end = 0;
		if (end[-1] == '.')
			end[-1] = 0;
	}
	g_string_append(text, digits);
}

void values_append(GString *text, const Series *series, const Values *values)
{
	for (guint i = 0; series[i].name; i++) {
		g_string_append_printf(text, "%s\"%s\":", i ? "," : "", series[i].name);
		value_append(text, &series[i], values->of[i]);
	}
}
