/* A guest's balloon: what the guest says of its memory, and taking back some of it. */
#pragma once
#include "guest/vm.h"

/* What a guest's driver said, checked: it says what it wants. Bytes. */
typedef struct BalloonReport {
	gint64 total; /* as the guest sees it; 0: it said nothing of use */
	gint64 used;  /* which it could not give to a new program */
} BalloonReport;
/* stats: as QEMU's "guest-stats" has them. memory: what the guest has at most. */
BalloonReport balloon_read_report(json_object *stats, gint64 memory);

/* Asks QEMU; what it says is in vm->balloon from then on. */
gboolean balloon_refresh(Vm *vm, guint timeout_ms, GError **error);
/* As it was said last; FALSE if that is long ago, or nothing was said yet. */
gboolean balloon_get(Vm *vm, VmBalloon *ret_balloon);
/* Adds guest_total, guest_used and taken_back, null where they are not known. FALSE if nothing is known. */
gboolean balloon_describe(Vm *vm, json_object *memory);
/* Asks the guest to give up that much; it does so in its own time. */
gboolean balloon_take(Vm *vm, gint64 bytes, guint timeout_ms, GError **error);

/* What is taken back of whom. A guest keeps `min` at least. */
typedef struct BalloonGuest {
	gint64 memory, min;
	gint64 taken; /* in: now; out: what is to be taken */
} BalloonGuest;
/* One step of it. The node has `total` bytes, of which `available` could be given to guests; above a use of at_percent,
 * memory is taken back. */
void balloon_decide(gint64 total, gint64 available, guint at_percent, BalloonGuest *guests, guint count);

/* The thread that does it. */
void balloon_start(Services *services);
void balloon_stop(void);
