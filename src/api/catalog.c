/* Ordered by path, so that who reads it piece by piece needs nothing but the last path that it has seen. */
#include "api/catalog.h"

#include <string.h>

enum { ENDED_TASKS = 50 };

typedef struct Entry {
	GRefString *text;
	gboolean ended; /* of a task */
} Entry;

struct Catalog {
	GMutex lock;
	GTree *entries; /* path -> Entry */
	GQueue ended;	/* paths of tasks that have ended, the first ended first; also in entries */
};

static int compare(gconstpointer a, gconstpointer b, gpointer data)
{
	(void)data;
	return strcmp(a, b);
}

static void entry_free(gpointer data)
{
	Entry *entry = data;
	g_ref_string_release(entry->text);
	g_free(entry);
}

Catalog *catalog_new(void)
{
	Catalog *catalog = g_new0(Catalog, 1);
	g_mutex_init(&catalog->lock);
	catalog->entries = g_tree_new_full(compare, NULL, g_free, entry_free);
	g_queue_init(&catalog->ended);
	return catalog;
}

void catalog_free(Catalog *catalog)
{
	if (!catalog)
		return;
	g_queue_clear_full(&catalog->ended, g_free);
	g_tree_unref(catalog->entries);
	g_mutex_clear(&catalog->lock);
	g_free(catalog);
}

static void put(Catalog *catalog, const char *path, GRefString *text, gboolean ended)
{
	Entry *entry = g_new(Entry, 1);
	*entry = (Entry){g_ref_string_acquire(text), ended};
	g_tree_replace(catalog->entries, g_strdup(path), entry);
}

void catalog_put(Catalog *catalog, const char *path, GRefString *text)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
	if (text)
		put(catalog, path, text, FALSE);
	else
		g_tree_remove(catalog->entries, path);
}

void catalog_put_task(Catalog *catalog, const char *path, GRefString *text, gboolean ended)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
	const Entry *former = g_tree_lookup(catalog->entries, path);
	gboolean ends = ended && !(former && former->ended);
	put(catalog, path, text, ended);
	if (!ends)
		return;
	g_queue_push_tail(&catalog->ended, g_strdup(path));
	while (catalog->ended.length > ENDED_TASKS) {
		g_autofree char *oldest = g_queue_pop_head(&catalog->ended);
		g_tree_remove(catalog->entries, oldest);
	}
}

GRefString *catalog_ref(Catalog *catalog, const char *path)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
	const Entry *entry = g_tree_lookup(catalog->entries, path);
	return entry ? g_ref_string_acquire(entry->text) : NULL;
}

gboolean catalog_next(Catalog *catalog, const char *after, CatalogEntry *ret_entry)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
	GTreeNode *node = g_tree_upper_bound(catalog->entries, after);
	if (!node)
		return FALSE;
	const Entry *entry = g_tree_node_value(node);
	*ret_entry = (CatalogEntry){g_strdup(g_tree_node_key(node)), g_ref_string_acquire(entry->text)};
	return TRUE;
}

void catalog_entry_clear(CatalogEntry *entry)
{
	g_clear_pointer(&entry->path, g_free);
	g_clear_pointer(&entry->text, g_ref_string_release);
}
