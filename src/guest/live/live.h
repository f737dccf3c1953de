/* Live changes: bringing the running process to what the document wants. */
#pragma once
#include "guest/vm.h"
#include "task/task.h"

/* As far as that goes live. What the guest refuses stays pending and is an error; what needs a restart stays pending
 * and is not. */
gboolean live_apply(Vm *vm, Task *task, GError **error);
/* Whether something differs that live_apply could bring about now. */
gboolean live_waits(Vm *vm);
/* Whether the guest has let go of a device that, as far as we know, its process has. */
gboolean live_device_went(Vm *vm);
/* Grows the volume of a disk that the running process has, and tells the guest. */
gboolean live_grow_disk(Vm *vm, Task *task, const char *key, guint64 size_bytes, GError **error);
/* Whether a change of that path that goes live is brought about by live_apply(), and not by its being committed. */
gboolean live_touches(const char *path);
/* "now" or "restart": when a change of that path takes effect, given the guest's state. */
const char *live_when(Vm *vm, const char *path, json_object *before, json_object *after);
