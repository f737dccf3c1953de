/* Events: who follows them, and the thread that sends to all of them.
 *
 * The sources (store, guests, tasks) call from threads of their own. They note what has changed in the catalog and the
 * feed, which takes no time and no memory per follower, and wake the thread. The thread goes round the followers: each
 * is sent what it has not seen as far as its stream has room, and for no longer than a turn. A round begins at the
 * earliest a moment after the last one, so that a thousand changes a second do not make a thousand rounds. A stream that
 * has drained, one that has ended, and a change of anybody's rights wake the thread as well. */
#include "api/events.h"

#include <string.h>

#include "api/follower.h"
#include "api/measure-follow.h"
#include "api/nodes.h"
#include "api/open-consoles.h"
#include "api/route.h"
#include "api/task-follow.h"
#include "base/error.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/vm.h"

enum {
	ROUND_US = 20000,
	CHECK_US = 5 * G_USEC_PER_SEC, /* what ends by itself (a token that expires) is noticed within */
	FOLLOWERS_MAX = 512,
	FOLLOWERS_OF_ONE = 64, /* of one user */
};

static struct {
	FollowerSource source;
	char *epoch;
	guint store_watch;
	GThread *thread;
	GMutex order; /* what has changed is read and noted in one step */
	GMutex lock;  /* of what follows */
	GCond woken_now;
	GList *followers; /* Follower; taken off by the thread alone */
	gboolean woken, rights_changed, stopping;
} events;

static void wake(gboolean rights_changed)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&events.lock);
	events.woken = TRUE;
	events.rights_changed |= rights_changed;
	g_cond_signal(&events.woken_now);
}

static void on_change(gpointer data)
{
	(void)data;
	wake(FALSE);
}

static void on_rights(gpointer data)
{
	(void)data;
	wake(TRUE);
}

static void on_drained(Stream *stream, gpointer data)
{
	(void)stream;
	(void)data;
	wake(FALSE);
}

/* --- Sources --- */

static GRefString *make_text(json_object *json)
{
	return g_ref_string_new(
		json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void note_document(const char *path, json_object *body)
{
	GRefString *text = body ? make_text(body) : NULL;
	catalog_put(events.source.catalog, path, text);
	if (text)
		g_ref_string_release(text);
}

static void note_node(void)
{
	json_auto json_object *node = node_describe(events.source.services);
	note_document("node/self", node);
}

static gboolean is_told_of(const char *path)
{
	static const char *const prefixes[] = {"image/", "storage/", "mapping/", "user/", "role/", "token/"};
	for (guint i = 0; i < G_N_ELEMENTS(prefixes); i++)
		if (g_str_has_prefix(path, prefixes[i]))
			return TRUE;
	return FALSE;
}

static void on_commit(const char *path, gint64 rev, json_object *body, gpointer data)
{
	(void)rev;
	(void)data;
	gboolean node = g_str_equal(path, "node/self");
	if (!node && !is_told_of(path))
		return;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&events.order);
	if (node)
		note_node();
	else
		note_document(path, body);
	feed_add(events.source.feed, path, NULL, NULL);
}

static void on_guest(gint64 id, const char *row, gpointer data)
{
	Services *services = data;
	g_autofree char *path = g_strdup_printf("vm/%" G_GINT64_FORMAT, id);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&events.order);
	g_autoptr(Vm) vm = row ? guests_get(services->guests, id) : NULL;
	char **tags = vm ? vm_ref_tags(vm) : NULL;
	/* Rights may hang on them. */
	if (feed_add(events.source.feed, path, (const char *const *)tags, NULL))
		wake(TRUE);
	if (tags)
		vm_tags_unref(tags);
}

static void note_task(gint64 id, json_object *task, gboolean changed)
{
	const char *state = json_get_str(task, "state", "");
	gboolean ended = !g_str_equal(state, "queued") && !g_str_equal(state, "running");
	g_autofree char *path = g_strdup_printf("task/%" G_GINT64_FORMAT, id);
	GRefString *text = make_text(task);
	catalog_put_task(events.source.catalog, path, text, ended);
	if (changed)
		feed_add(events.source.feed, path, NULL, text);
	g_ref_string_release(text);
}

