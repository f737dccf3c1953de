/* CPU features: which this node offers to guests, and what several nodes have in common. */
#pragma once
#include <json-c/json.h>

#include "qemu/host.h"

typedef struct Features {
	/* every name that QEMU takes behind '+' and '-' -> GINT_TO_POINTER(whether this node offers it) */
	GHashTable *known;
	char **offered;     /* without aliases, in the alphabet's order, as the next */
	char **models;      /* CPU models of which this node offers every feature */
	GHashTable *of_model; /* every model's name -> char **, its features, without aliases */
	GHashTable *maker;    /* the same -> its maker, as in "GenuineIntel" */
	GHashTable *lacking;  /* the same -> char **, those of them that this node does not offer */
} Features;

/* Asks QEMU the first time (a second or so); kept for the life of the process. Borrowed; NULL with an error. */
const Features *features_get(const QemuHost *host, GError **error);

/* What a guest with that model would do without on this node, besides what `flags` (a list as in cpu.flags; may be
 * NULL) takes away anyway, and what belongs to nested virtualization, which is a switch of its own. Empty of a model
 * that is not known, or is another one on each node. Names are borrowed. */
GPtrArray *features_lacking(const Features *features, const char *model, json_object *flags);

/* What the nodes of `lists` (node name -> {"features","models"}, as GET /nodes/{}/cpu-features has them) have in
 * common, and the richest CPU model that each of them offers whole. As baseline_table has it; new reference.
 * ERROR_UNSUPPORTED if there is no such model. */
json_object *features_baseline(const Features *features, json_object *lists, GError **error);
