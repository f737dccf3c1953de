/* The command's flags, derived from a table: parsing them into a document or a merge patch, their help, completion.
 *
 *   memory (scalar)        --memory 2G, --memory=2G
 *   cpu.cores (nested)     --cpu-cores 4
 *   agent (bool)           --agent, --no-agent, --agent=yes; the words are yes/no, true/false, on/off
 *   autostart.enabled      --autostart-enabled, --no-autostart-enabled; in short --autostart, --no-autostart
 *   tags (list)            --tags a,b; '' is the empty list
 *   disks (map)            --disk [KEY:]field=value,field=value; can be repeated. With KEY: that entry, made or
 *                          changed. Without: a new entry under the next free of disk0, disk1, … in both modes. ",,"
 *                          stands for a comma in a value; an empty value (`image=`) unsets a field that may be unset.
 *   guestinfo (map)        --guestinfo KEY=VALUE: of entries that have nothing but a field `value`
 *   removal (change only)  --no-disk KEY; --unset FIELD for fields that may be absent ("kernel", "disks.disk0.size")
 *
 * An underscore in a field's name is a dash in the flag. Read-only fields have no flags; fixed ones none for a change.
 * Values are typed by the table; bounds, required fields and checks are left to schema_create and schema_change. */
#pragma once
#include "schema/schema.h"

typedef enum FlagsMode {
	FLAGS_CREATE, /* the result is a document for schema_create */
	FLAGS_CHANGE, /* the result is a merge patch for schema_change; {} when no flag was given */
} FlagsMode;

/* Consumes the table's flags of *inout_args (NULL-terminated, owned by the caller, as g_strdupv gives it, without the
 * program's and the command's names). On success the array holds the positional arguments only; what follows "--" is
 * positional; "-" alone too. An unknown flag is ERROR_INVALID with the closest known one as its hint, so callers take
 * their own flags (--plan, -o) out first. On failure nothing is touched. Errors name the flag. `current` is the
 * document as it is, for the keys that are taken; may be NULL. */
gboolean flags_parse(const Table *table, FlagsMode mode, json_object *current, char ***inout_args,
		     json_object **ret_document, GError **error);

/* Called for each flag and, after a map's, for each field of its entries: as it is written ("--memory SIZE",
 * "size=SIZE"), and its help with its default. */
typedef void (*FlagsEach)(const char *flag, gboolean of_entry, const char *help, gpointer data);
void flags_each(const Table *table, FlagsMode mode, gboolean japanese, FlagsEach each, gpointer data);
/* The same as aligned text, a line or two a flag. Ends with a newline; caller frees. */
char *flags_help(const Table *table, FlagsMode mode, gboolean japanese);
/* The names, with their dashes ("--memory", "--no-agent", "--disk"); NULL-terminated, caller frees. */
char **flags_complete(const Table *table, FlagsMode mode);
/* Values of a flag (with or without dashes, without "=…"): an ENUM's values, yes and no, a map's "field=" and
 * "field=value", the fields that --unset takes. Empty where nothing is known; NULL-terminated, caller frees. */
char **flags_complete_values(const Table *table, const char *flag);
/* Whether the flag is followed by a value of its own argument ("--memory 2G", but not "--agent"); for callers that
 * take out their own flags from among the table's. */
gboolean flags_takes_value(const Table *table, const char *flag);
