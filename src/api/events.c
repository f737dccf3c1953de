/* Streams of events.
 *
 * Followers are a list under a lock. The sources (store, guests, tasks) call from threads of their own; for each
 * follower that wants it an event is queued on its stream, which never blocks: a follower that does not take what is
 * queued is cancelled by the server and dropped here at the next event.
 *
 * Who follows one task is sent that task's new log lines and its state as they are now. The log is read from the disk,
 * so that happens without the lock: one thread at a time sends to a follower, and one that comes meanwhile only leaves
 * word that there is something new. */
#include "api/events.h"

#include <string.h>

#include "api/route.h"
#include "base/json.h"
#include "guest/guests.h"

enum { LOG_LINES = 200 };

typedef struct Follower {
	gatomicrefcount refs; /* the list's and a sending thread's */
	Stream *stream;
	gint64 task;      /* 0: everything */
	guint next_line;  /* of the task's log; the sending thread's */
	char *prefix;
	gboolean sending; /* these two under the lock */
	gboolean again;
} Follower;

static GMutex lock;
static GList *followers;
static guint store_watch_id;

static void follower_unref(Follower *follower)
{
	if (!g_atomic_ref_count_dec(&follower->refs))
		return;
	stream_unref(follower->stream);
	g_free(follower->prefix);
	g_free(follower);
}

/* With the lock held; NULL is fine (it was dropped meanwhile). */
static void drop(GList *item)
{
	if (!item)
		return;
	Follower *follower = item->data;
	followers = g_list_delete_link(followers, item);
	stream_close(follower->stream);
	follower_unref(follower);
}

static gboolean is_over(json_object *task)
{
	const char *state = json_get_str(task, "state", "");
	return !g_str_equal(state, "queued") && !g_str_equal(state, "running");
}

/* FALSE if the follower is done with. */
static gboolean send_task(Services *services, Follower *follower)
{
	json_auto json_object *task = tasks_describe(services->tasks, follower->task, NULL);
	if (!task)
		return FALSE;
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

/* Takes over a reference. */
static void bring_up_to_date(Services *services, Follower *follower)
{
	g_mutex_lock(&lock);
	gboolean mine = !follower->sending;
	follower->sending = TRUE;
	follower->again = !mine;
	g_mutex_unlock(&lock);
	while (mine) {
		gboolean keep = send_task(services, follower);
		g_mutex_lock(&lock);
		if (!keep)
			drop(g_list_find(followers, follower));
		mine = keep && follower->again;
		follower->again = FALSE;
		follower->sending = mine;
		g_mutex_unlock(&lock);
	}
	follower_unref(follower);
}

static void on_task(gint64 id, json_object *task, gpointer data)
{
	Services *services = data;
	g_autoptr(GPtrArray) of_this_task = g_ptr_array_new();

	g_mutex_lock(&lock);
	for (GList *item = followers, *next; item; item = next) {
		Follower *follower = item->data;
		next = item->next;
		if (follower->task == id) {
			g_atomic_ref_count_inc(&follower->refs);
			g_ptr_array_add(of_this_task, follower);
		} else if (!follower->task && path_is_below(json_get_str(task, "object", ""), follower->prefix)) {
			json_auto json_object *event = json_object_new_object();
			json_set(event, "task", json_copy(task));
			if (!stream_send_event(follower->stream, event))
				drop(item);
		}
	}
	g_mutex_unlock(&lock);
	for (guint i = 0; i < of_this_task->len; i++)
		bring_up_to_date(services, g_ptr_array_index(of_this_task, i));
}

static void broadcast(json_object *event, const char *path)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	for (GList *item = followers, *next; item; item = next) {
		Follower *follower = item->data;
		next = item->next;
		if (!follower->task && path_is_below(path, follower->prefix) &&
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
	g_autofree char *path = g_strdup_printf("vm/%" G_GINT64_FORMAT, id);
	if (row)
		json_set(event, "vm", json_parse(row, strlen(row), NULL));
	else
		json_set_int(event, "vm_deleted", id);
	broadcast(event, path);
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
	g_atomic_ref_count_init(&follower->refs);
	follower->stream = stream_ref(stream);
	follower->task = task;
	follower->prefix = g_strdup(prefix);
	g_mutex_lock(&lock);
	followers = g_list_prepend(followers, follower);
	if (task)
		g_atomic_ref_count_inc(&follower->refs);
	g_mutex_unlock(&lock);
	/* What happened before the follower was on the list; the task may have ended already. */
	if (task)
		bring_up_to_date(services, follower);
}

void events_follow_task(Services *services, Stream *stream, gint64 task)
{
	add(services, stream, task, "");
}

static gboolean follow_events(Call *call, GError **error)
{
	const char *prefix = call_query(call, "prefix");
	(void)error;
	call->response->keep_stream = TRUE;
	add(call->services, call->request->stream, 0, prefix ? prefix : "");
	return answer_json(call, 200, json_object_new_object());
}

const Route event_routes[] = {
	{"GET", "/events", follow_events, "what there is and then what changes", PRIVILEGE_NONE, SCOPE_SELF,
	 .query = "prefix", .answer = ANSWER_EVENTS},
	{NULL},
};
