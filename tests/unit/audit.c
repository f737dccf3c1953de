/* The audit log: the chain and who tampers with it, commits that a killed daemon left, dropping, repeats, full
 * disks. */
#include "access/audit.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access/audit-internal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "small-disk.h"

static const StoreKind kinds[] = {{"vm", FALSE}, {"vm-state", TRUE}, {NULL, FALSE}};
static const AuditLimits usual = {.keep = 1000, .slack = 10, .window_us = 60 * G_USEC_PER_SEC, .windows = 100,
				  .kinds = 10, .late = 16};

typedef struct Fixture {
	char *dir;
	Store *store;
	Audit *audit;
} Fixture;

static void open_all(Fixture *f, const AuditLimits *limits)
{
	g_autoptr(GError) error = NULL;
	f->store = store_open(f->dir, kinds, &error);
	g_assert_no_error(error);
	f->audit = audit_open_with(f->dir, f->store, limits, &error);
	g_assert_no_error(error);
}

static void close_all(Fixture *f)
{
	g_clear_pointer(&f->audit, audit_close);
	g_clear_pointer(&f->store, store_close);
}

static void setup(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *parent = g_dir_make_tmp("audit-XXXXXX", &error);
	g_assert_no_error(error);
	f->dir = g_build_filename(parent, "state", NULL);
	open_all(f, data ? data : &usual);
}

static void teardown(Fixture *f, gconstpointer data)
{
	(void)data;
	close_all(f);
	g_autofree char *parent = g_path_get_dirname(f->dir);
	g_assert_true(dir_remove(parent, NULL));
	g_free(f->dir);
}

static gboolean try_add(Audit *audit, const char *user, const char *action, const char *outcome, const char *message,
			GError **error)
{
	AuditEntry entry = {.user = user,
			    .via = *user ? "socket" : "",
			    .address = *user ? "" : "192.0.2.1",
			    .action = action,
			    .object = "vm/100",
			    .outcome = outcome,
			    .status = 200,
			    .message = message};
	return audit_add(audit, &entry, error);
}

static void add(Fixture *f, const char *user, const char *action, const char *outcome, const char *message)
{
	g_autoptr(GError) error = NULL;
	try_add(f->audit, user, action, outcome, message, &error);
	g_assert_no_error(error);
}

static void add_done(Fixture *f, guint count)
{
	for (guint i = 0; i < count; i++)
		add(f, "alice", "POST /vms/{}/start", "done", NULL);
}

static gint64 put(Store *store, const char *path, const char *author, gint64 n)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *body = json_object_new_object();
	json_set_int(body, "n", n);
	g_autoptr(Batch) batch = batch_new(author, 0);
	batch_put(batch, path, REV_ANY, body);
	gint64 rev = store_commit(store, batch, &error);
	g_assert_no_error(error);
	return rev;
}

static json_object *list(Fixture *f, const char *user, const char *object, const char *outcome)
{
	g_autoptr(GError) error = NULL;
	json_object *page = audit_list(f->audit, user, object, outcome, 0, 1000, &error);
	g_assert_no_error(error);
	return page;
}

static json_object *item(json_object *page, size_t index)
{
	return json_object_array_get_idx(json_get(page, "items"), index);
}

static size_t count(json_object *page)
{
	return json_object_array_length(json_get(page, "items"));
}

static json_object *verify(Fixture *f, gint64 seq, const char *hash)
{
	g_autoptr(GError) error = NULL;
	json_object *result = audit_verify(f->audit, seq, hash, &error);
	g_assert_no_error(error);
	return result;
}

static void assert_intact(Fixture *f, gint64 last)
{
	json_auto json_object *result = verify(f, 0, NULL);
	g_assert_true(json_get_bool(result, "intact", FALSE));
	g_assert_null(json_get(result, "broken_at"));
	g_assert_cmpint(json_get_int(result, "last", 0), ==, last);
}

static void assert_broken(Fixture *f, gint64 at)
{
	json_auto json_object *result = verify(f, 0, NULL);
	g_assert_false(json_get_bool(result, "intact", TRUE));
	g_assert_cmpint(json_get_int(result, "broken_at", 0), ==, at);
	g_assert_nonnull(json_get_str(result, "problem", NULL));
}

