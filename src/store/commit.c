/* Commits, many in one transaction.
 *
 * A thread that commits puts its batch into the queue. If nobody is leading, it leads: it takes all that is queued,
 * applies the batches one after another in one transaction (each under a savepoint, so that one which is refused
 * leaves the others alone), and makes all durable with one COMMIT, which is one fsync. Meanwhile others queue up; the
 * first of them leads next. So there is one writer at any time, a lone committer pays for no change of thread, and
 * under load many share an fsync without anybody waiting on purpose.
 *
 * After COMMIT the leader notes the changes for the watches (watch.c delivers them), wakes those who waited, and moves
 * the write-ahead log into the database when it has grown. The outcome of a batch depends only on the store's content
 * and the batch: time and secrets' nonces are put into it by who submits it. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "store/internal.h"

typedef enum Outcome {
	OUTCOME_APPLIED,
	OUTCOME_REFUSED, /* this batch only */
	OUTCOME_BROKEN,  /* the database failed: the whole transaction */
} Outcome;

static Outcome refuse_stale(const Op *op, gint64 rev, GError **error)
{
	const char *hint = "read it again and repeat the change on what it says now";
	if (op->expected_rev == REV_ABSENT)
		error_set(error, ERROR_STALE, hint, "cannot create '%s': it exists, at revision %" G_GINT64_FORMAT,
			op->path, rev);
	else if (rev == 0)
		error_set(error, ERROR_STALE, hint,
			"cannot change '%s' of revision %" G_GINT64_FORMAT ": it does not exist any more (revision 0)",
			op->path, op->expected_rev);
	else
		error_set(error, ERROR_STALE, hint,
			"cannot change '%s' of revision %" G_GINT64_FORMAT
			": it has changed since and is now at revision %" G_GINT64_FORMAT,
			op->path, op->expected_rev, rev);
	return OUTCOME_REFUSED;
}

/* A counter's document says which number was given out last. Fills in the op's text. */
static Outcome allocate(Batch *batch, Op *op, const char *text, int length, GError **error)
{
	gint64 number = op->first;
	if (text) {
		json_auto json_object *body = json_parse(text, (gsize)length, NULL);
		json_object *last = json_get(body, "last");
		if (!json_object_is_type(last, json_type_int) || json_object_get_int64(last) == G_MAXINT64) {
			error_set(error, ERROR_FAILED, NULL, "cannot take a number from '%s': its content is '%s'",
				op->path, text);
			return OUTCOME_REFUSED;
		}
		number = MAX(number, json_object_get_int64(last) + 1);
	}
	g_free(op->owned_text);
	op->owned_text = g_strdup_printf("{\"last\":%" G_GINT64_FORMAT "}", number);
	op->text = op->owned_text;
	op->text_length = strlen(op->text);
	batch->allocated = number;
	return OUTCOME_APPLIED;
}

static Outcome apply_doc(Store *store, Batch *batch, Op *op, gint64 commit_rev, GError **error)
{
	Connection *writer = store->writer;
	statement_auto sqlite3_stmt *find = database_prepare(writer, STATEMENT_DOC_FIND, error);
	statement_auto sqlite3_stmt *insert = database_prepare(writer, STATEMENT_CHANGE_INSERT, error);
	if (!find || !insert)
		return OUTCOME_BROKEN;
	gint64 row = 0, rev = 0;
	const char *before = NULL;
	int before_length = 0;
	statement_bind_text(find, 1, op->path, -1);
	int result = sqlite3_step(find);
	if (result == SQLITE_ROW) {
		row = sqlite3_column_int64(find, 0);
		rev = sqlite3_column_int64(find, 1);
		before = (const char *)sqlite3_column_text(find, 2);
		before_length = sqlite3_column_bytes(find, 2);
	} else if (result != SQLITE_DONE) {
		database_fail(writer, error, "cannot read '%s'", op->path);
		return OUTCOME_BROKEN;
	}
	if (op->expected_rev != REV_ANY && op->expected_rev != rev)
		return refuse_stale(op, rev, error);
	if (op->type == OP_DELETE && rev == 0)
		return OUTCOME_APPLIED; /* gone already, and any revision was fine */
	if (op->type == OP_ALLOCATE && allocate(batch, op, before, before_length, error) != OUTCOME_APPLIED)
		return OUTCOME_REFUSED;

	/* The old body is lent by the statement that found it, so the change is written before the document. */
	sqlite3_bind_int64(insert, 1, commit_rev);
	sqlite3_bind_int64(insert, 2, batch->at_us);
	statement_bind_text(insert, 3, batch->author, -1);
	sqlite3_bind_int64(insert, 4, batch->task);
	statement_bind_text(insert, 5, op->path, -1);
	statement_bind_text(insert, 6, before, before_length);
	statement_bind_text(insert, 7, op->text, (int)op->text_length);
	if (sqlite3_step(insert) != SQLITE_DONE) {
		database_fail(writer, error, "cannot write '%s'", op->path);
		return OUTCOME_BROKEN;
	}
	sqlite3_reset(find);

	Statement which = op->type == OP_DELETE ? STATEMENT_DOC_DELETE
			  : rev > 0             ? STATEMENT_DOC_UPDATE
						: STATEMENT_DOC_INSERT;
	statement_auto sqlite3_stmt *write = database_prepare(writer, which, error);
	if (!write)
		return OUTCOME_BROKEN;
	if (rev > 0)
		sqlite3_bind_int64(write, 1, row);
	else
		statement_bind_text(write, 1, op->path, -1);
	if (which != STATEMENT_DOC_DELETE) {
		sqlite3_bind_int64(write, 2, commit_rev);
		statement_bind_text(write, 3, op->text, (int)op->text_length);
	}
	if (sqlite3_step(write) != SQLITE_DONE) {
		database_fail(writer, error, "cannot write '%s'", op->path);
		return OUTCOME_BROKEN;
	}
	op->changed_rev = commit_rev;
	return OUTCOME_APPLIED;
}

