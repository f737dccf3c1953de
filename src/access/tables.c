/* The tables of access: what checks need of users, roles, tokens and sessions, in C types, and each document as text.
 *
 * Documents come in at the start and through the store's watches (access.c). Secrets have no watch; the only ones who
 * write them are the functions of this folder, which bring the tables along. A user who is disabled or deleted loses
 * the sessions at once. */
#include <string.h>

#include "access/internal.h"
#include "base/error.h"
#include "base/json.h"
#include "schema/schema.h"

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

static void record_set(Record *record, gint64 rev, json_object *body)
{
	g_clear_pointer(&record->text, g_ref_string_release);
	record->text = g_ref_string_new(json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN));
	record->rev = rev;
}

static void record_clear(Record *record)
{
	g_clear_pointer(&record->text, g_ref_string_release);
}

static void user_free(gpointer data)
{
	User *user = data;
	g_free(user->name);
	g_free(user->created);
	record_clear(&user->record);
	g_array_unref(user->grants);
	g_ptr_array_unref(user->sessions);
	rights_unref(user->rights);
	g_free(user);
}

static void role_free(gpointer data)
{
	Role *role = data;
	g_free(role->name);
	record_clear(&role->record);
	g_free(role);
}

static void token_free(gpointer data)
{
	Token *token = data;
	g_free(token->id);
	g_free(token->user);
	record_clear(&token->record);
	g_array_unref(token->grants);
	rights_unref(token->rights);
	g_free(token);
}

static guint digest_hash(gconstpointer key)
{
	guint hash;
	memcpy(&hash, key, sizeof hash);
	return hash;
}

static gboolean digest_is(gconstpointer a, gconstpointer b)
{
	return digest_equal(a, b);
}

/* --- Who may come in --- */

User *tables_find_enabled(Access *access, const char *name)
{
	User *user = g_hash_table_lookup(access->users, name);
	return user && user->enabled ? user : NULL;
}

gboolean token_is_valid(Access *access, const Token *token)
{
	return token && token->has_digest && tables_find_enabled(access, token->user) &&
	       (!token->expires_us || access->clock.real_us() < token->expires_us);
}

/* Settings that were tightened hold for the sessions that are there already. */
gint64 session_end_us(Access *access, const Session *session)
{
	const Settings *settings = &access->settings;
	gint64 end_us = MIN(session->expires_us, session->created_us + settings->session_lifetime_us);
	return MIN(end_us, session->last_used_us + settings->session_idle_us);
}

gboolean session_is_valid(Access *access, const Session *session)
{
	const User *user = session ? tables_find_enabled(access, session->user) : NULL;
	return user && user->has_password && digest_equal(&user->mark, &session->mark) &&
	       access->clock.real_us() < session_end_us(access, session);
}

static void count_source(Access *access, const char *source, int change)
{
	guint count = GPOINTER_TO_UINT(g_hash_table_lookup(access->sources, source)) + (guint)change;
	if (count > 0)
		g_hash_table_insert(access->sources, g_strdup(source), GUINT_TO_POINTER(count));
	else
		g_hash_table_remove(access->sources, source);
}

void tables_add_session(Access *access, Session *session)
{
	User *user = g_hash_table_lookup(access->users, session->user);
	g_ptr_array_add(user->sessions, session);
	count_source(access, session->source, 1);
	g_hash_table_insert(access->by_digest, &session->digest, session);
	g_hash_table_insert(access->sessions, session->id, session);
}

void tables_end_session(Access *access, Session *session)
{
	User *user = g_hash_table_lookup(access->users, session->user);
	if (user)
		g_ptr_array_remove(user->sessions, session);
	g_ptr_array_add(access->doomed, g_strconcat("session/", session->id, NULL));
	g_cond_signal(&access->wake_sweeper);
	count_source(access, session->source, -1);
	g_hash_table_remove(access->by_digest, &session->digest);
	g_hash_table_remove(access->sessions, session->id);
}

/* --- Documents --- */

