/* Users, roles, tokens and settings as documents: what is checked beyond their tables, and how they are committed.
 *
 * Checks against the other documents (a role that a grant names is there, nobody has a role that goes) and the commit
 * are one turn of `writing`, so that two changes at once cannot get past each other. */
#include <string.h>

#include "access/internal.h"
#include "base/error.h"
#include "base/json.h"

/* --- Checks beyond the tables --- */

/* Under the lock. */
static gboolean check_grants(Access *access, json_object *grants, GError **error)
{
	if (!json_object_is_type(grants, json_type_object))
		return TRUE;
	json_object_object_foreach(grants, key, grant) {
		const char *role = json_get_str(grant, "role", "");
		if (g_hash_table_contains(access->roles, role))
			continue;
		g_autofree char *field = g_strdup_printf("grants.%s.role", key);
		error_set_field(error, ERROR_INVALID, field, "'yado role list' shows those that there are",
				"cannot grant role '%s': there is no such role", role);
		return FALSE;
	}
	return TRUE;
}

static gboolean check_role(Access *access, const char *name, GError **error)
{
	const Role *role = g_hash_table_lookup(access->roles, name);
	if (!role || !role->builtin)
		return TRUE;
	error_set(error, ERROR_CONFLICT, "make a role of your own and grant that",
		  "cannot change role '%s': it is always there as it is", name);
	return FALSE;
}

static guint count_tokens(Access *access, const char *user)
{
	GHashTableIter iter;
	gpointer value;
	guint count = 0;
	g_hash_table_iter_init(&iter, access->tokens);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		count += g_str_equal(((Token *)value)->user, user);
	return count;
}

static gboolean check_token(Access *access, json_object *document, GError **error)
{
	const char *user = json_get_str(document, "user", "");
	const char *expires = json_get_str(document, "expires", NULL);
	if (!g_hash_table_contains(access->users, user)) {
		error_set_field(error, ERROR_INVALID, "user", "name the user whose it is to be",
				"cannot make a token for '%s': there is no such user", user);
		return FALSE;
	}
	if (expires && time_from_text(expires) <= access->clock.real_us()) {
		error_set_field(error, ERROR_INVALID, "expires", "leave it away for a token without an end",
				"cannot make a token that ends at %s: that is over", expires);
		return FALSE;
	}
	if (count_tokens(access, user) >= TOKENS_PER_USER_MAX) {
		error_set(error, ERROR_CONFLICT, "delete tokens that are not used any more",
			  "cannot make a token: user '%s' has %d already", user, TOKENS_PER_USER_MAX);
		return FALSE;
	}
	return TRUE;
}

/* Under the lock. */
static gboolean check_document(Access *access, const Kind *kind, json_object *document, GError **error)
{
	if (!check_grants(access, json_get(document, "grants"), error))
		return FALSE;
	return kind->table != &role_table || check_role(access, json_get_str(document, "name", ""), error);
}

/* Under the lock: one more of the kind. */
static gboolean check_new(Access *access, const Kind *kind, json_object *document, GError **error)
{
	const char *name = json_get_str(document, "name", "");
	GHashTable *table = kind_table(access, kind);
	if (kind->table != &token_table && g_hash_table_contains(table, name)) {
		error_set_field(error, ERROR_EXISTS, "name", "choose another name", "there is a %s '%s' already",
				kind->title, name);
		return FALSE;
	}
	if (kind->table == &token_table && !check_token(access, document, error))
		return FALSE;
	if (g_hash_table_size(table) >= kind->max) {
		error_set(error, ERROR_CONFLICT, "delete some that are not used any more",
			  "cannot make another %s: there are %u, the most that there can be", kind->title, kind->max);
		return FALSE;
	}
	return TRUE;
}

/* --- Preparing --- */

json_object *access_prepare_create(Access *access, const char *kind_name, json_object *input, GError **error)
{
	const Kind *kind = kind_find(kind_name);
	g_return_val_if_fail(kind->table != &access_settings_table, NULL); /* they are always there */
	json_auto json_object *document = schema_create(kind->table, input, error);
	if (!document)
		return NULL;
	g_autofree char *now = time_to_text(access->clock.real_us());
	if (kind->table == &role_table)
		json_set_bool(document, "builtin", FALSE);
	else
		json_set_str(document, "created", now);
	g_mutex_lock(&access->lock);
	gboolean good = check_new(access, kind, document, error) && check_document(access, kind, document, error);
	g_mutex_unlock(&access->lock);
	return good ? g_steal_pointer(&document) : NULL;
}

