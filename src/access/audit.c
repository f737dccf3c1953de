/* The audit log: its two sources, and reading it.
 *
 * Requests come by audit_add() and are written at once. Commits are followed by a thread: the store's watch only says
 * up to which revision there is something; the thread reads each commit from the store's history and writes its
 * entries together with the revision up to which that was done. So the log never holds up a commit, and what a killed
 * daemon did not write is written at the next start, once.
 *
 * Kinds of documents that follow from others (numbers given out, the state that a guest is wanted in, names and
 * identities) have no entries: whoever asks for them has one by the request or by the guest's own document. What cannot
 * be written (a full disk) waits in memory, up to a bound, and is tried again each second. */
#include "access/audit-internal.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

enum { COMMITS_AT_ONCE = 256, MARK_EACH = 1000, SETTLE_US = 2 * G_USEC_PER_SEC };

static const char *const quiet_kinds[] = {"counter/", "vm-state/", "vm-identity/", "vm-name/"};
static const AuditLimits default_limits = {.keep = 500000, .slack = 10000, .window_us = 60 * G_USEC_PER_SEC,
					   .windows = 1024, .kinds = 64, .late = 4096};

struct Audit {
	Store *store;
	Journal *journal;
	AuditLimits limits;
	guint watch;
	GThread *thread;

	GMutex lock; /* of all below; never held over I/O */
	GCond wake;
	GCond advanced;
	gint64 newest_rev;   /* that there is */
	gint64 audited_rev;  /* up to which entries are written */
	gint64 marked_rev;   /* the same, as the file has it; the thread's */
	Repeats *repeats;
	GQueue late;         /* char *: texts that wait to be written */
	guint lost;          /* that had no place there */
	gint64 retry_us;     /* monotonic; 0: the last write went well */
	gboolean closing;
};

typedef struct Append {
	GPtrArray *texts;
	gint64 rev;
	const AuditLimits *limits;
} Append;

static gboolean write_append(sqlite3 *db, gpointer data, GError **error)
{
	Append *append = data;
	return chain_append(db, append->texts, append->rev, append->limits, error);
}

static gboolean write_texts(Audit *audit, GPtrArray *texts, gint64 rev, gboolean durable, GError **error)
{
	Append append = {texts, rev, &audit->limits};
	return journal_commit(audit->journal, write_append, &append, durable, error);
}

Journal *audit_journal(Audit *audit)
{
	return audit->journal;
}

/* --- Commits and what is late: the thread --- */

static gboolean is_quiet(const char *path)
{
	for (guint i = 0; i < G_N_ELEMENTS(quiet_kinds); i++)
		if (g_str_has_prefix(path, quiet_kinds[i]))
			return TRUE;
	return FALSE;
}

static gboolean add_commit(Audit *audit, gint64 rev, GPtrArray *texts, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autoptr(GPtrArray) changes = store_commit_changes(audit->store, rev, &local);
	if (!changes && error_code(local) != ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	for (guint i = 0; changes && i < changes->len; i++) {
		const Change *change = changes->pdata[i];
		if (is_quiet(change->path))
			continue;
		g_autofree char *members = audit_members_of_change(change);
		g_ptr_array_add(texts, audit_text(change->at_us, 0, members));
	}
	return TRUE;
}

/* Entries for some commits from `from` on; the revision up to which there are entries now, or 0. */
static gint64 record_commits(Audit *audit, gint64 from, gint64 to, GError **error)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	gint64 rev = from;
	while (rev < to && rev - from < COMMITS_AT_ONCE)
		if (!add_commit(audit, ++rev, texts, error))
			return 0;
	/* Where nothing is written, the file need not know: these commits would be looked at again, to no effect. */
	if (texts->len == 0 && rev - audit->marked_rev < MARK_EACH)
		return rev;
	if (!write_texts(audit, texts, rev, FALSE, error))
		return 0;
	audit->marked_rev = rev;
	return rev;
}

