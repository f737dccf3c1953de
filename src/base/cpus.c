/* Sets of CPUs. */
#include "base/cpus.h"

#include <string.h>

enum { WORD = 8 * sizeof(gulong), WORDS = CPUS_MAX / WORD };

void cpus_add(Cpus *cpus, guint cpu)
{
	cpus->bits[cpu / WORD] |= 1UL << cpu % WORD;
}

gboolean cpus_has(const Cpus *cpus, guint cpu)
{
	return cpu < CPUS_MAX && cpus->bits[cpu / WORD] & 1UL << cpu % WORD;
}

guint cpus_count(const Cpus *cpus)
{
	guint count = 0;
	for (guint i = 0; i < WORDS; i++)
		count += (guint)__builtin_popcountl(cpus->bits[i]);
	return count;
}

gboolean cpus_equal(const Cpus *a, const Cpus *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

Cpus cpus_both(const Cpus *a, const Cpus *b)
{
	Cpus both;
	for (guint i = 0; i < WORDS; i++)
		both.bits[i] = a->bits[i] & b->bits[i];
	return both;
}

Cpus cpus_or(const Cpus *a, const Cpus *b)
{
	Cpus either;
	for (guint i = 0; i < WORDS; i++)
		either.bits[i] = a->bits[i] | b->bits[i];
	return either;
}

Cpus cpus_without(const Cpus *a, const Cpus *b)
{
	Cpus rest;
	for (guint i = 0; i < WORDS; i++)
		rest.bits[i] = a->bits[i] & ~b->bits[i];
	return rest;
}

static gboolean parse_number(const char **text, guint *ret_number)
{
	guint number = 0;
	if (!g_ascii_isdigit(**text))
		return FALSE;
	for (; g_ascii_isdigit(**text); (*text)++) {
		number = number * 10 + (guint)(**text - '0');
		if (number >= CPUS_MAX)
			return FALSE;
	}
	*ret_number = number;
	return TRUE;
}

gboolean cpus_parse(const char *text, Cpus *ret_cpus)
{
	Cpus cpus = {0};
	g_autofree char *list = g_strstrip(g_strdup(text));
	for (const char *next = list;; next++) {
		guint first, last;
		if (!parse_number(&next, &first))
			return FALSE;
		last = first;
		if (*next == '-' && (next++, !parse_number(&next, &last) || last < first))
			return FALSE;
		for (guint cpu = first; cpu <= last; cpu++)
			cpus_add(&cpus, cpu);
		if (*next == '\0')
			break;
		if (*next != ',')
			return FALSE;
	}
	*ret_cpus = cpus;
	return TRUE;
}

char *cpus_format(const Cpus *cpus)
{
	GString *text = g_string_new(NULL);
	for (guint cpu = 0; cpu < CPUS_MAX; cpu++) {
		guint last = cpu;
		if (!cpus_has(cpus, cpu))
			continue;
		while (cpus_has(cpus, last + 1))
			last++;
		g_string_append_printf(text, "%s%u", text->len ? "," : "", cpu);
		if (last > cpu)
			g_string_append_printf(text, "-%u", last);
		cpu = last;
	}
	return g_string_free(text, FALSE);
}
