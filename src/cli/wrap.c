/* Wrapping: between words, and between any two wide characters, as Japanese is set; not before a mark that closes. */
#include "cli/wrap.h"

#include <string.h>

#include "cli/format.h"

enum { COLUMNS_MIN = 20 };

static guint width_of(gunichar c)
{
	return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

static gboolean may_begin_line(gunichar c)
{
	return !g_utf8_strchr("、。）」』・：；？！ー", -1, c);
}

/* Bytes up to the next place where a line may end, and their columns. */
static gsize next_piece(const char *text, guint *ret_columns)
{
	const char *at = text;
	guint columns = 0;
	while (*at) {
		gunichar c = g_utf8_get_char(at);
		const char *next = g_utf8_next_char(at);
		columns += width_of(c);
		at = next;
		if (c == ' ')
			break;
		gunichar after = *at ? g_utf8_get_char(at) : ' ';
		if (after != ' ' && (g_unichar_iswide(c) || g_unichar_iswide(after)) && may_begin_line(after))
			break;
	}
	*ret_columns = columns;
	return (gsize)(at - text);
}

void wrap_print(FILE *stream, const char *text, guint column, guint width)
{
	g_autofree char *safe = g_strdelimit(format_safe(text), "\n", ' ');
	guint room = width > column + COLUMNS_MIN ? width - column : 0, used = 0;
	for (const char *at = safe; *at;) {
		guint columns;
		gsize length = next_piece(at, &columns);
		guint shown = columns - (at[length - 1] == ' ');
		if (room && used && used + shown > room) {
			fprintf(stream, "\n%*s", (int)column, "");
			used = 0;
		}
		fwrite(at, 1, length, stream);
		used += columns;
		at += length;
	}
	fputc('\n', stream);
}