static Outcome apply_secret(Store *store, const Op *op, GError **error)
{
	Connection *writer = store->writer;
	Statement which = op->type == OP_SECRET_SET     ? STATEMENT_SECRET_PUT
			  : op->type == OP_SECRET_RENEW ? STATEMENT_SECRET_RENEW
							: STATEMENT_SECRET_DELETE;
	statement_auto sqlite3_stmt *write = database_prepare(writer, which, error);
	if (!write)
		return OUTCOME_BROKEN;
	statement_bind_text(write, 1, op->path, -1);
	if (op->sealed) {
		gsize nonce_length, sealed_length;
		const void *nonce = g_bytes_get_data(op->nonce, &nonce_length);
		const void *sealed = g_bytes_get_data(op->sealed, &sealed_length);
		sqlite3_bind_blob(write, 2, store->secret_key_id, SECRET_KEY_ID_SIZE, SQLITE_STATIC);
		sqlite3_bind_blob(write, 3, nonce, (int)nonce_length, SQLITE_STATIC);
		sqlite3_bind_blob(write, 4, sealed, (int)sealed_length, SQLITE_STATIC);
	}
	if (sqlite3_step(write) != SQLITE_DONE) {
		database_fail(writer, error, "cannot write secret '%s'", op->path);
		return OUTCOME_BROKEN;
	}
	if (op->type == OP_SECRET_DELETE && sqlite3_changes(writer->db) == 0) {
		error_set(error, ERROR_NOT_FOUND, NULL, "cannot delete secret '%s': there is none of that name",
			op->path);
		return OUTCOME_REFUSED;
	}
	return OUTCOME_APPLIED;
}

/* On success batch->rev is commit_rev if the batch changed a document, else 0. */
static Outcome apply_ops(Store *store, Batch *batch, gint64 commit_rev, GError **error)
{
	gboolean changed = FALSE, documents = FALSE;
	for (guint i = 0; i < batch->ops->len; i++) {
		Op *op = &g_array_index(batch->ops, Op, i);
		gboolean secret = op_is_secret(op->type);
		Outcome outcome =
			secret ? apply_secret(store, op, error) : apply_doc(store, batch, op, commit_rev, error);
		if (outcome != OUTCOME_APPLIED)
			return outcome;
		documents |= !secret;
		changed |= op->changed_rev != 0;
	}
	if (documents && !changed) {
		error_set(error, ERROR_NOT_FOUND, NULL, "cannot delete '%s': it does not exist",
			g_array_index(batch->ops, Op, 0).path);
		return OUTCOME_REFUSED;
	}
	batch->rev = changed ? commit_rev : 0;
	return OUTCOME_APPLIED;
}

