/* Tap devices: a guest's network card on a bridge of the host. */
#pragma once
#include <glib.h>

/* Makes a tap "yt<vm>.<index>" that joins the bridge, up, with virtio-net headers; it goes away when the last
 * descriptor closes. Returns the descriptor (caller closes) or -1; ERROR_NOT_FOUND (with a hint) without that
 * bridge. */
int tap_open(gint64 vm, guint index, const char *bridge, GError **error);
/* Moves the guest's tap to another bridge. */
gboolean tap_set_bridge(gint64 vm, guint index, const char *bridge, GError **error);
gboolean tap_bridge_exists(const char *bridge);
/* Counters as the guest sees them (received by the guest = sent by the host's side). FALSE if there is no such tap. */
gboolean tap_read_counters(gint64 vm, guint index, guint64 *ret_rx_bytes, guint64 *ret_tx_bytes);
