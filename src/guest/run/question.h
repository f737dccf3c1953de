/* Questions: a guest whose disk could not be written or read stands still, until somebody says how it goes on. */
#pragma once
#include "guest/vm.h"
#include "task/task.h"

typedef struct QuestionDisk {
	char *key;         /* of the guest's hardware */
	gboolean no_space; /* else the storage failed */
} QuestionDisk;

/* The disks at which QEMU has stopped the guest; empty if that cannot be told. Waits for QEMU's word, at most a second.
 * Free with g_array_unref. */
GArray *question_ask(Vm *vm);
/* The same from QEMU's events, lines of JSON, oldest first: those since the guest went on last (BLOCK_IO_ERROR). */
GArray *question_find(Vm *vm, char **events);
/* What happened in words, for a guest's reason; caller frees. */
char *question_reason(Vm *vm, GArray *disks);
/* Whether the guest, by its state, waits for an answer. */
gboolean question_is_open(Vm *vm);
gboolean question_check(Vm *vm, GError **error); /* ERROR_NOT_FOUND if it does not */
/* The question as the API answers it, with what its storages have free now; ERROR_NOT_FOUND if there is none. */
json_object *question_describe(Vm *vm, GError **error);

/* Answers "retry": what stood still is tried again, and the guest runs on. */
extern const TaskKind vm_retry_kind;