/* As somebody with the file and root's rights would. */
static void tamper(Fixture *f, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void tamper(Fixture *f, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *sql = g_strdup_vprintf(format, args);
	va_end(args);
	g_autofree char *path = g_build_filename(f->dir, "audit.db", NULL);
	sqlite3 *db = NULL;
	char *message = NULL;
	g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	sqlite3_exec(db, sql, NULL, NULL, &message);
	g_assert_cmpstr(message, ==, NULL);
	g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
}

static void test_entries(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	AuditEntry entry = {.user = "alice", .via = "session:abc", .address = "192.0.2.7", .action = "PATCH /vms/{}",
			    .object = "vm/100", .outcome = "done", .status = 202, .task = 12, .rev = 43};
	g_assert_true(audit_add(f->audit, &entry, &error));
	add(f, "bob", "DELETE /vms/{}", "refused", "you may not");
	json_auto json_object *page = list(f, NULL, NULL, NULL);
	g_assert_cmpint(count(page), ==, 2);
	g_assert_cmpint(json_get_int(item(page, 0), "seq", 0), ==, 2);
	json_object *first = item(page, 1);
	g_assert_cmpstr(json_get_str(first, "user", NULL), ==, "alice");
	g_assert_cmpstr(json_get_str(first, "via", NULL), ==, "session:abc");
	g_assert_cmpstr(json_get_str(first, "address", NULL), ==, "192.0.2.7");
	g_assert_cmpstr(json_get_str(first, "action", NULL), ==, "PATCH /vms/{}");
	g_assert_cmpint(json_get_int(first, "task", 0), ==, 12);
	g_assert_cmpint(json_get_int(first, "rev", 0), ==, 43);
	g_assert_cmpint(strlen(json_get_str(first, "hash", "")), ==, 64);

	json_auto json_object *of_bob = list(f, "bob", NULL, NULL), *refused = list(f, NULL, "vm/", "refused");
	json_auto json_object *of_other = list(f, NULL, "vm/10", NULL);
	g_assert_cmpint(count(of_bob), ==, 1);
	g_assert_cmpint(count(refused), ==, 1);
	g_assert_cmpint(count(of_other), ==, 0);
	json_auto json_object *one = audit_list(f->audit, NULL, NULL, NULL, 0, 1, &error);
	g_assert_cmpint(json_get_int(one, "next", 0), ==, 2);
	json_auto json_object *rest = audit_list(f->audit, NULL, NULL, NULL, 2, 1, &error);
	g_assert_cmpint(json_get_int(item(rest, 0), "seq", 0), ==, 1);
	g_assert_null(json_get(rest, "next"));
	assert_intact(f, 2);
}

/* Whoever has a copy of the file can do without us: the hash is that of the text as it is stored. */
static void test_formula(Fixture *f, gconstpointer data)
{
	(void)data;
	add_done(f, 2);
	g_autofree char *path = g_build_filename(f->dir, "audit.db", NULL);
	sqlite3 *db = NULL;
	sqlite3_stmt *rows = NULL;
	g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_prepare_v2(db, "SELECT hash, text FROM entry ORDER BY seq", -1, &rows, NULL), ==,
			SQLITE_OK);
	g_autofree char *former = g_strnfill(64, '0');
	while (sqlite3_step(rows) == SQLITE_ROW) {
		const char *hash = (const char *)sqlite3_column_text(rows, 0);
		g_autofree char *both = g_strconcat(former, sqlite3_column_text(rows, 1), NULL);
		g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, both, -1);
		g_assert_cmpstr(sum, ==, hash);
		g_free(former);
		former = g_strdup(hash);
	}
	sqlite3_finalize(rows);
	sqlite3_close(db);
}