static void put_user(Access *access, const char *name, gint64 rev, json_object *body)
{
	User *user = g_hash_table_lookup(access->users, name);
	gboolean enabled = json_get_bool(body, "enabled", FALSE);
	while (user && !enabled && user->sessions->len > 0)
		tables_end_session(access, user->sessions->pdata[0]);
	if (!body) {
		g_hash_table_remove(access->users, name);
		return;
	}
	if (!user) {
		user = g_new0(User, 1);
		user->name = g_strdup(name);
		user->sessions = g_ptr_array_new();
		g_hash_table_insert(access->users, user->name, user);
	} else {
		g_array_unref(user->grants);
		g_free(user->created);
	}
	record_set(&user->record, rev, body);
	user->created = g_strdup(json_get_str(body, "created", NULL));
	user->enabled = enabled;
	user->grants = grants_parse(json_get(body, "grants"));
}

static Role *add_role(Access *access, const char *name)
{
	Role *role = g_new0(Role, 1);
	role->name = g_strdup(name);
	g_hash_table_insert(access->roles, role->name, role);
	return role;
}

static void put_role(Access *access, const char *name, gint64 rev, json_object *body)
{
	Role *role = g_hash_table_lookup(access->roles, name);
	if (role && role->builtin)
		return; /* what is always there is not altered by whatever a document says */
	if (!body) {
		g_hash_table_remove(access->roles, name);
		return;
	}
	if (!role)
		role = add_role(access, name);
	record_set(&role->record, rev, body);
	role->privileges = 0;
	json_object *list = json_get(body, "privileges");
	for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++) {
		Privilege privilege = privilege_from_name(json_object_get_string(json_object_array_get_idx(list, i)));
		role->privileges |= privilege ? privilege_bit(privilege) : 0;
	}
}

static void put_builtin_roles(Access *access)
{
	for (const BuiltinRole *builtin = builtin_roles; builtin->name; builtin++) {
		json_auto json_object *body = json_object_new_object();
		json_object *names = json_object_new_array();
		for (guint i = PRIVILEGE_NONE + 1; i < PRIVILEGE_COUNT; i++)
			if (builtin->privileges & privilege_bit(i))
				json_object_array_add(names, json_object_new_string(privileges[i].name));
		json_set_int(body, "schema", role_table.version);
		json_set_str(body, "name", builtin->name);
		json_set(body, "privileges", names);
		json_set_str(body, "description", builtin->help);
		json_set_bool(body, "builtin", TRUE);
		Role *role = add_role(access, builtin->name);
		record_set(&role->record, 0, body);
		role->privileges = builtin->privileges;
		role->builtin = TRUE;
	}
}

static void put_token(Access *access, const char *id, gint64 rev, json_object *body)
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
	record_set(&token->record, rev, body);
	token->user = g_strdup(json_get_str(body, "user", ""));
	token->expires_us = time_from_text(json_get_str(body, "expires", NULL));
	token->grants = grants_parse(json_get(body, "grants"));
}

/* Without a document, or for what it lacks, the defaults of the table hold. */
static void put_settings(Access *access, const char *name, gint64 rev, json_object *body)
{
	if (!g_str_equal(name, "access"))
		return;
	json_auto json_object *none = json_object_new_object();
	json_auto json_object *defaults = schema_create(&access_settings_table, none, NULL);
	json_auto json_object *all = body ? json_merge_patch(defaults, body) : json_object_get(defaults);
	Settings *settings = &access->settings;
	record_set(&settings->record, body ? rev : 0, all);
	settings->rules = (PasswordRules){.length = (guint)json_get_int(all, "password_length", 0),
					  .lower = json_get_bool(all, "password_lower", FALSE),
					  .upper = json_get_bool(all, "password_upper", FALSE),
					  .digit = json_get_bool(all, "password_digit", FALSE),
					  .special = json_get_bool(all, "password_special", FALSE)};
	settings->session_idle_us = json_get_int(all, "session_idle", 0) * G_USEC_PER_SEC;
	settings->session_lifetime_us = json_get_int(all, "session_lifetime", 0) * G_USEC_PER_SEC;
}

