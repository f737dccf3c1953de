/* Sessions: what a sign-in opens, a cookie names, and time, a sign-out or a new password ends.
 *
 * A session is known by the SHA-256 of its secret, which only the browser has. It lives in a secret of the store
 * ("session/ID"), so that it survives a restart of yadod, and in the tables for the checks. It carries the mark of the
 * password that it was opened with: a session whose mark is not that of its user's present password is none, whatever
 * raced or crashed in between. So is that of a user who was deleted and made anew. */
#include <string.h>

#include "access/internal.h"
#include "base/error.h"
#include "base/json.h"

enum { AGENT_LENGTH_MAX = 255, ADDRESS_LENGTH_MAX = 63 };

Session *session_ref(Session *session)
{
	g_atomic_ref_count_inc(&session->refs);
	return session;
}

void session_unref(Session *session)
{
	if (!session || !g_atomic_ref_count_dec(&session->refs))
		return;
	char *const texts[] = {session->id, session->user, session->address, session->agent, session->source};
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	secret_free(session->csrf);
	g_free(session);
}

void login_clear(Login *login)
{
	secret_free(login->secret);
	secret_free(login->csrf);
	g_free(login->user);
	*login = (Login){0};
}

char *session_to_text(const Session *session)
{
	json_auto json_object *json = json_object_new_object();
	g_autofree char *digest = digest_to_hex(&session->digest);
	g_autofree char *mark = digest_to_hex(&session->mark);
	json_set_str(json, "user", session->user);
	json_set_str(json, "csrf", session->csrf);
	json_set_str(json, "address", session->address);
	json_set_str(json, "agent", session->agent);
	json_set_int(json, "created_us", session->created_us);
	json_set_int(json, "expires_us", session->expires_us);
	json_set_int(json, "last_used_us", session->last_used_us);
	json_set_str(json, "digest", digest);
	json_set_str(json, "mark", mark);
	return json_dup_text(json);
}

Session *session_from_text(const char *id, const char *text, gsize length)
{
	json_auto json_object *json = json_parse(text, length, NULL);
	g_autoptr(Session) session = g_new0(Session, 1);
	g_atomic_ref_count_init(&session->refs);
	session->id = g_strdup(id);
	session->user = g_strdup(json_get_str(json, "user", ""));
	session->csrf = g_strdup(json_get_str(json, "csrf", ""));
	session->address = g_strdup(json_get_str(json, "address", ""));
	session->agent = g_strdup(json_get_str(json, "agent", ""));
	session->source = slow_source(session->address);
	session->created_us = json_get_int(json, "created_us", 0);
	session->expires_us = json_get_int(json, "expires_us", 0);
	session->last_used_us = session->saved_us = json_get_int(json, "last_used_us", 0);
	if (!*session->csrf || !digest_from_hex(json_get_str(json, "digest", ""), &session->digest) ||
	    !digest_from_hex(json_get_str(json, "mark", ""), &session->mark))
		return NULL;
	return g_steal_pointer(&session);
}

/* What a client calls itself goes into lists and logs: cut at a character, without what moves a terminal. */
static char *clean_text(const char *text, gsize max)
{
	char *clean = g_utf8_make_valid(text ? text : "", (gssize)strnlen(text ? text : "", max));
	for (char *c = clean; *c; c++)
		if (g_ascii_iscntrl(*c))
			*c = ' ';
	while (strlen(clean) > max)
		*g_utf8_find_prev_char(clean, clean + strlen(clean)) = '\0';
	return clean;
}

static Session *new_session(Access *access, const char *user, const Digest *mark, const char *address,
			    const char *agent, const char *secret)
{
	g_autoptr(Session) session = g_new0(Session, 1);
	g_atomic_ref_count_init(&session->refs);
	session->id = id_new();
	session->user = g_strdup(user);
	session->csrf = secret_new();
	session->address = clean_text(address, ADDRESS_LENGTH_MAX);
	session->agent = clean_text(agent, AGENT_LENGTH_MAX);
	session->source = slow_source(session->address);
	session->created_us = session->last_used_us = session->saved_us = access->clock.real_us();
	session->expires_us = session->created_us + access->settings.session_lifetime_us;
	session->digest = digest_of(secret, strlen(secret));
	session->mark = *mark;
	return session->id && session->csrf ? g_steal_pointer(&session) : NULL;
}