static Outcome apply_batch(Store *store, Batch *batch, gint64 commit_rev, GError **error)
{
	/* A batch of one operation is refused before it has written anything. */
	gboolean savepoint = batch->ops->len > 1;
	if (savepoint && !database_run(store->writer, STATEMENT_SAVEPOINT, error))
		return OUTCOME_BROKEN;
	Outcome outcome = apply_ops(store, batch, commit_rev, error);
	if (!savepoint || outcome == OUTCOME_BROKEN)
		return outcome;
	g_autoptr(GError) failure = NULL;
	if ((outcome == OUTCOME_REFUSED && !database_run(store->writer, STATEMENT_SAVEPOINT_ROLLBACK, &failure)) ||
		!database_run(store->writer, STATEMENT_SAVEPOINT_RELEASE, &failure)) {
		g_clear_error(error);
		g_propagate_error(error, g_steal_pointer(&failure));
		return OUTCOME_BROKEN;
	}
	return outcome;
}

/* Runs all batches in one transaction; each gets its rev or its error. Returns the newest revision after it. */
static gint64 run_group(Store *store, const GList *group, gint64 rev)
{
	g_autoptr(GError) failure = NULL;
	gint64 newest = rev;
	gboolean began = database_run(store->writer, STATEMENT_BEGIN, &failure);
	for (const GList *link = group; link && !failure; link = link->next) {
		Batch *batch = link->data;
		Outcome outcome = apply_batch(store, batch, newest + 1, &batch->error);
		if (outcome == OUTCOME_BROKEN)
			failure = g_steal_pointer(&batch->error);
		else if (batch->rev)
			newest = batch->rev;
	}
	if (began && !failure && database_run(store->writer, STATEMENT_COMMIT, &failure))
		return newest;
	/* Some failures have rolled the transaction back already. */
	if (!sqlite3_get_autocommit(store->writer->db))
		database_run(store->writer, STATEMENT_ROLLBACK, NULL);
	for (const GList *link = group; link; link = link->next) {
		Batch *batch = link->data;
		batch->rev = 0;
		if (!batch->error)
			batch->error = g_error_copy(failure);
	}
	return rev;
}

/* Tells the thread that waits with this batch; the batch may be gone when this returns. */
static void wake(Batch *batch, BatchState state)
{
	g_mutex_lock(&batch->lock);
	batch->state = state;
	g_cond_signal(&batch->woken);
	g_mutex_unlock(&batch->lock);
}

/* Runs in the thread of the batch that is first in the queue; nobody else leads meanwhile. */
static void lead(Store *store, Batch *own)
{
	g_mutex_lock(&store->lock);
	GList *group = store->queue.head;
	g_queue_init(&store->queue);
	gint64 rev = store->rev;
	g_mutex_unlock(&store->lock);

	rev = run_group(store, group, rev);
	/* Before anybody is woken: a woken thread frees its batch. */
	for (GList *link = group; link; link = link->next)
		if (((Batch *)link->data)->rev)
			watches_queue(store->watches, link->data);
	__atomic_store_n(&store->rev, rev, __ATOMIC_RELEASE);
	for (GList *link = group; link;) {
		Batch *batch = link->data;
		link = link->next;
		if (batch != own)
			wake(batch, BATCH_DONE);
	}

	/* What cannot be moved now (a reader still looks at it, the disk is full) is moved another time. */
	if (store->wal_pages >= CHECKPOINT_PAGES)
		sqlite3_wal_checkpoint_v2(store->writer->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

	g_mutex_lock(&store->lock);
	Batch *next = store->queue.head ? store->queue.head->data : NULL;
	store->leading = next != NULL;
	g_mutex_unlock(&store->lock);
	if (next)
		wake(next, BATCH_LEADS);
}

gboolean commit_submit(Store *store, Batch *batch, GError **error)
{
	batch->at_us = g_get_real_time();
	batch->state = BATCH_WAITS;
	batch->rev = 0;
	batch->link = (GList){.data = batch};
	g_clear_error(&batch->error);
	for (guint i = 0; i < batch->ops->len; i++)
		g_array_index(batch->ops, Op, i).changed_rev = 0;

	g_mutex_lock(&store->lock);
	g_queue_push_tail_link(&store->queue, &batch->link);
	gboolean leads = !store->leading;
	store->leading = TRUE;
	g_mutex_unlock(&store->lock);
	if (!leads) {
		g_mutex_lock(&batch->lock);
		while (batch->state == BATCH_WAITS)
			g_cond_wait(&batch->woken, &batch->lock);
		leads = batch->state == BATCH_LEADS;
		g_mutex_unlock(&batch->lock);
	}
	if (leads)
		lead(store, batch);
	if (batch->error) {
		g_propagate_error(error, g_steal_pointer(&batch->error));
		return FALSE;
	}
	return TRUE;
}

/* json_parse() must be able to read it again. */
static gboolean is_storable(json_object *json, guint depth)
{
	if (depth >= JSON_DEPTH_MAX)
		return FALSE;
	switch (json_object_get_type(json)) {
	case json_type_double:
		return isfinite(json_object_get_double(json));
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(json); i++)
			if (!is_storable(json_object_array_get_idx(json, i), depth + 1))
				return FALSE;
		return TRUE;
	case json_type_object: {
		json_object_object_foreach (json, key, value) {
			(void)key;
			if (!is_storable(value, depth + 1))
				return FALSE;
		}
		return TRUE;
	}
	default:
		return TRUE;
	}
}

