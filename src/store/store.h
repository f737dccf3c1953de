/* The store: documents, atomic commits, their history, and watches, in one SQLite file.
 *
 * Paths are "kind/name" ("vm/100", "counter/vmid"). A kind is either configuration (kept in history, restorable) or
 * facts (kept in history, never restored). Every commit gets the next revision; a document's revision is that of the
 * commit that last wrote it. Nothing but a commit changes state. Thread-safe. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

typedef struct Store Store;

typedef struct StoreKind {
	const char *name; /* first component of the path */
	gboolean fact;
} StoreKind;

typedef struct Doc {
	char *path;
	gint64 rev;
	json_object *body;
} Doc;
void doc_free(Doc *doc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Doc, doc_free)

/* Before the process opens its first database: SQLite takes pages of its caches as they come, instead of 90 KiB with each
 * connection, most of which a small database never needs. */
void store_bound_memory(void);

/* Opens or makes DIR/store.db (0600, directory 0700) and DIR/secret.key. `kinds` is static and ends with a NULL name;
 * a path of another kind is refused. Applies migrations, with a copy of the file before each. */
Store *store_open(const char *dir, const StoreKind *kinds, GError **error);
void store_close(Store *store);

/* NULL with ERROR_NOT_FOUND if there is no such document. */
Doc *store_get(Store *store, const char *path, GError **error);
/* Documents whose path begins with the prefix, ordered by path; array of Doc, its free function set. */
GPtrArray *store_list(Store *store, const char *prefix, GError **error);
gint64 store_revision(Store *store);

/* A batch of changes that becomes one commit, or none. */
typedef struct Batch Batch;
enum { REV_ANY = -1, REV_ABSENT = 0 }; /* expected revisions besides a real one */
Batch *batch_new(const char *author, gint64 task); /* task 0: none */
void batch_free(Batch *batch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Batch, batch_free)
/* The batch takes its own reference of the body. */
void batch_put(Batch *batch, const char *path, gint64 expected_rev, json_object *body);
void batch_delete(Batch *batch, const char *path, gint64 expected_rev);
gboolean batch_is_empty(const Batch *batch);

/* Durable when it returns. 0 on failure: ERROR_STALE names the document and its present revision (hint: what to do),
 * ERROR_NO_SPACE on a full disk (nothing changed, a later commit may succeed). Blocks for an fsync; commits of other
 * threads share it. */
gint64 store_commit(Store *store, Batch *batch, GError **error);

/* The next number of a counter that starts at `first`, never given out twice (committed at once as "counter/NAME"). */
gint64 store_allocate(Store *store, const char *counter, gint64 first, GError **error);

/* Called after each commit that touched the prefix, in order of revision, from one thread of the store's own: must be
 * quick and must not call the store's blocking functions. body is NULL after a deletion, and lent for the call only
 * (json_copy() what is kept: json-c's reference counts are not safe between threads). store_commit() returns to its
 * caller after the callbacks of its commit have returned, unless it was called by one. */
typedef void (*StoreWatch)(const char *path, gint64 rev, json_object *body, gpointer data);
guint store_watch(Store *store, const char *prefix, StoreWatch watch, gpointer data);
/* None of its calls runs any more when this returns, so hold no lock that the callback takes. */
void store_unwatch(Store *store, guint id);

typedef struct Change {
	gint64 rev;
	gint64 at_us; /* UTC, microseconds */
	char *author;
	gint64 task;
	char *path;
	json_object *before; /* NULL: did not exist */
	json_object *after;  /* NULL: deleted */
} Change;
void change_free(Change *change);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Change, change_free)
/* Newest first; at most `limit`; only revisions < before_rev (0: from the newest). prefix "" means all. */
GPtrArray *store_history(Store *store, const char *prefix, gint64 before_rev, guint limit, GError **error);
/* All changes of one commit. ERROR_NOT_FOUND if there is none with that revision. */
GPtrArray *store_commit_changes(Store *store, gint64 rev, GError **error);
/* The document as it was after commit `rev`; NULL with ERROR_NOT_FOUND if it did not exist then. */
Doc *store_get_at(Store *store, const char *path, gint64 rev, GError **error);
/* What must change so that the configuration (never facts) under the prefix is again as it was after commit `rev`:
 * array of Change whose `before` is now and whose `after` is then, and whose `rev` is the document's present
 * revision (0: absent now). The caller validates and commits it. */
GPtrArray *store_restore_plan(Store *store, const char *prefix, gint64 rev, GError **error);

/* Secrets: AES-256-GCM under DIR/secret.key, bound to their name, without history. The value is any bytes; a 0 stands
 * behind it that does not count. */
gboolean store_secret_set(Store *store, const char *name, const void *value, gsize length, GError **error);
gboolean store_secret_get(Store *store, const char *name, void **ret_value, gsize *ret_length, GError **error);
gboolean store_secret_delete(Store *store, const char *name, GError **error);
/* Names that begin with the prefix, ordered; array of char *, its free function set. */
GPtrArray *store_secret_list(Store *store, const char *prefix, GError **error);
/* Secrets in a batch change together with its documents, or not at all. */
gboolean batch_set_secret(
	Store *store, Batch *batch, const char *name, const void *value, gsize length, GError **error);
/* Does nothing where there is none of that name (any more). */
gboolean batch_renew_secret(
	Store *store, Batch *batch, const char *name, const void *value, gsize length, GError **error);
void batch_drop_secret(Batch *batch, const char *name);
/* Of a batch without documents, which gets no revision. */
gboolean store_commit_secrets(Store *store, Batch *batch, GError **error);
