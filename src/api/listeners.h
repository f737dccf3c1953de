/* Who is sent something by a stream that stays open, as a list of them: who it is, and how many there may be. */
#pragma once
#include "api/server.h"
#include "guest/services.h"

enum {
	LISTENERS_MAX = 512,
	LISTENERS_OF_ONE = 128, /* of one user */
};

/* The first member of each list's elements. */
typedef struct Listener {
	Stream *stream;
	Principal *principal;
} Listener;

/* Takes references. */
Listener listener_make(Stream *stream, Principal *principal);
void listener_clear(Listener *listener);
/* What it may do now; NULL: nothing at all any more. Free with rights_unref. */
Rights *listener_rights(const Listener *listener, Services *services);
/* Whether the user may have one more. Those who have left are dropped before; with the list's lock. `what` as in "tasks
 * are". ERROR_TOO_MANY. */
gboolean listeners_have_room(GList *const *list, void (*drop)(GList *item, gpointer data), gpointer data, const char *user,
			     const char *what, const char *hint, GError **error);
