/* More and fewer processors of a running guest, within its sockets, cores and threads. */
#pragma once
#include "guest/live/part.h"

typedef struct Hindrance {
	const char *text, *text_ja;
} Hindrance;

/* What keeps the process that has `applied` from having as many CPUs as `wanted` says, hardware both, until its next
 * start; NULL: nothing. */
const Hindrance *live_vcpus_hindrance(Vm *vm, json_object *applied, json_object *wanted);
/* Brings the number about, unless something hinders it. */
gboolean live_vcpus_apply(Live *live, GError **error);
