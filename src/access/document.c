/* Users, roles, tokens and settings as documents: what is checked beyond their tables, and how they are committed.
 *
 * Checks against the other documents (a role that a grant names is there, nobody has a role that goes) and the commit
 * are one turn of `writing`, so that two changes at once cannot get past each other. */
#include <string.h>

#include "access/internal.h"
#include "base/error.h"
#include "base/json.h"
#include "schema/schema.h"

typedef struct Kind {
	const char *name;
	const Table *table;
	const char *title, *command; /* for messages */
	guint max;
} Kind;

static const Kind kinds[] = {
	{"user", &user_table, "user", "yado user list", USERS_MAX},
	{"role", &role_table, "role", "yado role list", ROLES_MAX},
	{"token", &token_table, "token", "yado token list", TOKENS_MAX},
	{"setting", &access_settings_table, "setting", NULL, 1},
};

/* The kinds are the code's own words, never a client's. */
static const Kind *find_kind(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (g_str_equal(kinds[i].name, name))
			return &kinds[i];
	g_error("access has no documents of kind '%s'", name);
}

char *time_to_text(gint64 us)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(us / G_USEC_PER_SEC);
	return time ? g_date_time_format_iso8601(time) : g_strdup("");
}

gint64 time_from_text(const char *text)
{
	g_autoptr(GDateTime) time = text ? g_date_time_new_from_iso8601(text, NULL) : NULL;
	return time ? g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time) : 0;
}

/* --- Reading --- */

/* Under the lock: the records of a kind. */
static GHashTable *table_of(Access *access, const Kind *kind)
{
	return kind->table == &user_table ? access->users : kind->table == &role_table ? access->roles : access->tokens;
}

static const Record *record_of(const Kind *kind, gconstpointer value)
{
	return kind->table == &user_table   ? &((const User *)value)->record
	       : kind->table == &role_table ? &((const Role *)value)->record
					    : &((const Token *)value)->record;
}

static const Record *find_record(Access *access, const Kind *kind, const char *name)
{
	if (kind->table == &access_settings_table)
		return g_str_equal(name, "access") ? &access->settings.record : NULL;
	gconstpointer value = g_hash_table_lookup(table_of(access, kind), name);
	return value ? record_of(kind, value) : NULL;
}

/* A copy of what was found under the lock, to be read without it. */
typedef struct Found {
	GRefString *text;
	gint64 rev, last_used_us;
} Found;

static void found_clear(gpointer data)
{
	g_ref_string_release(((Found *)data)->text);
}

static json_object *found_to_json(const Kind *kind, const Found *found)
{
	json_object *json = json_parse(found->text, g_ref_string_length(found->text), NULL);
	if (kind->table == &token_table && found->last_used_us) {
		g_autofree char *text = time_to_text(found->last_used_us);
		json_set_str(json, "last_used", text);
	}
	return json;
}

static Found find(const Kind *kind, const Record *record, gconstpointer value)
{
	gboolean token = kind->table == &token_table;
	return (Found){g_ref_string_acquire(record->text), record->rev,
		       token ? ((const Token *)value)->last_used_us : 0};
}

static const char *sort_key(json_object *document)
{
	return json_get_str(document, "name", "");
}

static int compare(const void *a, const void *b)
{
	json_object *left = *(json_object *const *)a, *right = *(json_object *const *)b;
	int order = strcmp(sort_key(left), sort_key(right));
	return order ? order : strcmp(json_get_str(left, "id", ""), json_get_str(right, "id", ""));
}

json_object *access_list(Access *access, const char *kind_name)
{
	const Kind *kind = find_kind(kind_name);
	g_return_val_if_fail(kind->table != &access_settings_table, NULL);
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(Found));
	g_array_set_clear_func(list, found_clear);
	GHashTableIter iter;
	gpointer value;
	g_mutex_lock(&access->lock);
	g_hash_table_iter_init(&iter, table_of(access, kind));
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Found found = find(kind, record_of(kind, value), value);
		g_array_append_val(list, found);
	}
	g_mutex_unlock(&access->lock);
	json_object *documents = json_object_new_array();
	for (guint i = 0; i < list->len; i++)
		json_object_array_add(documents, found_to_json(kind, &g_array_index(list, Found, i)));
	json_object_array_sort(documents, compare);
	return documents;
}