/* With the lock held. Refusals whose windows have ended join what is late. */
static void take_ended(Audit *audit, gint64 now_us)
{
	for (char *text; (text = repeats_take_ended(audit->repeats, now_us));) {
		if (audit->late.length < audit->limits.late) {
			g_queue_push_tail(&audit->late, text);
		} else {
			audit->lost++;
			g_free(text);
		}
	}
}

/* With the lock held, which is let go meanwhile. */
static gboolean write_late(Audit *audit, GError **error)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	guint lost = audit->lost;
	while (audit->late.length > 0)
		g_ptr_array_add(texts, g_queue_pop_head(&audit->late));
	guint count = texts->len;
	if (lost) {
		g_autofree char *message = g_strdup_printf("%u entries could not be written and were lost", lost);
		AuditEntry entry = {.user = "yado", .via = "", .address = "", .action = "lost", .object = "audit",
				    .outcome = "failed", .message = message};
		g_autofree char *members = audit_members(&entry);
		g_ptr_array_add(texts, audit_text(g_get_real_time(), 0, members));
	}
	g_mutex_unlock(&audit->lock);
	gboolean ok = write_texts(audit, texts, 0, TRUE, error);
	g_mutex_lock(&audit->lock);
	if (ok) {
		audit->lost -= lost;
		return TRUE;
	}
	for (guint i = count; i > 0; i--)
		g_queue_push_head(&audit->late, g_steal_pointer(&texts->pdata[i - 1]));
	return FALSE;
}

/* With the lock held, which is let go meanwhile: writes what there is, a bounded part of it. */
static void work(Audit *audit)
{
	g_autoptr(GError) error = NULL;
	gboolean ok = (audit->late.length == 0 && audit->lost == 0) || write_late(audit, &error);
	gint64 from = audit->audited_rev, to = audit->newest_rev;
	if (ok && from < to) {
		g_mutex_unlock(&audit->lock);
		gint64 rev = record_commits(audit, from, to, &error);
		g_mutex_lock(&audit->lock);
		ok = rev > 0;
		if (ok)
			audit->audited_rev = rev;
	}
	if (!ok && !audit->retry_us)
		g_warning("the audit log cannot be written, its entries wait in memory: %s", error->message);
	if (ok && audit->retry_us)
		g_message("the audit log is written again");
	audit->retry_us = ok ? 0 : g_get_monotonic_time() + G_USEC_PER_SEC;
	g_cond_broadcast(&audit->advanced);
}

static gpointer run(gpointer data)
{
	Audit *audit = data;
	g_mutex_lock(&audit->lock);
	for (;;) {
		gint64 now = g_get_monotonic_time();
		take_ended(audit, audit->closing ? G_MAXINT64 : now);
		gboolean due = audit->late.length > 0 || audit->lost > 0 || audit->audited_rev < audit->newest_rev;
		if (due && (audit->closing || audit->retry_us <= now)) {
			work(audit);
			if (!audit->closing || !audit->retry_us)
				continue;
		}
		if (audit->closing)
			break;
		gint64 end = due ? audit->retry_us : repeats_next_end(audit->repeats);
		if (end < 0)
			g_cond_wait(&audit->wake, &audit->lock);
		else
			g_cond_wait_until(&audit->wake, &audit->lock, end);
	}
	g_mutex_unlock(&audit->lock);
	return NULL;
}

static void on_commit(const char *path, gint64 rev, json_object *body, gpointer data)
{
	Audit *audit = data;
	(void)path;
	(void)body;
	g_mutex_lock(&audit->lock);
	audit->newest_rev = MAX(audit->newest_rev, rev);
	g_cond_signal(&audit->wake);
	g_mutex_unlock(&audit->lock);
}

/* --- Opening and closing --- */

