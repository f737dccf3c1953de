/* What exec.c (a command's start) and exec-follow.c (its output and end) share. */
#pragma once
#include "guest/tools/exec.h"

enum { EXEC_POLL_FIRST_MS = 10, EXEC_POLL_LAST_MS = 250 };

struct GuestExec {
	Vm *vm;
	gint64 pid;
	gint64 handles[2]; /* of its output and its errors; -1: it has none */
	gint64 offsets[2];
	gboolean streamed;
	gint64 timeout_us, output_limit;
	gboolean leave;
};

json_object *exec_list_of(const char *const *words); /* new reference */
/* arguments is taken over. The process, or -1. */
gint64 exec_begin(Vm *vm, const char *path, json_object *arguments, const char *input, gboolean capture,
		  GError **error);
json_object *exec_ask_status(Vm *vm, gint64 pid, GError **error);
/* Base64 of at most that many bytes; what is none is nothing. */
GByteArray *exec_decode(json_object *json, const char *key, gsize most);
