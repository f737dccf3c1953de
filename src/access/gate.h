/* The gate before yescrypt, which takes a core and 16 MiB for its while: two at once, the others in a short line that
 * is fair between sources. Thread-safe. */
#pragma once
#include <glib.h>

enum {
	GATE_AT_ONCE = 2,
	/* Threads that wait, in each of two lines: handlers. With those that are let in fewer than the requests without
	 * a credential that are worked on at once (api/crowd.h), so that strangers here leave room for who is known. */
	GATE_LINE_MAX = 8,
	GATE_SOURCE_MAX = 3, /* of which from one source */
};

typedef struct Gate Gate;
Gate *gate_new(void);
void gate_free(Gate *gate);

/* Waits for its turn; gate_leave() after TRUE. FALSE with ERROR_TOO_MANY if the line is full. `known`: somebody has
 * signed in to this account from this source, and stands in a line of their own. */
gboolean gate_enter(Gate *gate, const char *source, gboolean known, GError **error);
void gate_leave(Gate *gate);
/* How many stand in line. */
guint gate_waiting(Gate *gate);
