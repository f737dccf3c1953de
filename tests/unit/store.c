/* The store: commits, conflicts, sharing, watches, history, restore plans, secrets, migrations, full disks, damage. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "store/internal.h"
#include "small-disk.h"

static const StoreKind kinds[] = {{"vm", FALSE}, {"storage", FALSE}, {"runtime", TRUE}, {NULL, FALSE}};

typedef struct Fixture {
	char *dir;
	Store *store;
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	g_autofree char *parent = g_dir_make_tmp("store-XXXXXX", &error);
	g_assert_no_error(error);
	f->dir = g_build_filename(parent, "state", NULL);
	f->store = store_open(f->dir, kinds, &error);
	g_assert_no_error(error);
}

static void teardown(Fixture *f, gconstpointer data)
{
	(void)data;
	store_close(f->store);
	g_autofree char *parent = g_path_get_dirname(f->dir);
	g_assert_true(dir_remove(parent, NULL));
	g_free(f->dir);
}

static void reopen(Fixture *f)
{
	g_autoptr(GError) error = NULL;
	store_close(f->store);
	f->store = store_open(f->dir, kinds, &error);
	g_assert_no_error(error);
}

static json_object *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	json_object *json = json_parse(text, strlen(text), &error);
	g_assert_no_error(error);
	return json;
}

static gint64 try_put(Store *store, const char *path, gint64 expected, const char *text, GError **error)
{
	g_autoptr(Batch) batch = batch_new("tester", 7);
	json_auto json_object *body = parse(text);
	batch_put(batch, path, expected, body);
	return store_commit(store, batch, error);
}

static gint64 put(Store *store, const char *path, const char *text)
{
	g_autoptr(GError) error = NULL;
	gint64 rev = try_put(store, path, REV_ANY, text, &error);
	g_assert_no_error(error);
	g_assert_cmpint(rev, >, 0);
	return rev;
}

static gint64 delete (Store *store, const char *path)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Batch) batch = batch_new("tester", 0);
	batch_delete(batch, path, REV_ANY);
	gint64 rev = store_commit(store, batch, &error);
	g_assert_no_error(error);
	return rev;
}

static void assert_body(json_object *body, const char *expected)
{
	if (!expected) {
		g_assert_null(body);
		return;
	}
	json_auto json_object *wanted = parse(expected);
	g_assert_true(json_equal(body, wanted));
}

static void assert_doc(Store *store, const char *path, gint64 rev, const char *expected)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Doc) doc = store_get(store, path, &error);
	if (!expected) {
		g_assert_error(error, ERROR, ERROR_NOT_FOUND);
		return;
	}
	g_assert_no_error(error);
	g_assert_cmpstr(doc->path, ==, path);
	g_assert_cmpint(doc->rev, ==, rev);
	assert_body(doc->body, expected);
}

static void run_sql(const char *dir, const char *sql)
{
	g_autofree char *path = g_build_filename(dir, "store.db", NULL);
	sqlite3 *db;
	g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
	int result = sqlite3_exec(db, sql, NULL, NULL, NULL);
	if (result != SQLITE_OK)
		g_test_message("%s", sqlite3_errmsg(db));
	g_assert_cmpint(result, ==, SQLITE_OK);
	sqlite3_close(db);
}

static gint64 ask_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	gint64 value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

static void test_put_get(Fixture *f, gconstpointer data)
{
	(void)data;
	g_assert_cmpint(store_revision(f->store), ==, 0);
	g_assert_cmpint(put(f->store, "vm/100", "{\"name\":\"web\",\"path\":\"a/b\"}"), ==, 1);
	g_assert_cmpint(put(f->store, "vm/101", "{\"text\":\"宿 \\u0000 \\\" \\n\"}"), ==, 2);
	g_assert_cmpint(put(f->store, "vm/100", "{\"name\":\"mail\"}"), ==, 3);
	assert_doc(f->store, "vm/100", 3, "{\"name\":\"mail\"}");
	assert_doc(f->store, "vm/101", 2, "{\"text\":\"宿 \\u0000 \\\" \\n\"}");
	assert_doc(f->store, "vm/102", 0, NULL);
	reopen(f);
	g_assert_cmpint(store_revision(f->store), ==, 3);
	assert_doc(f->store, "vm/100", 3, "{\"name\":\"mail\"}");
	g_assert_cmpint(delete (f->store, "vm/100"), ==, 4);
	assert_doc(f->store, "vm/100", 0, NULL);
	/* The last revision is not given out again, though no document has it. */
	reopen(f);
	g_assert_cmpint(put(f->store, "vm/100", "{}"), ==, 5);
}

static void test_list(Fixture *f, gconstpointer data)
{
	(void)data;
	const char *const paths[] = {"vm/2", "vm/10", "vm/1", "storage/a", "vm/1x", "vm/宿"};
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
		put(f->store, paths[i], "{}");
	static const struct {
		const char *prefix, *expected;
	} cases[] = {
		{"vm/", "vm/1 vm/10 vm/1x vm/2 vm/宿"},
		{"vm/1", "vm/1 vm/10 vm/1x"},
		{"", "storage/a vm/1 vm/10 vm/1x vm/2 vm/宿"},
		{"storage/", "storage/a"},
		{"vm/宿", "vm/宿"},
		{"vm/3", ""},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GPtrArray) docs = store_list(f->store, cases[i].prefix, &error);
		g_assert_no_error(error);
		g_autoptr(GPtrArray) names = g_ptr_array_new();
		for (guint d = 0; d < docs->len; d++)
			g_ptr_array_add(names, ((Doc *)docs->pdata[d])->path);
		g_ptr_array_add(names, NULL);
		g_autofree char *joined = g_strjoinv(" ", (char **)names->pdata);
		g_assert_cmpstr(joined, ==, cases[i].expected);
	}
}

