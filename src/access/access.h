/* Who may do what: users, roles, tokens, sessions, as documents and secrets of the store, kept in memory for the
 * checks.
 *
 * Documents (facts, never restored): "user/NAME", "role/NAME", "token/ID", "setting/access". Secrets: "password/NAME"
 * (yescrypt), "token/ID" (SHA-256 of the token's secret), "session/ID" (a session as JSON, with the SHA-256 of its
 * secret). Everything follows the store: a right that was withdrawn is gone for the next check. Thread-safe. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "schema/privilege.h"
#include "store/store.h"

typedef struct Access Access;

Access *access_new(Store *store, GError **error);
void access_free(Access *access);

/* --- Who asks --- */
typedef enum PrincipalKind { PRINCIPAL_ROOT, PRINCIPAL_SESSION, PRINCIPAL_TOKEN } PrincipalKind;

/* Immutable; references counted atomically. It names who asks; what it may do is asked anew each time. */
typedef struct Principal {
	gatomicrefcount refs;
	PrincipalKind kind;
	char *user;    /* "root" on the local socket */
	char *id;      /* of the session or token; "" for root */
	char *csrf;    /* of a session; NULL otherwise */
	char *address; /* where from; "" for root */
	/* when its user was made (UTC, to the second): another one of that name was before; NULL for root */
	char *since;
} Principal;
Principal *principal_new_root(void);
Principal *principal_ref(Principal *principal);
void principal_unref(Principal *principal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Principal, principal_unref)
/* "socket", "session:ID", "token:ID"; caller frees. */
char *principal_via(const Principal *principal);

/* ERROR_UNAUTHORIZED if there is no such session or token, it has ended, or its user is gone or disabled. Marks it
 * used. Wrong secrets from one address are slowed (ERROR_TOO_MANY). */
Principal *access_by_session(Access *access, const char *secret, const char *address, GError **error);
Principal *access_by_token(Access *access, const char *secret, const char *address, GError **error);

/* --- What it may do --- */
/* What a principal may do now, resolved: immutable, for many checks in a row. References counted atomically. */
typedef struct Rights Rights;
Rights *access_rights(Access *access, const Principal *principal); /* new reference; never NULL */
Rights *rights_ref(Rights *rights);
void rights_unref(Rights *rights);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rights, rights_unref)
/* Of a token with grants of its own: it may do less than its user. */
gboolean rights_are_narrowed(const Rights *rights);
/* path "/vms/100", "/images/tiny", "/"…; tags (may be NULL): those of the guest, NULL-terminated; "/vms" with tags: a
 * guest that has them and no number yet. PRIVILEGE_NONE is allowed to everybody. */
gboolean rights_allow(const Rights *rights, Privilege privilege, const char *path, const char *const *tags);
/* The same of a guest, whose path is not looked at where no grant on a guest could matter. */
gboolean rights_allow_vm(const Rights *rights, Privilege privilege, const char *path, const char *const *tags);
/* Whether it is allowed on the whole collection ("/vms"), so that no row needs to be looked at. */
gboolean rights_allow_all(const Rights *rights, Privilege privilege, const char *collection);
/* Whether it is allowed anywhere below: then a filtered list is an answer, else the list is refused. */
gboolean rights_allow_some(const Rights *rights, Privilege privilege, const char *collection);
/* Whether the rights include all that the grants (a map of {"path","role"}) would give: nobody grants what he lacks. To
 * be asked also with the present grants of whom one sets a password or makes a token for, who could then be acted as;
 * for a role that is changed, ask for each new privilege on "/". ERROR_FORBIDDEN names the first that is missing;
 * ERROR_INVALID a role that does not exist. */
gboolean rights_check_grants(Access *access, const Rights *rights, json_object *grants, GError **error);
/* [{"path","privileges":[…]}…], as GET /session answers; new reference. */
json_object *rights_describe(const Rights *rights);
/* Text that is the same for the same rights, and another one for any others; caller frees. */
char *rights_fingerprint(const Rights *rights);
/* Whether some grant names the tag: who may put it on a guest decides who gets rights there. */
gboolean access_tag_is_granted(Access *access, const char *tag);

