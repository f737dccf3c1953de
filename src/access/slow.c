/* Slowing of who guesses.
 *
 * Failures are counted for each pair of account and source, and for each source alone; after the free ones each further
 * one makes the next attempt wait twice as long, from 1 s to 15 minutes. An attempt that comes too early is refused
 * without a look at its password and does not count, so the wait is never more than what was announced. One failure is
 * forgotten each 15 minutes. A success forgets the pair's failures, of the source's too: those were somebody's typing
 * errors, while what a guesser gets wrong with other accounts stays. Nothing is counted for an account alone: a
 * stranger elsewhere cannot keep anybody out. Whether the account exists makes no difference.
 *
 * Wrong tokens and sessions cannot be guessed (256 random bits), and are looked up at no cost. They are counted for
 * their source, apart from the passwords: a browser whose session has ended must be able to sign in. A right token is
 * never refused, however many wrong ones came from its address: only wrong ones get the answer "too many" instead of
 * "not allowed", which spares the audit log and tells a client with an old token to stop.
 *
 * The table is bounded; the entry that was not touched for longest is given up. Losing one forgives, never locks
 * out. */
#include "access/slow.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/units.h"

enum { DOUBLINGS_MAX = 10, KEY_LENGTH_MAX = 63 };

typedef struct Entry {
	char *key;
	guint failures;
	gint64 counted_us; /* when one was last counted or forgotten */
	gint64 until_us;   /* no attempt before */
	GList link;        /* by last use */
} Entry;

struct Slow {
	GMutex lock;
	GHashTable *entries;
	GQueue used; /* of Entry, the latest first */
};

static void entry_free(gpointer data)
{
	Entry *entry = data;
	g_free(entry->key);
	g_free(entry);
}

Slow *slow_new(void)
{
	Slow *slow = g_new0(Slow, 1);
	g_mutex_init(&slow->lock);
	slow->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
	return slow;
}

void slow_free(Slow *slow)
{
	if (!slow)
		return;
	g_hash_table_unref(slow->entries);
	g_mutex_clear(&slow->lock);
	g_free(slow);
}

char *slow_source(const char *address)
{
	g_autofree char *plain = g_strndup(address ? address : "", strcspn(address ? address : "", "%"));
	struct in6_addr ip;
	if (inet_pton(AF_INET6, plain, &ip) != 1)
		return g_strndup(plain, KEY_LENGTH_MAX);
	char text[INET6_ADDRSTRLEN];
	if (IN6_IS_ADDR_V4MAPPED(&ip))
		return g_strdup(inet_ntop(AF_INET, &ip.s6_addr[12], text, sizeof text));
	memset(&ip.s6_addr[8], 0, 8);
	return g_strconcat(inet_ntop(AF_INET6, &ip, text, sizeof text), "/64", NULL);
}

/* The account's name comes from outside: what no account can be named stands for all such. */
static char *pair_key(const char *user, const char *source)
{
	return g_strdup_printf("pair %s %s", strlen(user) <= KEY_LENGTH_MAX ? user : "", source);
}

static void drop(Slow *slow, Entry *entry)
{
	g_queue_unlink(&slow->used, &entry->link);
	g_hash_table_remove(slow->entries, entry->key);
}

/* With what time has forgotten taken off; NULL if nothing is left. */
static Entry *find(Slow *slow, const char *key, gint64 now_us)
{
	Entry *entry = g_hash_table_lookup(slow->entries, key);
	if (!entry)
		return NULL;
	gint64 forgotten = MAX(now_us - entry->counted_us, 0) / SLOW_FORGET_US;
	if (forgotten >= entry->failures) {
		drop(slow, entry);
		return NULL;
	}
	entry->failures -= (guint)forgotten;
	entry->counted_us += forgotten * SLOW_FORGET_US;
	return entry;
}

static gint64 find_wait(Slow *slow, const char *key, gint64 now_us)
{
	const Entry *entry = find(slow, key, now_us);
	return entry ? MAX(entry->until_us - now_us, 0) : 0;
}

static void count(Slow *slow, const char *key, guint free_failures, gint64 now_us)
{
	Entry *entry = find(slow, key, now_us);
	if (entry) {
		g_queue_unlink(&slow->used, &entry->link);
	} else {
		if (g_hash_table_size(slow->entries) >= SLOW_ENTRIES_MAX)
			drop(slow, g_queue_peek_tail(&slow->used));
		entry = g_new0(Entry, 1);
		entry->key = g_strdup(key);
		entry->link.data = entry;
		g_hash_table_insert(slow->entries, entry->key, entry);
	}
	g_queue_push_head_link(&slow->used, &entry->link);
	entry->failures = MIN(entry->failures + 1, free_failures + DOUBLINGS_MAX + 1);
	entry->counted_us = now_us;
	if (entry->failures > free_failures) {
		gint64 delay_us = (gint64)G_USEC_PER_SEC << (entry->failures - free_failures - 1);
		entry->until_us = now_us + MIN(delay_us, SLOW_DELAY_MAX_US);
	}
}

gint64 slow_login_wait(Slow *slow, const char *user, const char *source, gboolean known, gint64 now_us)
{
	if (!*source)
		return 0;
	g_autofree char *pair = pair_key(user, source);
	g_autofree char *alone = g_strconcat("source ", source, NULL);
	g_mutex_lock(&slow->lock);
	gint64 wait_us = find_wait(slow, pair, now_us);
	if (!known)
		wait_us = MAX(wait_us, find_wait(slow, alone, now_us));
	g_mutex_unlock(&slow->lock);
	return wait_us;
}

void slow_login_failed(Slow *slow, const char *user, const char *source, gint64 now_us)
{
	if (!*source)
		return;
	g_autofree char *pair = pair_key(user, source);
	g_autofree char *alone = g_strconcat("source ", source, NULL);
	g_mutex_lock(&slow->lock);
	count(slow, pair, SLOW_PAIR_FREE, now_us);
	count(slow, alone, SLOW_SOURCE_FREE, now_us);
	g_mutex_unlock(&slow->lock);
}

void slow_login_succeeded(Slow *slow, const char *user, const char *source, gint64 now_us)
{
	if (!*source)
		return;
	g_autofree char *pair = pair_key(user, source);
	g_autofree char *alone = g_strconcat("source ", source, NULL);
	g_mutex_lock(&slow->lock);
	Entry *own = find(slow, pair, now_us);
	Entry *all = own ? find(slow, alone, now_us) : NULL;
	if (all && all->failures <= own->failures) {
		drop(slow, all);
	} else if (all) {
		all->failures -= own->failures;
		if (all->failures <= SLOW_SOURCE_FREE)
			all->until_us = 0;
	}
	if (own)
		drop(slow, own);
	g_mutex_unlock(&slow->lock);
}

gint64 slow_secret_failed(Slow *slow, const char *source, gint64 now_us)
{
	if (!*source)
		return 0;
	g_autofree char *key = g_strconcat("secret ", source, NULL);
	g_mutex_lock(&slow->lock);
	gint64 wait_us = find_wait(slow, key, now_us);
	if (wait_us == 0)
		count(slow, key, SLOW_SECRET_FREE, now_us);
	g_mutex_unlock(&slow->lock);
	return wait_us;
}

char *slow_hint(gint64 wait_us)
{
	g_autofree char *duration =
		units_format_duration((guint64)((wait_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC));
	return g_strconcat("try again in ", duration, NULL);
}
