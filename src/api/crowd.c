/* The bounds add up to less than the server's threads, but for users: four of them can fill what is left, each with
 * requests of their own that end. */
#include "api/crowd.h"

#include "access/slow.h"
#include "base/error.h"

struct Crowd {
	GMutex lock;
	/* User, or "@SOURCE" (address, or network of IPv6) of one who has not signed in, or "#SOURCE" if others there have ->
	 * how many. */
	GHashTable *at_work;
	guint waiting, strangers, familiar;
};

Crowd *crowd_new(void)
{
	Crowd *crowd = g_new0(Crowd, 1);
	g_mutex_init(&crowd->lock);
	crowd->at_work = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return crowd;
}

void crowd_free(Crowd *crowd)
{
	if (!crowd)
		return;
	g_hash_table_unref(crowd->at_work);
	g_mutex_clear(&crowd->lock);
	g_free(crowd);
}

/* No user's name begins with '@' or '#'. */
static char *dup_key(const Call *call, gboolean familiar)
{
	if (call->principal)
		return g_strdup(call->principal->user);
	g_autofree char *source = slow_source(call->request->address);
	return g_strconcat(familiar ? "#" : "@", source, NULL);
}

gboolean crowd_enter(Crowd *crowd, const Call *call, gboolean familiar, GError **error)
{
	gboolean stranger = !call->principal, waits = call->route->waits;
	if (!call->request->front)
		return TRUE;
	g_autofree char *key = dup_key(call, familiar);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&crowd->lock);
	guint count = GPOINTER_TO_UINT(g_hash_table_lookup(crowd->at_work, key));
	guint *all = familiar ? &crowd->familiar : &crowd->strangers;
	gboolean full = stranger && *all >= (familiar ? CROWD_FAMILIAR : CROWD_STRANGERS);
	if (full || count >= (stranger ? CROWD_OF_STRANGER : CROWD_OF_ONE)) {
		error_set(error, ERROR_TOO_MANY, "ask again when one of them has been answered",
			  "%u requests %s are at work already", full ? *all : count,
			  stranger ? "without a credential" : "of this user");
		return FALSE;
	}
	if (waits && crowd->waiting >= CROWD_WAITING) {
		error_set(error, ERROR_TOO_MANY, "follow it by the events, or ask again in a while",
			  "%u requests wait already", crowd->waiting);
		return FALSE;
	}
	crowd->waiting += waits;
	*all += stranger;
	g_hash_table_insert(crowd->at_work, g_steal_pointer(&key), GUINT_TO_POINTER(count + 1));
	return TRUE;
}

gboolean crowd_has_room(Crowd *crowd, const Call *call)
{
	if (!call->request->front)
		return TRUE;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&crowd->lock);
	return GPOINTER_TO_UINT(g_hash_table_lookup(crowd->at_work, call->principal->user)) < CROWD_OF_ONE;
}

/* An address may have become familiar meanwhile, or stopped to be: then two requests of it that are both at work leave in
 * each other's place, and the sums are right again with the latter. */
void crowd_leave(Crowd *crowd, const Call *call)
{
	if (!call->request->front)
		return;
	g_autofree char *key = dup_key(call, TRUE);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&crowd->lock);
	gboolean familiar = !call->principal && g_hash_table_contains(crowd->at_work, key);
	if (!call->principal && !familiar) {
		g_free(key);
		key = dup_key(call, FALSE);
	}
	guint count = GPOINTER_TO_UINT(g_hash_table_lookup(crowd->at_work, key));
	if (count > 1)
		g_hash_table_insert(crowd->at_work, g_steal_pointer(&key), GUINT_TO_POINTER(count - 1));
	else
		g_hash_table_remove(crowd->at_work, key);
	crowd->waiting -= call->route->waits;
	if (!call->principal)
		*(familiar ? &crowd->familiar : &crowd->strangers) -= 1;
}
