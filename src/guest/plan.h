/* Plans: what a change of a guest's document would do, made and checked before anything is done. */
#pragma once
#include "guest/prepare/choose.h"
#include "guest/vm.h"

/* A planned change, as the API answers plan=1 and as the tasks carry it out. */
typedef struct Plan {
	gint64 rev;            /* revision that it was made on; 0: a new guest */
	json_object *document; /* what will be committed */
	json_object *changes;  /* [{"path","before","after","when":"now"|"restart"}] */
	json_object *effects;  /* sentences: what happens beside the document */
	json_object *effects_ja; /* the same in Japanese */
	json_object *chosen;   /* what a preset decided in a new guest, preset_choice_table; NULL: of a change */
	gboolean needs_task;   /* volumes or a running guest are touched */
} Plan;
void plan_free(Plan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_free)
json_object *plan_describe(const Plan *plan); /* new reference */

/* All return a new plan, or NULL with an error that names the field. if_match: the revision that the client saw, or
 * REV_ANY; another present one is ERROR_STALE and says what changed. */

/* A new guest. may_use: of the images that nobody named, a preset takes those only that who asks may use. */
Plan *plan_create(Services *services, json_object *input, MayUseImage may_use, gconstpointer who, GError **error);
/* The present document changed by a merge patch. */
Plan *plan_change(Vm *vm, json_object *patch, gint64 if_match, GError **error);
/* To another machine version, which otherwise stays as it was made; NULL: the newest of this node. */
Plan *plan_upgrade(Vm *vm, const char *machine, gint64 if_match, GError **error);
/* To new values of what must be one of its kind (unique_renew). ERROR_CONFLICT while it runs. */
Plan *plan_renew(Vm *vm, json_object *choice, GError **error);
/* To a document of the past (history restore): through the same checks. */
Plan *plan_restore(Services *services, gint64 id, json_object *document, GError **error);
/* To a document that was made from the present one, of revision rev; it is not checked. */
Plan *plan_compare(Vm *vm, json_object *present, gint64 rev, json_object *wanted);

/* Sets ERROR_STALE that says who changed what since the revision that was seen. */
void plan_explain_stale(Vm *vm, gint64 seen, GError **error);