static void test_altered(Fixture *f, gconstpointer data)
{
	(void)data;
	add_done(f, 9);
	assert_intact(f, 9);
	tamper(f, "UPDATE entry SET text = replace(text, 'alice', 'mallory') WHERE seq = 4");
	assert_broken(f, 4);
	/* Also with a hash that fits the altered text: the next one does not follow from it. */
	g_autofree char *text = NULL;
	{
		json_auto json_object *page = list(f, "mallory", NULL, NULL);
		g_assert_cmpint(count(page), ==, 1);
	}
	char former[65], hash[65];
	sqlite3 *db = journal_lend_reader(audit_journal(f->audit));
	sqlite3_stmt *rows = sql_prepare(db, NULL, "SELECT hash, text FROM entry WHERE seq IN (3, 4) ORDER BY seq", "");
	g_assert_cmpint(sqlite3_step(rows), ==, SQLITE_ROW);
	g_strlcpy(former, (const char *)sqlite3_column_text(rows, 0), sizeof former);
	g_assert_cmpint(sqlite3_step(rows), ==, SQLITE_ROW);
	text = g_strdup((const char *)sqlite3_column_text(rows, 1));
	sqlite3_finalize(rows);
	journal_give_back(audit_journal(f->audit));
	chain_hash(former, text, hash);
	tamper(f, "UPDATE entry SET hash = '%s' WHERE seq = 4", hash);
	assert_broken(f, 5);
}

static void test_altered_hash(Fixture *f, gconstpointer data)
{
	(void)data;
	add_done(f, 5);
	tamper(f, "UPDATE entry SET hash = substr(hash, 2) || '0' WHERE seq = 5");
	assert_broken(f, 5);
}

static void test_swapped(Fixture *f, gconstpointer data)
{
	(void)data;
	add_done(f, 9);
	tamper(f, "UPDATE entry SET seq = 1000 WHERE seq = 3; UPDATE entry SET seq = 3 WHERE seq = 4;"
		  "UPDATE entry SET seq = 4 WHERE seq = 1000");
	assert_broken(f, 3);
}

static void test_removed(Fixture *f, gconstpointer data)
{
	(void)data;
	add_done(f, 9);
	tamper(f, "DELETE FROM entry WHERE seq = 6");
	assert_broken(f, 6);
	tamper(f, "UPDATE entry SET seq = -seq WHERE seq > 6; UPDATE entry SET seq = -seq - 1 WHERE seq < 0");
	assert_broken(f, 6);
}

/* A cut-off end is a shorter chain like any other: only somebody's copy of a hash tells. */
static void test_truncated(Fixture *f, gconstpointer data)
{
	(void)data;
	add_done(f, 9);
	json_auto json_object *before = verify(f, 0, NULL);
	const char *hash = json_get_str(before, "hash", "");
	json_auto json_object *kept = verify(f, 9, hash);
	g_assert_true(json_get_bool(kept, "intact", FALSE));
	g_assert_cmpstr(json_get_str(kept, "known", ""), ==, "kept");

	tamper(f, "DELETE FROM entry WHERE seq > 7");
	assert_intact(f, 7);
	json_auto json_object *gone = verify(f, 9, hash);
	g_assert_false(json_get_bool(gone, "intact", TRUE));
	g_assert_cmpstr(json_get_str(gone, "known", ""), ==, "gone");

	/* Written on, the chain is long enough again, but it is another one. */
	add_done(f, 5);
	assert_intact(f, 12);
	json_auto json_object *changed = verify(f, 9, hash);
	g_assert_false(json_get_bool(changed, "intact", TRUE));
	g_assert_cmpstr(json_get_str(changed, "known", ""), ==, "changed");
	g_assert_cmpint(json_get_int(changed, "broken_at", 0), ==, 9);
}

static void test_removed_start(Fixture *f, gconstpointer data)
{
	(void)data;
	add_done(f, 9);
	tamper(f, "INSERT OR REPLACE INTO mark SELECT 'anchor', seq, hash FROM entry WHERE seq = 4;"
		  "DELETE FROM entry WHERE seq <= 4");
	assert_broken(f, 5); /* the anchor fits, but nothing was dropped that anybody knows of */
}

static const AuditLimits few = {.keep = 20, .slack = 5, .window_us = 60 * G_USEC_PER_SEC, .windows = 100, .kinds = 10,
				.late = 16};

