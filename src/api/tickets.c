/* Tickets are few and short-lived, so they are a table in memory, by the hash of their secret: what is looked up is not
 * what was given out, and how long that takes says nothing of it. Those of one user that are too many push out his
 * oldest, so that nobody keeps others from having some. */
#include "api/tickets.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"

enum { SECRET_SIZE = 32, TICKETS_MAX = 1024, TICKETS_OF_ONE = 32 };

typedef struct Kept {
	Ticket ticket;
	gint64 ends_us; /* monotonic */
} Kept;

static GMutex lock;
static GHashTable *tickets; /* SHA-256 in hexadecimal -> Kept */

void ticket_clear(Ticket *ticket)
{
	g_clear_pointer(&ticket->principal, principal_unref);
}

static void kept_free(gpointer data)
{
	Kept *kept = data;
	ticket_clear(&kept->ticket);
	g_free(kept);
}

static char *make_secret(GError **error)
{
	guint8 bytes[SECRET_SIZE];
	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) {
		error_set_errno(error, errno, "cannot make a ticket");
		return NULL;
	}
	char *text = g_base64_encode(bytes, sizeof bytes);
	for (char *p = text; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	text[strcspn(text, "=")] = '\0';
	return text;
}

static char *hash(const char *secret)
{
	return g_compute_checksum_for_string(G_CHECKSUM_SHA256, secret, -1);
}

/* With the lock: drops what has ended, and the user's oldest if he has too many. */
static void make_room(const char *user, gint64 now)
{
	GHashTableIter iter;
	gpointer key, value, oldest = NULL;
	gint64 oldest_us = G_MAXINT64;
	guint own = 0;
	g_hash_table_iter_init(&iter, tickets);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		const Kept *kept = value;
		if (kept->ends_us <= now) {
			g_hash_table_iter_remove(&iter);
			continue;
		}
		if (!g_str_equal(kept->ticket.principal->user, user))
			continue;
		own++;
		if (kept->ends_us < oldest_us) {
			oldest_us = kept->ends_us;
			oldest = key;
		}
	}
	if (own >= TICKETS_OF_ONE)
		g_hash_table_remove(tickets, oldest);
}

char *tickets_make(const Ticket *ticket, GError **error)
{
	gint64 now = g_get_monotonic_time();
	g_autofree char *secret = make_secret(error);
	if (!secret)
		return NULL;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	if (!tickets)
		tickets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, kept_free);
	make_room(ticket->principal->user, now);
	if (g_hash_table_size(tickets) >= TICKETS_MAX) {
		error_set(error, ERROR_TOO_MANY, "ask again in half a minute", "there are already %d tickets for consoles",
			  TICKETS_MAX);
		return NULL;
	}
	Kept *kept = g_new(Kept, 1);
	*kept = (Kept){*ticket, now + TICKET_LIFE_S * G_USEC_PER_SEC};
	principal_ref(kept->ticket.principal);
	g_hash_table_insert(tickets, hash(secret), kept);
	return g_steal_pointer(&secret);
}

/* With the lock. */
static Kept *look_up(const char *key, GError **error)
{
	Kept *kept = tickets ? g_hash_table_lookup(tickets, key) : NULL;
	if (kept && kept->ends_us > g_get_monotonic_time())
		return kept;
	error_set_field(error, ERROR_UNAUTHORIZED, "ticket", "POST to the console makes a new one; each opens it once",
			"the ticket was never given out, has been used, or is older than %d s", TICKET_LIFE_S);
	return NULL;
}

Principal *tickets_find(const char *secret, GError **error)
{
	g_autofree char *key = hash(secret);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	const Kept *kept = look_up(key, error);
	return kept ? principal_ref(kept->ticket.principal) : NULL;
}

gboolean tickets_use(const char *secret, Ticket *ret_ticket, GError **error)
{
	g_autofree char *key = hash(secret);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	const Kept *kept = look_up(key, error);
	if (!kept)
		return FALSE;
	*ret_ticket = kept->ticket;
	principal_ref(ret_ticket->principal);
	g_hash_table_remove(tickets, key);
	return TRUE;
}
