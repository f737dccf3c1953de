/* What the store's files share among themselves (and what its tests reach in for); not for other folders. */
#pragma once
#include <glib.h>
#include <sqlite3.h>

#include "store/store.h"

enum {
	PATH_LENGTH_MAX = 255,
	BODY_SIZE_MAX = 256 * 1024,
	SECRET_SIZE_MAX = 64 * 1024,
	BATCH_OPS_MAX = 4096,
	HISTORY_LIMIT_MAX = 1000,
	READERS_MAX = 8,
	CHECKPOINT_PAGES = 1000, /* of the WAL, as SQLite's own default */
	SECRET_KEY_SIZE = 32,
	SECRET_KEY_ID_SIZE = 8,
};

/* Statements are prepared once a connection, when first needed (texts: database.c). */
typedef enum Statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENT_SAVEPOINT,
	STATEMENT_SAVEPOINT_RELEASE,
	STATEMENT_SAVEPOINT_ROLLBACK,
	STATEMENT_DOC_FIND,
	STATEMENT_DOC_INSERT,
	STATEMENT_DOC_UPDATE,
	STATEMENT_DOC_DELETE,
	STATEMENT_DOC_GET,
	STATEMENT_DOC_LIST,
	STATEMENT_CHANGE_INSERT,
	STATEMENT_CHANGE_NEWEST,
	STATEMENT_CHANGE_ALL,
	STATEMENT_CHANGE_PREFIX,
	STATEMENT_CHANGE_COMMIT,
	STATEMENT_CHANGE_AT,
	STATEMENT_CHANGE_SINCE,
	STATEMENT_SECRET_PUT,
	STATEMENT_SECRET_RENEW,
	STATEMENT_SECRET_GET,
	STATEMENT_SECRET_DELETE,
	STATEMENT_SECRET_COUNT,
	STATEMENT_SECRET_LIST,
	STATEMENT_COUNT,
} Statement;

/* Used by one thread at a time. */
typedef struct Connection {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statements[STATEMENT_COUNT];
} Connection;

/* database.c */
Connection *database_open(const char *dir, gboolean reader, GError **error);
void database_close(Connection *connection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Connection, database_close)
/* The prepared statement, reset; NULL on failure. */
sqlite3_stmt *database_prepare(Connection *connection, Statement which, GError **error);
/* Runs a statement without parameters and rows. */
gboolean database_run(Connection *connection, Statement which, GError **error);
/* Sets the error from the connection's last one; what was asked is the formatted text. */
void database_fail(Connection *connection, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Resets the statement and forgets its parameters, which may have lent memory. */
void statement_done(sqlite3_stmt **statement);
#define statement_auto __attribute__((cleanup(statement_done)))
/* Binds text that outlives the statement's use, or NULL. */
void statement_bind_text(sqlite3_stmt *statement, int index, const char *text, int length);
/* This parameter and the next: from the prefix on, up to behind all that begin with it. */
void statement_bind_prefix(sqlite3_stmt *statement, int index, const char *prefix);

/* The store's layout, for migrate(). */
extern const char *const store_migrations[];

typedef enum OpType {
	OP_PUT,
	OP_DELETE,
	OP_ALLOCATE,
	OP_SECRET_SET,
	OP_SECRET_RENEW,  /* only where there is one */
	OP_SECRET_DELETE, /* refused where there is none */
	OP_SECRET_DROP,   /* whether there is one or not */
} OpType;
static inline gboolean op_is_secret(OpType type)
{
	return type >= OP_SECRET_SET;
}

typedef struct Op {
	OpType type;
	char *path; /* or the secret's name */
	gint64 expected_rev;
	json_object *body;
	const char *text; /* of the body; owned by it, or by `owned_text` */
	gsize text_length;
	char *owned_text;
	gint64 first; /* allocation: where the counter starts */
	GBytes *nonce, *sealed;
	gint64 changed_rev; /* result: the commit that recorded this change; 0: nothing changed */
} Op;

typedef enum BatchState {
	BATCH_WAITS,
	BATCH_LEADS, /* its thread is to lead the next group, in which it is */
	BATCH_DONE,
} BatchState;

struct Batch {
	char *author;
	gint64 task;
	GArray *ops; /* of Op */

	/* While it is being committed: */
	GList link;  /* in the store's queue */
	GMutex lock; /* of state */
	GCond woken;
	BatchState state;
	gint64 at_us;
	gint64 rev;       /* 0: failed, or nothing but secrets */
	gint64 allocated; /* the number that an allocation gave */
	GError *error;
};

/* commit.c: commits the batch, sharing the transaction with others. */
gboolean commit_submit(Store *store, Batch *batch, GError **error);
/* The batch takes ownership of everything in the op. */
void batch_add(Batch *batch, Op op);

/* watch.c */
typedef struct Watches Watches;
Watches *watches_new(void);
void watches_free(Watches *watches); /* after everything queued was delivered */
/* For each change of the batch that someone watches: takes a copy for delivery. In order of revision. */
void watches_queue(Watches *watches, const Batch *batch);
/* Until the callbacks for that revision and all before it have returned; at once on the watches' own thread. */
void watches_wait(Watches *watches, gint64 rev);

/* read.c */
typedef struct Readers {
	GMutex lock;
	GCond given_back;
	GPtrArray *idle; /* of Connection */
	guint opened;
} Readers;
Connection *reader_take(Store *store, GError **error);
void reader_give(Store *store, Connection *connection);

struct Store {
	char *dir;
	int lock_fd; /* keeps a second process out */
	const StoreKind *kinds;
	Connection *writer; /* belongs to the thread that leads */
	Readers readers;
	Watches *watches;

	GMutex lock;  /* of what follows; never held over I/O */
	GQueue queue; /* of Batch, not yet taken by a leader */
	gboolean leading;
	gint64 rev; /* of the newest commit; read without the lock */
	int wal_pages;

	guint8 secret_key[SECRET_KEY_SIZE];
	guint8 secret_key_id[SECRET_KEY_ID_SIZE];
};

/* store.c */
Store *store_open_migrating(const char *dir, const StoreKind *kinds, const char *const *migrations, GError **error);
/* NULL if the path's kind is unknown. */
const StoreKind *store_find_kind(Store *store, const char *path);
gboolean store_check_path(Store *store, const char *path, GError **error);
gboolean store_check_prefix(const char *prefix, GError **error);
/* No control characters, valid UTF-8, 1 to max bytes. `what` names it in the error. */
gboolean store_check_name(const char *what, const char *name, gsize max, GError **error);
/* Parses a stored body; a failure is the file's damage, not the caller's. */
json_object *store_parse_body(
	Connection *connection, const char *path, sqlite3_stmt *statement, int column, GError **error);

/* secret.c: loads DIR/secret.key, or makes it if there is no secret yet. */
gboolean secret_key_load(Store *store, GError **error);
