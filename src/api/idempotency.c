/* Idempotency-Key, as draft-ietf-httpapi-idempotency-key-header has it.
 *
 * A key belongs to a user. A token that is narrower than its user has keys of its own: what the user was answered is not
 * its business. Before the handler it is written down as begun, durably, with the request's fingerprint;
 * after it, before the answer goes out, with the outcome. The same request with the same key is then answered alike.
 *
 * Remembered is what may have been done: 2xx, and 499 and 5xx, after which nobody knows without looking. Another 4xx
 * has changed nothing, so its key is free again. A key that was begun and has no outcome, and that nobody is at work
 * on, is of a daemon that was killed meanwhile (or whose disk was full): whether it was done is not known, and so said.
 *
 * The fingerprint is keyed (HMAC-SHA-256), since bodies may hold passwords that would be found by trying. Answers that
 * hold a secret or a descriptor are not kept: their routes refuse the header. */
#include "api/idempotency.h"

#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "base/json.h"
#include "store/journal.h"

#define SECRET "idempotency/key"
#define HEADER "idempotency-key"

enum {
	KEY_MAX = 255,
	SECRET_SIZE = 32,
	ANSWER_MAX = 65536,
	KEEP_MAX = 10000,      /* keys */
	KEEP_USER_MAX = 2000,  /* of one user, so that he does not push out those of others */
};
static const gint64 keep_us = 24 * 3600 * (gint64)G_USEC_PER_SEC;

static const char *const migrations[] = {
	"CREATE TABLE request (id INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, key TEXT NOT NULL,"
	" at INTEGER NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL DEFAULT 0, head TEXT, body TEXT,"
	" UNIQUE (user, key)) STRICT;"
	"CREATE INDEX request_at ON request (at);"
	"CREATE INDEX request_user ON request (user, id);",
	NULL,
};

struct Idempotency {
	Journal *journal;
	guint8 secret[SECRET_SIZE];
	GMutex lock;
	GHashTable *at_work; /* "USER\nKEY" of requests in work */
};

typedef struct Begin {
	const char *user, *key, *fingerprint;
	gint64 at_us;
	gboolean found; /* results */
	char *found_fingerprint, *head, *body;
	int status; /* 0: no outcome */
} Begin;

static void begin_clear(Begin *begin)
{
	g_clear_pointer(&begin->found_fingerprint, g_free);
	g_clear_pointer(&begin->head, g_free);
	g_clear_pointer(&begin->body, g_free);
	begin->found = FALSE;
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Begin, begin_clear)

static gboolean load_secret(Idempotency *idempotency, Store *store, GError **error)
{
	g_autofree guint8 *secret = NULL;
	g_autoptr(GError) local = NULL;
	gsize length = 0;
	if (store_secret_get(store, SECRET, (void **)&secret, &length, &local) && length == SECRET_SIZE) {
		memcpy(idempotency->secret, secret, SECRET_SIZE);
		return TRUE;
	}
	if (local && error_code(local) != ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	if (getrandom(idempotency->secret, SECRET_SIZE, 0) != SECRET_SIZE) {
		error_set(error, ERROR_FAILED, NULL, "the kernel gave no random numbers");
		return FALSE;
	}
	return store_secret_set(store, SECRET, idempotency->secret, SECRET_SIZE, error);
}

Idempotency *idempotency_open(const char *dir, Store *store, GError **error)
{
	g_autofree char *path = g_build_filename(dir, "requests.db", NULL);
	Idempotency *idempotency = g_new0(Idempotency, 1);
	g_mutex_init(&idempotency->lock);
	idempotency->at_work = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	idempotency->journal = journal_open(path, migrations, error);
	if (!idempotency->journal || !load_secret(idempotency, store, error))
		g_clear_pointer(&idempotency, idempotency_close);
	return idempotency;
}

void idempotency_close(Idempotency *idempotency)
{
	if (!idempotency)
		return;
	journal_free(idempotency->journal);
	g_hash_table_unref(idempotency->at_work);
	g_mutex_clear(&idempotency->lock);
	g_free(idempotency);
}

gboolean idempotency_is_allowed(const Route *route)
{
	return g_str_equal(route->method, "POST") && !route->unkept && !route->bulk &&
	       route->answer != ANSWER_CONSOLE && route->answer != ANSWER_EVENTS && route->answer != ANSWER_BYTES;
}

static gboolean check_key(Call *call, const char *key, GError **error)
{
	const Request *request = call->request;
	gsize length = strlen(key);
	if (!g_str_equal(call->route->method, "POST")) {
		error_set_field(error, ERROR_INVALID, HEADER, "leave it out; if-match keeps a change from being made twice",
				"%s %s takes no " HEADER ", only a POST does", request->method, request->path);
		return FALSE;
	}
	if (!idempotency_is_allowed(call->route) || request->frame->fd_count > 0) {
		error_set_field(error, ERROR_INVALID, HEADER, "leave it out",
				"POST %s takes no " HEADER ": what goes with it, or its answer, is not kept",
				request->path);
		return FALSE;
	}
	for (const char *c = key; *c; c++)
		if (*c < 0x21 || *c > 0x7e)
			length = 0;
	if (length >= 1 && length <= KEY_MAX)
		return TRUE;
	error_set_field(error, ERROR_INVALID, HEADER, "a UUID is a good one",
			HEADER " must be 1 to %d visible ASCII characters", KEY_MAX);
	return FALSE;
}

static void hash_text(GHmac *hmac, const char *text)
{
	g_hmac_update(hmac, (const guchar *)text, (gssize)strlen(text) + 1);
}

/* All that makes the request what it is, each part with its end. */
static char *dup_fingerprint(Idempotency *idempotency, Call *call)
{
	const Request *request = call->request;
	GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, idempotency->secret, SECRET_SIZE);
	hash_text(hmac, request->method);
	hash_text(hmac, request->path);
	hash_text(hmac, json_get_str(request->headers, "if-match", ""));
	if (request->query) {
		g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(request->query), (GCompareFunc)strcmp);
		for (GList *name = names; name; name = name->next) {
			hash_text(hmac, name->data);
			hash_text(hmac, g_hash_table_lookup(request->query, name->data));
		}
	}
	hash_text(hmac, "");
	gsize length = 0;
	const guchar *body = g_bytes_get_data(request->body, &length);
	if (length)
		g_hmac_update(hmac, body, (gssize)length);
	char *fingerprint = g_strdup(g_hmac_get_string(hmac));
	g_hmac_unref(hmac);
	return fingerprint;
}

