/* Durable commits per second: the store with one writer and with eight, beside bare SQLite that writes the same rows
 * with the same settings, in one run.
 *
 *   bench-commits [--dir DIR] [--seconds S] [--rounds N]
 *
 * The legs take turns in each round (the disk's speed changes while one looks), and each leg's median counts. Bare
 * SQLite gets its texts ready-made; the store serializes JSON (whose making is its caller's), checks revisions and
 * reads what was before. fsyncs are counted where they leave the process: this program's fsync and fdatasync take the
 * place of libc's, for SQLite too. */
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "store/store.h"

enum { OBJECTS = 100, THREADS = 8, ROUNDS_MAX = 99 };

static guint64 fsyncs;

/* unistd.h declares them; the linker prefers them to libc's. */
int fsync(int fd)
{
	__atomic_add_fetch(&fsyncs, 1, __ATOMIC_RELAXED);
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	__atomic_add_fetch(&fsyncs, 1, __ATOMIC_RELAXED);
	return (int)syscall(SYS_fdatasync, fd);
}

typedef struct Leg {
	const char *name;
	guint64 commits, fsyncs;
	double rates[ROUNDS_MAX];
	guint rounds;
} Leg;

static const StoreKind kinds[] = {{"vm", FALSE}, {NULL, FALSE}};

/* About what a small virtual machine's document looks like; `n` makes each version differ. */
static json_object *new_body(gint64 n)
{
	json_object *body = json_object_new_object();
	json_set_int(body, "schema", 1);
	json_set_str(body, "name", "hello");
	json_set_int(body, "memory", 512 << 20);
	json_set_int(body, "generation", n);
	json_object *disks = json_object_new_object();
	for (int i = 0; i < 2; i++) {
		json_object *disk = json_object_new_object();
		json_set_str(disk, "storage", "local");
		json_set_str(disk, "bus", "virtio-scsi");
		json_set_str(disk, "serial", "d0c1a2b3c4d5e6f70819");
		json_set_str(disk, "pci", "0000:00:05.0");
		json_set_int(disk, "size", G_GINT64_CONSTANT(10) << 30);
		json_set(disks, i ? "disk1" : "disk0", disk);
	}
	json_set(body, "disks", disks);
	json_set_str(body, "description", "a guest that was made to be measured, with a few words about it");
	return body;
}

static void must(gboolean ok, const char *what, const GError *error)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, error ? error->message : "failed");
	exit(1);
}

typedef struct Writer {
	Store *store;
	guint first; /* writes objects first, first + step, … */
	guint step;
	gint64 until_us;
	guint64 commits;
} Writer;

static gpointer write_store(gpointer data)
{
	Writer *writer = data;
	json_auto json_object *body = new_body(0);
	while (g_get_monotonic_time() < writer->until_us) {
		g_autoptr(GError) error = NULL;
		g_autoptr(Batch) batch = batch_new("bench", 0);
		json_set_int(body, "generation", (gint64)writer->commits);
		char path[32];
		snprintf(path, sizeof path, "vm/%u",
			100 + (writer->first + (guint)writer->commits * writer->step) % OBJECTS);
		batch_put(batch, path, REV_ANY, body);
		must(store_commit(writer->store, batch, &error) != 0, "commit", error);
		writer->commits++;
	}
	return NULL;
}

static void note(Leg *leg, guint64 commits, guint64 syncs, gint64 took_us)
{
	leg->commits += commits;
	leg->fsyncs += syncs;
	leg->rates[leg->rounds++] = (double)commits * G_USEC_PER_SEC / (double)took_us;
}

static void run_store(Leg *leg, const char *dir, guint threads, gint64 length_us)
{
	g_autoptr(GError) error = NULL;
	Store *store = store_open(dir, kinds, &error);
	must(store != NULL, "open", error);
	Writer writers[THREADS];
	GThread *running[THREADS];
	guint64 commits = 0, syncs = __atomic_load_n(&fsyncs, __ATOMIC_RELAXED);
	gint64 start = g_get_monotonic_time();
	for (guint i = 0; i < threads; i++) {
		writers[i] = (Writer){store, i, threads, start + length_us, 0};
		running[i] = g_thread_new("writer", write_store, &writers[i]);
	}
	for (guint i = 0; i < threads; i++) {
		g_thread_join(running[i]);
		commits += writers[i].commits;
	}
	note(leg, commits, __atomic_load_n(&fsyncs, __ATOMIC_RELAXED) - syncs, g_get_monotonic_time() - start);
	store_close(store);
}

static void must_sql(sqlite3 *db, gboolean ok)
{
	if (ok)
		return;
	fprintf(stderr, "bare SQLite: %s\n", sqlite3_errmsg(db));
	exit(1);
}