static void test_conflicts(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	gint64 rev = try_put(f->store, "vm/100", REV_ABSENT, "{\"a\":1}", &error);
	g_assert_no_error(error);
	g_assert_cmpint(try_put(f->store, "vm/100", REV_ABSENT, "{\"a\":2}", &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_STALE);
	g_assert_nonnull(strstr(error->message, "'vm/100'"));
	g_assert_nonnull(strstr(error->message, "revision 1"));
	g_assert_nonnull(error_hint(error));
	g_clear_error(&error);
	g_assert_cmpint(try_put(f->store, "vm/100", rev, "{\"a\":2}", &error), ==, 2);
	g_assert_cmpint(try_put(f->store, "vm/100", rev, "{\"a\":3}", &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_STALE);
	g_assert_nonnull(strstr(error->message, "at revision 2"));
	g_clear_error(&error);
	g_assert_cmpint(try_put(f->store, "vm/101", 2, "{}", &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_STALE);
	g_clear_error(&error);

	/* All or nothing: the first two are fine, the third is not. */
	g_autoptr(Batch) batch = batch_new("tester", 0);
	json_auto json_object *body = parse("{\"a\":9}");
	batch_put(batch, "vm/102", REV_ABSENT, body);
	batch_put(batch, "vm/100", 2, body);
	batch_delete(batch, "vm/103", 55);
	g_assert_cmpint(store_commit(f->store, batch, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_STALE);
	g_assert_nonnull(strstr(error->message, "'vm/103'"));
	g_clear_error(&error);
	assert_doc(f->store, "vm/102", 0, NULL);
	assert_doc(f->store, "vm/100", 2, "{\"a\":2}");
	g_assert_cmpint(store_revision(f->store), ==, 2);
	g_autoptr(GPtrArray) changes = store_commit_changes(f->store, 3, &error);
	g_assert_null(changes);
	g_assert_error(error, ERROR, ERROR_NOT_FOUND);
	g_clear_error(&error);

	/* A batch that was refused can be tried again. */
	put(f->store, "vm/103", "{}");
	g_autoptr(Batch) again = batch_new("tester", 0);
	batch_put(again, "vm/102", REV_ABSENT, body);
	batch_put(again, "vm/100", 2, body);
	batch_delete(again, "vm/103", 3);
	g_assert_cmpint(store_commit(f->store, again, &error), ==, 4);
	g_assert_no_error(error);
	assert_doc(f->store, "vm/103", 0, NULL);
	assert_doc(f->store, "vm/102", 4, "{\"a\":9}");
}

static void test_deletion_of_absent(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	g_autoptr(Batch) only = batch_new("tester", 0);
	batch_delete(only, "vm/1", REV_ANY);
	g_assert_cmpint(store_commit(f->store, only, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_NOT_FOUND);
	g_clear_error(&error);
	g_autoptr(Batch) with_more = batch_new("tester", 0);
	json_auto json_object *body = parse("{}");
	batch_delete(with_more, "runtime/1", REV_ANY);
	batch_put(with_more, "vm/1", REV_ANY, body);
	g_assert_cmpint(store_commit(f->store, with_more, &error), ==, 1);
	g_autoptr(GPtrArray) changes = store_commit_changes(f->store, 1, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(changes->len, ==, 1);
}

/* An object whose value is nested so that it has `depth` levels in all. */
static json_object *new_nested(guint depth)
{
	json_object *json = json_object_new_object();
	for (guint i = 1; i < depth; i++) {
		json_object *outer = json_object_new_object();
		json_set(outer, "x", json);
		json = outer;
	}
	return json;
}

static void test_bad_input(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autofree char *long_path = g_strnfill(300, 'x');
	memcpy(long_path, "vm/", 3);
	const char *const bad[] = {"", "vm", "vm/", "/vm", "vm//1", "vm/1/", "other/1", "vm/a\nb", "vm/a\x7f",
		"vm/\xff", "vm/\xc2\x85", "v/1", "vmx/1", long_path};
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		g_assert_cmpint(try_put(f->store, bad[i], REV_ANY, "{}", &error), ==, 0);
		g_assert_error(error, ERROR, ERROR_INVALID);
		g_assert_true(g_utf8_validate(error->message, -1, NULL));
		g_clear_error(&error);
		g_autoptr(Doc) doc = store_get(f->store, bad[i], &error);
		g_assert_null(doc);
		g_assert_error(error, ERROR, ERROR_INVALID);
	}

	json_auto json_object *array = json_object_new_array();
	json_auto json_object *infinite = json_object_new_object();
	json_set(infinite, "x", json_object_new_double(INFINITY));
	json_auto json_object *latin = json_object_new_object();
	json_set_str(latin, "x", "\xe9");
	json_auto json_object *deep = new_nested(JSON_DEPTH_MAX);
	json_auto json_object *large = json_object_new_object();
	g_autofree char *filling = g_strnfill(BODY_SIZE_MAX, 'x');
	json_set_str(large, "x", filling);
	json_object *const bodies[] = {array, infinite, latin, deep, large, NULL};
	for (guint i = 0; i < G_N_ELEMENTS(bodies); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(Batch) batch = batch_new("tester", 0);
		batch_put(batch, "vm/1", REV_ANY, bodies[i]);
		g_assert_cmpint(store_commit(f->store, batch, &error), ==, 0);
		g_assert_error(error, ERROR, (int)(bodies[i] == large ? ERROR_TOO_LARGE : ERROR_INVALID));
	}
	g_autoptr(GError) error = NULL;
	g_autoptr(Batch) empty = batch_new("tester", 0);
	g_assert_cmpint(store_commit(f->store, empty, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_clear_error(&error);
	json_auto json_object *small = json_object_new_object();
	g_autoptr(Batch) twice = batch_new("tester", 0);
	batch_put(twice, "vm/1", REV_ANY, small);
	batch_delete(twice, "vm/1", REV_ANY);
	g_assert_cmpint(store_commit(f->store, twice, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_clear_error(&error);
	g_assert_cmpint(store_revision(f->store), ==, 0);

	/* The largest and the deepest that are taken can be read back. */
	json_auto json_object *deepest = new_nested(JSON_DEPTH_MAX - 1);
	filling[BODY_SIZE_MAX - strlen("{\"x\":\"\"}")] = 0;
	json_set_str(large, "x", filling);
	g_autoptr(Batch) good = batch_new("tester", 0);
	batch_put(good, "vm/1", REV_ANY, deepest);
	batch_put(good, "vm/2", REV_ANY, large);
	g_assert_cmpint(store_commit(f->store, good, &error), ==, 1);
	g_assert_no_error(error);
	g_autoptr(Doc) one = store_get(f->store, "vm/1", &error);
	g_assert_no_error(error);
	g_assert_true(json_equal(one->body, deepest));
	g_autoptr(Doc) two = store_get(f->store, "vm/2", &error);
	g_assert_no_error(error);
	g_assert_true(json_equal(two->body, large));
}

enum { THREADS = 8, PER_THREAD = 60 };

typedef struct Contender {
	Store *store;
	guint number;
	guint won, lost;
	gint64 numbers[PER_THREAD];
} Contender;

static gpointer increment_shared(gpointer data)
{
	Contender *self = data;
	g_autofree char *own = g_strdup_printf("vm/own-%u", self->number);
	while (self->won < PER_THREAD) {
		g_autoptr(GError) error = NULL;
		g_autoptr(Doc) doc = store_get(self->store, "vm/shared", &error);
		g_assert_no_error(error);
		json_set_int(doc->body, "n", json_get_int(doc->body, "n", 0) + 1);
		g_autoptr(Batch) batch = batch_new("contender", self->number);
		batch_put(batch, own, REV_ANY, doc->body);
		batch_put(batch, "vm/shared", doc->rev, doc->body);
		if (store_commit(self->store, batch, &error)) {
			self->won++;
		} else {
			g_assert_error(error, ERROR, ERROR_STALE);
			self->lost++;
		}
	}
	return NULL;
}

static gpointer allocate_numbers(gpointer data)
{
	Contender *self = data;
	for (guint i = 0; i < PER_THREAD; i++) {
		g_autoptr(GError) error = NULL;
		self->numbers[i] = store_allocate(self->store, "vmid", 100, &error);
		g_assert_no_error(error);
	}
	return NULL;
}

static void run_contenders(Store *store, GThreadFunc function, Contender *contenders)
{
	GThread *threads[THREADS];
	for (guint i = 0; i < THREADS; i++) {
		contenders[i] = (Contender){.store = store, .number = i};
		threads[i] = g_thread_new("contender", function, &contenders[i]);
	}
	for (guint i = 0; i < THREADS; i++)
		g_thread_join(threads[i]);
}

static void test_threads(Fixture *f, gconstpointer data)
{
	(void)data;
	put(f->store, "vm/shared", "{\"n\":0}");
	g_autofree Contender *contenders = g_new0(Contender, THREADS);
	run_contenders(f->store, increment_shared, contenders);
	/* No increment is lost, nothing of a refused batch remains, every success has its own revision. */
	g_autofree char *expected = g_strdup_printf("{\"n\":%d}", THREADS * PER_THREAD);
	assert_doc(f->store, "vm/shared", THREADS * PER_THREAD + 1, expected);
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) history = store_history(f->store, "vm/shared", 0, 1000, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(history->len, ==, THREADS * PER_THREAD + 1);
	guint lost = 0;
	for (guint i = 0; i < THREADS; i++) {
		g_autofree char *own = g_strdup_printf("vm/own-%u", i);
		g_autoptr(GPtrArray) own_history = store_history(f->store, own, 0, 1000, &error);
		g_assert_cmpuint(own_history->len, ==, PER_THREAD);
		lost += contenders[i].lost;
	}
	g_test_message("%u batches were refused", lost);
}

static int compare_numbers(const void *a, const void *b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
	return (x > y) - (x < y);
}

static void test_allocate(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autofree Contender *contenders = g_new0(Contender, THREADS);
	run_contenders(f->store, allocate_numbers, contenders);
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(gint64));
	for (guint i = 0; i < THREADS; i++)
		g_array_append_vals(all, contenders[i].numbers, PER_THREAD);
	g_array_sort(all, compare_numbers);
	for (guint i = 0; i < all->len; i++)
		g_assert_cmpint(g_array_index(all, gint64, i), ==, 100 + (gint64)i);
	reopen(f);
	g_autoptr(GError) error = NULL;
	g_assert_cmpint(store_allocate(f->store, "vmid", 100, &error), ==, 100 + (gint64)all->len);
	g_assert_cmpint(store_allocate(f->store, "vmid", 5000, &error), ==, 5000);
	g_assert_cmpint(store_allocate(f->store, "vmid", 100, &error), ==, 5001);
	g_assert_cmpint(store_allocate(f->store, "uid", 200000, &error), ==, 200000);
	g_assert_no_error(error);
	g_assert_cmpint(store_allocate(f->store, "a\nb", 1, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_clear_error(&error);
	put(f->store, "counter/full", "{\"last\":9223372036854775807}");
	g_assert_cmpint(store_allocate(f->store, "full", 1, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_FAILED);
}

typedef struct Seen {
	GMutex lock;
	GString *text;
	gint64 last_rev;
	guint count;
	gboolean ordered;
	Store *store;
	guint id; /* of a watch that ends itself */
} Seen;

static void note_seen(const char *path, gint64 rev, json_object *body, gpointer data)
{
	Seen *seen = data;
	g_mutex_lock(&seen->lock);
	seen->ordered &= rev >= seen->last_rev;
	seen->last_rev = rev;
	seen->count++;
	if (seen->text)
		g_string_append_printf(seen->text, "%s@%" G_GINT64_FORMAT "=%" G_GINT64_FORMAT " ", path, rev,
			body ? json_get_int(body, "n", -1) : 0);
	if (seen->id)
		store_unwatch(seen->store, seen->id);
	g_mutex_unlock(&seen->lock);
}

static void test_watch(Fixture *f, gconstpointer data)
{
	(void)data;
	Seen all = {.text = g_string_new(NULL), .ordered = TRUE}, one = {.text = g_string_new(NULL), .ordered = TRUE};
	Seen once = {.ordered = TRUE, .store = f->store};
	put(f->store, "vm/1", "{\"n\":1}"); /* before anybody watches */
	once.id = store_watch(f->store, "", note_seen, &once);
	store_watch(f->store, "", note_seen, &all);
	guint id = store_watch(f->store, "vm/2", note_seen, &one);
	put(f->store, "vm/2", "{\"n\":2}");
	put(f->store, "storage/1", "{\"n\":3}");
	delete (f->store, "vm/2");
	g_autoptr(GError) error = NULL;
	g_assert_cmpint(try_put(f->store, "vm/2", 1, "{\"n\":4}", &error), ==, 0);
	g_assert_true(store_secret_set(f->store, "token", "x", 1, NULL));
	put(f->store, "vm/2", "{\"n\":5}");
	/* Closing delivers what is queued. */
	reopen(f);
	g_assert_cmpstr(all.text->str, ==, "vm/2@2=2 storage/1@3=3 vm/2@4=0 vm/2@5=5 ");
	g_assert_cmpstr(one.text->str, ==, "vm/2@2=2 vm/2@4=0 vm/2@5=5 ");
	g_assert_cmpuint(once.count, ==, 1);

	id = store_watch(f->store, "vm/", note_seen, &one);
	store_unwatch(f->store, id);
	put(f->store, "vm/2", "{\"n\":6}");
	reopen(f);
	g_assert_cmpuint(one.count, ==, 3);
	g_string_free(all.text, TRUE);
	g_string_free(one.text, TRUE);
}

static void test_watch_order(Fixture *f, gconstpointer data)
{
	(void)data;
	Seen seen = {.ordered = TRUE};
	store_watch(f->store, "vm/", note_seen, &seen);
	put(f->store, "vm/shared", "{\"n\":0}");
	g_autofree Contender *contenders = g_new0(Contender, THREADS);
	run_contenders(f->store, increment_shared, contenders);
	reopen(f);
	g_assert_true(seen.ordered);
	g_assert_cmpuint(seen.count, ==, 1 + 2 * THREADS * PER_THREAD);
}

static void test_history(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	gint64 begin = g_get_real_time();
	put(f->store, "vm/1", "{\"n\":1}");
	put(f->store, "vm/1", "{\"n\":2}");
	put(f->store, "vm/10", "{\"n\":3}");
	delete (f->store, "vm/1");
	g_autoptr(GPtrArray) all = store_history(f->store, "vm/1", 0, 100, &error);
	g_assert_no_error(error);
	static const struct {
		gint64 rev;
		const char *path, *before, *after;
	} expected[] = {
		{4, "vm/1", "{\"n\":2}", NULL},
		{3, "vm/10", NULL, "{\"n\":3}"},
		{2, "vm/1", "{\"n\":1}", "{\"n\":2}"},
		{1, "vm/1", NULL, "{\"n\":1}"},
	};
	g_assert_cmpuint(all->len, ==, G_N_ELEMENTS(expected));
	for (guint i = 0; i < all->len; i++) {
		const Change *change = all->pdata[i];
		g_assert_cmpint(change->rev, ==, expected[i].rev);
		g_assert_cmpstr(change->path, ==, expected[i].path);
		assert_body(change->before, expected[i].before);
		assert_body(change->after, expected[i].after);
		g_assert_cmpstr(change->author, ==, "tester");
		g_assert_cmpint(change->task, ==, i == 0 ? 0 : 7);
		g_assert_cmpint(change->at_us, >=, begin);
		g_assert_cmpint(change->at_us, <=, g_get_real_time());
	}
	g_autoptr(GPtrArray) page = store_history(f->store, "", 4, 2, &error);
	g_assert_cmpuint(page->len, ==, 2);
	g_assert_cmpint(((Change *)page->pdata[0])->rev, ==, 3);
	g_assert_cmpint(((Change *)page->pdata[1])->rev, ==, 2);

	g_autoptr(Doc) then = store_get_at(f->store, "vm/1", 3, &error);
	g_assert_no_error(error);
	g_assert_cmpint(then->rev, ==, 2);
	assert_body(then->body, "{\"n\":2}");
	const gint64 absent[] = {4, 0, 5, -1, G_MAXINT64};
	for (guint i = 0; i < G_N_ELEMENTS(absent); i++) {
		g_autoptr(GError) missing = NULL;
		g_assert_null(store_get_at(f->store, "vm/1", absent[i], &missing));
		g_assert_error(missing, ERROR, ERROR_NOT_FOUND);
	}
}

static void test_history_pages(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	json_auto json_object *body = parse("{}");
	for (guint commit = 0; commit < 10; commit++) {
		g_autoptr(Batch) batch = batch_new("tester", 0);
		for (guint i = 0; i < 3; i++) {
			g_autofree char *path = g_strdup_printf("vm/%u", i);
			batch_put(batch, path, REV_ANY, body);
		}
		g_assert_cmpint(store_commit(f->store, batch, &error), >, 0);
	}
	static const char *const prefixes[] = {"", "vm/"};
	static const guint limits[] = {3, 4, 5, 7, 30, 100};
	for (guint p = 0; p < G_N_ELEMENTS(prefixes); p++) {
		for (guint l = 0; l < G_N_ELEMENTS(limits); l++) {
			guint seen = 0;
			gint64 before = 0;
			for (;;) {
				g_autoptr(GPtrArray) page =
					store_history(f->store, prefixes[p], before, limits[l], &error);
				g_assert_no_error(error);
				g_assert_cmpuint(page->len, <=, limits[l]);
				if (page->len == 0)
					break;
				seen += page->len;
				before = ((Change *)page->pdata[page->len - 1])->rev;
			}
			g_assert_cmpuint(seen, ==, 30);
		}
	}
}

static void test_restore_plan(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	put(f->store, "vm/1", "{\"n\":1}");
	put(f->store, "vm/2", "{\"n\":2}");
	put(f->store, "vm/5", "{\"n\":5}");
	put(f->store, "storage/1", "{\"n\":1}");
	gint64 then = put(f->store, "runtime/1", "{\"n\":1}");
	gint64 changed = put(f->store, "vm/1", "{\"n\":9}");
	delete (f->store, "vm/2");
	gint64 made = put(f->store, "vm/3", "{\"n\":3}");
	put(f->store, "vm/4", "{\"n\":4}");
	delete (f->store, "vm/4");
	put(f->store, "vm/5", "{\"n\":6}");
	put(f->store, "vm/5", "{\"n\":5}");
	put(f->store, "runtime/1", "{\"n\":9}");
	delete (f->store, "runtime/1");
	store_allocate(f->store, "vmid", 100, &error);
	put(f->store, "storage/1", "{\"n\":9}");
	g_autoptr(GPtrArray) plan = store_restore_plan(f->store, "vm/", then, &error);
	g_assert_no_error(error);
	const struct {
		const char *path;
		gint64 rev;
		const char *before, *after;
	} expected[] = {
		{"vm/1", changed, "{\"n\":9}", "{\"n\":1}"},
		{"vm/2", 0, NULL, "{\"n\":2}"},
		{"vm/3", made, "{\"n\":3}", NULL},
	};
	g_assert_cmpuint(plan->len, ==, G_N_ELEMENTS(expected));
	g_autoptr(Batch) batch = batch_new("restorer", 0);
	for (guint i = 0; i < plan->len; i++) {
		const Change *change = plan->pdata[i];
		g_assert_cmpstr(change->path, ==, expected[i].path);
		g_assert_cmpint(change->rev, ==, expected[i].rev);
		assert_body(change->before, expected[i].before);
		assert_body(change->after, expected[i].after);
		if (change->after)
			batch_put(batch, change->path, change->rev, change->after);
		else
			batch_delete(batch, change->path, change->rev);
	}
	g_autoptr(GPtrArray) whole = store_restore_plan(f->store, "", then, &error);
	g_assert_cmpuint(whole->len, ==, G_N_ELEMENTS(expected) + 1);
	g_assert_cmpstr(((Change *)whole->pdata[0])->path, ==, "storage/1");
	g_autoptr(GPtrArray) facts = store_restore_plan(f->store, "runtime/", 0, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(facts->len, ==, 0);

	/* Committed, it leads there, and then there is nothing left to do. */
	g_assert_cmpint(store_commit(f->store, batch, &error), >, 0);
	g_autoptr(GPtrArray) nothing = store_restore_plan(f->store, "vm/", then, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(nothing->len, ==, 0);
	const gint64 bad[] = {-1, store_revision(f->store) + 1};
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) missing = NULL;
		g_assert_null(store_restore_plan(f->store, "", bad[i], &missing));
		g_assert_error(missing, ERROR, ERROR_NOT_FOUND);
	}
}

static void assert_secret(Store *store, const char *name, const void *value, gsize length)
{
	g_autoptr(GError) error = NULL;
	g_autofree void *got = NULL;
	gsize got_length = 0;
	g_assert_true(store_secret_get(store, name, &got, &got_length, &error));
	g_assert_no_error(error);
	g_assert_cmpmem(got, got_length, value, length);
}

static void assert_secret_fails(Store *store, const char *name, ErrorCode code, const char *words)
{
	g_autoptr(GError) error = NULL;
	void *untouched = GINT_TO_POINTER(1);
	gsize length = 77;
	g_assert_false(store_secret_get(store, name, &untouched, &length, &error));
	g_assert_error(error, ERROR, (int)code);
	g_assert_nonnull(strstr(error->message, words));
	g_assert_true(untouched == GINT_TO_POINTER(1));
	g_assert_cmpuint(length, ==, 77);
}

static void test_secrets(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	g_assert_true(store_secret_set(f->store, "smtp", "hunter2\0hunter3", 15, &error));
	g_assert_true(store_secret_set(f->store, "empty", "", 0, &error));
	g_assert_true(store_secret_set(f->store, "other", "swordfish-x", 11, &error));
	g_assert_true(store_secret_set(f->store, "other", "swordfish-y", 11, &error));
	g_assert_cmpint(store_revision(f->store), ==, 0);
	reopen(f);
	assert_secret(f->store, "smtp", "hunter2\0hunter3", 15);
	assert_secret(f->store, "empty", "", 0);
	assert_secret(f->store, "other", "swordfish-y", 11);
	assert_secret_fails(f->store, "none", ERROR_NOT_FOUND, "'none'");
	g_assert_true(store_secret_delete(f->store, "empty", &error));
	assert_secret_fails(f->store, "empty", ERROR_NOT_FOUND, "'empty'");
	g_assert_false(store_secret_delete(f->store, "empty", &error));
	g_assert_error(error, ERROR, ERROR_NOT_FOUND);
	store_close(f->store);

	g_autofree char *path = g_build_filename(f->dir, "store.db", NULL);
	g_autofree char *content = NULL;
	gsize length;
	g_assert_true(file_read(path, 1 << 24, &content, &length, NULL));
	g_assert_null(memmem(content, length, "hunter2", 7));
	g_assert_null(memmem(content, length, "swordfish", 9));

	/* One secret passed off as another, then one with a bit flipped. */
	run_sql(f->dir, "UPDATE secret SET (nonce, value) = (SELECT nonce, value FROM secret WHERE name = 'other') "
			"WHERE name = 'smtp'");
	f->store = store_open(f->dir, kinds, NULL);
	assert_secret_fails(f->store, "smtp", ERROR_FAILED, "was altered");
	assert_secret(f->store, "other", "swordfish-y", 11);
	store_close(f->store);
	run_sql(f->dir, "UPDATE secret SET value = x'00' WHERE name = 'other'");
	f->store = store_open(f->dir, kinds, NULL);
	assert_secret_fails(f->store, "other", ERROR_FAILED, "was altered");
}

static void assert_mode(const char *dir, const char *name, guint mode)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	struct stat info;
	g_assert_cmpint(stat(path, &info), ==, 0);
	g_assert_cmpuint(info.st_mode & 0777, ==, mode);
}

static void assert_open_fails(const char *dir, ErrorCode code, const char *words, const char *hint_words)
{
	g_autoptr(GError) error = NULL;
	g_assert_null(store_open(dir, kinds, &error));
	g_assert_error(error, ERROR, (int)code);
	g_test_message("%s | %s", error->message, error_hint(error));
	g_assert_nonnull(strstr(error->message, words));
	g_assert_nonnull(error_hint(error));
	g_assert_nonnull(strstr(error_hint(error), hint_words));
}

static void assert_names(Store *store, const char *prefix, const char *expected)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) names = store_secret_list(store, prefix, &error);
	g_assert_no_error(error);
	g_ptr_array_add(names, NULL);
	g_autofree char *all = g_strjoinv(" ", (char **)names->pdata);
	g_assert_cmpstr(all, ==, expected);
}

static void test_secret_list(Fixture *f, gconstpointer data)
{
	(void)data;
	static const char *const names[] = {"session/b", "session/a", "sessions", "token/a", "session", "session/é"};
	assert_names(f->store, "", "");
	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		g_assert_true(store_secret_set(f->store, names[i], "x", 1, NULL));
	assert_names(f->store, "session/", "session/a session/b session/é");
	assert_names(f->store, "none/", "");
	g_assert_true(store_secret_delete(f->store, "session/a", NULL));
	assert_names(f->store, "session/", "session/b session/é");
	assert_names(f->store, "", "session session/b session/é sessions token/a");
}

/* Secrets of a batch that is refused for one of its documents stay as they were, and one that is gone is not renewed
 * back into being. */
static void test_secrets_in_batches(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	json_auto json_object *body = parse("{\"name\":\"a\"}");
	g_autoptr(Batch) batch = batch_new("tester", 0);
	batch_put(batch, "vm/a", REV_ABSENT, body);
	/* a document's name is none of it */
	g_assert_true(batch_set_secret(f->store, batch, "vm/a", "one", 3, &error));
	g_assert_true(batch_set_secret(f->store, batch, "other", "two", 3, &error));
	g_assert_cmpint(store_commit(f->store, batch, &error), ==, 1);
	assert_secret(f->store, "vm/a", "one", 3);

	g_autoptr(Batch) stale = batch_new("tester", 0);
	g_assert_true(batch_set_secret(f->store, stale, "vm/a", "three", 5, &error));
	batch_drop_secret(stale, "other");
	batch_put(stale, "vm/a", REV_ABSENT, body);
	g_assert_cmpint(store_commit(f->store, stale, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_STALE);
	g_clear_error(&error);
	assert_secret(f->store, "vm/a", "one", 3);
	assert_secret(f->store, "other", "two", 3);

	g_autoptr(Batch) secrets = batch_new("tester", 0);
	g_assert_true(batch_renew_secret(f->store, secrets, "vm/a", "four", 4, &error));
	g_assert_true(batch_renew_secret(f->store, secrets, "gone", "five", 4, &error));
	batch_drop_secret(secrets, "other");
	batch_drop_secret(secrets, "never");
	g_assert_true(store_commit_secrets(f->store, secrets, &error));
	g_assert_no_error(error);
	assert_secret(f->store, "vm/a", "four", 4);
	assert_names(f->store, "", "vm/a");
	g_assert_cmpint(store_revision(f->store), ==, 1);
}

static void test_secret_key(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	assert_mode(f->dir, "", 0700);
	assert_mode(f->dir, "secret.key", 0600);
	assert_mode(f->dir, "store.db", 0600);
	assert_mode(f->dir, "store.db-wal", 0600);
	g_assert_true(store_secret_set(f->store, "smtp", "hunter2", 7, &error));
	store_close(f->store);

	g_autofree char *path = g_build_filename(f->dir, "secret.key", NULL);
	g_autofree char *aside = g_build_filename(f->dir, "aside", NULL);
	g_assert_cmpint(rename(path, aside), ==, 0);
	assert_open_fails(f->dir, ERROR_FAILED, "is missing", "put secret.key back");
	g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	g_assert_true(file_write_atomic(path, "too short", 9, 0600, NULL));
	assert_open_fails(f->dir, ERROR_FAILED, "32 bytes", "put secret.key back");
	g_assert_true(file_write_atomic(path, "0123456789abcdef0123456789abcdef", 32, 0644, NULL));
	assert_open_fails(f->dir, ERROR_FAILED, "others may read it", "chmod 600");
	g_assert_cmpint(chmod(path, 0600), ==, 0);
	f->store = store_open(f->dir, kinds, &error);
	g_assert_no_error(error);
	assert_secret_fails(f->store, "smtp", ERROR_FAILED, "another key");
	store_close(f->store);
	g_assert_cmpint(rename(aside, path), ==, 0);
	f->store = store_open(f->dir, kinds, &error);
	assert_secret(f->store, "smtp", "hunter2", 7);
}

static void test_second_process(Fixture *f, gconstpointer data)
{
	int status = -1;
	(void)data;
	pid_t pid = fork();
	if (pid == 0) {
		assert_open_fails(f->dir, ERROR_CONFLICT, "another process", "stop that one");
		_exit(0);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
	put(f->store, "vm/1", "{}");
}

static void test_migrations(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	put(f->store, "vm/1", "{\"n\":1}");
	store_close(f->store);
	const char *const newer[] = {
		store_migrations[0],
		"CREATE TABLE extra(n INTEGER) STRICT; INSERT INTO extra VALUES(1)",
		"UPDATE extra SET n = n + 1; UPDATE doc SET body = json_set(body, '$.m', 2)",
		NULL,
	};
	const char *const failing[] = {newer[0], newer[1], "UPDATE extra SET n = 50; SELECT no_such_function()", NULL};

	/* The first goes through, the second not: the file stays between them, unhurt by the one that failed. */
	f->store = store_open_migrating(f->dir, kinds, failing, &error);
	g_assert_null(f->store);
	g_assert_error(error, ERROR, ERROR_FAILED);
	g_assert_nonnull(strstr(error->message, "from layout 2 to 3"));
	g_clear_error(&error);
	g_autofree char *path = g_build_filename(f->dir, "store.db", NULL);
	g_assert_cmpint(ask_sql(path, "PRAGMA user_version"), ==, 2);
	g_assert_cmpint(ask_sql(path, "SELECT n FROM extra"), ==, 1);

	f->store = store_open_migrating(f->dir, kinds, newer, &error);
	g_assert_no_error(error);
	assert_doc(f->store, "vm/1", 1, "{\"n\":1,\"m\":2}");
	g_assert_cmpint(put(f->store, "vm/2", "{}"), ==, 2);
	g_assert_cmpint(ask_sql(path, "SELECT n FROM extra"), ==, 2);
	store_close(f->store);

	/* Each copy is the whole store as it was. */
	g_autofree char *first = g_build_filename(f->dir, "store.db.v1", NULL);
	g_autofree char *second = g_build_filename(f->dir, "store.db.v2", NULL);
	assert_mode(f->dir, "store.db.v1", 0600);
	assert_mode(f->dir, "store.db.v2", 0600);
	g_assert_cmpint(ask_sql(first, "PRAGMA user_version"), ==, 1);
	g_assert_cmpint(ask_sql(first, "SELECT count(*) FROM sqlite_schema WHERE name = 'extra'"), ==, 0);
	g_assert_cmpint(ask_sql(second, "PRAGMA user_version"), ==, 2);
	g_assert_cmpint(ask_sql(second, "SELECT json_extract(body, '$.n') FROM doc WHERE path = 'vm/1'"), ==, 1);

	/* An older program does not touch it; with the copy put back it works again. */
	assert_open_fails(f->dir, ERROR_UNSUPPORTED, "newer version", "copy");
	g_assert_cmpint(rename(first, path), ==, 0);
	f->store = store_open(f->dir, kinds, &error);
	g_assert_no_error(error);
	assert_doc(f->store, "vm/1", 1, "{\"n\":1}");
	assert_doc(f->store, "vm/2", 0, NULL);
}

static void test_damage(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autofree char *path = g_build_filename(f->dir, "store.db", NULL);
	g_autofree char *copy = g_build_filename(f->dir, "store.db.v1", NULL);
	for (guint i = 0; i < 200; i++) {
		g_autofree char *name = g_strdup_printf("vm/%u", i);
		put(f->store, name, "{\"text\":\"some words to fill pages with, so that there are a number of them\"}");
	}
	store_close(f->store);
	g_autofree char *content = NULL;
	gsize length;
	g_assert_true(file_read(path, 1 << 24, &content, &length, NULL));
	g_autofree char *damaged = g_memdup2(content, length);

	/* Not a database at all. */
	memset(damaged, 'x', 4096);
	g_assert_true(file_write_atomic(path, damaged, length, 0600, NULL));
	assert_open_fails(f->dir, ERROR_FAILED, "is damaged", "no older copy");
	g_assert_true(file_write_atomic(copy, content, length, 0600, NULL));
	assert_open_fails(f->dir, ERROR_FAILED, "is damaged", copy);

	/* All pages but the first: found when they are read; nothing crashes. */
	memcpy(damaged, content, length);
	memset(damaged + 4096, 0xa5, length - 4096);
	g_assert_true(file_write_atomic(path, damaged, length, 0600, NULL));
	assert_open_fails(f->dir, ERROR_FAILED, "is damaged", copy);

	/* Only the pages of documents. */
	g_assert_true(file_write_atomic(path, content, length, 0600, NULL));
	gint64 root = ask_sql(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'doc'");
	memcpy(damaged, content, length);
	memset(damaged + (root - 1) * 4096, 0xa5, 4096);
	g_assert_true(file_write_atomic(path, damaged, length, 0600, NULL));
	g_autoptr(GError) error = NULL;
	f->store = store_open(f->dir, kinds, &error);
	g_assert_no_error(error);
	g_assert_null(store_list(f->store, "vm/", &error));
	g_assert_error(error, ERROR, ERROR_FAILED);
	g_assert_nonnull(strstr(error->message, "is damaged"));
	g_assert_nonnull(strstr(error_hint(error), copy));
	g_clear_error(&error);
	g_assert_cmpint(try_put(f->store, "vm/1", REV_ANY, "{}", &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_FAILED);
	g_assert_nonnull(strstr(error->message, "is damaged"));
	/* The failed transaction is not left open: what needs no damaged page goes on. */
	g_clear_error(&error);
	g_assert_true(store_secret_set(f->store, "smtp", "x", 1, &error));
	g_assert_no_error(error);
	store_close(f->store);

	/* The hint is good: with the copy in its place the store opens. */
	g_clear_error(&error);
	g_assert_cmpint(rename(copy, path), ==, 0);
	f->store = store_open(f->dir, kinds, &error);
	g_assert_no_error(error);
	g_assert_cmpint(store_revision(f->store), ==, 200);
}

static void test_damaged_body(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	put(f->store, "vm/1", "{}");
	run_sql(f->dir, "UPDATE doc SET body = '{\"a\":'");
	g_assert_null(store_get(f->store, "vm/1", &error));
	g_assert_error(error, ERROR, ERROR_FAILED);
	g_assert_nonnull(strstr(error->message, "is damaged"));
}

/* A committer is killed in the middle; tests/crash does it many times under load. */
static void test_kill(Fixture *f, gconstpointer data)
{
	(void)data;
	store_close(f->store);
	f->store = NULL;
	int ends[2];
	g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
	pid_t child = fork();
	if (child == 0) {
		Store *store = store_open(f->dir, kinds, NULL);
		for (gint64 n = 1; store; n++) {
			json_auto json_object *body = json_object_new_object();
			json_set_int(body, "n", n);
			g_autoptr(Batch) batch = batch_new("child", 0);
			batch_put(batch, "vm/1", n - 1, body);
			gint64 rev = store_commit(store, batch, NULL);
			if (rev != n || write(ends[1], &rev, sizeof rev) != sizeof rev)
				break;
		}
		_exit(1);
	}
	close(ends[1]);
	gint64 rev = 0, last = 0;
	while (read(ends[0], &rev, sizeof rev) == sizeof rev) {
		last = rev;
		if (rev == 50)
			kill(child, SIGKILL);
	}
	close(ends[0]);
	int status;
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFSIGNALED(status));
	g_autoptr(GError) error = NULL;
	f->store = store_open(f->dir, kinds, &error);
	g_assert_no_error(error);
	g_assert_cmpint(store_revision(f->store), >=, last);
	g_autoptr(Doc) doc = store_get(f->store, "vm/1", &error);
	g_assert_cmpint(json_get_int(doc->body, "n", 0), ==, store_revision(f->store));
	g_assert_cmpint(put(f->store, "vm/1", "{}"), ==, doc->rev + 1);
}

/* Leaves no free block on the file system; FALSE if it has no such file. */
static void test_disk_full(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *mount_point = g_dir_make_tmp("store-full-XXXXXX", &error);
	g_assert_no_error(error);
	small_disk_mount(mount_point, "size=2m");
	g_autofree char *dir = g_build_filename(mount_point, "state", NULL);
	Store *store = store_open(dir, kinds, &error);
	g_assert_no_error(error);
	gint64 rev = put(store, "vm/1", "{\"n\":1}");
	g_autofree char *filler = small_disk_fill(mount_point);

	g_autofree char *filling = g_strnfill(100000, 'x');
	g_autofree char *large = g_strdup_printf("{\"x\":\"%s\"}", filling);
	for (int i = 0; i < 3; i++) {
		g_assert_cmpint(try_put(store, "vm/2", REV_ANY, large, &error), ==, 0);
		g_assert_error(error, ERROR, ERROR_NO_SPACE);
		g_assert_nonnull(error_hint(error));
		g_clear_error(&error);
		g_assert_cmpint(store_revision(store), ==, rev);
	}
	g_assert_false(store_secret_set(store, "large", filling, 60000, &error));
	g_assert_error(error, ERROR, ERROR_NO_SPACE);
	g_clear_error(&error);
	/* What is there can be read all the while. */
	assert_doc(store, "vm/1", rev, "{\"n\":1}");
	assert_doc(store, "vm/2", 0, NULL);
	g_autoptr(GPtrArray) history = store_history(store, "", 0, 10, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(history->len, ==, 1);

	/* Small commits until those are refused too: each is either whole or not there. */
	gint64 small = 0;
	while ((small = try_put(store, "vm/3", REV_ANY, "{\"n\":3}", &error)))
		rev = small;
	g_assert_error(error, ERROR, ERROR_NO_SPACE);
	g_clear_error(&error);
	g_assert_cmpint(store_revision(store), ==, rev);

	/* A restart on the full disk, then room again. */
	store_close(store);
	g_assert_cmpint(unlink(filler), ==, 0);
	store = store_open(dir, kinds, &error);
	g_assert_no_error(error);
	g_assert_cmpint(put(store, "vm/2", large), ==, rev + 1);
	g_free(small_disk_fill(mount_point));
	g_assert_cmpint(try_put(store, "vm/4", REV_ANY, large, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_NO_SPACE);
	g_clear_error(&error);
	g_assert_cmpint(unlink(filler), ==, 0);
	g_assert_cmpint(put(store, "vm/4", large), ==, rev + 2);
	assert_doc(store, "vm/2", rev + 1, large);
	store_close(store);
	g_autofree char *path = g_build_filename(dir, "store.db", NULL);
	g_assert_cmpint(
		ask_sql(path, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), ==, 1);

	/* And a new store does not open on a full disk, saying why. */
	g_free(small_disk_fill(mount_point));
	g_autofree char *other = g_build_filename(mount_point, "other", NULL);
	g_assert_null(store_open(other, kinds, &error));
	g_assert_error(error, ERROR, ERROR_NO_SPACE);
	g_assert_cmpint(umount(mount_point), ==, 0);
	rmdir(mount_point);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	static const struct {
		const char *name;
		void (*run)(Fixture *f, gconstpointer data);
	} tests[] = {
		{"/store/documents are kept across a restart", test_put_get},
		{"/store/a list has what begins with the prefix, in order", test_list},
		{"/store/a stale batch changes nothing and says what is there", test_conflicts},
		{"/store/deleting what is absent is an error only by itself", test_deletion_of_absent},
		{"/store/bad paths and bodies are refused", test_bad_input},
		{"/store/concurrent commits lose nothing", test_threads},
		{"/store/a number is never given out twice", test_allocate},
		{"/store/watches hear of changes under their prefix", test_watch},
		{"/store/watches hear in order of revision", test_watch_order},
		{"/store/history tells who changed what and when", test_history},
		{"/store/pages of history skip nothing", test_history_pages},
		{"/store/a restore plan leads back and leaves facts alone", test_restore_plan},
		{"/store/secrets are encrypted and tampering is found", test_secrets},
		{"/store/secrets are listed by prefix", test_secret_list},
		{"/store/secrets change with the documents of their batch or not at all", test_secrets_in_batches},
		{"/store/a wrong or missing key is a clear error", test_secret_key},
		{"/store/a second process is kept out", test_second_process},
		{"/store/migrations run one by one, each after a copy", test_migrations},
		{"/store/a damaged file names the copy to use", test_damage},
		{"/store/a damaged body is an error, not a crash", test_damaged_body},
		{"/store/what was acknowledged survives kill -9", test_kill},
	};
	for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, setup, tests[i].run, teardown);
	g_test_add_func("/store/a full disk refuses and recovers", test_disk_full);
	return g_test_run();
}