static gboolean find(sqlite3 *db, Begin *begin, GError **error)
{
	gboolean row;
	sql_auto sqlite3_stmt *statement =
		sql_prepare(db, error, "SELECT fingerprint, status, head, body FROM request WHERE user = ? AND key = ?",
			    "ss", begin->user, begin->key);
	if (!statement || !sql_step(statement, &row, error))
		return FALSE;
	begin->found = row;
	if (row) {
		begin->found_fingerprint = sql_dup_text(statement, 0);
		begin->status = sqlite3_column_int(statement, 1);
		begin->head = sql_dup_text(statement, 2);
		begin->body = sql_dup_text(statement, 3);
	}
	return TRUE;
}

static gboolean write_begin(sqlite3 *db, gpointer data, GError **error)
{
	Begin *begin = data;
	begin_clear(begin);
	if (!sql_run(db, error, "DELETE FROM request WHERE at < ?", "i", begin->at_us - keep_us) ||
	    !find(db, begin, error))
		return FALSE;
	if (begin->found)
		return TRUE;
	return sql_run(db, error, "INSERT INTO request (user, key, at, fingerprint) VALUES (?, ?, ?, ?)", "ssis",
		       begin->user, begin->key, begin->at_us, begin->fingerprint) &&
	       sql_run(db, error,
		       "DELETE FROM request WHERE user = ?1 AND id <="
		       " (SELECT id FROM request WHERE user = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
		       "si", begin->user, (gint64)KEEP_USER_MAX) &&
	       sql_run(db, error,
		       "DELETE FROM request WHERE id <= (SELECT id FROM request ORDER BY id DESC LIMIT 1 OFFSET ?)", "i",
		       (gint64)KEEP_MAX);
}

typedef struct End {
	const char *user, *key, *head, *body;
	int status; /* 0: the key is free again */
} End;

static gboolean write_end(sqlite3 *db, gpointer data, GError **error)
{
	const End *end = data;
	if (end->status == 0)
		return sql_run(db, error, "DELETE FROM request WHERE user = ? AND key = ?", "ss", end->user, end->key);
	return sql_run(db, error, "UPDATE request SET status = ?3, head = ?4, body = ?5 WHERE user = ?1 AND key = ?2",
		       "ssiss", end->user, end->key, (gint64)end->status, end->head, end->body);
}

static char *dup_head(json_object *head)
{
	static const char *const kept[] = {"etag", "task"};
	json_auto json_object *part = json_object_new_object();
	for (guint i = 0; i < G_N_ELEMENTS(kept); i++)
		if (json_get(head, kept[i]))
			json_set(part, kept[i], json_copy(json_get(head, kept[i])));
	return json_dup_text(part);
}

