/* The word that someone probably meant: the smallest edit distance (insert, delete, replace, swap of neighbours), where
 * a name that was cut short ("mem"), or of which the last part was given ("--cores" of "--cpu-cores"), is one edit
 * away. */
#include "schema/spelling.h"

#include <glib.h>
#include <string.h>

enum { WORD_MAX = 64 };

static guint distance(const char *a, guint a_length, const char *b, guint b_length)
{
	guint rows[3][WORD_MAX + 1];
	guint *before = rows[0], *last = rows[1], *row = rows[2];
	for (guint j = 0; j <= b_length; j++)
		last[j] = before[j] = j;
	for (guint i = 1; i <= a_length; i++) {
		row[0] = i;
		for (guint j = 1; j <= b_length; j++) {
			guint replaced = last[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = MIN(replaced, MIN(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
		guint *spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[b_length];
}

static gboolean is_short_for(const char *word, const char *name)
{
	if (strlen(word) >= 2 && g_str_has_prefix(name, word))
		return TRUE;
	word += strspn(word, "-");
	gsize length = strlen(word), whole = strlen(name);
	return length >= 2 && length < whole && strchr("-.", name[whole - length - 1]) && g_str_has_suffix(name, word);
}

const char *spelling_closest(const char *word, const char *const *known)
{
	const char *closest = NULL;
	guint length = (guint)MIN(strlen(word), WORD_MAX + 1);
	if (length > WORD_MAX)
		return NULL;
	guint best = MIN(2, length / 2) + 1;
	for (; *known; known++) {
		guint known_length = (guint)strlen(*known);
		if (known_length > WORD_MAX)
			continue;
		guint edits = is_short_for(word, *known) ? 1 : distance(word, length, *known, known_length);
		if (edits < best) {
			best = edits;
			closest = *known;
		}
	}
	return closest;
}
