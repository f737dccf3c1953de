/* The flags that a table has; for this folder. */
#pragma once
#include "schema/flags.h"

typedef enum FlagKind {
	FLAG_VALUE,  /* --memory 2G */
	FLAG_YES,    /* --agent, --agent=no */
	FLAG_NO,     /* --no-agent */
	FLAG_ENTRY,  /* --disk size=8G */
	FLAG_REMOVE, /* --no-disk disk0 */
	FLAG_UNSET,  /* --unset FIELD */
} FlagKind;

typedef struct Flag {
	FlagKind kind;
	char *name;         /* with its dashes */
	char *path;         /* dotted path of the field; NULL for --unset */
	const Field *field; /* NULL for --unset */
	gboolean optional;  /* belongs to an object that may be absent */
	gboolean spare;     /* a longer way to say what another flag says; not in the help */
} Flag;

/* Array of Flag in the table's order; unref it. */
GPtrArray *flag_list_new(const Table *table, FlagsMode mode);
const Flag *flag_list_find(GPtrArray *list, const char *name);
/* A field of a map's entry that its flag can set; NULL if there is none of that name. */
const Field *flag_entry_field(const Field *map, const char *name);
/* Whether a flag can set this field of an entry. */
gboolean flag_sets_in_entry(const Field *field);
/* Whether a map's entries are nothing but a `value`: its flag is KEY=VALUE then. */
gboolean flag_is_pairs(const Field *map);
/* Appends the dotted paths that --unset takes, with KEY for a map's keys, to an array that owns them. */
void flag_list_nullable(GPtrArray *paths, const Table *table, const char *prefix);
