/* Sizes and durations as people write and read them. */
#include "base/units.h"

#include <string.h>

#include "base/error.h"

static const char prefixes[] = "KMGTP";

gboolean units_parse_size(const char *text, guint64 *ret_bytes, GError **error)
{
	const char *hint = "write a whole number with K, M, G or T, as in 512M or 10G";
	char *end = NULL;
	if (!g_ascii_isdigit(*text)) {
		error_set(error, ERROR_INVALID, hint, "'%s' is not a size", text);
		return FALSE;
	}
	guint64 value = g_ascii_strtoull(text, &end, 10);
	gboolean overflow = value == G_MAXUINT64;
	while (*end == ' ')
		end++;
	const char *prefix = *end ? strchr(prefixes, g_ascii_toupper(*end)) : NULL;
	if (prefix) {
		guint shift = 10 * (guint)(prefix - prefixes + 1);
		overflow = overflow || value > ((guint64)G_MAXINT64 >> shift);
		value <<= shift;
		end++;
		if (*end == 'i')
			end++;
	}
	if (*end == 'B')
		end++;
	if (*end || overflow || value > G_MAXINT64) {
		error_set(error, ERROR_INVALID, hint, "'%s' is not a size", text);
		return FALSE;
	}
	*ret_bytes = value;
	return TRUE;
}

char *units_format_size(guint64 bytes)
{
	guint unit = 0;
	double value = (double)bytes;
	while (value >= 1024 && unit < strlen(prefixes)) {
		value /= 1024;
		unit++;
	}
	if (unit == 0)
		return g_strdup_printf("%" G_GUINT64_FORMAT " B", bytes);
	gboolean whole = value >= 100 || value == (double)(guint64)value;
	return g_strdup_printf(whole ? "%.0f %ciB" : "%.1f %ciB", value, prefixes[unit - 1]);
}

char *units_format_duration(guint64 seconds)
{
	if (seconds < 60)
		return g_strdup_printf("%" G_GUINT64_FORMAT " s", seconds);
	if (seconds < 3600)
		return g_strdup_printf("%" G_GUINT64_FORMAT " min %" G_GUINT64_FORMAT " s", seconds / 60, seconds % 60);
	if (seconds < 86400)
		return g_strdup_printf("%" G_GUINT64_FORMAT " h %" G_GUINT64_FORMAT " min", seconds / 3600,
				       seconds / 60 % 60);
	return g_strdup_printf("%" G_GUINT64_FORMAT " d %" G_GUINT64_FORMAT " h", seconds / 86400, seconds / 3600 % 24);
}
