/* The kinds of task that exist, as one table for the task engine; and those of resources that have no other home. */
#pragma once
#include "guest/services.h"
#include "task/task.h"

extern const TaskKind *const task_kinds[]; /* NULL-terminated */

extern const TaskKind image_import_kind, image_build_kind, image_delete_kind, volume_delete_kind;

/* What an image is imported from: a descriptor, or (fd -1) an upload. */
typedef struct ImportSource {
	int fd;
	const char *upload; /* or NULL */
} ImportSource;
/* Submits the import; the descriptor is taken over also on failure. image: a valid document of image_table. The task
 * or 0. */
gint64 import_submit(Services *services, const char *user, json_object *image, const ImportSource *source, GError **error);
/* ERROR_CONFLICT, naming the guest, if the volume may not be deleted. volume NULL: it is gone already. */
gboolean volume_check_detached(Services *services, json_object *volume, GError **error);
