/* Files that are only in memory, to hand a few bytes to a program as a descriptor. */
#pragma once
#include <glib.h>

/* An empty one that can still be written; `name` is what /proc shows. -1 on failure. */
int memory_file_new(const char *name, GError **error);
/* From here on nobody can change it, whoever has it open. Returns a descriptor that only reads, from its beginning; the
 * one that was given stays the caller's. -1 on failure. */
int memory_file_seal(int fd, GError **error);
/* One that is sealed with that content. -1 on failure. */
int memory_file_from(const char *name, const void *data, gsize length, GError **error);
