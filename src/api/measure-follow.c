/* Who follows measurements is sent each sample as it is made; one who does not read misses samples, and holds up nobody.
 * Those who have left are found when there is something to send, and every few seconds. */
#include "api/measure-follow.h"

#include "api/listeners.h"
#include "api/permit.h"
#include "guest/guests.h"
#include "measure/measure.h"

enum { BEHIND = 4 << 10 /* bytes that a reader may leave lying, which are some twenty samples */ };

typedef struct MeasureFollower {
	Listener to;
	gint64 object;
} MeasureFollower;

static GMutex lock;
static GList *followers;

/* With the lock held. */
static void drop(GList *item, gpointer data)
{
	Services *services = data;
	MeasureFollower *follower = item->data;
	followers = g_list_delete_link(followers, item);
	measure_unfollow(services->measure, follower->object);
	stream_close(follower->to.stream);
	listener_clear(&follower->to);
	g_free(follower);
}

static gboolean may_follow(Services *services, const MeasureFollower *follower)
{
	g_autoptr(Rights) rights = listener_rights(&follower->to, services);
	if (!rights)
		return FALSE;
	if (follower->object == OBJECT_NODE) {
		g_autofree char *path = g_strconcat("/nodes/", services->node, NULL);
		return rights_allow(rights, PRIVILEGE_NODE_READ, path, NULL);
	}
	/* One that is gone hides nothing any more: its watch ends the stream. */
	g_autoptr(Vm) vm = guests_get(services->guests, follower->object);
	return !vm || permit_vm_row(rights, vm);
}

static gboolean has_room(Stream *stream)
{
	return stream_room(stream) > STREAM_QUEUE_MAX - BEHIND;
}

static void on_sample(gint64 object, const char *sample, gpointer data)
{
	Services *services = data;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	for (GList *item = followers, *next; item; item = next) {
		MeasureFollower *follower = item->data;
		next = item->next;
		if (follower->object != object)
			continue;
		if (!sample || !stream_is_open(follower->to.stream))
			drop(item, services);
		else if (has_room(follower->to.stream))
			stream_send_text(follower->to.stream, sample);
	}
}

void measure_stream_check(Services *services)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	for (GList *item = followers, *next; item; item = next) {
		MeasureFollower *follower = item->data;
		next = item->next;
		gboolean open = stream_is_open(follower->to.stream);
		if (open && may_follow(services, follower))
			continue;
		if (open)
			stream_cancel(follower->to.stream);
		drop(item, services);
	}
}

gboolean measure_stream(Services *services, Stream *stream, Principal *principal, gint64 object, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	if (!listeners_have_room(&followers, drop, services, principal->user, "measurements are", "close one of them", error))
		return FALSE;
	MeasureFollower *follower = g_new0(MeasureFollower, 1);
	*follower = (MeasureFollower){listener_make(stream, principal), object};
	followers = g_list_prepend(followers, follower);
	g_autofree char *sample = measure_follow(services->measure, object);
	if (sample)
		stream_send_text(stream, sample);
	return TRUE;
}

void measure_stream_start(Services *services)
{
	measure_set_watch(services->measure, on_sample, services);
}

void measure_stream_stop(Services *services)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	while (followers)
		drop(followers, services);
}