/* Under the lock. Too many for one user: the one that was not used for longest goes. */
static void make_room(Access *access, const User *user)
{
	while (user->sessions->len >= SESSIONS_PER_USER_MAX) {
		Session *idle = user->sessions->pdata[0];
		for (guint i = 1; i < user->sessions->len; i++) {
			Session *other = user->sessions->pdata[i];
			if (other->last_used_us < idle->last_used_us)
				idle = other;
		}
		tables_end_session(access, idle);
	}
}

gboolean session_open(Access *access, const char *name, const Digest *mark, const char *address, const char *agent,
		      Login *ret_login, GError **error)
{
	g_auto(Login) login = {.secret = secret_new(), .user = g_strdup(name)};
	g_mutex_lock(&access->lock);
	g_autoptr(Session) session =
		login.secret ? new_session(access, name, mark, address, agent, login.secret) : NULL;
	g_mutex_unlock(&access->lock);
	if (!session) {
		error_set(error, ERROR_FAILED, NULL, "cannot open a session: no random numbers");
		return FALSE;
	}
	login.csrf = g_strdup(session->csrf);
	login.expires_us = session->expires_us;
	g_autofree char *secret_name = g_strconcat("session/", session->id, NULL);
	char *text = session_to_text(session);
	gboolean saved = store_secret_set(access->store, secret_name, text, strlen(text), error);
	secret_free(text);
	if (!saved)
		return FALSE;

	g_mutex_lock(&access->lock);
	const User *user = g_hash_table_lookup(access->users, name);
	gboolean still = session_is_valid(access, session);
	gboolean ended = still && user->sessions->len >= SESSIONS_PER_USER_MAX;
	if (still) {
		make_room(access, user);
		tables_add_session(access, g_steal_pointer(&session));
	} else {
		g_ptr_array_add(access->doomed, g_steal_pointer(&secret_name));
		g_cond_signal(&access->wake_sweeper);
	}
	g_mutex_unlock(&access->lock);
	if (ended)
		access_changed(access);
	if (!still) {
		error_set(error, ERROR_UNAUTHORIZED, "sign in again",
			  "cannot sign in: the user was changed at the same moment");
		return FALSE;
	}
	*ret_login = login;
	login = (Login){0};
	return TRUE;
}

/* The answer to a secret that lets nobody in. */
static void refuse(Access *access, const char *what, const char *hint, const char *address, GError **error)
{
	g_autofree char *source = slow_source(address);
	gint64 wait_us = slow_secret_failed(access->slow, source, access->clock.monotonic_us());
	if (wait_us == 0) {
		error_set(error, ERROR_UNAUTHORIZED, hint, "%s is not valid: it is wrong, has expired or was ended",
			  what);
		return;
	}
	g_autofree char *later = slow_hint(wait_us);
	error_set(error, ERROR_TOO_MANY, later, "%s is not valid, and too many others from this address were not",
		  what);
}

/* Under the lock. */
static char *dup_since(Access *access, const char *name)
{
	const User *user = g_hash_table_lookup(access->users, name);
	return user ? g_strdup(user->created) : NULL;
}

Principal *access_by_session(Access *access, const char *secret, const char *address, GError **error)
{
	Digest digest = digest_of(secret, strlen(secret));
	Principal *principal = NULL;
	g_mutex_lock(&access->lock);
	Session *session = g_hash_table_lookup(access->by_digest, &digest);
	if (session_is_valid(access, session)) {
		session->last_used_us = access->clock.real_us();
		principal = principal_new(PRINCIPAL_SESSION, session->user, session->id, session->csrf, address);
		principal->since = dup_since(access, session->user);
	}
	g_mutex_unlock(&access->lock);
	if (!principal)
		refuse(access, "the session", "sign in again", address, error);
	return principal;
}

