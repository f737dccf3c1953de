/* Output: tables, pairs of label and value, and JSON. */
#pragma once
#include "cli/command.h"

typedef struct Column {
	const char *path; /* dotted, into the item; NULL ends the list */
	Text heading;
	gboolean extra;   /* shown only if --fields names it */
	gboolean if_any;  /* shown only if an item has a value */
	gboolean may_cut; /* truncated first when the terminal is too narrow */
	const Field *as;  /* how to read a value that the table does not know; may be NULL */
} Column;

/* Prints {"items":[…]} as JSON or as a table; an empty one says `empty` (what to do next) on stderr. `table` says how
 * values are read. EXIT_USAGE if --fields names an unknown column. */
Exit output_list(Cli *cli, json_object *list, const Table *table, const Column *columns, const char *empty);
/* One line an item: the value of `key`. */
void output_ids(json_object *list, const char *key);
void output_json(json_object *json);
/* All of a document as "path  value" lines; for what has no view of its own. */
void output_document(json_object *document, const Table *table, const char *indent);

/* Labels and values, aligned when they are printed. */
typedef struct Pairs Pairs;
Pairs *pairs_new(void);
/* Printed as "label  value"; value NULL or "" is left out. Both are copied. */
void pairs_add(Pairs *pairs, const char *label, const char *value);
guint pairs_count(const Pairs *pairs);
void pairs_print(Pairs *pairs, const char *indent);
void pairs_free(Pairs *pairs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pairs, pairs_free)

/* Prints a plan; EXIT_REFUSED if it says that the change would be refused. */
Exit plan_print(json_object *plan, const Table *table);
/* What a preset decided, each with its reason below it; `table` says how values are read. */
void choices_print(json_object *choices, const Table *table, const char *indent);
/* One line a changed leaf, "- path: before" and "+ path: after" where both differ. */
void changes_print(json_object *changes, const Table *table, const char *indent);

/* Asks on the terminal; FALSE for no, for the end of input, and when there is no terminal to ask on. */
gboolean confirm(const char *format, ...) G_GNUC_PRINTF(1, 2);
gboolean can_confirm(void);
