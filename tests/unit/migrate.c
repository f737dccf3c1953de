/* Layouts of SQLite files: steps and their copies, as journals and the store have them. */
#include "store/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "small-disk.h"
#include "store/journal.h"

#define LAYOUT_1 "CREATE TABLE entry (n INTEGER NOT NULL, text TEXT NOT NULL) STRICT"
#define LAYOUT_2 "ALTER TABLE entry ADD COLUMN user TEXT NOT NULL DEFAULT 'root'"
#define LAYOUT_3 "CREATE TABLE mark (n INTEGER NOT NULL) STRICT; INSERT INTO mark SELECT sum(n) FROM entry"
#define BROKEN "DELETE FROM entry; INSERT INTO no_such_table VALUES (1)"

typedef struct Fixture {
	char *dir, *path;
} Fixture;

static const char *const first_layout[] = {LAYOUT_1, NULL};
static const char *const third_layout[] = {LAYOUT_1, LAYOUT_2, LAYOUT_3, NULL};

static gboolean insert(sqlite3 *db, gpointer data, GError **error)
{
	return sql_run(db, error, "INSERT INTO entry (n, text) VALUES (?, 'what an old version wrote')", "i",
		(gint64)GPOINTER_TO_INT(data));
}

static void setup(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	f->dir = g_dir_make_tmp("migrate-XXXXXX", NULL);
	f->path = g_build_filename(f->dir, "tasks.db", NULL);
	Journal *old = journal_open(f->path, first_layout, &error);
	g_assert_no_error(error);
	for (int n = 1; n <= 3; n++)
		g_assert_true(journal_commit(old, insert, GINT_TO_POINTER(n), TRUE, &error));
	journal_free(old);
}

static void teardown(Fixture *f, gconstpointer data)
{
	(void)data;
	g_assert_true(dir_remove(f->dir, NULL));
	g_free(f->path);
	g_free(f->dir);
}

static gint64 ask(const char *path, const char *sql)
{
	g_autoptr(GError) error = NULL;
	sqlite3 *db;
	gboolean row = FALSE;
	g_assert_cmpint(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), ==, SQLITE_OK);
	sqlite3_stmt *statement = sql_prepare(db, &error, sql, "");
	g_assert_no_error(error);
	g_assert_true(sql_step(statement, &row, &error) && row);
	gint64 value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

static char *copy_of(const Fixture *f, int layout)
{
	return g_strdup_printf("%s.v%d", f->path, layout);
}

static gboolean has_copy(const Fixture *f, int layout)
{
	g_autofree char *copy = copy_of(f, layout);
	return g_file_test(copy, G_FILE_TEST_EXISTS);
}

static void open_with(const Fixture *f, const char *const *layout)
{
	g_autoptr(GError) error = NULL;
	Journal *journal = journal_open(f->path, layout, &error);
	g_assert_no_error(error);
	journal_free(journal);
}

/* The error of opening, which must fail. */
static GError *refused(const Fixture *f, const char *const *layout)
{
	GError *error = NULL;
	g_assert_null(journal_open(f->path, layout, &error));
	g_assert_nonnull(error);
	return error;
}

static void test_old_file(Fixture *f, gconstpointer data)
{
	(void)data;
	open_with(f, third_layout);
	g_assert_cmpint(ask(f->path, "PRAGMA user_version"), ==, 3);
	g_assert_cmpint(ask(f->path, "SELECT count(*) FROM entry WHERE user = 'root'"), ==, 3);
	g_assert_cmpint(ask(f->path, "SELECT n FROM mark"), ==, 6);
	for (int layout = 1; layout <= 2; layout++) {
		g_autofree char *copy = copy_of(f, layout);
		struct stat info;
		g_assert_no_errno(stat(copy, &info));
		g_assert_cmpint(info.st_mode & 07777, ==, 0600);
		g_assert_cmpint(ask(copy, "PRAGMA user_version"), ==, layout);
		g_assert_cmpint(ask(copy, "SELECT sum(n) FROM entry"), ==, 6);
	}
	/* Opened again, there is nothing to do, and no copy is made. */
	g_autofree char *copy = copy_of(f, 2);
	g_assert_no_errno(g_unlink(copy));
	open_with(f, third_layout);
	g_assert_false(has_copy(f, 2));
	g_assert_false(has_copy(f, 3));
}

