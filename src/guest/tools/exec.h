/* Commands in a guest, by its agent. */
#pragma once
#include "guest/vm.h"

typedef struct GuestExec GuestExec;

/* How it ended. */
typedef struct GuestEnd {
	gint64 code;   /* -1: by a signal, or not known */
	gint64 signal; /* 0: by itself */
	const char *why; /* NULL; "timeout", "limit", "left", "withdrawn": what made us end it */
	gboolean cut;  /* not all of its output came */
} GuestEnd;

/* Who takes the output. */
typedef struct GuestSink {
	/* NULL: it is wanted; else why not, as GuestEnd.why. */
	const char *(*unwanted)(gpointer data);
	gsize (*room)(gpointer data); /* bytes that are taken now */
	void (*take)(gboolean is_error, const void *bytes, gsize length, gpointer data);
	gpointer data;
} GuestSink;

/* Begins the command of a checked guest_exec_table. */
GuestExec *guest_exec_start(Vm *vm, json_object *wish, GError **error);
gint64 guest_exec_pid(const GuestExec *exec);
gboolean guest_exec_is_streamed(const GuestExec *exec);
/* Takes its output until it has ended. FALSE: the agent does not answer, so how it ends is not known. */
gboolean guest_exec_follow(GuestExec *exec, const GuestSink *sink, GuestEnd *ret_end, GError **error);
/* Asks it to end, and its children. */
void guest_exec_end(GuestExec *exec);
/* The same of one that a former daemon began and did not live to follow; waits, and takes its life if it does not end.
 * FALSE with ERROR_FAILED: the agent knows of no such process. */
gboolean guest_exec_end_left(Vm *vm, gint64 pid, GError **error);
/* Frees what is ours; the process stays as it is. */
void guest_exec_free(GuestExec *exec);

/* A short command of our own with its output (at most 64 KiB, bounded); its exit code must be 0. NULL with the error:
 * ERROR_UNSUPPORTED where commands are not allowed. words: NULL-terminated. Caller frees. */
char *guest_exec_run(Vm *vm, const char *const *words, guint timeout_ms, GError **error);
