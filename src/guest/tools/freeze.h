/* Freezing a guest's file systems for a bounded time, and trimming them: tasks on "vm/ID". */
#pragma once
#include "guest/vm.h"
#include "task/task.h"

extern const TaskKind vm_freeze_kind, vm_thaw_kind, vm_trim_kind;

/* At adoption: what a former daemon left frozen is thawed when its time is over. */
void freeze_adopt(Vm *vm);
/* Thaws now, if the guest is frozen by us. */
void freeze_end(Vm *vm);
/* Forgets the timer, not that the guest is frozen. */
void freeze_release(Vm *vm);
