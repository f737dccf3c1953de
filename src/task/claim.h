/* Claims: which task may work on which object, first come first served. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

/* Every object that is claimed, with its claims in order. Not locked: the caller does. */
typedef struct ClaimTable ClaimTable;
ClaimTable *claim_table_new(void);
void claim_table_free(ClaimTable *table);

/* All claims of one owner; they enter and leave together. */
typedef struct ClaimSet ClaimSet;
ClaimSet *claim_set_new(gpointer owner);
void claim_set_free(ClaimSet *set); /* must have left its table */
/* The same object twice is one claim, exclusive if either is. */
void claim_set_add(ClaimSet *set, const char *object, gboolean exclusive);
/* {"vm/100":"exclusive","image/tiny":"shared"}; new reference, and back. */
json_object *claim_set_to_json(const ClaimSet *set);
void claim_set_add_json(ClaimSet *set, json_object *json);

void claim_table_enter(ClaimTable *table, ClaimSet *set);
void claim_table_leave(ClaimTable *table, ClaimSet *set);
/* The owner of a conflicting claim that comes before the set's (or of any conflicting one if the set has not
 * entered), or NULL if the set may go on. *ret_object (may be NULL): which object, borrowed. */
gpointer claim_table_blocker(ClaimTable *table, const ClaimSet *set, const char **ret_object);
/* The owner of the object's first claim, or NULL. */
gpointer claim_table_holder(ClaimTable *table, const char *object);
