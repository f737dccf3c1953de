/* The kinds of task that exist, as one table for the task engine; and those of resources that have no other home. */
#pragma once
#include "guest/services.h"
#include "task/task.h"

extern const TaskKind *const task_kinds[]; /* NULL-terminated */

extern const TaskKind image_import_kind, image_build_kind, image_delete_kind, volume_delete_kind;

/* A descriptor that an import task will read from: a task's arguments are JSON, so it waits here under a number. It is
 * gone after a restart, and the import then fails with the request to repeat it. */
gint64 import_put_fd(int fd);
int import_take_fd(gint64 number); /* -1 if there is none */
