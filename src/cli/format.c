/* Values as people read them. */
#include "cli/format.h"

#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/units.h"
#include "cli/messages/shared.h"

const Field as_seconds = {.type = FIELD_INT, .unit = "s"};
const Field as_count = {.type = FIELD_INT};
const Field as_bytes = {.type = FIELD_SIZE, .unit = "B"};

static const char *const sequences[] = {
	[STYLE_NONE] = "",
	[STYLE_BOLD] = "\033[1m",
	[STYLE_DIM] = "\033[2m",
	[STYLE_RED] = "\033[31m",
	[STYLE_GREEN] = "\033[32m",
	[STYLE_YELLOW] = "\033[33m",
	[STYLE_CYAN] = "\033[36m",
};

/* https://no-color.org: any non-empty value turns colours off. */
static gboolean has_colours(FILE *stream)
{
	const char *off = g_getenv("NO_COLOR");
	return isatty(fileno(stream)) && !(off && *off) && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
}

const char *style_on(FILE *stream, Style style)
{
	return has_colours(stream) ? sequences[style] : "";
}

const char *style_off(FILE *stream)
{
	return has_colours(stream) ? "\033[0m" : "";
}

Style style_of_state(const char *state)
{
	static const struct {
		const char *state;
		Style style;
	} styles[] = {
		{"running", STYLE_GREEN},
		{"done", STYLE_GREEN},
		{"paused", STYLE_YELLOW},
		{"starting", STYLE_YELLOW},
		{"stopping", STYLE_YELLOW},
		{"queued", STYLE_YELLOW},
		{"stopped", STYLE_DIM},
		{"cancelled", STYLE_DIM},
		{"failed", STYLE_RED},
		{"crashed", STYLE_RED},
		{"error", STYLE_RED},
		{"panicked", STYLE_RED},
	};
	for (gsize i = 0; i < G_N_ELEMENTS(styles); i++)
		if (g_strcmp0(state, styles[i].state) == 0)
			return styles[i].style;
	return STYLE_NONE;
}

char *format_safe(const char *text)
{
	GString *safe = g_string_new(NULL);
	for (const char *next = text; *next;) {
		gunichar c = g_utf8_get_char_validated(next, -1);
		if (c == (gunichar)-1 || c == (gunichar)-2) {
			g_string_append_c(safe, '?');
			next++;
			continue;
		}
		if (g_unichar_iscntrl(c) && c != '\n')
			g_string_append_c(safe, '?');
		else
			g_string_append_unichar(safe, c);
		next = g_utf8_next_char(next);
	}
	return g_string_free(safe, FALSE);
}

char *format_time(const char *iso8601)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GDateTime) time = iso8601 ? g_date_time_new_from_iso8601(iso8601, utc) : NULL;
	g_autoptr(GDateTime) local = time ? g_date_time_to_local(time) : NULL;
	return local ? g_date_time_format(local, "%Y-%m-%d %H:%M:%S") : format_safe(iso8601 ? iso8601 : "-");
}

gint64 format_age(const char *iso8601)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GDateTime) time = iso8601 ? g_date_time_new_from_iso8601(iso8601, utc) : NULL;
	if (!time)
		return -1;
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	return MAX(g_date_time_difference(now, time) / G_TIME_SPAN_SECOND, 0);
}

static char *format_number(json_object *value, const Field *field)
{
	gint64 number = json_object_get_int64(value);
	if (field && field->type == FIELD_SIZE && number >= 0)
		return units_format_size((guint64)number);
	if (field && g_strcmp0(field->unit, "s") == 0 && number >= 0)
		return units_format_duration((guint64)number);
	return g_strdup_printf("%" G_GINT64_FORMAT, number);
}

/* Times are strings in the tables; they are told by their shape, "2026-11-21T…Z". */
static gboolean is_time(const char *text)
{
	gsize length = strlen(text);
	return length >= 20 && length <= 40 && g_ascii_isdigit(text[0]) && text[4] == '-' && text[10] == 'T' &&
	       text[length - 1] == 'Z';
}

static char *format_array(json_object *value)
{
	g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
	for (gsize i = 0; i < json_object_array_length(value); i++)
		g_ptr_array_add(parts, format_value(json_object_array_get_idx(value, i), NULL));
	if (parts->len == 0)
		return g_strdup("-");
	g_ptr_array_add(parts, NULL);
	return g_strjoinv(", ", (char **)parts->pdata);
}

char *format_value(json_object *value, const Field *field)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return g_strdup("-");
	case json_type_boolean:
		return g_strdup(json_object_get_boolean(value) ? T(m_yes) : T(m_no));
	case json_type_int:
		return format_number(value, field);
	case json_type_array:
		return format_array(value);
	case json_type_string: {
		const char *text = json_object_get_string(value);
		if (is_time(text))
			return format_time(text);
		char *safe = format_safe(*text ? text : "-");
		return g_strdelimit(safe, "\n", ' ');
	}
	default:
		return format_safe(
			json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	}
}

guint format_width(const char *text)
{
	guint width = 0;
	for (const char *next = text; *next; next = g_utf8_next_char(next)) {
		gunichar c = g_utf8_get_char(next);
		if (!g_unichar_iszerowidth(c))
			width += g_unichar_iswide(c) ? 2 : 1;
	}
	return width;
}

void format_pad(FILE *stream, const char *text, guint width)
{
	guint used = format_width(text);
	fprintf(stream, "%s%*s", text, used < width ? (int)(width - used) : 0, "");
}