static gboolean serialize(Op *op, GError **error)
{
	if (!json_object_is_type(op->body, json_type_object) || !is_storable(op->body, 1)) {
		error_set(error, ERROR_INVALID, NULL,
			"cannot store '%s': it must be a JSON object with finite numbers, nested at most %d deep",
			op->path, JSON_DEPTH_MAX - 1);
		return FALSE;
	}
	op->text = json_object_to_json_string_length(
		op->body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &op->text_length);
	if (!op->text || op->text_length > BODY_SIZE_MAX) {
		error_set(error, ERROR_TOO_LARGE, NULL, "cannot store '%s': it takes %zu bytes, %d are allowed",
			op->path, op->text_length, BODY_SIZE_MAX);
		return FALSE;
	}
	if (!g_utf8_validate(op->text, (gssize)op->text_length, NULL)) {
		error_set(
			error, ERROR_INVALID, NULL, "cannot store '%s': it contains text that is not UTF-8", op->path);
		return FALSE;
	}
	return TRUE;
}

static gboolean check_batch(Store *store, Batch *batch, GError **error)
{
	if (batch->ops->len == 0 || batch->ops->len > BATCH_OPS_MAX) {
		error_set(error, ERROR_INVALID, NULL, "cannot commit: a commit changes 1 to %d documents, this one %u",
			BATCH_OPS_MAX, batch->ops->len);
		return FALSE;
	}
	if (!store_check_name("author", batch->author, PATH_LENGTH_MAX, error))
		return FALSE;
	g_autoptr(GHashTable) seen = batch->ops->len > 1 ? g_hash_table_new(g_str_hash, g_str_equal) : NULL;
	for (guint i = 0; i < batch->ops->len; i++) {
		Op *op = &g_array_index(batch->ops, Op, i);
		if (op_is_secret(op->type)) {
			if (!store_check_name("secret", op->path, PATH_LENGTH_MAX, error))
				return FALSE;
			continue;
		}
		if (!store_check_path(store, op->path, error))
			return FALSE;
		if (seen && !g_hash_table_add(seen, op->path)) {
			error_set(error, ERROR_INVALID, NULL, "cannot commit: '%s' is changed twice in one batch",
				op->path);
			return FALSE;
		}
		if (op->expected_rev < REV_ANY || (op->type == OP_DELETE && op->expected_rev == REV_ABSENT)) {
			error_set(error, ERROR_INVALID, NULL,
				"cannot change '%s': no document has the revision %" G_GINT64_FORMAT, op->path,
				op->expected_rev);
			return FALSE;
		}
		if (op->type == OP_PUT && !serialize(op, error))
			return FALSE;
	}
	return TRUE;
}

gint64 store_commit(Store *store, Batch *batch, GError **error)
{
	if (!check_batch(store, batch, error) || !commit_submit(store, batch, error))
		return 0;
	watches_wait(store->watches, batch->rev);
	return batch->rev;
}

gboolean store_commit_secrets(Store *store, Batch *batch, GError **error)
{
	return check_batch(store, batch, error) && commit_submit(store, batch, error);
}

gint64 store_allocate(Store *store, const char *counter, gint64 first, GError **error)
{
	if (first < 1) {
		error_set(error, ERROR_INVALID, NULL,
			"cannot take a number from counter '%s': it would start at %" G_GINT64_FORMAT
			", counters start at 1 or above",
			counter, first);
		return 0;
	}
	g_autoptr(Batch) batch = batch_new("system", 0);
	batch_add(batch, (Op){.type = OP_ALLOCATE,
				 .path = g_strconcat("counter/", counter, NULL),
				 .expected_rev = REV_ANY,
				 .first = first});
	return store_commit(store, batch, error) ? batch->allocated : 0;
}
