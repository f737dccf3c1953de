/* A guest's configuration from creation to deletion: create, change (live where QEMU can), delete, restore. */
#pragma once
#include "guest/prepare/choose.h"
#include "guest/vm.h"
#include "task/task.h"

/* vm_apply only brings a running process to what its document says. */
extern const TaskKind vm_create_kind, vm_change_kind, vm_delete_kind, vm_apply_kind;

/* A planned change, as the API answers plan=1 and as the tasks carry it out. */
typedef struct Plan {
	gint64 rev;            /* revision that it was made on; 0: a new guest */
	json_object *document; /* what will be committed */
	json_object *changes;  /* [{"path","before","after","when":"now"|"restart"}] */
	json_object *effects;  /* sentences: what happens beside the document */
	json_object *chosen;   /* what a preset decided in a new guest, preset_choice_table; NULL: of a change */
	gboolean needs_task;   /* volumes or a running guest are touched */
} Plan;
void plan_free(Plan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_free)
json_object *plan_describe(const Plan *plan); /* new reference */

/* may_use: of the images that nobody named, a preset takes those only that who asks may use. */
Plan *plan_create(Services *services, json_object *input, MayUseImage may_use, gconstpointer who, GError **error);
/* if_match: revision that the client saw, or REV_ANY; another present one is ERROR_STALE and says what changed. */
/* To another machine version, which otherwise stays as it was made; NULL: the newest of this node. */
Plan *plan_upgrade(Vm *vm, const char *machine, gint64 if_match, GError **error);
Plan *plan_change(Vm *vm, json_object *patch, gint64 if_match, GError **error);
/* To a document that was made from the present one. */
Plan *plan_compare(Vm *vm, json_object *present, gint64 rev, json_object *wanted);
/* ERROR_STALE that says who changed what since the revision that was seen. */
void plan_explain_stale(Vm *vm, gint64 seen, GError **error);
/* To new values of what must be one of its kind (unique_renew). ERROR_CONFLICT while it runs. */
Plan *plan_renew(Vm *vm, json_object *choice, GError **error);
/* To a document of the past (history restore): through the same checks. */
Plan *plan_restore(Services *services, gint64 id, json_object *document, GError **error);

/* Allocates the id and submits the creation; ret_id gets the guest's id. Returns the task or 0. */
gint64 create_submit(Services *services, Plan *plan, const char *user, gint64 *ret_id, GError **error);
/* Without a change, what still waits and could go live is tried again. Commits at once (returns 0 in *ret_task) or
 * submits a task. Returns the new revision or, with a task, 0; -1: error. */
gint64 change_submit(Vm *vm, Plan *plan, const char *user, gint64 *ret_task, GError **error);

/* Submits a task on the guest that holds the images of args.document meanwhile. The task or 0. */
gint64 change_submit_claiming(Services *services, const TaskKind *kind, gint64 id, const char *user, json_object *args,
			      GError **error);

/* Adds a restore's plan to a batch; the process is brought along by vm_apply afterwards. */
gboolean restore_add(Services *services, Plan *plan, Batch *batch, GError **error);

/* Brings the running process to what the document wants, as far as that goes live (live.c). What the guest refuses
 * stays pending and is an error; what needs a restart stays pending and is not. */
gboolean live_apply(Vm *vm, Task *task, GError **error);
/* Whether something differs that live_apply could bring about now. */
gboolean live_waits(Vm *vm);
/* Grows the volume of a disk that the running process has, and tells the guest. */
gboolean live_grow_disk(Vm *vm, Task *task, const char *key, guint64 size, GError **error);
/* Whether a change of that path that goes live is brought about by live_apply(), and not by its being committed. */
gboolean live_touches(const char *path);
/* "now" or "restart": when a change of that path takes effect, given the guest's state. */
const char *live_when(Vm *vm, const char *path, json_object *before, json_object *after);
