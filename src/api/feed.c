/* The ring of the last changes.
 *
 * Each change takes the next number and the slot of that number; the object's former slot, if it is still in the ring,
 * is emptied. So an object is in the ring at most once, at its last change, and a thousand changes of one object are one
 * to who comes late. What the ring overwrites is forgotten; who has not got that far must begin anew.
 *
 * Values are not here but read when they are sent, except those of tasks, which would have to come from the journal. Of
 * guests the former tags are kept: whoever could see a guest by a tag that it has lost must be told that it is gone, and
 * nobody else must be told anything. They are a set that grows until the change is forgotten; one that grows too large
 * is emptied, and whoever would have needed it counts as behind. */
#include "api/feed.h"

enum { FORMER_MAX = 256 };

typedef struct Item {
	GRefString *path;
	gint64 seq;
	GPtrArray *former; /* set of tags; NULL: they have not changed */
	gint64 former_seq; /* when they last did */
	GRefString *text;
} Item;

struct Feed {
	GMutex lock;
	Item *slots[FEED_SIZE];
	GHashTable *items; /* path -> Item, those of the slots */
	GHashTable *tags;  /* path of a guest -> GStrv, of those that have any */
	gint64 seq;
	gint64 floor; /* changes up to this number may be forgotten */
	void (*changed)(gpointer data);
	gpointer data;
};

static void item_free(gpointer data)
{
	Item *item = data;
	g_clear_pointer(&item->former, g_ptr_array_unref);
	g_clear_pointer(&item->text, g_ref_string_release);
	g_ref_string_release(item->path);
	g_free(item);
}

Feed *feed_new(void (*changed)(gpointer data), gpointer data)
{
	Feed *feed = g_new0(Feed, 1);
	g_mutex_init(&feed->lock);
	feed->items = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, item_free);
	feed->tags = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev);
	feed->seq = 1; /* so that 0 is no number that anybody has seen */
	feed->changed = changed;
	feed->data = data;
	return feed;
}

void feed_free(Feed *feed)
{
	if (!feed)
		return;
	g_hash_table_unref(feed->items);
	g_hash_table_unref(feed->tags);
	g_mutex_clear(&feed->lock);
	g_free(feed);
}

/* With the lock. */
static Item *advance(Feed *feed, const char *path)
{
	Item *item = g_hash_table_lookup(feed->items, path);
	if (item)
		feed->slots[item->seq % FEED_SIZE] = NULL;
	Item **slot = &feed->slots[++feed->seq % FEED_SIZE];
	feed->floor = MAX(feed->floor, feed->seq - FEED_SIZE);
	if (*slot)
		g_hash_table_remove(feed->items, (*slot)->path);
	if (!item) {
		item = g_new0(Item, 1);
		item->path = g_ref_string_new(path);
		g_hash_table_insert(feed->items, item->path, item);
	}
	item->seq = feed->seq;
	*slot = item;
	return item;
}

static gboolean same_tags(const char *const *a, const char *const *b)
{
	static const char *const none[] = {NULL};
	return g_strv_equal(a ? a : none, b ? b : none);
}

static void set_tags(Feed *feed, const char *path, const char *const *tags)
{
	if (tags && *tags)
		g_hash_table_insert(feed->tags, g_strdup(path), g_strdupv((char **)tags));
	else
		g_hash_table_remove(feed->tags, path);
}

static void remember_tags(Feed *feed, Item *item, const char *const *tags)
{
	if (!item->former)
		item->former = g_ptr_array_new_with_free_func(g_free);
	if (item->former->len > FORMER_MAX) {
		feed->floor = MAX(feed->floor, feed->seq - 1);
		g_ptr_array_set_size(item->former, 0);
	}
	for (; tags && *tags; tags++)
		if (!g_ptr_array_find_with_equal_func(item->former, *tags, g_str_equal, NULL))
			g_ptr_array_add(item->former, g_strdup(*tags));
	item->former_seq = feed->seq;
}

void feed_know_tags(Feed *feed, const char *path, const char *const *tags)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&feed->lock);
	set_tags(feed, path, tags);
}

gboolean feed_add(Feed *feed, const char *path, const char *const *tags, GRefString *text)
{
	g_mutex_lock(&feed->lock);
	Item *item = advance(feed, path);
	const char *const *before = g_hash_table_lookup(feed->tags, path);
	gboolean others = !same_tags(before, tags);
	if (others) {
		remember_tags(feed, item, before);
		set_tags(feed, path, tags);
	}
	g_clear_pointer(&item->text, g_ref_string_release);
	item->text = text ? g_ref_string_acquire(text) : NULL;
	g_mutex_unlock(&feed->lock);
	feed->changed(feed->data);
	return others;
}

gint64 feed_seq(Feed *feed)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&feed->lock);
	return feed->seq;
}

gboolean feed_reaches(Feed *feed, gint64 seq)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&feed->lock);
	return seq >= feed->floor && seq <= feed->seq;
}

static char **dup_former(const Item *item)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	for (guint i = 0; i < item->former->len; i++)
		g_strv_builder_add(builder, g_ptr_array_index(item->former, i));
	return g_strv_builder_end(builder);
}

FeedNext feed_next(Feed *feed, gint64 seq, FeedChange *ret_change)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&feed->lock);
	if (seq < feed->floor)
		return FEED_BEHIND;
	const Item *item = NULL;
	for (gint64 next = seq + 1; next <= feed->seq && !item; next++)
		item = feed->slots[next % FEED_SIZE];
	if (!item)
		return FEED_END;
	*ret_change = (FeedChange){.seq = item->seq, .path = g_ref_string_acquire(item->path)};
	if (item->former && item->former_seq > seq)
		ret_change->former = dup_former(item);
	if (item->text)
		ret_change->text = g_ref_string_acquire(item->text);
	return FEED_CHANGE;
}

void feed_change_clear(FeedChange *change)
{
	g_clear_pointer(&change->path, g_ref_string_release);
	g_clear_pointer(&change->text, g_ref_string_release);
	g_clear_pointer(&change->former, g_strfreev);
}
