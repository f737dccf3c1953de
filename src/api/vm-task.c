/* The end of all handlers that leave a guest's work to a task. */
#include "api/vm-task.h"

gboolean vm_task_answer(Call *call, Vm *vm, const TaskKind *kind, json_object *args, GError *refusal,
			const char *effect, GError **error)
{
	if (call->plan) {
		g_autofree char *label = vm_label(vm);
		return answer_action_plan(call, refusal, "%s %s", label, effect);
	}
	if (refusal) {
		g_propagate_error(error, refusal);
		return FALSE;
	}
	gint64 task = vm_submit(vm, kind, call->request->user, args, error);
	return task && answer_task(call, task, NULL);
}
