/* What the files of access share among themselves (and what their tests reach in for); not for other folders.
 *
 * Three kinds of locks, never held two at once except as said:
 *   lock     guards the tables below, for moments: no file, no yescrypt, no call into the store under it;
 *   writing  is held by who checks and commits documents, so that what was checked (a role that a grant names, that
 *            nobody has a role) still holds when it is committed. No check of a request ever takes it. `lock` may be
 *            taken under it;
 *   those of slow.c and gate.c, each in its file. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "access/access.h"

enum {
	USERS_MAX = 1000,
	ROLES_MAX = 256,
	TOKENS_MAX = 10000,
	TOKENS_PER_USER_MAX = 1000,
	SESSIONS_PER_USER_MAX = 64,
	WATCHES_MAX = 4,
	DIGEST_SIZE = 32, /* SHA-256 */
};

/* Both as GLib's g_get_real_time() and g_get_monotonic_time(); a test puts its own time in. */
typedef struct AccessClock {
	gint64 (*real_us)(void);
	gint64 (*monotonic_us)(void);
} AccessClock;

typedef struct Grant {
	char *path, *role;
} Grant;

typedef struct User {
	char *name;
	gboolean enabled;
	GArray *grants; /* of Grant */
	Rights *rights; /* as of rights_epoch; NULL: not yet resolved */
	guint rights_epoch;
} User;

typedef struct Token {
	char *id, *user;
	GArray *grants;
	gint64 expires_us; /* 0: never */
	gint64 last_used_us; /* 0: not since the start */
	guint8 digest[DIGEST_SIZE];
	gboolean has_digest; /* without its secret a token lets nobody in */
	Rights *rights;
	guint rights_epoch;
} Token;

struct Access {
	Store *store;
	AccessClock clock;
	Rights *root_rights, *no_rights;
	guint store_watches[4];

	GMutex lock;
	GHashTable *users;  /* name -> User */
	GHashTable *roles;  /* name -> Privileges, built-in ones too */
	GHashTable *tokens; /* id -> Token */
	guint epoch;        /* goes up when grants, roles, users change: resolved rights of a former one are void */
	struct {
		AccessWatch call;
		gpointer data;
	} watches[WATCHES_MAX];
	guint watch_count;
	guint generation; /* atomic */

	GMutex writing;
};

/* access.c */
void access_set_clock(Access *access, AccessClock clock);
/* After a change under the lock, and without it: counts the generation up and tells who watches. */
void access_changed(Access *access);
/* A user that is there and enabled, or NULL. Under the lock, as what it returns. */
User *access_find_user(Access *access, const char *name);
/* Whether the token lets in now. Under the lock. */
gboolean token_is_valid(Access *access, const Token *token);
/* Array of Grant of a document's map. */
GArray *grants_parse(json_object *grants);

/* principal.c */
Principal *principal_new(PrincipalKind kind, const char *user, const char *id, const char *csrf, const char *address);

/* rights.c */
typedef enum Collection {
	COLLECTION_VMS,
	COLLECTION_IMAGES,
	COLLECTION_STORAGES,
	COLLECTION_NETWORKS,
	COLLECTION_NODES,
	COLLECTION_COUNT,
	COLLECTION_NONE = COLLECTION_COUNT,
} Collection;
Rights *rights_new_all(void);
Rights *rights_new_none(void);
/* What the user's grants give, and the token's leave of it (NULL or empty: all). roles: name -> Privileges. */
Rights *rights_resolve(const GArray *user, const GArray *token, GHashTable *roles);