static const struct {
	const char *prefix;
	void (*put)(Access *access, const char *name, gint64 rev, json_object *body /* NULL: deleted */);
} kinds[] = {{"user/", put_user}, {"role/", put_role}, {"token/", put_token}, {"setting/", put_settings}};

void tables_put(Access *access, const char *path, gint64 rev, json_object *body)
{
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (g_str_has_prefix(path, kinds[i].prefix))
			kinds[i].put(access, path + strlen(kinds[i].prefix), rev, body);
	access->epoch++;
}

/* --- The start --- */

/* NULL if it cannot be read: it then counts as if it were not there, so that one damaged row locks nobody else out. */
static char *read_secret(Access *access, const char *name, gsize *ret_length)
{
	g_autoptr(GError) error = NULL;
	void *value = NULL;
	if (!store_secret_get(access->store, name, &value, ret_length, &error))
		g_warning("%s", error->message);
	return value;
}

static void load_password(Access *access, const char *name)
{
	gsize length;
	User *user = g_hash_table_lookup(access->users, strchr(name, '/') + 1);
	char *hash = user ? read_secret(access, name, &length) : NULL;
	if (!user)
		g_ptr_array_add(access->doomed, g_strdup(name));
	if (!hash)
		return;
	user->has_password = TRUE;
	user->mark = digest_of(hash, length);
	secret_free(hash);
}

static void load_token(Access *access, const char *name)
{
	gsize length;
	Token *token = g_hash_table_lookup(access->tokens, strchr(name, '/') + 1);
	g_autofree char *digest = token ? read_secret(access, name, &length) : NULL;
	if (!token)
		g_ptr_array_add(access->doomed, g_strdup(name));
	if (!digest || length != DIGEST_SIZE)
		return;
	memcpy(token->digest.bytes, digest, DIGEST_SIZE);
	token->has_digest = TRUE;
}

static void load_session(Access *access, const char *name)
{
	gsize length;
	char *text = read_secret(access, name, &length);
	g_autoptr(Session) session = text ? session_from_text(strchr(name, '/') + 1, text, length) : NULL;
	secret_free(text);
	if (!session_is_valid(access, session))
		g_ptr_array_add(access->doomed, g_strdup(name));
	else
		tables_add_session(access, g_steal_pointer(&session));
}

static gboolean load_secrets(
	Access *access, const char *prefix, void (*load)(Access *access, const char *name), GError **error)
{
	g_autoptr(GPtrArray) names = store_secret_list(access->store, prefix, error);
	for (guint i = 0; names && i < names->len; i++)
		load(access, names->pdata[i]);
	return names != NULL;
}

gboolean tables_init(Access *access, GError **error)
{
	access->users = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, user_free);
	access->roles = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, role_free);
	access->tokens = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, token_free);
	access->sessions = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)session_unref);
	access->by_digest = g_hash_table_new(digest_hash, digest_is);
	access->sources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	access->doomed = g_ptr_array_new_with_free_func(g_free);
	put_builtin_roles(access);
	put_settings(access, "access", 0, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autoptr(GPtrArray) docs = store_list(access->store, kinds[i].prefix, error);
		if (!docs)
			return FALSE;
		for (guint j = 0; j < docs->len; j++) {
			const Doc *doc = docs->pdata[j];
			tables_put(access, doc->path, doc->rev, doc->body);
		}
	}
	return load_secrets(access, "password/", load_password, error) &&
	       load_secrets(access, "token/", load_token, error) &&
	       load_secrets(access, "session/", load_session, error);
}

void tables_clear(Access *access)
{
	g_clear_pointer(&access->granted_tags, g_hash_table_unref);
	g_clear_pointer(&access->doomed, g_ptr_array_unref);
	g_clear_pointer(&access->sources, g_hash_table_unref);
	g_clear_pointer(&access->by_digest, g_hash_table_unref);
	g_clear_pointer(&access->sessions, g_hash_table_unref);
	g_clear_pointer(&access->tokens, g_hash_table_unref);
	g_clear_pointer(&access->roles, g_hash_table_unref);
	g_clear_pointer(&access->users, g_hash_table_unref);
	record_clear(&access->settings.record);
}
