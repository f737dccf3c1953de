/* What users, roles and the settings of access have in common: documents that are planned, checked and committed. */
#pragma once
#include "api/route.h"

/* Whether who asks may bring the document from `before` (NULL: it is made) to `after` (NULL: it goes), so that nobody gets
 * or gives a right that he lacks. ERROR_FORBIDDEN. */
typedef gboolean (*AccessCheck)(Call *call, json_object *before, json_object *after, GError **error);

gboolean access_document_create(Call *call, const char *kind, AccessCheck check, GError **error);
gboolean access_document_get(Call *call, const char *kind, const char *name, GError **error);
gboolean access_document_change(Call *call, const char *kind, const char *name, AccessCheck check, GError **error);
/* effect: what happens besides. */
gboolean access_document_delete(Call *call, const char *kind, const char *name, AccessCheck check, const char *effect,
				GError **error);

/* Whether who asks has all the rights that this user has: else it may not touch what lets that user in. ERROR_FORBIDDEN,
 * which says what would be done ("set the password of"). */
gboolean access_outranks(Call *call, json_object *user, const char *what, GError **error);
