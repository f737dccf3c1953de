/* Passwords: signing in, and setting a new one.
 *
 * A password is verified in this order: is the pair of account and source slowed (refused at once); wait for a turn at
 * the gate; is it slowed now (others of the same source have failed meanwhile, so that no number of attempts at once is
 * worth more than as many one after another); yescrypt. Each of these takes the same time whether the account exists,
 * is disabled, has no password, or has another one. */
#include <string.h>

#include "access/internal.h"
#include "base/error.h"
#include "schema/checks.h"

/* Whether somebody is signed in to the account from there. */
static gboolean is_known(Access *access, const char *name, const char *source)
{
	if (!*source)
		return TRUE;
	gboolean known = FALSE;
	g_mutex_lock(&access->lock);
	const User *user = tables_find_enabled(access, name);
	for (guint i = 0; user && !known && i < user->sessions->len; i++)
		known = g_str_equal(((Session *)user->sessions->pdata[i])->source, source);
	g_mutex_unlock(&access->lock);
	return known;
}

static gboolean is_slowed(Access *access, const char *user, const char *source, gboolean known, GError **error)
{
	gint64 wait_us = slow_login_wait(access->slow, user, source, known, access->clock.monotonic_us());
	if (wait_us == 0)
		return FALSE;
	g_autofree char *hint = slow_hint(wait_us);
	error_set(error, ERROR_TOO_MANY, hint,
		  "cannot verify the password now: too many wrong ones came from this address");
	return TRUE;
}