static void test_dropping(Fixture *f, gconstpointer data)
{
	(void)data;
	add_done(f, 3);
	json_auto json_object *early = verify(f, 0, NULL);
	add_done(f, 97);
	json_auto json_object *page = list(f, NULL, NULL, NULL);
	g_assert_cmpint(count(page), >=, 20);
	g_assert_cmpint(count(page), <=, 26);
	json_auto json_object *of_yado = list(f, "yado", NULL, NULL);
	g_assert_cmpint(count(of_yado), >, 0);
	g_assert_cmpstr(json_get_str(item(of_yado, 0), "action", ""), ==, "prune");
	json_auto json_object *result = verify(f, 3, json_get_str(early, "hash", ""));
	g_assert_true(json_get_bool(result, "intact", FALSE));
	g_assert_cmpstr(json_get_str(result, "known", ""), ==, "dropped");
	g_assert_cmpint(json_get_int(result, "first", 0), >, 60);
	g_assert_cmpint(json_get_int(result, "entries", 0), ==, (gint64)count(page));
	/* Numbers go on after a restart. */
	close_all(f);
	open_all(f, &few);
	add_done(f, 1);
	json_auto json_object *again = verify(f, 0, NULL);
	g_assert_true(json_get_bool(again, "intact", FALSE));
	g_assert_cmpint(json_get_int(again, "last", 0), >, json_get_int(result, "last", 0));
	/* And who drops more than we did is found out. */
	tamper(f, "UPDATE mark SET (seq, hash) = (SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1 OFFSET 3)"
		  " WHERE name = 'anchor';"
		  "DELETE FROM entry WHERE seq <= (SELECT seq FROM mark WHERE name = 'anchor')");
	json_auto json_object *worse = verify(f, 0, NULL);
	g_assert_false(json_get_bool(worse, "intact", TRUE));
}

static void test_commits(Fixture *f, gconstpointer data)
{
	(void)data;
	put(f->store, "vm/100", "alice", 1);
	put(f->store, "vm-state/100", "alice", 1);
	gint64 rev = put(f->store, "vm/100", "bob", 2);
	json_auto json_object *page = list(f, NULL, NULL, NULL);
	g_assert_cmpint(count(page), ==, 2); /* none of the quiet kind */
	json_object *newest = item(page, 0);
	g_assert_cmpstr(json_get_str(newest, "user", ""), ==, "bob");
	g_assert_cmpstr(json_get_str(newest, "action", ""), ==, "commit");
	g_assert_cmpstr(json_get_str(newest, "object", ""), ==, "vm/100");
	g_assert_cmpint(json_get_int(newest, "rev", 0), ==, rev);
	json_object *change = json_object_array_get_idx(json_get(newest, "changes"), 0);
	g_assert_cmpstr(json_get_str(change, "path", ""), ==, "n");
	g_assert_cmpint(json_get_int(change, "before", 0), ==, 1);
	g_assert_cmpint(json_get_int(change, "after", 0), ==, 2);
	assert_intact(f, 2);
	/* Not a second time at the next start. */
	close_all(f);
	open_all(f, &usual);
	put(f->store, "vm/101", "alice", 1);
	json_auto json_object *after = list(f, NULL, NULL, NULL);
	g_assert_cmpint(count(after), ==, 3);
}

static void test_long_change(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	g_autofree char *text = g_strnfill(100000, 'x');
	json_auto json_object *body = json_object_new_object();
	json_set_str(body, "description", text);
	g_autoptr(Batch) batch = batch_new("alice", 0);
	batch_put(batch, "vm/100", REV_ABSENT, body);
	g_assert_cmpint(store_commit(f->store, batch, &error), >, 0);
	json_auto json_object *page = list(f, NULL, NULL, NULL);
	g_assert_null(json_get(item(page, 0), "changes"));
	g_assert_nonnull(strstr(json_get_str(item(page, 0), "message", ""), "yado history show 1"));
}

/* The store has a long past and no audit log: all of it gets in, in order, and once. */
static void test_made_up(Fixture *f, gconstpointer data)
{
	(void)data;
	g_clear_pointer(&f->audit, audit_close);
	for (gint64 n = 1; n <= 700; n++)
		put(f->store, "vm/100", "alice", n);
	f->audit = audit_open_with(f->dir, f->store, &usual, NULL);
	json_auto json_object *page = list(f, NULL, NULL, NULL);
	g_assert_cmpint(count(page), ==, 700);
	for (size_t i = 0; i < 700; i++)
		g_assert_cmpint(json_get_int(item(page, i), "rev", 0), ==, 700 - (gint64)i);
	assert_intact(f, 700);
}