static void test_new_file(Fixture *f, gconstpointer data)
{
	(void)data;
	const char *const second_layout[] = {LAYOUT_1, LAYOUT_2, NULL};
	g_assert_no_errno(g_unlink(f->path));
	open_with(f, second_layout);
	g_assert_cmpint(ask(f->path, "PRAGMA user_version"), ==, 2);
	g_assert_false(has_copy(f, 1));
	/* Nor does anybody look for one where it cannot be made. */
	const char *const broken[] = {LAYOUT_1, LAYOUT_2, BROKEN, NULL};
	g_assert_no_errno(g_unlink(f->path));
	g_autoptr(GError) error = refused(f, broken);
	g_assert_nonnull(strstr(error_hint(error), "is new, and holds nothing yet"));
	g_assert_false(has_copy(f, 1) || has_copy(f, 2));
}

static void test_newer_file(Fixture *f, gconstpointer data)
{
	(void)data;
	open_with(f, third_layout);
	g_autoptr(GError) error = refused(f, first_layout);
	g_assert_error(error, ERROR, ERROR_UNSUPPORTED);
	g_assert_nonnull(strstr(error->message, "newer version of Yado"));
	/* What the hint says is true. */
	g_autofree char *copy = copy_of(f, 1);
	g_assert_nonnull(strstr(error_hint(error), copy));
	g_assert_no_errno(g_rename(copy, f->path));
	open_with(f, first_layout);
	g_assert_cmpint(ask(f->path, "SELECT sum(n) FROM entry"), ==, 6);

	/* Without a copy that this version reads, none is named. */
	open_with(f, third_layout);
	g_assert_no_errno(g_unlink(copy));
	g_autoptr(GError) bare = refused(f, first_layout);
	g_assert_error(bare, ERROR, ERROR_UNSUPPORTED);
	g_assert_null(strstr(error_hint(bare), ".v2"));
	g_assert_nonnull(strstr(error_hint(bare), "install the version"));
}

static void test_broken_step(Fixture *f, gconstpointer data)
{
	(void)data;
	const char *const broken_second[] = {LAYOUT_1, BROKEN, NULL};
	const char *const broken_third[] = {LAYOUT_1, LAYOUT_2, BROKEN, NULL};
	g_autoptr(GError) error = refused(f, broken_second);
	g_assert_error(error, ERROR, ERROR_FAILED);
	g_assert_nonnull(strstr(error->message, "from layout 1 to 2"));
	g_assert_nonnull(strstr(error_hint(error), "former version of Yado can go on"));
	open_with(f, first_layout);
	g_assert_cmpint(ask(f->path, "SELECT sum(n) FROM entry"), ==, 6);

	g_autoptr(GError) later = refused(f, broken_third);
	g_assert_nonnull(strstr(later->message, "from layout 2 to 3"));
	g_autofree char *copy = copy_of(f, 1);
	g_assert_nonnull(strstr(error_hint(later), copy));
	g_assert_cmpint(ask(f->path, "PRAGMA user_version"), ==, 2);
	g_assert_cmpint(ask(f->path, "SELECT sum(n) FROM entry"), ==, 6);
	g_assert_cmpint(ask(copy, "SELECT sum(n) FROM entry"), ==, 6);
	/* With the mistake repaired it goes on from there. */
	open_with(f, third_layout);
	g_assert_cmpint(ask(f->path, "SELECT n FROM mark"), ==, 6);
}

static gboolean insert_much(sqlite3 *db, gpointer data, GError **error)
{
	(void)data;
	return sql_run(db, error,
		"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 6000)"
		" INSERT INTO entry SELECT i, printf('%.100c', 'x') FROM c",
		"");
}

