/* What the files of access share among themselves (and what their tests reach in for); not for other folders.
 *
 * Locks:
 *   lock     guards the tables below, for moments: no file, no yescrypt, no call into the store under it;
 *   writing  is held by who checks and commits documents, so that what was checked (a role that a grant names, that
 *            nobody has a role) still holds when it is committed. No check of a request ever takes it. `lock` may be
 *            taken under it;
 *   those of slow.c and gate.c, each for its file alone. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "access/access.h"
#include "access/gate.h"
#include "access/password.h"
#include "access/slow.h"
#include "schema/schema.h"

enum {
	USERS_MAX = 1000,
	ROLES_MAX = 256,
	TOKENS_MAX = 10000,
	TOKENS_PER_USER_MAX = 1000,
	SESSIONS_PER_USER_MAX = 64,
	WATCHES_MAX = 4,
	NAME_LENGTH_MAX = 63,
	ID_LENGTH = 12,
	SECRET_LENGTH = 43, /* 256 bits as base64url */
	DIGEST_SIZE = 32,   /* SHA-256 */
};

/* Both as GLib's g_get_real_time() and g_get_monotonic_time(); a test puts its own time in. */
typedef struct AccessClock {
	gint64 (*real_us)(void);
	gint64 (*monotonic_us)(void);
} AccessClock;

typedef struct Digest {
	guint8 bytes[DIGEST_SIZE];
} Digest;

typedef struct Grant {
	char *path, *role;
} Grant;

/* A document as text, which threads may share, and its revision. */
typedef struct Record {
	GRefString *text;
	gint64 rev;
} Record;

typedef struct User {
	char *name;
	char *created;
	Record record;
	gboolean enabled;
	GArray *grants;      /* of Grant */
	GPtrArray *sessions; /* of Session, the oldest first */
	gboolean has_password;
	Digest mark;         /* of the password's hash: what a session was made by */
	Rights *rights;      /* as of rights_epoch; NULL: not yet resolved */
	guint rights_epoch;
} User;

typedef struct Role {
	char *name;
	Record record;
	Privileges privileges;
	gboolean builtin;
} Role;

typedef struct Token {
	char *id, *user;
	Record record;
	GArray *grants;
	gint64 expires_us;   /* 0: never */
	gboolean expired;    /* seen so by the sweep */
	gint64 last_used_us; /* 0: not since the start */
	gboolean has_digest; /* without its secret a token lets nobody in */
	Digest digest;
	Rights *rights;
	guint rights_epoch;
} Token;

/* References are counted atomically; who has one may read what never changes: all but last_used_us, saved_us, mark. */
typedef struct Session {
	gatomicrefcount refs;
	char *id, *user, *csrf, *address, *agent;
	char *source; /* of the address, as slow_source() */
	gint64 created_us, expires_us, last_used_us;
	gint64 saved_us; /* last_used_us as it is in the store */
	Digest digest, mark;
} Session;

typedef struct Settings {
	Record record; /* revision 0: the defaults */
	PasswordRules rules;
	gint64 session_idle_us, session_lifetime_us;
} Settings;

struct Access {
	Store *store;
	AccessClock clock;
	Rights *root_rights, *no_rights;
	Slow *slow;
	Gate *gate;
	guint store_watches[4];

	GMutex lock;
	GHashTable *users;       /* name -> User */
	GHashTable *roles;       /* name -> Role, built-in ones too */
	GHashTable *tokens;      /* id -> Token */
	GHashTable *sessions;    /* id -> Session */
	GHashTable *by_digest;   /* Digest -> Session */
	GHashTable *sources;     /* slow_source() of an address -> number of sessions from there */
	GHashTable *granted_tags; /* as of tags_epoch; NULL: not yet gathered */
	guint tags_epoch;
	Settings settings;
	guint epoch; /* goes up when grants, roles, users change: what was resolved from former ones is void */
	GPtrArray *doomed; /* names of secrets that nothing needs any more, to be deleted by the sweep */
	struct {
		AccessWatch call;
		gpointer data;
	} watches[WATCHES_MAX];
	guint watch_count;
	guint generation; /* atomic */
	GThread *sweeper;
	GCond wake_sweeper;
	gboolean stopping;

