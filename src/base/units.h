/* Sizes and durations as people write and read them. */
#pragma once
#include <glib.h>

/* "512M", "10 GiB", "4096": bytes, binary multiples only (K, M, G, T, with an optional i and B).
 * Returns FALSE with ERROR_INVALID for anything else, also for an overflow. */
gboolean units_parse_size(const char *text, guint64 *ret_bytes, GError **error);
/* "10 GiB", "1.5 GiB", "512 MiB"; caller frees. */
char *units_format_size(guint64 bytes);
/* "3 s", "2 min 5 s", "4 h 3 min", "2 d 4 h"; caller frees. */
char *units_format_duration(guint64 seconds);