/* A copy of the newest hash beside the log itself: the service's log may be kept elsewhere. */
static void announce(Audit *audit)
{
	ChainEnd head;
	sqlite3 *db = journal_lend_reader(audit->journal);
	gboolean ok = chain_head(db, &head, NULL);
	journal_give_back(audit->journal);
	if (ok && head.seq)
		g_message("audit log: entry %" G_GINT64_FORMAT " has the hash %s", head.seq, head.hash);
}

static gboolean load(Audit *audit, GError **error)
{
	sqlite3 *db = journal_lend_reader(audit->journal);
	gboolean ok = chain_recorded_rev(db, &audit->marked_rev, error);
	journal_give_back(audit->journal);
	audit->audited_rev = audit->marked_rev;
	return ok;
}

Audit *audit_open_with(const char *dir, Store *store, const AuditLimits *limits, GError **error)
{
	g_autofree char *path = g_build_filename(dir, "audit.db", NULL);
	Audit *audit = g_new0(Audit, 1);
	audit->store = store;
	audit->limits = *limits;
	g_mutex_init(&audit->lock);
	g_cond_init(&audit->wake);
	g_cond_init(&audit->advanced);
	audit->repeats = repeats_new(&audit->limits);
	audit->journal = journal_open(path, audit_migrations, error);
	if (!audit->journal || !load(audit, error)) {
		audit_close(audit);
		return NULL;
	}
	announce(audit);
	/* First the watch, then the revision: no commit falls between the two. */
	audit->watch = store_watch(store, "", on_commit, audit);
	gint64 rev = store_revision(store);
	g_mutex_lock(&audit->lock);
	audit->newest_rev = MAX(audit->newest_rev, rev);
	g_mutex_unlock(&audit->lock);
	audit->thread = g_thread_new("audit", run, audit);
	return audit;
}

Audit *audit_open(const char *dir, Store *store, GError **error)
{
	return audit_open_with(dir, store, &default_limits, error);
}

void audit_close(Audit *audit)
{
	if (!audit)
		return;
	if (audit->thread) {
		store_unwatch(audit->store, audit->watch);
		g_mutex_lock(&audit->lock);
		audit->closing = TRUE;
		g_cond_signal(&audit->wake);
		g_mutex_unlock(&audit->lock);
		g_thread_join(audit->thread);
		announce(audit);
		if (audit->late.length + audit->lost > 0)
			g_warning("%u entries of the audit log could not be written", audit->late.length + audit->lost);
	}
	journal_free(audit->journal);
	repeats_free(audit->repeats);
	g_queue_clear_full(&audit->late, g_free);
	g_cond_clear(&audit->advanced);
	g_cond_clear(&audit->wake);
	g_mutex_clear(&audit->lock);
	g_free(audit);
}

/* --- Requests --- */

gboolean audit_add(Audit *audit, const AuditEntry *entry, GError **error)
{
	g_autofree char *members = NULL;
	if (g_str_equal(entry->outcome, "done")) {
		members = audit_members(entry);
	} else {
		g_mutex_lock(&audit->lock);
		members = repeats_note(audit->repeats, entry, g_get_monotonic_time());
		g_cond_signal(&audit->wake);
		g_mutex_unlock(&audit->lock);
		if (!members)
			return TRUE;
	}
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(texts, audit_text(g_get_real_time(), 0, members));
	if (write_texts(audit, texts, 0, TRUE, error))
		return TRUE;
	g_mutex_lock(&audit->lock);
	if (audit->late.length < audit->limits.late)
		g_queue_push_tail(&audit->late, g_steal_pointer(&texts->pdata[0]));
	else
		audit->lost++;
	g_cond_signal(&audit->wake);
	g_mutex_unlock(&audit->lock);
	return FALSE;
}

/* --- Reading --- */

