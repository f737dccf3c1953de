/* What is asked of a guest and done by a task. */
#pragma once
#include "api/route.h"
#include "guest/run/power.h"
#include "guest/vm.h"

/* Answers a plan (the guest's name and `effect`), refuses (`refusal` is freed; NULL: nothing stands in the way), or
 * begins the task and answers with it. To end a handler with. */
gboolean vm_task_answer(Call *call, Vm *vm, const TaskKind *kind, json_object *args, GError *refusal,
			const char *effect, GError **error);