static gpointer fill_and_migrate(gpointer data)
{
	g_autoptr(GError) error = NULL;
	Fixture f = {.dir = data};
	small_disk_mount(f.dir, "size=4m");
	f.path = g_build_filename(f.dir, "tasks.db", NULL);
	Journal *old = journal_open(f.path, first_layout, &error);
	g_assert_true(journal_commit(old, insert_much, NULL, TRUE, &error));
	g_assert_no_error(error);
	journal_free(old);
	g_autofree char *partial = g_strconcat(f.path, ".v1.partial", NULL);
	g_assert_true(g_file_set_contents(partial, "of a run that was killed", -1, NULL));
	g_autofree char *filler = small_disk_fill(f.dir);
	/* Room to open the file, not for a copy of it. */
	struct stat info;
	g_assert_no_errno(stat(filler, &info));
	g_assert_no_errno(truncate(filler, info.st_size - (256 << 10)));

	g_autoptr(GError) full = refused(&f, third_layout);
	g_assert_error(full, ERROR, ERROR_NO_SPACE);
	g_assert_nonnull(strstr(full->message, "tasks.db"));
	g_assert_nonnull(strstr(error_hint(full), "free space"));
	g_assert_false(g_file_test(partial, G_FILE_TEST_EXISTS));
	g_assert_false(has_copy(&f, 1));
	g_assert_no_errno(g_unlink(filler));
	g_assert_cmpint(ask(f.path, "PRAGMA user_version"), ==, 1);
	g_assert_cmpint(ask(f.path, "SELECT count(*) FROM entry"), ==, 6000);

	open_with(&f, third_layout);
	g_assert_true(has_copy(&f, 1));
	g_assert_cmpint(ask(f.path, "SELECT count(*) FROM entry"), ==, 6000);
	g_free(f.path);
	return NULL;
}

static void test_full_disk(void)
{
	g_autofree char *dir = g_dir_make_tmp("migrate-XXXXXX", NULL);
	g_thread_join(g_thread_new("full disk", fill_and_migrate, dir));
	g_assert_true(dir_remove(dir, NULL));
}

/* The first `count` steps of a long list. */
static void open_with_steps(const Fixture *f, int count)
{
	const char *steps[16] = {LAYOUT_1};
	for (int i = 1; i < count; i++)
		steps[i] = "UPDATE entry SET n = n + 1";
	open_with(f, steps);
}

/* So many days ago is when all copies were made. */
static void age_copies(const Fixture *f, int days)
{
	const struct timespec times[2] = {[0].tv_nsec = UTIME_OMIT, [1].tv_sec = time(NULL) - days * 86400};
	for (int layout = 1; layout <= 15; layout++) {
		g_autofree char *copy = copy_of(f, layout);
		g_assert_true(utimensat(AT_FDCWD, copy, times, 0) == 0 || errno == ENOENT);
	}
}

static void test_bound(Fixture *f, gconstpointer data)
{
	(void)data;
	for (int layout = 2; layout <= 9; layout++) {
		open_with_steps(f, layout);
		age_copies(f, 8);
	}
	for (int layout = 1; layout <= 8; layout++)
		g_assert_cmpint(has_copy(f, layout), ==, layout >= 6);
	/* A jump over several layouts keeps the copy that the version before it can read; a later one does not. */
	open_with_steps(f, 14);
	for (int layout = 1; layout <= 13; layout++)
		g_assert_cmpint(has_copy(f, layout), ==, layout >= 9);
	age_copies(f, 8);
	open_with_steps(f, 15);
	for (int layout = 1; layout <= 14; layout++)
		g_assert_cmpint(has_copy(f, layout), ==, layout >= 12);
	g_assert_cmpint(ask(f->path, "SELECT sum(n) FROM entry"), ==, 6 + 3 * 14);
}

/* Killed between two steps, an upgrade goes on from there: what it began with stays too. */
static void test_interrupted(Fixture *f, gconstpointer data)
{
	(void)data;
	open_with_steps(f, 3);
	age_copies(f, 6);
	open_with_steps(f, 12);
	for (int layout = 1; layout <= 11; layout++)
		g_assert_true(has_copy(f, layout));
	age_copies(f, 8);
	open_with_steps(f, 13);
	for (int layout = 1; layout <= 12; layout++)
		g_assert_cmpint(has_copy(f, layout), ==, layout >= 10);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* Each step is logged, which is no failure. */
	g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
	const struct {
		const char *name;
		void (*run)(Fixture *f, gconstpointer data);
	} tests[] = {
		{"/migrate/a file of an old layout is brought along, with a copy before each step", test_old_file},
		{"/migrate/a new file needs no copies", test_new_file},
		{"/migrate/a newer file is refused and the copy to go back to is named", test_newer_file},
		{"/migrate/a step that fails leaves the file as it was before it", test_broken_step},
		{"/migrate/old copies are bounded, and the way back to the former version stays", test_bound},
		{"/migrate/the copies of an interrupted upgrade stay", test_interrupted},
	};
	for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, setup, tests[i].run, teardown);
	g_test_add_func("/migrate/a full disk leaves the old file, and no part of a copy", test_full_disk);
	return g_test_run();
}
