/* The tables of access, and how they follow the store.
 *
 * At the start all users, roles and tokens are read; then each commit that touches one comes through a watch of the
 * store, which has been called by the time store_commit() returns. So whoever has withdrawn a right finds it gone, and
 * whoever else commits (a restore, another node later) is followed alike. The tables hold what checks need, in C types;
 * documents themselves are read from the store, which is what a JSON value that belongs to one thread wants anyway. */
#include "access/internal.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

static void grant_clear(gpointer data)
{
	Grant *grant = data;
	g_free(grant->path);
	g_free(grant->role);
}

GArray *grants_parse(json_object *grants)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(Grant));
	g_array_set_clear_func(list, grant_clear);
	if (!json_object_is_type(grants, json_type_object))
		return list;
	json_object_object_foreach(grants, key, value) {
		(void)key;
		Grant grant = {g_strdup(json_get_str(value, "path", "")), g_strdup(json_get_str(value, "role", ""))};
		g_array_append_val(list, grant);
	}
	return list;
}

static void user_free(gpointer data)
{
	User *user = data;
	g_free(user->name);
	g_array_unref(user->grants);
	rights_unref(user->rights);
	g_free(user);
}

static void token_free(gpointer data)
{
	Token *token = data;
	g_free(token->id);
	g_free(token->user);
	g_array_unref(token->grants);
	rights_unref(token->rights);
	g_free(token);
}

User *access_find_user(Access *access, const char *name)
{
	User *user = g_hash_table_lookup(access->users, name);
	return user && user->enabled ? user : NULL;
}

gboolean token_is_valid(Access *access, const Token *token)
{
	return token && token->has_digest && access_find_user(access, token->user) &&
	       (!token->expires_us || access->clock.real_us() < token->expires_us);
}

/* --- Documents --- */

static void put_user(Access *access, const char *name, json_object *body)
{
	User *user = g_hash_table_lookup(access->users, name);
	if (!body) {
		g_hash_table_remove(access->users, name);
		return;
	}
	if (!user) {
		user = g_new0(User, 1);
		user->name = g_strdup(name);
		g_hash_table_insert(access->users, user->name, user);
	} else {
		g_array_unref(user->grants);
	}
	user->enabled = json_get_bool(body, "enabled", FALSE);
	user->grants = grants_parse(json_get(body, "grants"));
}

static void put_role(Access *access, const char *name, json_object *body)
{
	for (const BuiltinRole *role = builtin_roles; role->name; role++)
		if (g_str_equal(role->name, name))
			return; /* what is always there is not altered by whatever a document says */
	if (!body) {
		g_hash_table_remove(access->roles, name);
		return;
	}
	Privileges mask = 0;
	json_object *list = json_get(body, "privileges");
	for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++) {
		Privilege privilege = privilege_from_name(json_object_get_string(json_object_array_get_idx(list, i)));
		mask |= privilege ? privilege_bit(privilege) : 0;
	}
	g_hash_table_insert(access->roles, g_strdup(name), GUINT_TO_POINTER(mask));
}

static gint64 parse_time(const char *text)
{
	g_autoptr(GDateTime) time = text ? g_date_time_new_from_iso8601(text, NULL) : NULL;
	return time ? g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time) : 0;
}

static void put_token(Access *access, const char *id, json_object *body)
{
	Token *token = g_hash_table_lookup(access->tokens, id);
	if (!body) {
		g_hash_table_remove(access->tokens, id);
		return;
	}
	if (!token) {
		token = g_new0(Token, 1);
		token->id = g_strdup(id);
		g_hash_table_insert(access->tokens, token->id, token);
	} else {
		g_free(token->user);
		g_array_unref(token->grants);
	}
	token->user = g_strdup(json_get_str(body, "user", ""));
	token->expires_us = parse_time(json_get_str(body, "expires", NULL));
	token->grants = grants_parse(json_get(body, "grants"));
}