static void on_task(gint64 id, json_object *task, gpointer data)
{
	g_mutex_lock(&events.order);
	note_task(id, task, TRUE);
	g_mutex_unlock(&events.order);
	task_follow_notify(data, id);
}

/* --- What was there before --- */

static void know_guests(Services *services)
{
	g_autoptr(GPtrArray) guests = guests_list(services->guests, 0, 0);
	for (guint i = 0; i < guests->len; i++) {
		Vm *vm = g_ptr_array_index(guests, i);
		char **tags = vm_ref_tags(vm);
		g_autofree char *path = g_strdup_printf("vm/%" G_GINT64_FORMAT, vm->id);
		feed_know_tags(events.source.feed, path, (const char *const *)tags);
		vm_tags_unref(tags);
	}
}

static void know_documents(Services *services)
{
	static const char *const prefixes[] = {"image/", "storage/", "mapping/", "user/", "role/", "token/"};
	for (guint i = 0; i < G_N_ELEMENTS(prefixes); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GPtrArray) documents = store_list(services->store, prefixes[i], &error);
		if (!documents)
			g_warning("events do not tell of what is there as '%s': %s", prefixes[i], error->message);
		for (guint j = 0; documents && j < documents->len; j++) {
			const Doc *doc = g_ptr_array_index(documents, j);
			note_document(doc->path, doc->body);
		}
	}
	/* Roles that are always there have no documents. */
	json_auto json_object *roles = access_list(services->access, "role");
	for (size_t i = 0; roles && i < json_object_array_length(roles); i++) {
		json_object *role = json_object_array_get_idx(roles, i);
		g_autofree char *path = g_strconcat("role/", json_get_str(role, "name", ""), NULL);
		if (json_get_bool(role, "builtin", FALSE))
			note_document(path, role);
	}
}

/* From the oldest to the newest, as they would have come. */
static void know_tasks(Services *services)
{
	static const char *const states[] = {NULL, "queued", "running"};
	for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
		json_auto json_object *tasks = tasks_list(services->tasks, NULL, states[i], 0, states[i] ? 0 : 50, NULL);
		for (size_t j = tasks ? json_object_array_length(tasks) : 0; j > 0; j--) {
			json_object *task = json_object_array_get_idx(tasks, j - 1);
			note_task(json_get_int(task, "id", 0), task, FALSE);
		}
	}
}

/* --- The thread --- */

/* Waits until there is something to do; FALSE when all ends. *ret_check is whether to look at all rights. */
static gboolean await_work(gint64 last_us, gboolean busy, gboolean *ret_check)
{
	static gint64 checked_us;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&events.lock);
	gint64 check_us = checked_us + CHECK_US;
	while (!events.stopping && !events.woken && !busy)
		if (!g_cond_wait_until(&events.woken_now, &events.lock, check_us))
			break;
	while (!events.stopping && !busy && !events.rights_changed)
		if (!g_cond_wait_until(&events.woken_now, &events.lock, last_us + ROUND_US))
			break;
	gint64 now = g_get_monotonic_time();
	*ret_check = events.rights_changed || now >= check_us;
	if (*ret_check)
		checked_us = now;
	events.woken = events.rights_changed = FALSE;
	return !events.stopping;
}

/* TRUE if somebody has more to be sent at once. */
static gboolean go_round(void)
{
	gboolean busy = FALSE;
	g_autoptr(GPtrArray) ended = g_ptr_array_new();
	g_mutex_lock(&events.lock);
	g_autoptr(GList) round = g_list_copy(events.followers);
	g_mutex_unlock(&events.lock);
	for (GList *item = round; item; item = item->next) {
		FollowerState state = follower_pump(item->data);
		busy |= state == FOLLOWER_GOES_ON;
		if (state == FOLLOWER_ENDED)
			g_ptr_array_add(ended, item->data);
	}
	g_mutex_lock(&events.lock);
	for (guint i = 0; i < ended->len; i++)
		events.followers = g_list_remove(events.followers, g_ptr_array_index(ended, i));
	g_mutex_unlock(&events.lock);
	for (guint i = 0; i < ended->len; i++) {
		Follower *follower = g_ptr_array_index(ended, i);
		stream_set_drained(follower_stream(follower), NULL, NULL);
		follower_free(follower);
	}
	return busy;
}

