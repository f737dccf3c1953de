/* A ring of a guest's last output, in a file mapped into memory, so that it outlives the daemon. */
#pragma once
#include <glib.h>

enum { RING_SIZE = 64 * 1024 };

typedef struct Ring Ring;
/* Opens or makes the file; fresh: what is in it is forgotten. */
Ring *ring_open(const char *path, gboolean fresh, GError **error);
void ring_free(Ring *ring);
void ring_append(Ring *ring, const guint8 *data, gsize length);
/* The content from oldest to newest. */
GBytes *ring_read(Ring *ring);
