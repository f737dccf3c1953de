/* Streams of measurements: who follows a guest or the node. */
#pragma once
#include "api/server.h"
#include "guest/services.h"

/* Sends samples as they are made, for as long as the object is there and the principal may see it. Takes references.
 * ERROR_TOO_MANY. */
gboolean measure_stream(Services *services, Stream *stream, Principal *principal, gint64 object, GError **error);
/* Gives up the streams of those who may not see their object any more, and forgets those that have ended. */
void measure_stream_check(Services *services);
void measure_stream_start(Services *services);
void measure_stream_stop(Services *services);
