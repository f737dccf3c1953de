/* Work that goes on in a guest beside the request that began it: a thread of its own, cut when whoever asked has left,
 * may not any more, or the daemon ends. */
#pragma once
#include "api/route.h"
#include "guest/vm.h"

typedef struct GuestWork {
	Services *services;
	Principal *principal;
	Vm *vm;
	Stream *stream;    /* NULL: nobody listens (yet) */
	gint64 checked_us; /* when rights were looked at last */
	gboolean allowed;
} GuestWork;

enum {
	GUEST_WORK_MAX = 64,
	GUEST_WORK_OF_ONE = 16,       /* of one guest */
	/* of one user but root, so that nobody has them all: what is not read stands still */
	GUEST_WORK_OF_USER = 32,
	GUEST_WORK_OF_USER_IN_ONE = 12,
};

/* stream: lent, may be NULL. ERROR_TOO_MANY. */
GuestWork *guest_work_new(Call *call, Vm *vm, Stream *stream, GError **error);
void guest_work_free(GuestWork *work);
/* Why it is not wanted any more: "left", "withdrawn", "stopped"; NULL: it is. */
const char *guest_work_unwanted(GuestWork *work);
gboolean guest_work_is_wanted(gpointer work); /* a GuestWanted */
/* Runs it on a thread of its own, which must free the work at its end. */
gboolean guest_work_run(GThreadFunc run, gpointer data, GError **error);
/* At the daemon's end: returns when all have ended. */
void guest_work_stop(void);