static gboolean refuse_missing(const Kind *kind, const char *name, GError **error)
{
	g_autofree char *hint = kind->command ? g_strdup_printf("'%s' shows those that there are", kind->command) : NULL;
	error_set(error, ERROR_NOT_FOUND, hint, "there is no %s '%s'", kind->title, name);
	return FALSE;
}

json_object *access_get(Access *access, const char *kind_name, const char *name, gint64 *ret_rev, GError **error)
{
	const Kind *kind = find_kind(kind_name);
	g_mutex_lock(&access->lock);
	const Record *record = find_record(access, kind, name);
	gconstpointer token = kind->table == &token_table ? g_hash_table_lookup(access->tokens, name) : NULL;
	Found found = record ? find(kind, record, token) : (Found){0};
	g_mutex_unlock(&access->lock);
	if (!record) {
		refuse_missing(kind, name, error);
		return NULL;
	}
	json_object *document = found_to_json(kind, &found);
	if (ret_rev)
		*ret_rev = found.rev;
	found_clear(&found);
	return document;
}

json_object *access_get_settings(Access *access, gint64 *ret_rev)
{
	return access_get(access, "setting", "access", ret_rev, NULL);
}

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
	GHashTable *table = table_of(access, kind);
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
	const Kind *kind = find_kind(kind_name);
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
	const Kind *kind = find_kind(kind_name);
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
	gboolean there = settings || find_record(access, kind, name);
	gboolean good = (expected_rev != REV_ABSENT || settings || check_new(access, kind, document, error)) &&
			check_document(access, kind, document, error);
	g_mutex_unlock(&access->lock);
	if (!good)
		return 0;
	if (!there && expected_rev != REV_ABSENT) {
		refuse_missing(kind, name, error);
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
	const Kind *kind = find_kind(kind_name);
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
			g_string_append_printf(who, ", token '%s' of '%s'", ((Token *)value)->id, ((Token *)value)->user);
	if (count == 0)
		return TRUE;
	if (count > SHOWN_MAX)
		g_string_append_printf(who, " and %u more", count - SHOWN_MAX);
	error_set(error, ERROR_CONFLICT, "take it from them first", "cannot delete role '%s': it is granted to %s", role,
		  who->str + 2);
	return FALSE;
}

/* Under the lock. */
static gboolean prepare_delete(
	Access *access, Batch *batch, const Kind *kind, const char *name, GError **error)
{
	g_autofree char *path = g_strconcat(kind->name, "/", name, NULL);
	if (!find_record(access, kind, name))
		return refuse_missing(kind, name, error);
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
	gboolean good = prepare_delete(access, none, find_kind(kind_name), name, error);
	g_mutex_unlock(&access->lock);
	return good;
}

gboolean access_delete(Access *access, const char *kind_name, const char *name, gint64 expected_rev,
		       const char *author, GError **error)
{
	const Kind *kind = find_kind(kind_name);
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
	gboolean of_user = g_strcmp0(kind, "user") == 0;
	const char *role = g_strcmp0(kind, "role") == 0 ? name : NULL;
	Privileges mask = role ? mask_of(document) : 0;
	guint count = 0;
	GHashTableIter iter;
	gpointer value;
	g_mutex_lock(&access->lock);
	g_hash_table_iter_init(&iter, access->users);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const User *user = value;
		if (!of_user || !g_str_equal(user->name, name))
			count += user->enabled && is_admin(access, user->grants, role, mask);
	}
	if (of_user && json_get_bool(document, "enabled", FALSE)) {
		g_autoptr(GArray) grants = grants_parse(json_get(document, "grants"));
		count += is_admin(access, grants, NULL, 0);
	}
	g_mutex_unlock(&access->lock);
	return count;
}
