/* What is measured of whom, and for how long it is kept. */
#pragma once
#include <glib.h>

/* Levels as those of vSphere; each but the first is made of averages of the one before. In the order of
 * measurement_spans. */
typedef enum Span { SPAN_HOUR, SPAN_DAY, SPAN_WEEK, SPAN_MONTH, SPAN_YEAR, SPAN_COUNT } Span;

typedef struct SpanInfo {
	guint step_s; /* a multiple of the former's */
	guint slots;  /* of the ring */
} SpanInfo;
extern const SpanInfo spans[SPAN_COUNT];
/* SPAN_COUNT if there is no such name. */
Span span_from_name(const char *name);

enum { STEP_S = 20, SERIES_MAX = 10, SLOTS_MAX = 372 };

typedef struct Series {
	const char *name;
	guint decimals; /* that are worth telling */
} Series;
/* In the order in which their values stand in a ring, which is on disk: they can only be added to. End with a NULL
 * name. */
extern const Series guest_series[], node_series[];
/* By object: the number of a guest, or this node. */
enum { OBJECT_NODE = 0 };
const Series *series_of(gint64 object);

/* Values of one moment or interval; NAN: not known. */
typedef struct Values {
	float of[SERIES_MAX];
} Values;
extern const Values values_unknown;
gboolean values_any(const Values *values); /* whether one is known */
/* `"cpu":0.12,…`, the members of a JSON object; null for what is not known. */
void values_append(GString *text, const Series *series, const Values *values);
/* One of them. */
void value_append(GString *text, const Series *series, float value);