json_object *access_prepare_change(Access *access, const char *kind_name, json_object *present, json_object *patch,
				   GError **error)
{
	const Kind *kind = kind_find(kind_name);
	json_auto json_object *document = schema_change(kind->table, present, patch, error);
	if (!document)
		return NULL;
	g_mutex_lock(&access->lock);
	gboolean good = check_document(access, kind, document, error);
	g_mutex_unlock(&access->lock);
	return good ? g_steal_pointer(&document) : NULL;
}

/* --- Committing --- */

static gint64 commit_checked(Access *access, const Kind *kind, const char *name, gint64 expected_rev,
			     json_object *document, const char *author, GError **error)
{
	gboolean settings = kind->table == &access_settings_table;
	g_mutex_lock(&access->lock);
	gboolean there = settings || kind_find_record(access, kind, name);
	gboolean good = (expected_rev != REV_ABSENT || settings || check_new(access, kind, document, error)) &&
			check_document(access, kind, document, error);
	g_mutex_unlock(&access->lock);
	if (!good)
		return 0;
	if (!there && expected_rev != REV_ABSENT) {
		kind_refuse_missing(kind, name, error);
		return 0;
	}
	g_autofree char *path = g_strconcat(kind->name, "/", name, NULL);
	g_autoptr(Batch) batch = batch_new(author, 0);
	batch_put(batch, path, expected_rev, document);
	/* Whatever a former user of that name left: it is not the new one's. */
	g_autofree char *password = g_strconcat("password/", name, NULL);
	if (kind->table == &user_table && !there)
		batch_drop_secret(batch, password);
	return store_commit(access->store, batch, error);
}

gint64 access_commit(Access *access, const char *kind_name, const char *name, gint64 expected_rev,
		     json_object *document, const char *author, GError **error)
{
	const Kind *kind = kind_find(kind_name);
	if (kind->table == &token_table) {
		error_set(error, ERROR_UNSUPPORTED, "make another and delete this one",
			  "cannot change token '%s': what a token may do stays as it was given out", name);
		return 0;
	}
	if (!schema_check(kind->table, document, error))
		return 0;
	if (kind->table != &access_settings_table && !g_str_equal(json_get_str(document, "name", ""), name)) {
		error_set_field(error, ERROR_INVALID, "name", NULL, "cannot rename %s '%s'", kind->title, name);
		return 0;
	}
	g_mutex_lock(&access->writing);
	gint64 rev = commit_checked(access, kind, name, expected_rev, document, author, error);
	g_mutex_unlock(&access->writing);
	return rev;
}

/* --- Deleting --- */

/* Under the lock: everything of the user's goes in the same commit. */
static void drop_user(Access *access, Batch *batch, const char *name)
{
	GHashTableIter iter;
	gpointer value;
	const User *user = g_hash_table_lookup(access->users, name);
	g_autofree char *password = g_strconcat("password/", name, NULL);
	batch_drop_secret(batch, password);
	for (guint i = 0; i < user->sessions->len; i++) {
		g_autofree char *session =
			g_strconcat("session/", ((Session *)user->sessions->pdata[i])->id, NULL);
		batch_drop_secret(batch, session);
	}
	g_hash_table_iter_init(&iter, access->tokens);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Token *token = value;
		if (!g_str_equal(token->user, name))
			continue;
		g_autofree char *path = g_strconcat("token/", token->id, NULL);
		batch_delete(batch, path, REV_ANY);
		batch_drop_secret(batch, path);
	}
}

static gboolean has_role(const GArray *grants, const char *role)
{
	for (guint i = 0; i < grants->len; i++)
		if (g_str_equal(g_array_index(grants, Grant, i).role, role))
			return TRUE;
	return FALSE;
}

