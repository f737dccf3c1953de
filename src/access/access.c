/* Access as a whole: how it follows the store, and the checks that each request makes.
 *
 * At the start all is read; then each commit that touches a user, a role, a token or the settings comes through a watch
 * of the store, which has been called by the time store_commit() returns. So whoever has withdrawn a right finds it
 * gone, and whoever else commits is followed alike. Rights are resolved when they are first asked for and kept with
 * their user or token until the next such commit. */
#include "access/internal.h"

static const char *const watched[] = {"user/", "role/", "token/", "setting/access"};

static void on_commit(const char *path, gint64 rev, json_object *body, gpointer data)
{
	Access *access = data;
	g_mutex_lock(&access->lock);
	tables_put(access, path, rev, body);
	g_mutex_unlock(&access->lock);
	access_changed(access);
}

Access *access_new(Store *store, GError **error)
{
	Access *access = access_new_at(store, (AccessClock){g_get_real_time, g_get_monotonic_time}, error);
	if (access)
		sweep_start(access);
	return access;
}

Access *access_new_at(Store *store, AccessClock clock, GError **error)
{
	Access *access = g_new0(Access, 1);
	access->store = store;
	access->clock = clock;
	access->root_rights = rights_new_all();
	access->no_rights = rights_new_none();
	access->slow = slow_new();
	access->gate = gate_new();
	g_mutex_init(&access->lock);
	g_mutex_init(&access->writing);
	g_cond_init(&access->wake_sweeper);
	if (!tables_init(access, error)) {
		g_ptr_array_set_size(access->doomed, 0); /* what was read by half is no reason to delete anything */
		access_free(access);
		return NULL;
	}
	G_STATIC_ASSERT(G_N_ELEMENTS(watched) == sizeof access->store_watches / sizeof *access->store_watches);
	for (guint i = 0; i < G_N_ELEMENTS(watched); i++)
		access->store_watches[i] = store_watch(store, watched[i], on_commit, access);
	return access;
}

void access_free(Access *access)
{
	if (!access)
		return;
	for (guint i = 0; i < G_N_ELEMENTS(watched); i++)
		if (access->store_watches[i])
			store_unwatch(access->store, access->store_watches[i]);
	sweep_stop(access);
	tables_clear(access);
	gate_free(access->gate);
	slow_free(access->slow);
	rights_unref(access->root_rights);
	rights_unref(access->no_rights);
	g_cond_clear(&access->wake_sweeper);
	g_mutex_clear(&access->writing);
	g_mutex_clear(&access->lock);
	g_free(access);
}

/* --- Changes --- */

guint access_generation(Access *access)
{
	return (guint)g_atomic_int_get((gint *)&access->generation);
}

void access_add_watch(Access *access, AccessWatch watch, gpointer data)
{
	g_mutex_lock(&access->lock);
	g_assert(access->watch_count < WATCHES_MAX);
	access->watches[access->watch_count].call = watch;
	access->watches[access->watch_count++].data = data;
	g_mutex_unlock(&access->lock);
}

void access_changed(Access *access)
{
	g_atomic_int_inc((gint *)&access->generation);
	for (guint i = 0;; i++) {
		g_mutex_lock(&access->lock);
		AccessWatch call = i < access->watch_count ? access->watches[i].call : NULL;
		gpointer data = call ? access->watches[i].data : NULL;
		g_mutex_unlock(&access->lock);
		if (!call)
			return;
		call(data);
	}
}

/* --- Checks --- */

static Rights *user_rights(Access *access, User *user)
{
	if (!user->rights || user->rights_epoch != access->epoch) {
		rights_unref(user->rights);
		user->rights = rights_resolve(user->grants, NULL, access->roles);
		user->rights_epoch = access->epoch;
	}
	return user->rights;
}

static Rights *token_rights(Access *access, Token *token, User *user)
{
	if (token->grants->len == 0)
		return user_rights(access, user);
	if (!token->rights || token->rights_epoch != access->epoch) {
		rights_unref(token->rights);
		token->rights = rights_resolve(user->grants, token->grants, access->roles);
		token->rights_epoch = access->epoch;
	}
	return token->rights;
}

/* Lent, under the lock; NULL if it may not even come in any more. */
static Rights *find_rights(Access *access, const Principal *principal)
{
	User *user = tables_find_enabled(access, principal->user);
	switch (principal->kind) {
	case PRINCIPAL_ROOT:
		return access->root_rights;
	case PRINCIPAL_SESSION:
		if (session_is_valid(access, g_hash_table_lookup(access->sessions, principal->id)))
			return user_rights(access, user);
		return NULL;
	case PRINCIPAL_TOKEN: {
		Token *token = g_hash_table_lookup(access->tokens, principal->id);
		return token_is_valid(access, token) ? token_rights(access, token, user) : NULL;
	}
	}
	return NULL;
}

Rights *access_rights(Access *access, const Principal *principal)
{
	g_mutex_lock(&access->lock);
	Rights *rights = find_rights(access, principal);
	rights_ref(rights ? rights : access->no_rights);
	g_mutex_unlock(&access->lock);
	return rights ? rights : access->no_rights;
}

gboolean access_is_valid(Access *access, const Principal *principal)
{
	g_mutex_lock(&access->lock);
	gboolean valid = find_rights(access, principal) != NULL;
	g_mutex_unlock(&access->lock);
	return valid;
}

static void gather_tags(GHashTable *tags, const GArray *grants)
{
	for (guint i = 0; i < grants->len; i++) {
		const Grant *grant = &g_array_index(grants, Grant, i);
		if (g_str_has_prefix(grant->path, "/tags/"))
			g_hash_table_add(tags, g_strdup(grant->path + 6));
	}
}

gboolean access_tag_is_granted(Access *access, const char *tag)
{
	GHashTableIter iter;
	gpointer value;
	g_mutex_lock(&access->lock);
	if (!access->granted_tags || access->tags_epoch != access->epoch) {
		g_clear_pointer(&access->granted_tags, g_hash_table_unref);
		access->granted_tags = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		access->tags_epoch = access->epoch;
		g_hash_table_iter_init(&iter, access->users);
		while (g_hash_table_iter_next(&iter, NULL, &value))
			gather_tags(access->granted_tags, ((User *)value)->grants);
		g_hash_table_iter_init(&iter, access->tokens);
		while (g_hash_table_iter_next(&iter, NULL, &value))
			gather_tags(access->granted_tags, ((Token *)value)->grants);
	}
	gboolean granted = g_hash_table_contains(access->granted_tags, tag);
	g_mutex_unlock(&access->lock);
	return granted;
}