typedef struct Kind {
	const char *prefix;
	void (*put)(Access *access, const char *name, json_object *body /* NULL: deleted */);
} Kind;
static const Kind kinds[] = {{"user/", put_user}, {"role/", put_role}, {"token/", put_token}};
G_STATIC_ASSERT(G_N_ELEMENTS(kinds) <= G_N_ELEMENTS(((Access *)NULL)->store_watches));

static void put_document(Access *access, const char *path, json_object *body)
{
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (g_str_has_prefix(path, kinds[i].prefix))
			kinds[i].put(access, path + strlen(kinds[i].prefix), body);
	access->epoch++;
}

static void on_commit(const char *path, gint64 rev, json_object *body, gpointer data)
{
	(void)rev;
	Access *access = data;
	g_mutex_lock(&access->lock);
	put_document(access, path, body);
	g_mutex_unlock(&access->lock);
	access_changed(access);
}

static gboolean load(Access *access, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autoptr(GPtrArray) docs = store_list(access->store, kinds[i].prefix, error);
		if (!docs)
			return FALSE;
		for (guint j = 0; j < docs->len; j++) {
			const Doc *doc = docs->pdata[j];
			put_document(access, doc->path, doc->body);
		}
	}
	return TRUE;
}

/* --- The whole --- */

Access *access_new(Store *store, GError **error)
{
	Access *access = g_new0(Access, 1);
	access->store = store;
	access->clock = (AccessClock){g_get_real_time, g_get_monotonic_time};
	access->root_rights = rights_new_all();
	access->no_rights = rights_new_none();
	g_mutex_init(&access->lock);
	g_mutex_init(&access->writing);
	access->users = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, user_free);
	access->roles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	access->tokens = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, token_free);
	for (const BuiltinRole *role = builtin_roles; role->name; role++)
		g_hash_table_insert(access->roles, g_strdup(role->name), GUINT_TO_POINTER(role->privileges));
	if (!load(access, error)) {
		access_free(access);
		return NULL;
	}
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
		access->store_watches[i] = store_watch(store, kinds[i].prefix, on_commit, access);
	return access;
}

void access_free(Access *access)
{
	if (!access)
		return;
	for (guint i = 0; i < G_N_ELEMENTS(access->store_watches); i++)
		if (access->store_watches[i])
			store_unwatch(access->store, access->store_watches[i]);
	g_hash_table_unref(access->tokens);
	g_hash_table_unref(access->roles);
	g_hash_table_unref(access->users);
	rights_unref(access->root_rights);
	rights_unref(access->no_rights);
	g_mutex_clear(&access->lock);
	g_mutex_clear(&access->writing);
	g_free(access);
}

void access_set_clock(Access *access, AccessClock clock)
{
	access->clock = clock;
}

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

gboolean access_is_valid(Access *access, const Principal *principal)
{
	if (principal->kind == PRINCIPAL_ROOT)
		return TRUE;
	g_mutex_lock(&access->lock);
	gboolean valid = principal->kind == PRINCIPAL_TOKEN &&
			 token_is_valid(access, g_hash_table_lookup(access->tokens, principal->id));
	g_mutex_unlock(&access->lock);
	return valid;
}

static Rights *token_rights(Access *access, Token *token)
{
	if (!token->rights || token->rights_epoch != access->epoch) {
		rights_unref(token->rights);
		const User *user = access_find_user(access, token->user);
		token->rights = rights_resolve(user->grants, token->grants, access->roles);
		token->rights_epoch = access->epoch;
	}
	return rights_ref(token->rights);
}

Rights *access_rights(Access *access, const Principal *principal)
{
	if (principal->kind == PRINCIPAL_ROOT)
		return rights_ref(access->root_rights);
	g_mutex_lock(&access->lock);
	Token *token = principal->kind == PRINCIPAL_TOKEN ? g_hash_table_lookup(access->tokens, principal->id) : NULL;
	Rights *rights = token_is_valid(access, token) ? token_rights(access, token) : rights_ref(access->no_rights);
	g_mutex_unlock(&access->lock);
	return rights;
}
