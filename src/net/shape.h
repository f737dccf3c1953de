/* Limits of what goes over a guest's tap. */
#pragma once
#include <glib.h>

/* Bytes per second as the guest sees them, and bytes that may go at full speed after a pause; 0: no limit, its own. */
typedef struct Shape {
	guint64 receive, receive_burst, send, send_burst;
} Shape;

/* Makes these the tap's limits, whatever it had. owner: the daemon's run directory, without blanks: another daemon of
 * this host has guests of the same numbers. ERROR_UNSUPPORTED if the node lacks what it takes. Blocks. */
gboolean shape_set(const char *owner, gint64 vm, guint index, const Shape *shape, GError **error);
/* The tap is gone, or all of the guest's are: removes what was made for them by that owner. */
void shape_end(const char *owner, gint64 vm, guint index);
void shape_end_all(const char *owner, gint64 vm);
