/* A guest's configuration from creation to deletion: planned changes carried out. */
#pragma once
#include "guest/plan.h"
#include "task/task.h"

/* vm_apply only brings a running process to what its document says. */
extern const TaskKind vm_create_kind, vm_change_kind, vm_delete_kind, vm_apply_kind;

/* Allocates the id and submits the creation; ret_id gets the guest's id. Returns the task or 0. */
gint64 create_submit(Services *services, Plan *plan, const char *user, gint64 *ret_id, GError **error);
/* Commits at once (*ret_task is 0), or submits a task. Returns the new revision or, with a task, 0; -1: error. Without
 * a change, what still waits and could go live is tried again. */
gint64 change_submit(Vm *vm, Plan *plan, const char *user, gint64 *ret_task, GError **error);
/* Submits a task on the guest that holds the images of args.document meanwhile. The task or 0. */
gint64 change_submit_claiming(Services *services, const TaskKind *kind, gint64 id, const char *user, json_object *args,
			      GError **error);
/* Adds a restore's plan to a batch; the process is brought along by vm_apply afterwards. */
gboolean restore_add(Services *services, Plan *plan, Batch *batch, GError **error);