/* Goes up with every change that may take a right from somebody or give one (also the end of a session). */
guint access_generation(Access *access);
/* Called after such a change, from any thread, holding nothing; must be quick. At most 4 watches. */
typedef void (*AccessWatch)(gpointer data);
void access_add_watch(Access *access, AccessWatch watch, gpointer data);
/* Whether the principal's session or token still stands and its user is enabled. */
gboolean access_is_valid(Access *access, const Principal *principal);

/* --- Signing in --- */
typedef struct Login {
	char *secret;  /* of the new session: for the cookie, never kept */
	char *csrf;
	char *user;
	gint64 expires_us; /* UTC */
} Login;
void login_clear(Login *login);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Login, login_clear)
/* Verifies the password (yescrypt, at most two at a time; blocks about 0.1 s) and makes a session. ERROR_UNAUTHORIZED
 * for a wrong name or password alike; ERROR_TOO_MANY, whose hint says how long to wait, when it is slowed. */
gboolean access_login(Access *access, const char *user, const char *password, const char *address, const char *agent,
		      Login *ret_login, GError **error);
json_object *access_list_sessions(Access *access, const char *user /* NULL: all */, const Principal *asking);
/* The user of a session, or NULL; caller frees. */
char *access_session_user(Access *access, const char *id);
/* Whether somebody is signed in from there: whoever asks without a credential is then less of a stranger. */
gboolean access_knows_address(Access *access, const char *address);
gboolean access_revoke_session(Access *access, const char *id, GError **error);

/* --- Users, roles, tokens, settings: documents through their tables. `author` is who asks. --- */
json_object *access_list(Access *access, const char *kind); /* "user", "role" (built-in ones too), "token"; array */
/* New reference of the document and its revision; built-in roles have revision 0. ERROR_NOT_FOUND. */
json_object *access_get(Access *access, const char *kind, const char *name, gint64 *ret_rev, GError **error);
/* The checked document that a creation or a change would commit: for plans, and for what follows. Also of kind
 * "setting" (name "access"), whose document is always there: at revision 0 it is the defaults. A token is not
 * changed. */
json_object *access_prepare_create(Access *access, const char *kind, json_object *input, GError **error);
json_object *access_prepare_change(Access *access, const char *kind, json_object *present, json_object *patch,
				   GError **error);
/* expected_rev as batch_put. The new revision or 0. */
gint64 access_commit(Access *access, const char *kind, const char *name, gint64 expected_rev, json_object *document,
		     const char *author, GError **error);
/* How many enabled users may do everything on "/", if this user or role became the document (NULL: were deleted; kind
 * NULL: as it is now). With 0 left only the local socket administers: allowed, but a plan says it. */
guint access_admins_after(Access *access, const char *kind, const char *name, json_object *document);
/* A user goes with its password, tokens and sessions; a role only when nobody has it (ERROR_CONFLICT names who). */
gboolean access_delete(Access *access, const char *kind, const char *name, gint64 expected_rev, const char *author,
		       GError **error);
/* Whether access_delete() would do it now, for plans. */
gboolean access_check_delete(Access *access, const char *kind, const char *name, GError **error);
/* Completes and commits a token; *ret_secret is shown once and never kept. The document; new reference. */
json_object *access_create_token(Access *access, json_object *input, const char *author, char **ret_secret,
				 GError **error);
/* Checks the rules of the settings; ends the user's other sessions. `current` NULL: it was not asked for (an
 * administrator sets it); else it must be right, and is slowed like a sign-in. keep_session: id or NULL. */
gboolean access_set_password(Access *access, const char *user, const char *current, const char *password,
			     const char *keep_session, const char *address, const char *author, GError **error);
json_object *access_get_settings(Access *access, gint64 *ret_rev);
