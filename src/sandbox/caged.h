/* Short-lived programs in cages of their own: block workers, pumps. Each has a uid that nobody else has at the time, an
 * empty network, the system call filter, a run directory and a control group; it ends with us, and leaves nothing. */
#pragma once
#include "sandbox/launch.h"

typedef struct Caged {
	char *dir, *group;
	Launched launched;
	uid_t uid;
} Caged;
#define CAGED_INIT {.launched = {.pidfd = -1}}

/* Makes the directory below run_root and the group. caged_clear() also after a failure. */
gboolean caged_init(Caged *caged, const char *run_root, GError **error);
/* What is common to all; the caller adds arguments and descriptors. A program outside /usr is shown to itself alone. */
Launch *caged_launch(const Caged *caged, const char *program);
gboolean caged_start(Caged *caged, Launch *launch, GError **error);
/* Ends the program if it has not ended, and removes what it had. */
void caged_clear(Caged *caged);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Caged, caged_clear)
/* Waits for the end, and says how it was. FALSE past the time, or if nobody knows. */
gboolean caged_wait(Caged *caged, guint timeout_ms, LaunchRecord *ret_record);

/* Removes what a former daemon's left below run_root: they ended with it, their directories and control groups did not.
 * Before the first one is started. */
void caged_sweep(const char *run_root);
