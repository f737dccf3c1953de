/* Who follows one task is sent that task's new log lines and its state as they are now. The log is read from the disk, so
 * that happens without the lock: one thread at a time sends to a follower, and one that comes meanwhile only leaves word
 * that there is something new. */
#include "api/task-follow.h"

#include "api/listeners.h"
#include "api/permit.h"
#include "base/json.h"

enum { LOG_LINES = 200 };

typedef struct TaskFollower {
	Listener to;
	gatomicrefcount refs; /* the list's and a sending thread's */
	gint64 task;
	guint next_line;  /* of the task's log; the sending thread's */
	gboolean sending; /* these two under the lock */
	gboolean again;
} TaskFollower;

static GMutex lock;
static GList *followers;

static void follower_unref(TaskFollower *follower)
{
	if (!g_atomic_ref_count_dec(&follower->refs))
		return;
	listener_clear(&follower->to);
	g_free(follower);
}

/* With the lock held; NULL is fine (it was dropped meanwhile). */
static void drop(GList *item, gpointer data)
{
	(void)data;
	if (!item)
		return;
	TaskFollower *follower = item->data;
	followers = g_list_delete_link(followers, item);
	stream_close(follower->to.stream);
	follower_unref(follower);
}

static gboolean is_over(json_object *task)
{
	const char *state = json_get_str(task, "state", "");
	return !g_str_equal(state, "queued") && !g_str_equal(state, "running");
}

static gboolean may_follow(Services *services, const TaskFollower *follower, json_object *task)
{
	g_autoptr(Rights) rights = listener_rights(&follower->to, services);
	return rights && permit_sees_task(services, follower->to.principal, rights, task);
}

static gboolean send_log(Services *services, TaskFollower *follower)
{
	for (;;) {
		json_auto json_object *log =
			tasks_log(services->tasks, follower->task, follower->next_line, LOG_LINES, NULL);
		json_object *lines = json_get(log, "lines");
		size_t count = lines ? json_object_array_length(lines) : 0;
		for (size_t i = 0; i < count; i++) {
			json_auto json_object *event = json_object_new_object();
			json_set(event, "log", json_copy(json_object_array_get_idx(lines, i)));
			if (!stream_send_event(follower->to.stream, event))
				return FALSE;
		}
		follower->next_line = (guint)json_get_int(log, "next", follower->next_line);
		if (count < LOG_LINES)
			return TRUE;
	}
}

/* FALSE if the follower is done with. */
static gboolean send_task(Services *services, TaskFollower *follower)
{
	json_auto json_object *task = tasks_describe(services->tasks, follower->task, NULL);
	if (!task)
		return FALSE;
	if (!may_follow(services, follower, task)) {
		stream_cancel(follower->to.stream);
		return FALSE;
	}
	if (!send_log(services, follower))
		return FALSE;
	json_auto json_object *event = json_object_new_object();
	json_set(event, "task", json_copy(task));
	return stream_send_event(follower->to.stream, event) && !is_over(task);
}

/* Takes over a reference. */
static void bring_up_to_date(Services *services, TaskFollower *follower)
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
			drop(g_list_find(followers, follower), NULL);
		mine = keep && follower->again;
		follower->again = FALSE;
		follower->sending = mine;
		g_mutex_unlock(&lock);
	}
	follower_unref(follower);
}

static GPtrArray *ref_followers(gint64 task /* 0: all */)
{
	GPtrArray *found = g_ptr_array_new();
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	for (GList *item = followers; item; item = item->next) {
		TaskFollower *follower = item->data;
		if (task && follower->task != task)
			continue;
		g_atomic_ref_count_inc(&follower->refs);
		g_ptr_array_add(found, follower);
	}
	return found;
}

void task_follow_notify(Services *services, gint64 task)
{
	g_autoptr(GPtrArray) found = ref_followers(task);
	for (guint i = 0; i < found->len; i++)
		bring_up_to_date(services, g_ptr_array_index(found, i));
}

void task_follow_check(Services *services)
{
	g_autoptr(GPtrArray) found = ref_followers(0);
	for (guint i = 0; i < found->len; i++) {
		TaskFollower *follower = g_ptr_array_index(found, i);
		json_auto json_object *task = tasks_describe(services->tasks, follower->task, NULL);
		if (!task || !may_follow(services, follower, task) || !stream_is_open(follower->to.stream)) {
			stream_cancel(follower->to.stream);
			g_mutex_lock(&lock);
			drop(g_list_find(followers, follower), NULL);
			g_mutex_unlock(&lock);
		}
		follower_unref(follower);
	}
}

gboolean task_follow(Services *services, Stream *stream, Principal *principal, gint64 task, GError **error)
{
	TaskFollower *follower = g_new0(TaskFollower, 1);
	g_atomic_ref_count_init(&follower->refs);
	follower->to = listener_make(stream, principal);
	follower->task = task;
	g_atomic_ref_count_inc(&follower->refs);
	g_mutex_lock(&lock);
	gboolean room = listeners_have_room(&followers, drop, NULL, principal->user, "tasks are",
					    "close one of them, or follow all tasks by GET /events", error);
	if (room)
		followers = g_list_prepend(followers, follower);
	g_mutex_unlock(&lock);
	if (!room) {
		follower_unref(follower);
		follower_unref(follower);
		return FALSE;
	}
	/* What happened before the follower was on the list; the task may have ended already. */
	bring_up_to_date(services, follower);
	return TRUE;
}

void task_follow_stop(void)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	while (followers)
		drop(followers, NULL);
}
