/* The cage of a program that serves a directory of the host. */
#pragma once
#include "spec.h"

/* Each returns NULL, or what could not be done, with errno. In the order of cage_enter(). */

/* Binds the directory, without following a link on the way to it, to LAUNCH_SHARE_DIR of the view at `root`. */
const char *share_bind(const Spec *spec, const char *root);
/* Makes the process root of a user namespace of its own, in which each id is itself, with the few privileges there that
 * serving files takes. After the view is made. */
const char *share_confine(void);