/* A daemon is killed at some moment between its commits and their entries. */
static void test_killed(Fixture *f, gconstpointer data)
{
	(void)data;
	gint64 last = 0;
	close_all(f);
	for (guint round = 0; round < 8; round++) {
		int ends[2];
		g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
		pid_t child = fork();
		if (child == 0) {
			Store *store = store_open(f->dir, kinds, NULL);
			Audit *audit = store ? audit_open_with(f->dir, store, &usual, NULL) : NULL;
			for (gint64 n = 1; audit; n++) {
				gint64 rev = put(store, "vm/100", "child", n + last);
				if (!try_add(audit, "child", "POST /x", "done", NULL, NULL) ||
				    write(ends[1], &rev, sizeof rev) != sizeof rev)
					break;
			}
			_exit(1);
		}
		close(ends[1]);
		gint64 rev = 0, first = last;
		while (read(ends[0], &rev, sizeof rev) == sizeof rev) {
			last = rev;
			if (rev >= first + 10 + round)
				kill(child, SIGKILL);
		}
		close(ends[0]);
		int status;
		g_assert_cmpint(waitpid(child, &status, 0), ==, child);
		g_assert_true(WIFSIGNALED(status));
		g_assert_cmpint(last, >, first);
	}
	open_all(f, &usual);
	gint64 newest = store_revision(f->store);
	g_assert_cmpint(newest, >=, last);
	json_auto json_object *page = list(f, NULL, "vm/100", NULL);
	g_autofree guint *seen = g_new0(guint, (gsize)newest + 1);
	guint requests = 0;
	for (size_t i = 0; i < count(page); i++) {
		if (g_str_equal(json_get_str(item(page, i), "action", ""), "commit"))
			seen[json_get_int(item(page, i), "rev", 0)]++;
		else
			requests++;
	}
	for (gint64 rev = 1; rev <= newest; rev++)
		g_assert_cmpint(seen[rev], ==, 1);
	/* of each that was told to us before the kill, but for the commit between */
	g_assert_cmpint(requests, >=, last - 8);
	assert_intact(f, (gint64)count(page));
}

static const AuditLimits short_window = {.keep = 1000, .slack = 10, .window_us = G_USEC_PER_SEC, .windows = 100,
					 .kinds = 10, .late = 16};

static void test_repeats(Fixture *f, gconstpointer data)
{
	(void)data;
	for (guint i = 0; i < 500; i++)
		add(f, "", "POST /session", "refused", "the name or the password is wrong");
	add(f, "bob", "POST /session", "refused", "the name or the password is wrong");
	json_auto json_object *page = list(f, NULL, NULL, NULL);
	g_assert_cmpint(count(page), ==, 2);
	/* The window ends by itself. */
	gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	json_auto json_object *after = list(f, "", NULL, NULL);
	while (count(after) < 2 && g_get_monotonic_time() < end) {
		g_usleep(20000);
		json_object_put(after);
		after = list(f, "", NULL, NULL);
	}
	g_assert_cmpint(count(after), ==, 2);
	g_assert_cmpint(json_get_int(item(after, 0), "repeated", 0), ==, 499);
	g_assert_cmpstr(json_get_str(item(after, 0), "action", ""), ==, "POST /session");
	g_assert_null(json_get(item(after, 1), "repeated"));
	/* What succeeds is never only counted. */
	add_done(f, 3);
	json_auto json_object *done = list(f, "alice", NULL, NULL);
	g_assert_cmpint(count(done), ==, 3);
}

static void test_repeats_at_close(Fixture *f, gconstpointer data)
{
	(void)data;
	for (guint i = 0; i < 7; i++)
		add(f, "", "POST /session", "refused", "wrong");
	close_all(f);
	open_all(f, &usual);
	json_auto json_object *page = list(f, NULL, NULL, NULL);
	g_assert_cmpint(count(page), ==, 2);
	g_assert_cmpint(json_get_int(item(page, 0), "repeated", 0), ==, 6);
}