Principal *access_by_token(Access *access, const char *secret, const char *address, GError **error)
{
	Principal *principal = NULL;
	Digest digest = digest_of(secret, strlen(secret));
	g_autofree char *id = token_id_of(secret);
	g_mutex_lock(&access->lock);
	Token *token = id ? g_hash_table_lookup(access->tokens, id) : NULL;
	if (token && token_is_valid(access, token) && digest_equal(&digest, &token->digest)) {
		token->last_used_us = access->clock.real_us();
		principal = principal_new(PRINCIPAL_TOKEN, token->user, token->id, NULL, address);
		principal->since = dup_since(access, token->user);
	}
	g_mutex_unlock(&access->lock);
	if (!principal)
		refuse(access, "the token", "make a new one: 'yado token create'", address, error);
	return principal;
}

/* --- Lists --- */

static void set_time(json_object *json, const char *key, gint64 us)
{
	g_autofree char *text = time_to_text(us);
	json_set_str(json, key, text);
}

/* What a row needs that may change; all else of a session stays as it was made. */
typedef struct Seen {
	Session *session;
	gint64 last_used_us, expires_us;
} Seen;

static void seen_free(gpointer data)
{
	Seen *seen = data;
	session_unref(seen->session);
	g_free(seen);
}

static json_object *session_row(const Seen *seen, const Principal *asking)
{
	const Session *session = seen->session;
	json_object *row = json_object_new_object();
	json_set_str(row, "id", session->id);
	json_set_str(row, "user", session->user);
	json_set_str(row, "address", session->address);
	json_set_str(row, "agent", session->agent);
	set_time(row, "created", session->created_us);
	set_time(row, "last_used", seen->last_used_us);
	set_time(row, "expires", seen->expires_us);
	json_set_bool(row, "current",
		      asking && asking->kind == PRINCIPAL_SESSION && g_str_equal(asking->id, session->id));
	return row;
}

static int compare_sessions(const void *a, const void *b)
{
	json_object *left = *(json_object *const *)a, *right = *(json_object *const *)b;
	int order = strcmp(json_get_str(left, "created", ""), json_get_str(right, "created", ""));
	return order ? order : strcmp(json_get_str(left, "id", ""), json_get_str(right, "id", ""));
}

json_object *access_list_sessions(Access *access, const char *user, const Principal *asking)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(seen_free);
	GHashTableIter iter;
	gpointer value;
	g_mutex_lock(&access->lock);
	g_hash_table_iter_init(&iter, access->sessions);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Session *session = value;
		if ((user && !g_str_equal(user, session->user)) || !session_is_valid(access, session))
			continue;
		gint64 latest_us = session->created_us + access->settings.session_lifetime_us;
		Seen *seen = g_new0(Seen, 1);
		*seen = (Seen){session_ref(session), session->last_used_us, MIN(session->expires_us, latest_us)};
		g_ptr_array_add(found, seen);
	}
	g_mutex_unlock(&access->lock);
	json_object *list = json_object_new_array();
	for (guint i = 0; i < found->len; i++)
		json_object_array_add(list, session_row(found->pdata[i], asking));
	json_object_array_sort(list, compare_sessions);
	return list;
}

char *access_session_user(Access *access, const char *id)
{
	g_mutex_lock(&access->lock);
	const Session *session = g_hash_table_lookup(access->sessions, id);
	char *user = session_is_valid(access, session) ? g_strdup(session->user) : NULL;
	g_mutex_unlock(&access->lock);
	return user;
}

gboolean access_knows_address(Access *access, const char *address)
{
	g_autofree char *source = slow_source(address);
	g_mutex_lock(&access->lock);
	gboolean known = g_hash_table_contains(access->sources, source);
	g_mutex_unlock(&access->lock);
	return known;
}

/* First in the store: what was answered with "done" must not come back with a restart. */
gboolean access_revoke_session(Access *access, const char *id, GError **error)
{
	g_autofree char *user = access_session_user(access, id);
	if (!user) {
		error_set(error, ERROR_NOT_FOUND, "'yado session list' shows those that there are",
			  "there is no session '%s'", id);
		return FALSE;
	}
	g_autofree char *name = g_strconcat("session/", id, NULL);
	g_autoptr(Batch) batch = batch_new(user, 0);
	batch_drop_secret(batch, name);
	if (!store_commit_secrets(access->store, batch, error))
		return FALSE;
	g_mutex_lock(&access->lock);
	Session *session = g_hash_table_lookup(access->sessions, id);
	if (session)
		tables_end_session(access, session);
	g_mutex_unlock(&access->lock);
	access_changed(access);
	return TRUE;
}
