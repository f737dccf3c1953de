/* What a guest is handed besides its devices, and what of it is secret.
 *
 * user-data, the installer's answers and the password's hash stand in the store's secrets, never in the document or its
 * history: there are only their size, their SHA-256, or when they were set. The drives that they go onto are made anew
 * at each start of the guest. */
#pragma once
#include "guest/plan.h"

typedef enum Handed { HANDED_USER_DATA, HANDED_PASSWORD, HANDED_ANSWERS } Handed;

/* What handing that over (request NULL: taking it away) would change. */
Plan *handed_plan(Vm *vm, Handed what, json_object *request, GError **error);
/* Does it: the document and its secret in one commit. */
gboolean handed_apply(Vm *vm, Plan *plan, Handed what, json_object *request, const char *user, GError **error);

/* The drive "cloud_init" or "answers" of the document, as a sealed file in memory; -1 on failure. */
int handed_open_drive(Services *services, json_object *document, const char *name, GError **error);
/* Values with no place on a drive. */
int handed_open_guestinfo(json_object *document, const char *key, GError **error);

/* As handed_table: what the next start brings; no secrets. New reference. */
json_object *handed_describe(Services *services, json_object *document, GError **error);

/* Whether a guest that had cloud-init's drive has one with another content. */
gboolean handed_starts_over(json_object *present, json_object *wanted);

/* To the batch that changes the document: secrets that the wanted one (NULL: none) has no more, go. */
void handed_drop_secrets(Batch *batch, gint64 id, json_object *present, json_object *wanted);
/* A document of the past takes over what is handed now: secrets have no past. */
void handed_keep(json_object *present, json_object *document);
