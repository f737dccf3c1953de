/* The sweep: a thread that ends what has expired, and brings the store in step with the tables where nobody waits for
 * it.
 *
 * Each ten seconds, and when something is to be deleted: sessions and tokens whose time is over end (which streams and
 * consoles hear of as of any other change); when sessions were last used is written, at most each five minutes for
 * each; secrets that nothing needs any more are deleted. What cannot be written now is tried again. */
#include <string.h>

#include "access/internal.h"

enum { BATCH_MAX = 256 };
#define INTERVAL_US ((gint64)10 * G_USEC_PER_SEC)
#define SAVE_INTERVAL_US ((gint64)5 * 60 * G_USEC_PER_SEC)

/* Under the lock. Whether something has ended. */
static gboolean end_expired(Access *access)
{
	g_autoptr(GPtrArray) ended = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, access->sessions);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (!session_is_valid(access, value))
			g_ptr_array_add(ended, value);
	for (guint i = 0; i < ended->len; i++)
		tables_end_session(access, ended->pdata[i]);
	gboolean changed = ended->len > 0;
	gint64 now_us = access->clock.real_us();
	g_hash_table_iter_init(&iter, access->tokens);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Token *token = value;
		gboolean expired = token->expires_us && now_us >= token->expires_us;
		changed |= expired && !token->expired;
		token->expired = expired;
	}
	return changed;
}

typedef struct Used {
	char *name, *text; /* of a session's secret */
} Used;

static void used_clear(gpointer data)
{
	Used *used = data;
	g_free(used->name);
	g_free(used->text);
}

/* Under the lock: what is to be written of sessions that were used since they were. Idle time must not be lost by a
 * restart, so a short limit is written more often. */
static GArray *gather_used(Access *access, gboolean all)
{
	GHashTableIter iter;
	gpointer value;
	GArray *list = g_array_new(FALSE, FALSE, sizeof(Used));
	g_array_set_clear_func(list, used_clear);
	gint64 interval_us = all ? 0 : MIN(SAVE_INTERVAL_US, access->settings.session_idle_us / 4);
	g_hash_table_iter_init(&iter, access->sessions);
	while (list->len < BATCH_MAX && g_hash_table_iter_next(&iter, NULL, &value)) {
		Session *session = value;
		if (session->last_used_us - session->saved_us <= interval_us)
			continue;
		session->saved_us = session->last_used_us;
		Used used = {g_strconcat("session/", session->id, NULL), session_to_text(session)};
		g_array_append_val(list, used);
	}
	return list;
}

/* Whether there may be more to write. */
static gboolean write_some(Access *access, gboolean all)
{
	g_autoptr(Batch) batch = batch_new("system", 0);
	g_autoptr(GPtrArray) dropped = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;
	g_mutex_lock(&access->lock);
	g_autoptr(GArray) used = gather_used(access, all);
	while (access->doomed->len > 0 && dropped->len < BATCH_MAX)
		g_ptr_array_add(dropped, g_ptr_array_steal_index_fast(access->doomed, access->doomed->len - 1));
	g_mutex_unlock(&access->lock);
	if (used->len == 0 && dropped->len == 0)
		return FALSE;
	gboolean ok = TRUE;
	for (guint i = 0; ok && i < used->len; i++) {
		const Used *one = &g_array_index(used, Used, i);
		ok = batch_renew_secret(access->store, batch, one->name, one->text, strlen(one->text), &error);
	}
	for (guint i = 0; i < dropped->len; i++)
		batch_drop_secret(batch, dropped->pdata[i]);
	if (ok && store_commit_secrets(access->store, batch, &error))
		return TRUE;
	g_warning("cannot write what has become of sessions: %s", error->message);
	g_mutex_lock(&access->lock);
	while (dropped->len > 0)
		g_ptr_array_add(access->doomed, g_ptr_array_steal_index_fast(dropped, dropped->len - 1));
	g_mutex_unlock(&access->lock);
	return FALSE;
}

void sweep(Access *access)
{
	g_mutex_lock(&access->lock);
	gboolean changed = end_expired(access);
	g_mutex_unlock(&access->lock);
	if (changed)
		access_changed(access);
	while (write_some(access, FALSE))
		;
}

static gpointer run(gpointer data)
{
	Access *access = data;
	g_mutex_lock(&access->lock);
	while (!access->stopping) {
		g_mutex_unlock(&access->lock);
		sweep(access);
		g_mutex_lock(&access->lock);
		/* What is left could not be written: it waits for the next turn, and only what is new wakes before. */
		guint left = access->doomed->len;
		gint64 next_us = g_get_monotonic_time() + INTERVAL_US;
		while (!access->stopping && access->doomed->len <= left &&
		       g_cond_wait_until(&access->wake_sweeper, &access->lock, next_us))
			;
	}
	g_mutex_unlock(&access->lock);
	return NULL;
}

void sweep_start(Access *access)
{
	access->sweeper = g_thread_new("access", run, access);
}

void sweep_stop(Access *access)
{
	g_mutex_lock(&access->lock);
	access->stopping = TRUE;
	g_cond_signal(&access->wake_sweeper);
	g_mutex_unlock(&access->lock);
	if (access->sweeper)
		g_thread_join(access->sweeper);
	while (write_some(access, TRUE))
		;
}