/* Ever new names and addresses from strangers: few entries, and somebody who is known is still seen. */
static void test_flood(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	for (guint i = 0; i < 3000; i++) {
		g_autofree char *user = g_strdup_printf("user%u", i);
		g_autofree char *address = g_strdup_printf("2001:db8:%x::1", i);
		AuditEntry entry = {.user = user,
				    .via = "",
				    .address = address,
				    .action = "POST /session",
				    .object = "",
				    .outcome = "refused",
				    .status = 401,
				    .message = "wrong"};
		g_assert_true(audit_add(f->audit, &entry, &error));
	}
	add(f, "alice", "DELETE /vms/{}", "refused", "you may not");
	json_auto json_object *of_alice = list(f, "alice", NULL, "refused");
	g_assert_cmpint(count(of_alice), ==, 1);
	close_all(f);
	open_all(f, &usual);
	json_auto json_object *page = list(f, NULL, NULL, NULL);
	g_assert_cmpint(count(page), ==, usual.kinds + 3); /* each kind, the one for all others twice, alice's */
	gint64 sum = 0;
	for (size_t i = 0; i < count(page); i++)
		sum += 1 + json_get_int(item(page, i), "repeated", -0);
	g_assert_cmpint(sum, ==, 3001 + 1); /* the entry at the window's end counts others, itself it is none */
}

static void test_one_network(Fixture *f, gconstpointer data)
{
	(void)data;
	for (guint i = 1; i < 200; i++) {
		g_autofree char *address = g_strdup_printf("2001:db8:0:1::%x", i);
		AuditEntry entry = {.user = "", .via = "", .address = address, .action = "GET /vms", .object = "",
				    .outcome = "refused", .status = 401, .message = "sign in"};
		g_assert_true(audit_add(f->audit, &entry, NULL));
	}
	json_auto json_object *page = list(f, NULL, NULL, NULL);
	g_assert_cmpint(count(page), ==, 1);
}

/* What strangers send is cut and made valid, and still one chain. */
static void test_hostile_text(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autofree char *long_text = g_strnfill(100000, 'A');
	add(f, "alice", long_text, "done", long_text);
	add(f, "\xff\xfe\"}{", "x\"y\\z\n\x01", "done", "\xc3");
	g_autoptr(GString) wide = g_string_new("a");
	for (guint i = 0; i < 1000; i++)
		g_string_append(wide, "宿");
	add(f, "alice", wide->str, "done", wide->str);
	json_auto json_object *page = list(f, NULL, NULL, NULL);
	g_assert_cmpint(count(page), ==, 3);
	for (size_t i = 0; i < 3; i++) {
		g_assert_cmpint(strlen(json_get_str(item(page, i), "message", "")), <=, 1024);
		g_assert_cmpint(strlen(json_get_str(item(page, i), "action", "")), <=, 255);
		g_assert_true(g_utf8_validate(json_get_str(item(page, i), "action", ""), -1, NULL));
	}
	assert_intact(f, 3);
}

typedef struct Adder {
	Fixture *f;
	guint number;
} Adder;

static gpointer run_adder(gpointer data)
{
	Adder *adder = data;
	for (guint i = 0; i < 50; i++) {
		add(adder->f, "alice", "POST /x", "done", NULL);
		put(adder->f->store, "vm/100", "bob", adder->number * 1000 + i);
	}
	return NULL;
}

static void test_threads(Fixture *f, gconstpointer data)
{
	(void)data;
	GThread *threads[8];
	Adder adders[8];
	for (guint i = 0; i < 8; i++) {
		adders[i] = (Adder){f, i};
		threads[i] = g_thread_new("adder", run_adder, &adders[i]);
	}
	json_auto json_object *meanwhile = verify(f, 0, NULL);
	g_assert_true(json_get_bool(meanwhile, "intact", FALSE));
	for (guint i = 0; i < 8; i++)
		g_thread_join(threads[i]);
	json_auto json_object *commits = list(f, "bob", NULL, NULL);
	g_assert_cmpint(count(commits), ==, 400);
	assert_intact(f, 800);
}

static gint warnings;

static void note_warning(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
	(void)domain;
	(void)level;
	(void)data;
	g_assert_true(g_pattern_match_simple("the audit log cannot be written*no space is left*", message));
	g_atomic_int_inc(&warnings);
}

