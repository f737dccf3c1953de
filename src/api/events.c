/* Streams of events.
 *
 * Followers are a list under a lock. The sources (store, guests, tasks) call from threads of their own; for each
 * follower that wants it an event is queued on its stream, which never blocks: a follower that does not take what is
 * queued is cancelled by the server and dropped here at the next event. */
#include "api/events.h"

#include <string.h>

#include "api/route.h"
#include "base/json.h"
#include "guest/guests.h"

enum { LOG_LINES = 200 };

typedef struct Follower {
	Stream *stream;
	gint64 task;      /* 0: everything */
	guint next_line;  /* of the task's log */
	char *prefix;
} Follower;

static GMutex lock;
static GList *followers;
static guint store_watch_id;

static void follower_free(Follower *follower)
{
	stream_unref(follower->stream);
	g_free(follower->prefix);
	g_free(follower);
}

/* With the lock held. */
static void drop(GList *item)
{
	stream_close(((Follower *)item->data)->stream);
	follower_free(item->data);
	followers = g_list_delete_link(followers, item);
}

static gboolean is_over(json_object *task)
{
	const char *state = json_get_str(task, "state", "");
	return !g_str_equal(state, "queued") && !g_str_equal(state, "running");
}

/* With the lock held. FALSE if the follower is done with. */
static gboolean send_task(Services *services, Follower *follower, json_object *task)
{
	for (;;) {
		json_auto json_object *log =
			tasks_log(services->tasks, follower->task, follower->next_line, LOG_LINES, NULL);
		json_object *lines = json_get(log, "lines");
		size_t count = lines ? json_object_array_length(lines) : 0;
		for (size_t i = 0; i < count; i++) {
			json_auto json_object *event = json_object_new_object();
			json_set(event, "log", json_copy(json_object_array_get_idx(lines, i)));
			if (!stream_send_event(follower->stream, event))
				return FALSE;
		}
		follower->next_line = (guint)json_get_int(log, "next", follower->next_line);
		if (count < LOG_LINES)
			break;
	}
	json_auto json_object *event = json_object_new_object();
	json_set(event, "task", json_copy(task));
	return stream_send_event(follower->stream, event) && !is_over(task);
}

static void on_task(gint64 id, json_object *task, gpointer data)
{
	Services *services = data;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	for (GList *item = followers, *next; item; item = next) {
		Follower *follower = item->data;
		gboolean keep = TRUE;
		next = item->next;
		if (follower->task == id) {
			keep = send_task(services, follower, task);
		} else if (!follower->task) {
			json_auto json_object *event = json_object_new_object();
			json_set(event, "task", json_copy(task));
			keep = stream_send_event(follower->stream, event);
		}
		if (!keep)
			drop(item);
	}
}

static void broadcast(json_object *event, const char *path)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	for (GList *item = followers, *next; item; item = next) {
		Follower *follower = item->data;
		next = item->next;
		if (!follower->task && (!path || g_str_has_prefix(path, follower->prefix)) &&
		    !stream_send_event(follower->stream, event))
			drop(item);
	}
}

static void on_commit(const char *path, gint64 rev, json_object *body, gpointer data)
{
	(void)data;
	json_auto json_object *event = json_object_new_object();
	json_set_str(event, "path", path);
	json_set_int(event, "rev", rev);
	json_set(event, "body", json_copy(body));
	broadcast(event, path);
}

static void on_guest(gint64 id, const char *row, gpointer data)
{
	(void)data;
	json_auto json_object *event = json_object_new_object();
	if (row) {
		json_set(event, "vm", json_parse(row, strlen(row), NULL));
	} else {
		json_set_int(event, "vm_deleted", id);
	}
	broadcast(event, NULL);
}

void events_start(Services *services)
{
	store_watch_id = store_watch(services->store, "", on_commit, NULL);
	guests_set_watch(services->guests, on_guest, NULL);
	tasks_set_watch(services->tasks, on_task, services);
}

void events_stop(Services *services)
{
	tasks_set_watch(services->tasks, NULL, NULL);
	guests_set_watch(services->guests, NULL, NULL);
	store_unwatch(services->store, store_watch_id);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	while (followers)
		drop(followers);
}

static void add(Services *services, Stream *stream, gint64 task, const char *prefix)
{
	Follower *follower = g_new0(Follower, 1);
	follower->stream = stream_ref(stream);
	follower->task = task;
	follower->prefix = g_strdup(prefix);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	followers = g_list_prepend(followers, follower);
	if (!task)
		return;
	/* What happened before the follower was on the list; the task may have ended already. */
	json_auto json_object *now = tasks_describe(services->tasks, task, NULL);
	if (!now || !send_task(services, follower, now))
		drop(followers);
}

void events_follow_task(Services *services, Stream *stream, gint64 task)
{
	add(services, stream, task, "");
}

void events_follow_all(Services *services, Stream *stream, const char *prefix)
{
	add(services, stream, 0, prefix);
}

static gboolean follow_events(Call *call, GError **error)
{
	const char *prefix = call_query(call, "prefix");
	(void)error;
	call->response->keep_stream = TRUE;
	events_follow_all(call->services, call->request->stream, prefix ? prefix : "");
	return answer_json(call, 200, json_object_new_object());
}

const Route event_routes[] = {
	{"GET", "/events", follow_events, FALSE, "prefix"},
	{NULL},
};
