/* Watches: who wants to hear of changes, and the thread that tells them.
 *
 * The leader of a commit queues the changes that somebody watches, in order of revision; a thread of the watches'
 * own calls back. A committer waits for the callbacks of its own commit (not while it leads, so that the next group
 * gets on): whoever has committed finds the caches that follow the store up to date. A callback gets a value of its own
 * thread's: json-c's reference counts must not be shared between threads.
 *
 * Two locks: `lock` guards the queue and the list for moments only; `calling` is held while callbacks run, so that
 * after store_unwatch() none runs any more (it is recursive: a callback may end its own watch). */
#include <string.h>

#include "base/json.h"
#include "store/internal.h"

typedef struct Watch {
	guint id;
	char *prefix;
	StoreWatch callback; /* NULL once ended */
	gpointer data;
} Watch;

typedef struct Event {
	char *path;
	gint64 rev;
	char *text; /* NULL: deleted */
	gsize text_length;
} Event;

struct Watches {
	GThread *thread;
	GMutex lock;
	GCond queued;
	GQueue events;
	GPtrArray *list; /* of Watch */
	guint last_id;
	gboolean closing;
	gint64 delivering; /* revision of the event whose callbacks run; 0: none */
	GCond delivered;
	GRecMutex calling;
};

static void watch_free(gpointer data)
{
	Watch *watch = data;
	g_free(watch->prefix);
	g_free(watch);
}

static void event_free(Event *event)
{
	g_free(event->path);
	g_free(event->text);
	g_free(event);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Event, event_free)

/* Watches are only added at the end, and removed only here, by this thread: an index stays good during a callback. */
static void deliver(Watches *watches, const Event *event)
{
	json_auto json_object *body = event->text ? json_parse(event->text, event->text_length, NULL) : NULL;
	for (guint i = 0;; i++) {
		g_mutex_lock(&watches->lock);
		while (i < watches->list->len && !((Watch *)watches->list->pdata[i])->callback)
			g_ptr_array_remove_index(watches->list, i);
		Watch *watch = i < watches->list->len ? watches->list->pdata[i] : NULL;
		gboolean wanted = watch && g_str_has_prefix(event->path, watch->prefix);
		StoreWatch callback = watch ? watch->callback : NULL;
		gpointer data = watch ? watch->data : NULL;
		g_mutex_unlock(&watches->lock);
		if (!watch)
			return;
		if (wanted)
			callback(event->path, event->rev, body, data);
	}
}

static gpointer run(gpointer data)
{
	Watches *watches = data;
	for (;;) {
		g_mutex_lock(&watches->lock);
		while (!watches->events.head && !watches->closing)
			g_cond_wait(&watches->queued, &watches->lock);
		g_autoptr(Event) event = g_queue_pop_head(&watches->events);
		watches->delivering = event ? event->rev : 0;
		g_mutex_unlock(&watches->lock);
		if (!event)
			return NULL;
		g_rec_mutex_lock(&watches->calling);
		deliver(watches, event);
		g_rec_mutex_unlock(&watches->calling);
		g_mutex_lock(&watches->lock);
		watches->delivering = 0;
		g_cond_broadcast(&watches->delivered);
		g_mutex_unlock(&watches->lock);
	}
}

Watches *watches_new(void)
{
	Watches *watches = g_new0(Watches, 1);
	g_mutex_init(&watches->lock);
	g_cond_init(&watches->queued);
	g_cond_init(&watches->delivered);
	g_queue_init(&watches->events);
	g_rec_mutex_init(&watches->calling);
	watches->list = g_ptr_array_new_with_free_func(watch_free);
	watches->thread = g_thread_new("store-watch", run, watches);
	return watches;
}

void watches_free(Watches *watches)
{
	if (!watches)
		return;
	g_mutex_lock(&watches->lock);
	watches->closing = TRUE;
	g_cond_signal(&watches->queued);
	g_mutex_unlock(&watches->lock);
	g_thread_join(watches->thread);
	g_ptr_array_unref(watches->list);
	g_rec_mutex_clear(&watches->calling);
	g_cond_clear(&watches->queued);
	g_cond_clear(&watches->delivered);
	g_mutex_clear(&watches->lock);
	g_free(watches);
}

static gboolean is_watched(const Watches *watches, const char *path)
{
	for (guint i = 0; i < watches->list->len; i++) {
		const Watch *watch = watches->list->pdata[i];
		if (watch->callback && g_str_has_prefix(path, watch->prefix))
			return TRUE;
	}
	return FALSE;
}

void watches_queue(Watches *watches, const Batch *batch)
{
	g_mutex_lock(&watches->lock);
	for (guint i = 0; i < batch->ops->len; i++) {
		const Op *op = &g_array_index(batch->ops, Op, i);
		if (!op->changed_rev || !is_watched(watches, op->path))
			continue;
		Event *event = g_new0(Event, 1);
		event->path = g_strdup(op->path);
		event->rev = op->changed_rev;
		event->text = g_strndup(op->text, op->text_length);
		event->text_length = op->text_length;
		g_queue_push_tail(&watches->events, event);
		g_cond_signal(&watches->queued);
	}
	g_mutex_unlock(&watches->lock);
}

void watches_wait(Watches *watches, gint64 rev)
{
	if (g_thread_self() == watches->thread)
		return; /* a callback that commits would wait for itself */
	g_mutex_lock(&watches->lock);
	for (;;) {
		const Event *next = g_queue_peek_head(&watches->events);
		gboolean waiting = next && next->rev <= rev;
		gboolean running = watches->delivering && watches->delivering <= rev;
		if (!waiting && !running)
			break;
		g_cond_wait(&watches->delivered, &watches->lock);
	}
	g_mutex_unlock(&watches->lock);
}

guint store_watch(Store *store, const char *prefix, StoreWatch callback, gpointer data)
{
	Watches *watches = store->watches;
	Watch *watch = g_new0(Watch, 1);
	watch->prefix = g_strdup(prefix);
	watch->callback = callback;
	watch->data = data;
	g_mutex_lock(&watches->lock);
	guint id = watch->id = ++watches->last_id;
	g_ptr_array_add(watches->list, watch);
	g_mutex_unlock(&watches->lock);
	return id;
}

void store_unwatch(Store *store, guint id)
{
	Watches *watches = store->watches;
	g_rec_mutex_lock(&watches->calling);
	g_mutex_lock(&watches->lock);
	for (guint i = 0; i < watches->list->len; i++) {
		Watch *watch = watches->list->pdata[i];
		if (watch->id == id)
			watch->callback = NULL;
	}
	g_mutex_unlock(&watches->lock);
	g_rec_mutex_unlock(&watches->calling);
}