/* Entries wait in memory; what does not fit is at least told. */
static void test_full_disk(Fixture *f, gconstpointer data)
{
	(void)data;
	close_all(f);
	small_disk_mount(f->dir, "size=2m,mode=700");
	g_autoptr(GError) error = NULL;
	open_all(f, &usual);
	add_done(f, 3);
	g_autofree char *filler = small_disk_fill(f->dir);
	GLogLevelFlags fatal = g_log_set_always_fatal(G_LOG_FATAL_MASK);
	guint handler = g_log_set_handler(NULL, G_LOG_LEVEL_WARNING, note_warning, NULL);
	/* Room that SQLite has already may take a few. More fail than may wait, and than the thread that tries them
	 * again may hold meanwhile. */
	guint failed = 0, written = 3;
	for (guint i = 0; i < 400 && failed < 100; i++) {
		g_autofree char *action = g_strdup_printf("POST /vms/%0200u", i);
		if (!try_add(f->audit, "alice", action, "done", NULL, &error)) {
			g_assert_error(error, ERROR, ERROR_NO_SPACE);
			g_clear_error(&error);
			failed++;
		} else {
			written++;
		}
	}
	g_assert_cmpint(failed, ==, 100);
	json_auto json_object *full = verify(f, 0, NULL);
	g_assert_true(json_get_bool(full, "intact", FALSE));
	gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	while (!g_atomic_int_get(&warnings) && g_get_monotonic_time() < end)
		g_usleep(1000);
	g_assert_cmpint(unlink(filler), ==, 0);
	json_auto json_object *lost = list(f, "yado", NULL, NULL);
	while (count(lost) == 0 && g_get_monotonic_time() < end) {
		g_usleep(20000);
		json_object_put(lost);
		lost = list(f, "yado", NULL, NULL);
	}
	g_assert_cmpint(count(lost), ==, 1);
	json_auto json_object *kept = list(f, "alice", NULL, NULL);
	g_autofree char *told = g_strdup_printf(
		"%zu entries could not be written", written + failed - (gsize)count(kept));
	g_assert_true(g_str_has_prefix(json_get_str(item(lost, 0), "message", ""), told));
	json_auto json_object *last = list(f, NULL, NULL, NULL);
	json_auto json_object *result = verify(f, 0, NULL);
	g_assert_true(json_get_bool(result, "intact", FALSE));
	g_assert_cmpint(json_get_int(result, "last", 0), ==, (gint64)count(last));
	g_assert_cmpint(g_atomic_int_get(&warnings), >=, 1);
	g_log_remove_handler(NULL, handler);
	g_log_set_always_fatal(fatal);
	close_all(f);
	g_assert_cmpint(umount2(f->dir, MNT_DETACH), ==, 0);
	open_all(f, &usual);
}

#define TEST(name, limits, function) g_test_add("/audit/" name, Fixture, limits, setup, function, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST("an entry says who, where from, what, on what, and how it went", NULL, test_entries);
	TEST("a hash is that of the former one and the stored text", NULL, test_formula);
	TEST("an altered entry is found, also one with a hash that fits", NULL, test_altered);
	TEST("an altered hash is found", NULL, test_altered_hash);
	TEST("entries in another order are found", NULL, test_swapped);
	TEST("a removed entry is found, also when the others move up", NULL, test_removed);
	TEST("a cut-off end is found by a hash that was known", NULL, test_truncated);
	TEST("a removed beginning is found", NULL, test_removed_start);
	TEST("the oldest entries are dropped and the rest still verifies", &few, test_dropping);
	TEST("a commit has an entry with before and after, once", NULL, test_commits);
	TEST("a change that is too long is in the history", NULL, test_long_change);
	TEST("commits from before the log are made up for", NULL, test_made_up);
	TEST("a killed daemon loses no commit's entry and doubles none", NULL, test_killed);
	TEST("the same refusal is counted", &short_window, test_repeats);
	TEST("what was counted is written when the log is closed", NULL, test_repeats_at_close);
	TEST("a flood of different refusals becomes few entries", NULL, test_flood);
	TEST("addresses of one network are one source", NULL, test_one_network);
	TEST("hostile text is cut and escaped", NULL, test_hostile_text);
	TEST("many threads write one chain", NULL, test_threads);
	TEST("on a full disk entries wait, and what is lost is told", NULL, test_full_disk);
	return g_test_run();
}
