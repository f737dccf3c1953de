/* Whose run directory it is. */
#pragma once
#include "guest/services.h"

/* Takes the run directory for the state in state_dir until the process ends, and writes into RUN/state whose it is.
 * ERROR_CONFLICT if another yadod uses it, or if the records of guests of another state lie there: as they have no
 * documents here, they would be taken for strays and ended, or for guests of ours that have the same number. Once,
 * after node/self is in the store and before guests_adopt(). */
gboolean run_directory_claim(Services *services, const char *state_dir, GError **error);
