/* The system calls that a running front needs. */
#pragma once
#include <glib.h>

/* From now on everything else is refused. Cannot be undone. */
gboolean confine(GError **error);