/* Under the lock. */
static gboolean check_unused(Access *access, const char *role, GError **error)
{
	enum { SHOWN_MAX = 5 };
	g_autoptr(GString) who = g_string_new(NULL);
	GHashTableIter iter;
	gpointer value;
	guint count = 0;
	g_hash_table_iter_init(&iter, access->users);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (has_role(((User *)value)->grants, role) && count++ < SHOWN_MAX)
			g_string_append_printf(who, ", user '%s'", ((User *)value)->name);
	g_hash_table_iter_init(&iter, access->tokens);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (has_role(((Token *)value)->grants, role) && count++ < SHOWN_MAX)
			g_string_append_printf(who, ", token '%s' of '%s'", ((Token *)value)->id,
					       ((Token *)value)->user);
	if (count == 0)
		return TRUE;
	if (count > SHOWN_MAX)
		g_string_append_printf(who, " and %u more", count - SHOWN_MAX);
	error_set(error, ERROR_CONFLICT, "take it from them first", "cannot delete role '%s': it is granted to %s",
		  role, who->str + 2);
	return FALSE;
}

/* Under the lock. */
static gboolean prepare_delete(
	Access *access, Batch *batch, const Kind *kind, const char *name, GError **error)
{
	g_autofree char *path = g_strconcat(kind->name, "/", name, NULL);
	if (!kind_find_record(access, kind, name))
		return kind_refuse_missing(kind, name, error);
	if (kind->table == &role_table)
		return check_role(access, name, error) && check_unused(access, name, error);
	if (kind->table == &user_table)
		drop_user(access, batch, name);
	else
		batch_drop_secret(batch, path);
	return TRUE;
}

gboolean access_check_delete(Access *access, const char *kind_name, const char *name, GError **error)
{
	g_autoptr(Batch) none = batch_new("", 0);
	g_mutex_lock(&access->lock);
	gboolean good = prepare_delete(access, none, kind_find(kind_name), name, error);
	g_mutex_unlock(&access->lock);
	return good;
}

gboolean access_delete(Access *access, const char *kind_name, const char *name, gint64 expected_rev,
		       const char *author, GError **error)
{
	const Kind *kind = kind_find(kind_name);
	g_return_val_if_fail(kind->table != &access_settings_table, FALSE);
	g_autofree char *path = g_strconcat(kind->name, "/", name, NULL);
	g_autoptr(Batch) batch = batch_new(author, 0);
	batch_delete(batch, path, expected_rev);
	g_mutex_lock(&access->writing);
	g_mutex_lock(&access->lock);
	gboolean good = prepare_delete(access, batch, kind, name, error);
	g_mutex_unlock(&access->lock);
	gboolean done = good && store_commit(access->store, batch, error);
	g_mutex_unlock(&access->writing);
	return done;
}

/* --- What a plan warns of --- */

static Privileges mask_of(json_object *role)
{
	Privileges mask = 0;
	json_object *list = json_get(role, "privileges");
	for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++)
		mask |= privilege_bit(privilege_from_name(json_object_get_string(json_object_array_get_idx(list, i))));
	return mask;
}

static gboolean is_admin(Access *access, const GArray *grants, const char *changed_role, Privileges changed_mask)
{
	Privileges all = privilege_bit(PRIVILEGE_COUNT) - 2, mask = 0;
	for (guint i = 0; i < grants->len; i++) {
		const Grant *grant = &g_array_index(grants, Grant, i);
		const Role *role = g_hash_table_lookup(access->roles, grant->role);
		if (!g_str_equal(grant->path, "/"))
			continue;
		if (g_strcmp0(grant->role, changed_role) == 0)
			mask |= changed_mask;
		else if (role)
			mask |= role->privileges;
	}
	return (mask & all) == all;
}

guint access_admins_after(Access *access, const char *kind, const char *name, json_object *document)
{
	const char *changed = g_strcmp0(kind, "user") == 0 ? name : NULL;
	const char *role = g_strcmp0(kind, "role") == 0 ? name : NULL;
	Privileges mask = role ? mask_of(document) : 0;
	guint count = 0;
	GHashTableIter iter;
	gpointer value;
	g_mutex_lock(&access->lock);
	g_hash_table_iter_init(&iter, access->users);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const User *user = value;
		if (!changed || !g_str_equal(user->name, changed))
			count += user->enabled && is_admin(access, user->grants, role, mask);
	}
	if (changed && json_get_bool(document, "enabled", FALSE)) {
		g_autoptr(GArray) grants = grants_parse(json_get(document, "grants"));
		count += is_admin(access, grants, NULL, 0);
	}
	g_mutex_unlock(&access->lock);
	return count;
}
