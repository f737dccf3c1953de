/* A loop with a thread of its own. */
#pragma once
#include <glib.h>

typedef struct Loop Loop;

Loop *loop_start(const char *name);
GMainContext *loop_context(Loop *loop);
/* Returns when the thread has ended: what is served by the context may be taken apart then. */
void loop_stop(Loop *loop);
void loop_free(Loop *loop); /* a stopped one; NULL is fine */
