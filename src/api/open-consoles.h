/* Consoles that are open over the front: yadod can cut each of them. */
#pragma once
#include "api/server.h"
#include "guest/services.h"

/* Keeps a duplicate of the console's socket, and the stream that stands for the console. From now on the console ends when
 * the principal may not use the guest's consoles any more (open_consoles_check), when the stream ends, or when the socket's
 * other end closes, whichever is first; and with it the other two. ERROR_TOO_MANY. */
gboolean open_consoles_add(Services *services, Principal *principal, gint64 vm, int socket, Stream *stream,
			   GError **error);
/* Cuts those whose right is gone. Quick, from any thread. */
void open_consoles_check(void);
