/* The volumes of a guest, for the tasks that create, change and delete it. */
#pragma once
#include <json-c/json.h>

#include "guest/services.h"

/* Makes the volume of each disk of the document that `present` (may be NULL) does not have. */
gboolean volumes_create_missing(Services *services, Task *task, json_object *present, json_object *document,
				GError **error);
/* Grows volumes that no process has open to the sizes in the document. */
gboolean volumes_grow(Services *services, Task *task, json_object *document, GError **error);
/* Whether a guest has the volume: as a disk of its document or of its process, or for its firmware or TPM. */
gboolean volumes_is_attached(Services *services, json_object *volume);
/* Deletes all volumes of the guest, attached and detached. */
gboolean volumes_delete_all(Services *services, Task *task, gint64 vm, GError **error);
