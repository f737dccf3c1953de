/* Events of a connection: a ring of the latest, each with its number, so that whoever takes a mark before a command
 * finds what the command has caused, however soon that came. */
#include "qemu/qmp-internal.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

enum { EVENT_MAX = 64 << 10 /* bytes; one with more is kept without its data */ };

void qmp_keep_event(Qmp *qmp, const char *name, json_object *data)
{
	QmpEventEntry *event = &qmp->events[++qmp->event_sequence % QMP_EVENTS_MAX];
	g_free(event->name);
	g_free(event->data);
	event->sequence = qmp->event_sequence;
	event->name = g_strdup(name);
	/* json-c's reference counts are not atomic: each waiter makes its own of it. */
	event->data = data ? json_dup_text(data) : NULL;
	if (event->data && strlen(event->data) > EVENT_MAX)
		g_clear_pointer(&event->data, g_free);
	g_cond_broadcast(&qmp->changed);
}

guint64 qmp_event_mark(Qmp *qmp)
{
	g_mutex_lock(&qmp->lock);
	guint64 mark = qmp->event_sequence;
	g_mutex_unlock(&qmp->lock);
	return mark;
}

/* The first matching event after the mark that is still in the ring; with the lock. */
static json_object *find_event(Qmp *qmp, guint64 mark, const char *name, const char *device)
{
	guint64 oldest = qmp->event_sequence > QMP_EVENTS_MAX ? qmp->event_sequence - QMP_EVENTS_MAX : 0;
	for (guint64 i = MAX(mark, oldest) + 1; i <= qmp->event_sequence; i++) {
		const QmpEventEntry *event = &qmp->events[i % QMP_EVENTS_MAX];
		if (!g_str_equal(event->name, name))
			continue;
		json_auto json_object *data = event->data ? json_parse(event->data, strlen(event->data), NULL) : NULL;
		if (!device || g_strcmp0(json_get_str(data, "device", NULL), device) == 0)
			return data ? g_steal_pointer(&data) : json_object_new_object();
	}
	return NULL;
}

json_object *qmp_wait_event(Qmp *qmp, guint64 mark, const char *event, const char *device, guint timeout_ms,
			    GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	gboolean late = FALSE;
	json_object *data;

	g_mutex_lock(&qmp->lock);
	while (!(data = find_event(qmp, mark, event, device)) && qmp->open && !late)
		late = !g_cond_wait_until(&qmp->changed, &qmp->lock, deadline);
	if (!data && !qmp->open)
		error_set(error, ERROR_UNAVAILABLE, NULL, "cannot wait for %s: %s", event, qmp->end_reason);
	else if (!data)
		error_set(error, ERROR_TIMEOUT, NULL, "%s%s%s did not come within %u ms", event, device ? " of " : "",
			  device ? device : "", timeout_ms);
	g_mutex_unlock(&qmp->lock);
	return data;
}