	GMutex writing;
};

/* access.c */
/* access_new() in another time, and without its thread: who calls it sweeps. */
Access *access_new_at(Store *store, AccessClock clock, GError **error);
/* After a change under the lock, and without it: counts the generation up and tells who watches. */
void access_changed(Access *access);

/* tables.c */
gboolean tables_init(Access *access, GError **error);
void tables_clear(Access *access);
/* Follows a document: of a path and body as a watch gets them. Under the lock, as all that follow. */
void tables_put(Access *access, const char *path, gint64 rev, json_object *body);
/* A user that is there and enabled, or NULL. */
User *tables_find_enabled(Access *access, const char *name);
gboolean token_is_valid(Access *access, const Token *token);
gboolean session_is_valid(Access *access, const Session *session);
/* When it ends if nobody uses it any more. */
gint64 session_end_us(Access *access, const Session *session);
/* Takes the session in; its user is there. */
void tables_add_session(Access *access, Session *session);
/* Takes it out, and its secret too with the next sweep. */
void tables_end_session(Access *access, Session *session);
/* Of a document's map; array of Grant. */
GArray *grants_parse(json_object *grants);

/* session.c */
Session *session_ref(Session *session);
void session_unref(Session *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_unref)
/* As its secret has it; caller frees. */
char *session_to_text(const Session *session);
Session *session_from_text(const char *id, const char *text, gsize length); /* NULL if it is none */
/* Opens a session for a user whose password was found right: the one of that mark, which must still be it. */
gboolean session_open(Access *access, const char *user, const Digest *mark, const char *address, const char *agent,
		      Login *ret_login, GError **error);

/* token.c: the id within a token's secret, or NULL if it has not the form of one; caller frees. */
char *token_id_of(const char *secret);

/* sweep.c */
void sweep_start(Access *access);
void sweep_stop(Access *access); /* and writes what is not yet written */
void sweep(Access *access);

/* secret.c */
char *secret_new(void); /* 256 random bits as base64url; NULL without random numbers */
char *id_new(void);
Digest digest_of(const void *data, gsize length);
gboolean digest_equal(const Digest *a, const Digest *b); /* in constant time */
char *digest_to_hex(const Digest *digest);
gboolean digest_from_hex(const char *hex, Digest *ret_digest);

/* records.c */
typedef struct Kind {
	const char *name; /* as in "user/ann" */
	const Table *table;
	const char *title, *command; /* for messages */
	guint max;
} Kind;

const Kind *kind_find(const char *name);
/* Under the lock: the kind's table (not of settings), and a document's record or NULL. */
GHashTable *kind_table(Access *access, const Kind *kind);
const Record *kind_find_record(Access *access, const Kind *kind, const char *name);
/* ERROR_NOT_FOUND; FALSE. */
gboolean kind_refuse_missing(const Kind *kind, const char *name, GError **error);
char *time_to_text(gint64 us);           /* UTC, ISO 8601, in seconds */
gint64 time_from_text(const char *text); /* 0 if it is none; text may be NULL */

/* principal.c */
Principal *principal_new(PrincipalKind kind, const char *user, const char *id, const char *csrf, const char *address);

/* rights.c */
typedef enum Collection {
	COLLECTION_VMS,
	COLLECTION_IMAGES,
	COLLECTION_STORAGES,
	COLLECTION_NETWORKS,
	COLLECTION_MAPPINGS,
	COLLECTION_NODES,
	COLLECTION_COUNT,
	COLLECTION_NONE = COLLECTION_COUNT,
} Collection;
Rights *rights_new_all(void);
Rights *rights_new_none(void);
/* What the user's grants give, and the token's leave of it (NULL or empty: all). roles: name -> Role. */
Rights *rights_resolve(const GArray *user, const GArray *token, GHashTable *roles);
