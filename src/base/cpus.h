/* Sets of CPUs, as the kernel writes them (cpuset(7), "List format"): "0-3,8". Sets of NUMA nodes are written, and so
 * kept, likewise. */
#pragma once
#include <glib.h>

enum { CPUS_MAX = 8192 /* CONFIG_NR_CPUS of the largest kernels */ };

/* As sched_setaffinity(2) takes it; a zeroed one is empty. */
typedef struct Cpus {
	gulong bits[CPUS_MAX / (8 * sizeof(gulong))];
} Cpus;

/* White space around is fine. FALSE for anything else than a list, also for an empty one. */
gboolean cpus_parse(const char *text, Cpus *ret_cpus);
char *cpus_format(const Cpus *cpus); /* "" if there are none; caller frees */

void cpus_add(Cpus *cpus, guint cpu);
gboolean cpus_has(const Cpus *cpus, guint cpu);
guint cpus_count(const Cpus *cpus);
gboolean cpus_equal(const Cpus *a, const Cpus *b);
Cpus cpus_both(const Cpus *a, const Cpus *b);      /* in a and in b */
Cpus cpus_or(const Cpus *a, const Cpus *b);        /* in a or in b */
Cpus cpus_without(const Cpus *a, const Cpus *b);   /* in a, not in b */
