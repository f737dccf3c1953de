/* Asking a guest's agent. What it answers is a guest's word: it is bounded, checked for its types, and cleaned before
 * anybody sees it. */
#pragma once
#include "guest/vm.h"

enum { TOOLS_TIMEOUT_MS = 5000 };

/* One command to the agent, which takes one at a time. arguments: reference is taken over, may be NULL. New reference.
 * ERROR_UNAVAILABLE without an agent; ERROR_UNSUPPORTED where it has or allows no such command. */
json_object *tools_ask(Vm *vm, const char *command, json_object *arguments, guint timeout_ms, GError **error);
/* Whether the agent answers, for a plan of what is to be done by it. */
gboolean tools_check(Vm *vm, GError **error);
/* Of any text: valid UTF-8, at most `most` bytes, what is not printable as '?'. Caller frees; NULL stays NULL. */
char *tools_clean(const char *text, gsize most);
