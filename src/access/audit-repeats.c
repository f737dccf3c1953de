/* The same refusal again and again, counted instead of written.
 *
 * The first of its kind (user, network of the address, action, message) is written and opens a window; those that come
 * while it is open are counted, and one entry at its end says how many. All windows are equally long, so the queue in
 * which they were opened is also that in which they end. Who sends refusals of ever new kinds (other names, other
 * paths) gets a window that takes all of his: strangers share one such, everybody who is known has an own, so that
 * no flood drives the entries of others out of the log or hides them. */
#include "access/audit-internal.h"

#include <arpa/inet.h>
#include <string.h>

#define TOGETHER "more different refusals and failures than are written one by one; they are counted"

typedef struct Window {
	char *key;
	char *members;
	gint64 ends_us;
	guint repeated;
} Window;

struct Repeats {
	const AuditLimits *limits;
	GHashTable *windows; /* key (the window's) -> Window */
	GQueue order;        /* Window, in the order in which they end; owned */
	GHashTable *kinds;   /* source -> number of windows that were opened since kinds_us */
	gint64 kinds_us;
};

static void window_free(gpointer data)
{
	Window *window = data;
	g_free(window->key);
	g_free(window->members);
	g_free(window);
}

Repeats *repeats_new(const AuditLimits *limits)
{
	Repeats *repeats = g_new0(Repeats, 1);
	repeats->limits = limits;
	repeats->windows = g_hash_table_new(g_str_hash, g_str_equal);
	repeats->kinds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return repeats;
}

void repeats_free(Repeats *repeats)
{
	g_hash_table_unref(repeats->windows);
	g_hash_table_unref(repeats->kinds);
	g_queue_clear_full(&repeats->order, window_free);
	g_free(repeats);
}

/* Whoever has an IPv6 address has 2^64 of them. */
static char *network_of(const char *address)
{
	struct in6_addr six;
	char text[INET6_ADDRSTRLEN];
	if (!address || inet_pton(AF_INET6, address, &six) != 1 || IN6_IS_ADDR_V4MAPPED(&six))
		return g_strdup(address ? address : "");
	memset(six.s6_addr + 8, 0, 8);
	return g_strdup(inet_ntop(AF_INET6, &six, text, sizeof text));
}

static gboolean is_known(const AuditEntry *entry)
{
	return entry->via && *entry->via;
}

/* Whether the source may open one window more of its own kind. */
static gboolean count_kind(Repeats *repeats, const char *source, gint64 now_us)
{
	if (now_us - repeats->kinds_us >= repeats->limits->window_us) {
		g_hash_table_remove_all(repeats->kinds);
		repeats->kinds_us = now_us;
	}
	guint count = GPOINTER_TO_UINT(g_hash_table_lookup(repeats->kinds, source));
	if (count >= repeats->limits->kinds)
		return FALSE;
	g_hash_table_replace(repeats->kinds, g_strdup(source), GUINT_TO_POINTER(count + 1));
	return TRUE;
}

static char *open_window(Repeats *repeats, char *key, const AuditEntry *entry, gint64 now_us)
{
	Window *window = g_new0(Window, 1);
	window->key = key;
	window->members = audit_members(entry);
	window->ends_us = now_us + repeats->limits->window_us;
	g_queue_push_tail(&repeats->order, window);
	g_hash_table_replace(repeats->windows, window->key, window);
	return g_strdup(window->members);
}

static gboolean counted(Repeats *repeats, const char *key, gint64 now_us)
{
	Window *window = g_hash_table_lookup(repeats->windows, key);
	if (!window || window->ends_us <= now_us)
		return FALSE;
	window->repeated++;
	return TRUE;
}

char *repeats_note(Repeats *repeats, const AuditEntry *entry, gint64 now_us)
{
	const char *source = is_known(entry) ? entry->user : "";
	g_autofree char *network = network_of(entry->address);
	g_autofree char *key = g_strdup_printf("%s\n%s\n%s\n%s", entry->user, network, entry->action,
					       entry->message ? entry->message : "");
	if (counted(repeats, key, now_us))
		return NULL;
	if (count_kind(repeats, source, now_us))
		return open_window(repeats, g_steal_pointer(&key), entry, now_us);
	g_autofree char *together = g_strdup_printf("*\n%s", source);
	if (counted(repeats, together, now_us))
		return NULL;
	AuditEntry all = {.user = source, .via = is_known(entry) ? entry->via : "", .address = "", .action = "*",
			  .object = "", .outcome = "refused", .message = TOGETHER};
	return open_window(repeats, g_steal_pointer(&together), &all, now_us);
}

char *repeats_take_ended(Repeats *repeats, gint64 now_us)
{
	for (;;) {
		Window *window = g_queue_peek_head(&repeats->order);
		if (!window || (window->ends_us > now_us && repeats->order.length <= repeats->limits->windows))
			return NULL;
		g_queue_pop_head(&repeats->order);
		/* A newer window of the same key may have taken its place. */
		if (g_hash_table_lookup(repeats->windows, window->key) == window)
			g_hash_table_remove(repeats->windows, window->key);
		char *text = window->repeated ? audit_text(g_get_real_time(), window->repeated, window->members) : NULL;
		window_free(window);
		if (text)
			return text;
	}
}

gint64 repeats_next_end(const Repeats *repeats)
{
	const Window *window = g_queue_peek_head((GQueue *)&repeats->order);
	return window ? window->ends_us : -1;
}