static gpointer run(gpointer data)
{
	Services *services = data;
	gboolean busy = FALSE, check = FALSE;
	gint64 last_us = 0;
	while (await_work(last_us, busy, &check)) {
		last_us = g_get_monotonic_time();
		if (check) {
			task_follow_check(services);
			measure_stream_check(services);
			open_consoles_check();
		}
		busy = go_round();
	}
	return NULL;
}

/* --- Beginning and end --- */

void events_start(Services *services)
{
	events.epoch = g_strdup_printf("%08x%08x", g_random_int(), g_random_int());
	events.stopping = FALSE;
	events.source = (FollowerSource){services, feed_new(on_change, NULL), catalog_new(), events.epoch};
	/* Whatever changes while it is read for the first time is told once more, later. */
	events.store_watch = store_watch(services->store, "", on_commit, NULL);
	guests_set_watch(services->guests, on_guest, services);
	tasks_set_watch(services->tasks, on_task, services);
	access_add_watch(services->access, on_rights, NULL);
	measure_stream_start(services);
	g_mutex_lock(&events.order);
	know_guests(services);
	know_documents(services);
	know_tasks(services);
	note_node();
	g_mutex_unlock(&events.order);
	events.thread = g_thread_new("events", run, services);
}

void events_stop(Services *services)
{
	if (!events.thread)
		return;
	tasks_set_watch(services->tasks, NULL, NULL);
	guests_set_watch(services->guests, NULL, NULL);
	store_unwatch(services->store, events.store_watch);
	g_mutex_lock(&events.lock);
	events.stopping = TRUE;
	g_cond_signal(&events.woken_now);
	g_mutex_unlock(&events.lock);
	g_thread_join(g_steal_pointer(&events.thread));
	task_follow_stop();
	measure_stream_stop(services);
	for (GList *item = events.followers; item; item = item->next) {
		stream_set_drained(follower_stream(item->data), NULL, NULL);
		stream_close(follower_stream(item->data));
		follower_free(item->data);
	}
	g_clear_pointer(&events.followers, g_list_free);
	g_clear_pointer(&events.source.feed, feed_free);
	g_clear_pointer(&events.source.catalog, catalog_free);
	g_clear_pointer(&events.epoch, g_free);
}

/* With the lock. */
static gboolean check_room(const char *user, GError **error)
{
	guint all = 0, own = 0;
	for (GList *item = events.followers; item; item = item->next, all++)
		own += g_str_equal(follower_user(item->data), user);
	if (all < FOLLOWERS_MAX && own < FOLLOWERS_OF_ONE)
		return TRUE;
	error_set(error, ERROR_TOO_MANY, "close one of them",
		  "the events are followed already %u times by '%s' (at most %d), and %u times in all (at most %d)", own,
		  user, FOLLOWERS_OF_ONE, all, FOLLOWERS_MAX);
	return FALSE;
}

static gboolean follow_events(Call *call, GError **error)
{
	const char *prefix = call_query(call, "prefix"), *epoch = call_query(call, "epoch");
	gint64 seq = call_number(call, "seq");
	if (!epoch != !seq) {
		error_set_field(error, ERROR_INVALID, "seq", "both are in the event 'live'",
				"epoch and seq go together");
		return FALSE;
	}
	Stream *stream = call->request->stream;
	Follower *follower = follower_new(&events.source, stream, call->principal, prefix ? prefix : "", epoch, seq);
	g_mutex_lock(&events.lock);
	gboolean room = !events.stopping && check_room(call->principal->user, error);
	if (room)
		events.followers = g_list_prepend(events.followers, follower);
	g_mutex_unlock(&events.lock);
	if (!room) {
		follower_free(follower);
		return FALSE;
	}
	call->response->keep_stream = TRUE;
	/* Also if the stream has ended already: then it is told that at once. */
	stream_set_drained(stream, on_drained, NULL);
	wake(FALSE);
	return answer_json(call, 200, json_object_new_object());
}

const Route event_routes[] = {
	{"GET", "/events", follow_events, "what there is and then what changes", PRIVILEGE_NONE, SCOPE_SELF,
	 .query = "prefix epoch seq", .answer = ANSWER_EVENTS,
	 .summary_ja = "現在の状態と、その後の変化"},
	{NULL},
};