/* Whoever has changed something finds it here: its commit's entries are only a moment behind. */
static void settle(Audit *audit)
{
	gint64 rev = store_revision(audit->store), end = g_get_monotonic_time() + SETTLE_US;
	g_mutex_lock(&audit->lock);
	while (audit->audited_rev < rev && !audit->retry_us)
		if (!g_cond_wait_until(&audit->advanced, &audit->lock, end))
			break;
	g_mutex_unlock(&audit->lock);
}

static void bind(sqlite3_stmt *statement, const char *name, const char *text)
{
	int index = sqlite3_bind_parameter_index(statement, name);
	if (index)
		sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

static json_object *describe(sqlite3_stmt *row, GError **error)
{
	json_object *item =
		json_parse((const char *)sqlite3_column_text(row, 2), (gsize)sqlite3_column_bytes(row, 2), NULL);
	if (item)
		json_set_str(item, "hash", (const char *)sqlite3_column_text(row, 1));
	else
		error_set(error, ERROR_FAILED, "'yado audit verify' tells more",
			  "entry %" G_GINT64_FORMAT " of the audit log is damaged",
			  (gint64)sqlite3_column_int64(row, 0));
	return item;
}

static json_object *read_page(sqlite3 *db, const char *user, const char *object, const char *outcome,
			      gint64 before_seq, guint limit, GError **error)
{
	gboolean below = object && g_str_has_suffix(object, "/"), row = TRUE;
	g_autofree char *end = below ? g_strconcat(object, "\xff", NULL) : NULL;
	/* '+' keeps SQLite from taking the index of what is the least rare: nearly all that is asked is done. Below a
	 * prefix the newest entries are looked through, since an index would have to be sorted. */
	g_autofree char *sql =
		g_strconcat("SELECT seq, hash, text FROM entry WHERE seq < ?", user ? " AND user = :user" : "",
			    !object ? ""
			    : below ? " AND +object > :object AND +object < :end"
				    : " AND object = :object",
			    !outcome                     ? ""
			    : user || (object && !below) ? " AND +outcome = :outcome"
							 : " AND outcome = :outcome",
			    " ORDER BY seq DESC LIMIT :limit", NULL);
	sql_auto sqlite3_stmt *statement = sql_prepare(db, error, sql, "i", before_seq ? before_seq : G_MAXINT64);
	if (!statement)
		return NULL;
	bind(statement, ":user", user);
	bind(statement, ":object", object);
	bind(statement, ":end", end);
	bind(statement, ":outcome", outcome);
	sqlite3_bind_int64(statement, sqlite3_bind_parameter_index(statement, ":limit"), (gint64)limit + 1);
	json_auto json_object *page = json_object_new_object();
	json_object *items = json_object_new_array();
	json_set(page, "items", items);
	gint64 last = 0;
	for (;;) {
		if (!sql_step(statement, &row, error))
			return NULL;
		if (!row)
			break;
		if (json_object_array_length(items) == limit) {
			json_set_int(page, "next", last);
			break;
		}
		json_object *item = describe(statement, error);
		if (!item)
			return NULL;
		json_object_array_add(items, item);
		last = sqlite3_column_int64(statement, 0);
	}
	return json_object_get(page);
}

json_object *audit_list(Audit *audit, const char *user, const char *object, const char *outcome, gint64 before_seq,
			guint limit, GError **error)
{
	settle(audit);
	sqlite3 *db = journal_lend_reader(audit->journal);
	json_object *page = read_page(db, user, object, outcome, before_seq, limit, error);
	journal_give_back(audit->journal);
	return page;
}

gboolean audit_count(Audit *audit, gint64 *ret_last, guint *ret_waiting, GError **error)
{
	ChainEnd head;
	sqlite3 *db = journal_lend_reader(audit->journal);
	gboolean ok = chain_head(db, &head, error);
	journal_give_back(audit->journal);
	if (!ok)
		return FALSE;
	*ret_last = head.seq;
	g_mutex_lock(&audit->lock);
	*ret_waiting = audit->late.length + audit->lost;
	g_mutex_unlock(&audit->lock);
	return TRUE;
}
