/* Between data.c, which reads the presets, and preset.c, which uses them. */
#pragma once
#include "preset/preset.h"

/* The presets of a data file, which has to stay: they point into it. What is wrong in it is ERROR_INVALID and says
 * where. */
GPtrArray *presets_read(json_object *root, GError **error);
