/* Who follows measurements is sent each sample as it is made; one who does not read misses samples, and holds up nobody.
 * Those who have left are found when there is something to send, and every few seconds. */
#include "api/measure-follow.h"

#include "api/permit.h"
#include "base/error.h"
#include "guest/guests.h"
#include "measure/measure.h"

enum {
	FOLLOWERS_MAX = 512,
	FOLLOWERS_OF_ONE = 128, /* of one user */
	BEHIND = 4 << 10,       /* bytes that a reader may leave lying, which are some twenty samples */
};

typedef struct MeasureFollower {
	Stream *stream;
	Principal *principal;
	gint64 object;
} MeasureFollower;

static GMutex lock;
static GList *followers;

/* With the lock held. */
static void drop(Services *services, GList *item)
{
	MeasureFollower *follower = item->data;
	followers = g_list_delete_link(followers, item);
	measure_unfollow(services->measure, follower->object);
	stream_close(follower->stream);
	stream_unref(follower->stream);
	principal_unref(follower->principal);
	g_free(follower);
}

static gboolean may_follow(Services *services, const MeasureFollower *follower)
{
	if (!access_is_valid(services->access, follower->principal))
		return FALSE;
	g_autoptr(Rights) rights = access_rights(services->access, follower->principal);
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
		if (!sample || !stream_is_open(follower->stream))
			drop(services, item);
		else if (has_room(follower->stream))
			stream_send_text(follower->stream, sample);
	}
}

void measure_stream_check(Services *services)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	for (GList *item = followers, *next; item; item = next) {
		MeasureFollower *follower = item->data;
		next = item->next;
		gboolean open = stream_is_open(follower->stream);
		if (open && may_follow(services, follower))
			continue;
		if (open)
			stream_cancel(follower->stream);
		drop(services, item);
	}
}

/* With the lock. */
static gboolean check_room(Services *services, const char *user, GError **error)
{
	guint all = 0, own = 0;
	for (GList *item = followers, *next; item; item = next) {
		MeasureFollower *follower = item->data;
		next = item->next;
		if (!stream_is_open(follower->stream)) {
			drop(services, item);
			continue;
		}
		all++;
		own += g_str_equal(follower->principal->user, user);
	}
	if (all < FOLLOWERS_MAX && own < FOLLOWERS_OF_ONE)
		return TRUE;
	error_set(error, ERROR_TOO_MANY, "close one of them",
		  "measurements are followed already %u times by '%s' (at most %d), and %u times in all (at most %d)", own, user,
		  FOLLOWERS_OF_ONE, all, FOLLOWERS_MAX);
	return FALSE;
}

gboolean measure_stream(Services *services, Stream *stream, Principal *principal, gint64 object, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	if (!check_room(services, principal->user, error))
		return FALSE;
	MeasureFollower *follower = g_new0(MeasureFollower, 1);
	*follower = (MeasureFollower){stream_ref(stream), principal_ref(principal), object};
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
		drop(services, followers);
}