static char *dup_body(const Call *call, const GError *failure)
{
	if (failure) {
		json_auto json_object *body = json_object_new_object();
		json_set(body, "error", error_to_json(failure));
		return json_dup_text(body);
	}
	gsize length = 0;
	const char *text = call->response->body ? g_bytes_get_data(call->response->body, &length) : "";
	return length <= ANSWER_MAX ? g_strndup(text, length) : NULL;
}

static gboolean is_kept(int status)
{
	return status < 400 || status >= 499;
}

static void finish(Idempotency *idempotency, Call *call, const char *user, const char *key, const GError *failure)
{
	g_autoptr(GError) error = NULL;
	int status = failure ? error_code_status(error_code(failure)) : call->response->status;
	gboolean kept = is_kept(status);
	g_autofree char *head = dup_head(call->response->head);
	g_autofree char *body = dup_body(call, failure);
	End end = {user, key, head, body, kept ? status : 0};
	/* A key that is not freed after a power cut only makes a client look. */
	if (!journal_commit(idempotency->journal, write_end, &end, kept, &error))
		g_warning("the outcome of %s %s (%d) is not kept for its " HEADER ": %s", call->request->method,
			  call->request->path, status, error->message);
}

static gboolean replay(Call *call, Begin *begin, GError **error)
{
	if (!g_str_equal(begin->found_fingerprint, begin->fingerprint)) {
		error_set_field(error, ERROR_UNSUPPORTED, HEADER, "take a new key for a new request",
				"this " HEADER " was sent with another request");
		return FALSE;
	}
	if (begin->status == 0) {
		error_set_field(error, ERROR_CONFLICT, HEADER, "look whether it was done; then, if need be, ask with a new key",
				"this request was begun, and interrupted before its outcome was known");
		return FALSE;
	}
	if (!begin->body) {
		error_set_field(error, ERROR_CONFLICT, HEADER, "look at what it has made",
				"this request was done (%d), but its answer was too long to be kept", begin->status);
		return FALSE;
	}
	call->replayed = TRUE;
	Response *response = call->response;
	response->status = begin->status;
	response->head = json_parse(begin->head, strlen(begin->head), NULL);
	if (!response->head)
		response->head = json_object_new_object();
	json_object *headers = json_object_new_object();
	json_set_str(headers, "idempotency-replayed", "true");
	json_set(response->head, "headers", headers);
	response->body = g_bytes_new(begin->body, strlen(begin->body));
	return TRUE;
}

/* No key has a space. */
static char *dup_own_key(const Call *call, const char *key)
{
	return call->rights && rights_are_narrowed(call->rights) ? g_strdup_printf("%s %s", call->principal->id, key)
								 : g_strdup(key);
}

static gboolean handle_once(Idempotency *idempotency, Call *call, const char *user, const char *key, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autofree char *fingerprint = dup_fingerprint(idempotency, call);
	g_auto(Begin) begin = {.user = user, .key = key, .fingerprint = fingerprint, .at_us = g_get_real_time()};
	if (!journal_commit(idempotency->journal, write_begin, &begin, TRUE, error))
		return FALSE;
	if (begin.found)
		return replay(call, &begin, error);
	gboolean ok = call->route->handle(call, &failure);
	finish(idempotency, call, user, key, failure);
	if (failure)
		g_propagate_error(error, g_steal_pointer(&failure));
	return ok;
}

gboolean idempotency_handle(Call *call, GError **error)
{
	Idempotency *idempotency = call->services->idempotency;
	const char *key = json_get_str(call->request->headers, HEADER, NULL);
	if (!key)
		return call->route->handle(call, error);
	if (!check_key(call, key, error))
		return FALSE;
	if (call->plan)
		return call->route->handle(call, error);
	const char *user = call->principal ? call->principal->user : call->request->user;
	g_autofree char *own_key = dup_own_key(call, key);
	g_autofree char *name = g_strdup_printf("%s\n%s", user ? user : "", own_key);
	g_mutex_lock(&idempotency->lock);
	gboolean mine = !g_hash_table_contains(idempotency->at_work, name);
	if (mine)
		g_hash_table_add(idempotency->at_work, g_strdup(name));
	g_mutex_unlock(&idempotency->lock);
	if (!mine) {
		error_set_field(error, ERROR_CONFLICT, HEADER, "wait, and ask again with the same key",
				"a request with this " HEADER " is still in work");
		return FALSE;
	}
	gboolean ok = handle_once(idempotency, call, user ? user : "", own_key, error);
	g_mutex_lock(&idempotency->lock);
	g_hash_table_remove(idempotency->at_work, name);
	g_mutex_unlock(&idempotency->lock);
	return ok;
}
