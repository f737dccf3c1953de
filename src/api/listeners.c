/* What the followers of tasks and of measurements have in common. */
#include "api/listeners.h"

#include "base/error.h"

Listener listener_make(Stream *stream, Principal *principal)
{
	return (Listener){stream_ref(stream), principal_ref(principal)};
}

void listener_clear(Listener *listener)
{
	stream_unref(listener->stream);
	principal_unref(listener->principal);
}

Rights *listener_rights(const Listener *listener, Services *services)
{
	if (!access_is_valid(services->access, listener->principal))
		return NULL;
	return access_rights(services->access, listener->principal);
}

gboolean listeners_have_room(GList *const *list, void (*drop)(GList *item, gpointer data), gpointer data, const char *user,
			     const char *what, const char *hint, GError **error)
{
	guint all = 0, own = 0;
	for (GList *item = *list, *next; item; item = next) {
		const Listener *listener = item->data;
		next = item->next;
		if (!stream_is_open(listener->stream)) {
			drop(item, data);
			continue;
		}
		all++;
		own += g_str_equal(listener->principal->user, user);
	}
	if (all < LISTENERS_MAX && own < LISTENERS_OF_ONE)
		return TRUE;
	error_set(error, ERROR_TOO_MANY, hint,
		  "%s followed already %u times by '%s' (at most %d), and %u times in all (at most %d)", what, own, user,
		  LISTENERS_OF_ONE, all, LISTENERS_MAX);
	return FALSE;
}