/* The store's own file, so layout and page cache are the same. */
static void run_bare(Leg *leg, const char *dir, gint64 length_us)
{
	g_autofree char *path = g_build_filename(dir, "store.db", NULL);
	sqlite3 *db;
	must_sql(NULL, sqlite3_open(path, &db) == SQLITE_OK);
	must_sql(db, sqlite3_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL, NULL) ==
			     SQLITE_OK);
	sqlite3_stmt *begin, *end, *doc, *change, *newest;
	must_sql(db, sqlite3_prepare_v2(db, "BEGIN IMMEDIATE", -1, &begin, NULL) == SQLITE_OK);
	must_sql(db, sqlite3_prepare_v2(db, "COMMIT", -1, &end, NULL) == SQLITE_OK);
	must_sql(db, sqlite3_prepare_v2(db,
			     "INSERT INTO doc(path, rev, body) VALUES(?1, ?2, ?3) "
			     "ON CONFLICT(path) DO UPDATE SET rev = ?2, body = ?3",
			     -1, &doc, NULL) == SQLITE_OK);
	must_sql(db, sqlite3_prepare_v2(db,
			     "INSERT INTO change(rev, at, author, task, path, before, after) "
			     "VALUES(?1, ?2, 'bench', 0, ?3, ?4, ?5)",
			     -1, &change, NULL) == SQLITE_OK);
	must_sql(
		db, sqlite3_prepare_v2(db, "SELECT coalesce(max(rev), 0) FROM change", -1, &newest, NULL) == SQLITE_OK);
	must_sql(db, sqlite3_step(newest) == SQLITE_ROW);
	gint64 rev = sqlite3_column_int64(newest, 0);
	sqlite3_finalize(newest);
	json_auto json_object *body = new_body(1234);
	const char *text = json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN);

	guint64 commits = 0, syncs = fsyncs;
	gint64 start = g_get_monotonic_time();
	for (; g_get_monotonic_time() < start + length_us; commits++) {
		char name[32];
		snprintf(name, sizeof name, "vm/%u", 100 + (guint)commits % OBJECTS);
		rev++;
		sqlite3_bind_text(doc, 1, name, -1, SQLITE_STATIC);
		sqlite3_bind_int64(doc, 2, rev);
		sqlite3_bind_text(doc, 3, text, -1, SQLITE_STATIC);
		sqlite3_bind_int64(change, 1, rev);
		sqlite3_bind_int64(change, 2, g_get_real_time());
		sqlite3_bind_text(change, 3, name, -1, SQLITE_STATIC);
		sqlite3_bind_text(change, 4, text, -1, SQLITE_STATIC);
		sqlite3_bind_text(change, 5, text, -1, SQLITE_STATIC);
		must_sql(db, sqlite3_step(begin) == SQLITE_DONE && sqlite3_step(doc) == SQLITE_DONE &&
				     sqlite3_step(change) == SQLITE_DONE && sqlite3_step(end) == SQLITE_DONE);
		sqlite3_reset(begin);
		sqlite3_reset(doc);
		sqlite3_reset(change);
		sqlite3_reset(end);
	}
	note(leg, commits, fsyncs - syncs, g_get_monotonic_time() - start);
	sqlite3_finalize(begin);
	sqlite3_finalize(end);
	sqlite3_finalize(doc);
	sqlite3_finalize(change);
	sqlite3_close(db);
}

static int compare_rates(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(Leg *leg)
{
	qsort(leg->rates, leg->rounds, sizeof leg->rates[0], compare_rates);
	return leg->rates[leg->rounds / 2];
}

/* As bench/run reads it. */
static void print_row(Leg *leg, const char *beside, double ratio, const char *goal)
{
	printf("durable commits: %s, %.3f fsyncs each%s%s\t%.0f/s\t%.2f\t%s\n", leg->name,
		(double)leg->fsyncs / (double)MAX(leg->commits, 1), beside ? "; beside " : "", beside ? beside : "",
		median(leg), ratio, goal);
}

int main(int argc, char **argv)
{
	g_autofree char *dir = NULL;
	double seconds = 1;
	int rounds = 5;
	g_autoptr(GError) error = NULL;
	const GOptionEntry entries[] = {
		{"dir", 'd', 0, G_OPTION_ARG_FILENAME, &dir, "where to write; the disk to be measured", "DIR"},
		{"seconds", 's', 0, G_OPTION_ARG_DOUBLE, &seconds, "length of one leg", "S"},
		{"rounds", 'r', 0, G_OPTION_ARG_INT, &rounds, "rounds of all legs", "N"},
		{NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- durable commits per second");
	g_option_context_add_main_entries(context, entries, NULL);
	must(g_option_context_parse(context, &argc, &argv, &error), "options", error);
	rounds = CLAMP(rounds, 1, ROUNDS_MAX);

	g_autofree char *work = g_build_filename(dir ? dir : g_get_tmp_dir(), "commits-XXXXXX", NULL);
	must(g_mkdtemp(work) != NULL, "cannot make a directory to work in", NULL);
	Leg bare = {.name = "bare SQLite"}, one = {.name = "store, 1 writer"}, eight = {.name = "store, 8 writers"};
	gint64 length_us = (gint64)(seconds * G_USEC_PER_SEC);
	Leg warm = {.name = "warm-up"};
	run_store(&warm, work, 1, length_us / 4);
	for (int i = 0; i < rounds; i++) {
		run_bare(&bare, work, length_us);
		run_store(&one, work, 1, length_us);
		run_store(&eight, work, THREADS, length_us);
	}
	must(dir_remove(work, &error), "cannot clean up", error);

	double against_bare = median(&one) / median(&bare), shared = median(&eight) / median(&one);
	print_row(&bare, NULL, 1, "");
	print_row(&one, "bare SQLite", against_bare, "> 0.75");
	print_row(&eight, "1 writer", shared, "> 2.5");
	return against_bare >= 0.75 && shared >= 2.5 ? 0 : 2;
}