/* The user's hash, or NULL if nothing can be right; the store is asked for either. */
static gboolean read_hash(Access *access, const char *user, char **ret_hash, GError **error)
{
	g_autoptr(GError) failure = NULL;
	gboolean sound = strlen(user) <= NAME_LENGTH_MAX && !check_user_name(user);
	g_autofree char *name = g_strconcat("password/", sound ? user : "", NULL);
	void *hash = NULL;
	gsize length;
	if (!store_secret_get(access->store, name, &hash, &length, &failure) &&
	    error_code(failure) != ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	*ret_hash = hash;
	return TRUE;
}

/* With the gate passed. */
static gboolean compare(
	Access *access, const char *user, const char *password, Digest *ret_mark, gboolean *ret_right, GError **error)
{
	char *hash = NULL;
	if (!read_hash(access, user, &hash, error))
		return FALSE;
	gboolean too_long = strlen(password) > 4 * PASSWORD_LENGTH_MAX, right = FALSE;
	gboolean ok = password_verify(too_long ? "" : password, hash, &right, error);
	if (ok && right && !too_long) {
		g_mutex_lock(&access->lock);
		*ret_right = tables_find_enabled(access, user) != NULL;
		g_mutex_unlock(&access->lock);
		*ret_mark = digest_of(hash, strlen(hash));
	}
	secret_free(hash);
	return ok;
}

/* FALSE if it could not be found out, or is not to be found out now. */
static gboolean verify(Access *access, const char *user, const char *password, const char *address, Digest *ret_mark,
		       gboolean *ret_right, GError **error)
{
	g_autofree char *source = slow_source(address);
	gboolean known = is_known(access, user, source), right = FALSE;
	if (is_slowed(access, user, source, known, error) || !gate_enter(access->gate, source, known, error))
		return FALSE;
	gboolean ok = !is_slowed(access, user, source, known, error) &&
		      compare(access, user, password, ret_mark, &right, error);
	if (ok && right)
		slow_login_succeeded(access->slow, user, source, access->clock.monotonic_us());
	else if (ok)
		slow_login_failed(access->slow, user, source, access->clock.monotonic_us());
	gate_leave(access->gate); /* not before the failure is counted: the next in line looks at it */
	*ret_right = right;
	return ok;
}

gboolean access_login(Access *access, const char *user, const char *password, const char *address, const char *agent,
		      Login *ret_login, GError **error)
{
	Digest mark;
	gboolean right;
	if (!verify(access, user, password, address, &mark, &right, error))
		return FALSE;
	if (!right) {
		error_set(error, ERROR_UNAUTHORIZED,
			  "check the name and the password; an administrator can set a new one",
			  "cannot sign in: the user or the password is wrong");
		return FALSE;
	}
	return session_open(access, user, &mark, address, agent, ret_login, error);
}

/* --- A new password --- */

static gboolean check_current(
	Access *access, const char *user, const char *current, const char *address, GError **error)
{
	Digest mark;
	gboolean right;
	if (!verify(access, user, current, address, &mark, &right, error))
		return FALSE;
	if (!right)
		error_set_field(error, ERROR_FORBIDDEN, "current", "an administrator can set a new one without it",
				"cannot set a new password: the present one is wrong");
	return right;
}

/* Under the lock; the session's text with the new mark, which the session itself gets once that is written. */
static char *remark(const Session *session, const Digest *mark)
{
	Session copy = *session;
	copy.mark = *mark;
	return session_to_text(&copy);
}

/* One commit: the password, the end of the sessions, the new mark of the one that stays. */
static gboolean write_password(Access *access, const char *name, const char *hash, const Digest *mark,
			       const char *keep_session, const char *author, GError **error)
{
	g_autofree char *secret_name = g_strconcat("password/", name, NULL);
	g_autofree char *kept_name = NULL, *kept = NULL;
	g_autoptr(Batch) batch = batch_new(author, 0);
	g_mutex_lock(&access->lock);
	const User *user = g_hash_table_lookup(access->users, name);
	for (guint i = 0; user && i < user->sessions->len; i++) {
		const Session *session = user->sessions->pdata[i];
		g_autofree char *session_name = g_strconcat("session/", session->id, NULL);
		if (g_strcmp0(session->id, keep_session) == 0) {
			kept = remark(session, mark);
			kept_name = g_steal_pointer(&session_name);
		} else {
			batch_drop_secret(batch, session_name);
		}
	}
	g_mutex_unlock(&access->lock);
	if (!user) {
		error_set(error, ERROR_NOT_FOUND, "'yado user list' shows those that there are",
			  "there is no user '%s'", name);
		return FALSE;
	}
	return (!kept || batch_renew_secret(access->store, batch, kept_name, kept, strlen(kept), error)) &&
	       batch_set_secret(access->store, batch, secret_name, hash, strlen(hash), error) &&
	       store_commit_secrets(access->store, batch, error);
}

/* Sessions that were opened between the commit's preparation and now have the former password's mark too. */
static void take_over(Access *access, const char *name, const Digest *mark, const char *keep_session)
{
	g_mutex_lock(&access->lock);
	User *user = g_hash_table_lookup(access->users, name);
	for (guint i = user ? user->sessions->len : 0; i-- > 0;) {
		Session *session = user->sessions->pdata[i];
		if (g_strcmp0(session->id, keep_session) == 0)
			session->mark = *mark;
		else
			tables_end_session(access, session);
	}
	if (user) {
		user->has_password = TRUE;
		user->mark = *mark;
	}
	g_mutex_unlock(&access->lock);
}

gboolean access_set_password(Access *access, const char *user, const char *current, const char *password,
			     const char *keep_session, const char *address, const char *author, GError **error)
{
	if (current && !check_current(access, user, current, address, error))
		return FALSE;
	g_mutex_lock(&access->lock);
	PasswordRules rules = access->settings.rules;
	gboolean there = g_hash_table_contains(access->users, user);
	g_mutex_unlock(&access->lock);
	if (there && !password_check(password, user, &rules, error))
		return FALSE;
	/* Who may set a password is let in already: no stranger stands in this line. */
	if (!gate_enter(access->gate, author, TRUE, error))
		return FALSE;
	char *hash = password_hash(password, error);
	gate_leave(access->gate);
	if (!hash)
		return FALSE;
	Digest mark = digest_of(hash, strlen(hash));
	g_mutex_lock(&access->writing);
	gboolean ok = write_password(access, user, hash, &mark, keep_session, author, error);
	if (ok)
		take_over(access, user, &mark, keep_session);
	g_mutex_unlock(&access->writing);
	secret_free(hash);
	if (ok)
		access_changed(access);
	return ok;
}
