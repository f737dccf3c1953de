/* Rings of measurements: what is written is found at its time, averages are those of what was known, gaps stay gaps
 * whatever the clock and the daemon do; rates are what happened between two readings. */
#include <glib/gstdio.h>
#include <math.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "measure/beat.h"
#include "measure/rates.h"
#include "measure/rings.h"
#include "measure/slots.h"
#include "schema/schema.h"
#include "small-disk.h"

enum { VM = 100, BEGIN = 1763769600 /* midnight */ };

typedef struct Fixture {
	char *dir, *path;
	Rings *rings;
	RingView view;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
	(void)data;
	fixture->dir = g_dir_make_tmp("measure-XXXXXX", NULL);
	fixture->path = g_build_filename(fixture->dir, "measurements.db", NULL);
	fixture->rings = rings_new(fixture->path);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	(void)data;
	rings_free(fixture->rings);
	g_assert_true(dir_remove(fixture->dir, NULL));
	g_free(fixture->path);
	g_free(fixture->dir);
}

static RingSample make_sample(gint64 object, float cpu)
{
	RingSample sample = {object, values_unknown};
	sample.values.of[0] = cpu;
	return sample;
}

/* The interval that ends then. */
static void put(Fixture *fixture, gint64 object, gint64 at_s, float cpu)
{
	RingSample sample = make_sample(object, cpu);
	g_assert_cmpint(at_s % STEP_S, ==, 0);
	rings_write(fixture->rings, (guint32)(at_s / STEP_S), &sample, 1);
}

/* cpu of the interval that ends then; what is shown is up to now. */
static float get(Fixture *fixture, gint64 object, Span span, gint64 now_s, gint64 end_s)
{
	RingView *view = &fixture->view;
	rings_read(fixture->rings, object, span, now_s, view);
	g_assert_cmpuint(view->count, ==, spans[span].slots);
	gint64 index = (end_s - view->start_s) / spans[span].step_s;
	g_assert_cmpint((end_s - view->start_s) % spans[span].step_s, ==, 0);
	g_assert_true(index >= 0 && index < (gint64)view->count);
	return view->values[index].of[0];
}

static guint count_known(const RingView *view)
{
	guint known = 0;
	for (guint i = 0; i < view->count; i++)
		known += values_any(&view->values[i]);
	return known;
}

static void restart(Fixture *fixture)
{
	rings_free(fixture->rings);
	fixture->rings = rings_new(fixture->path);
}

static void assert_near(float value, double wanted)
{
	g_assert_cmpfloat_with_epsilon((double)value, wanted, 1e-4);
}

static void test_order(Fixture *fixture, gconstpointer data)
{
	(void)data;
	for (int i = 1; i <= 10; i++)
		put(fixture, VM, BEGIN + i * STEP_S, (float)i);
	/* The last interval is that which has ended, or the one before where that is not measured yet. */
	for (int late = 0; late < 2; late++) {
		gint64 now_s = BEGIN + 10 * STEP_S + (late ? STEP_S + 3 : 7);
		for (int i = 1; i <= 10; i++)
			assert_near(get(fixture, VM, SPAN_HOUR, now_s, BEGIN + i * STEP_S), i);
		g_assert_cmpint(fixture->view.start_s + 179 * STEP_S, ==, BEGIN + 10 * STEP_S);
		g_assert_cmpuint(count_known(&fixture->view), ==, 10);
	}
	/* Others have their own. */
	put(fixture, OBJECT_NODE, BEGIN + STEP_S, 77);
	assert_near(get(fixture, OBJECT_NODE, SPAN_HOUR, BEGIN + 25, BEGIN + STEP_S), 77);
	rings_read(fixture->rings, VM + 1, SPAN_YEAR, BEGIN, &fixture->view);
	g_assert_cmpuint(count_known(&fixture->view), ==, 0);
}

/* What was kept with room for eight series stays; the new ones are not known of that time. */
static void test_widened(Fixture *fixture, gconstpointer data)
{
	(void)data;
	sqlite3 *db = NULL;
	sqlite3_stmt *insert = NULL;
	g_assert_cmpint(sqlite3_open(fixture->path, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(db, "CREATE TABLE ring(id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT; PRAGMA "
					 "user_version = 1",
				     NULL, NULL, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_prepare_v2(db, "INSERT INTO ring VALUES(?1, ?2)", -1, &insert, NULL), ==, SQLITE_OK);
	for (Span span = SPAN_HOUR; span < SPAN_COUNT; span++) {
		g_autofree char *ring = g_malloc0(spans[span].slots * 36);
		guint32 number = (guint32)((BEGIN + STEP_S) / STEP_S);
		float values[8] = {7, 7, 7, 7, 7, 7, 7, 9};
		if (span == SPAN_HOUR) {
			memcpy(ring + slot_place(span, number) * 36, &number, sizeof number);
			memcpy(ring + slot_place(span, number) * 36 + 4, values, sizeof values);
		}
		sqlite3_bind_int64(insert, 1, VM << 3 | span);
		sqlite3_bind_blob(insert, 2, ring, (int)(spans[span].slots * 36), SQLITE_TRANSIENT);
		g_assert_cmpint(sqlite3_step(insert), ==, SQLITE_DONE);
		sqlite3_reset(insert);
	}
	sqlite3_finalize(insert);
	sqlite3_close(db);
	assert_near(get(fixture, VM, SPAN_HOUR, BEGIN + STEP_S, BEGIN + STEP_S), 7);
	const Values *last = &fixture->view.values[fixture->view.count - 1];
	assert_near(last->of[7], 9);
	g_assert_true(isnan(last->of[8]));
	put(fixture, VM, BEGIN + 2 * STEP_S, 8);
	assert_near(get(fixture, VM, SPAN_HOUR, BEGIN + 2 * STEP_S, BEGIN + STEP_S), 7);
	assert_near(get(fixture, VM, SPAN_HOUR, BEGIN + 2 * STEP_S, BEGIN + 2 * STEP_S), 8);
}

static void test_wrap_around(Fixture *fixture, gconstpointer data)
{
	(void)data;
	for (int i = 1; i <= 1000; i++)
		put(fixture, VM, BEGIN + i * STEP_S, (float)i);
	gint64 now_s = BEGIN + 1000 * STEP_S;
	for (int i = 821; i <= 1000; i++)
		assert_near(get(fixture, VM, SPAN_HOUR, now_s, BEGIN + i * STEP_S), i);
	g_assert_cmpuint(count_known(&fixture->view), ==, 180);
}

static void test_averages(Fixture *fixture, gconstpointer data)
{
	(void)data;
	/* Two days: what each 20 s has is the number of its half hour. */
	for (int i = 1; i <= 2 * 4320; i++)
		put(fixture, VM, BEGIN + i * STEP_S, (float)((i - 1) / 90));
	gint64 now_s = BEGIN + 2 * 86400;
	for (int i = 1; i <= 96; i++)
		assert_near(get(fixture, VM, SPAN_WEEK, now_s, BEGIN + i * 1800), i - 1);
	g_assert_cmpuint(count_known(&fixture->view), ==, 96);
	for (int i = 1; i <= 288; i++)
		assert_near(get(fixture, VM, SPAN_DAY, now_s, BEGIN + 86400 + i * 300), 48 + (i - 1) / 6);
	for (int i = 1; i <= 24; i++)
		assert_near(get(fixture, VM, SPAN_MONTH, now_s, BEGIN + i * 7200), (i - 1) * 4 + 1.5);
	assert_near(get(fixture, VM, SPAN_YEAR, now_s, BEGIN + 86400), 23.5);
	assert_near(get(fixture, VM, SPAN_YEAR, now_s, BEGIN + 2 * 86400), 71.5);
	g_assert_cmpuint(count_known(&fixture->view), ==, 2);
}

static void test_averages_are_of_what_is_known(Fixture *fixture, gconstpointer data)
{
	(void)data;
	/* A third of an interval of five minutes; of another series only one value. */
	for (int i = 1; i <= 5; i++) {
		RingSample sample = make_sample(VM, 2);
		if (i == 3)
			sample.values.of[1] = 9;
		rings_write(fixture->rings, BEGIN / STEP_S + (guint32)i, &sample, 1);
	}
	put(fixture, VM, BEGIN + 900, 5);
	assert_near(get(fixture, VM, SPAN_DAY, BEGIN + 900, BEGIN + 300), 2);
	guint index = (guint)((BEGIN + 300 - fixture->view.start_s) / 300);
	assert_near(fixture->view.values[index].of[1], 9);
	g_assert_true(isnan(fixture->view.values[index].of[2]));
	g_assert_true(isnan(fixture->view.values[index + 1].of[0]));
}

/* What goes on is told in all spans, from the first value on, also of who has stopped meanwhile. */
static void test_going_on(Fixture *fixture, gconstpointer data)
{
	(void)data;
	gint64 at_s = BEGIN + 40000;
	put(fixture, VM, at_s, 4);
	put(fixture, VM, at_s + STEP_S, 8);
	for (gint64 now_s = at_s + STEP_S; now_s < at_s + 3 * 86400; now_s += 10 * 3600)
		for (Span span = SPAN_DAY; span < SPAN_COUNT; span++) {
			rings_read(fixture->rings, VM, span, now_s, &fixture->view);
			gboolean reaches = span > SPAN_DAY || now_s < at_s + 86000;
			g_assert_cmpuint(count_known(&fixture->view), ==, reaches ? 1 : 0);
			for (guint i = 0; i < fixture->view.count; i++)
				if (values_any(&fixture->view.values[i]))
					assert_near(fixture->view.values[i].of[0], 6);
		}
	/* It goes on another day: the first day's averages are there in all spans. */
	put(fixture, VM, at_s + 2 * 86400, 1);
	gint64 now_s = at_s + 2 * 86400;
	assert_near(get(fixture, VM, SPAN_YEAR, now_s, BEGIN + 86400), 6);
	assert_near(get(fixture, VM, SPAN_YEAR, now_s, BEGIN + 3 * 86400), 1);
	assert_near(get(fixture, VM, SPAN_MONTH, now_s, BEGIN + 43200), 6);
	assert_near(get(fixture, VM, SPAN_WEEK, now_s, BEGIN + 41400), 6);
}

static void test_gaps(Fixture *fixture, gconstpointer data)
{
	(void)data;
	put(fixture, VM, BEGIN + 20, 1);
	put(fixture, VM, BEGIN + 40, 2);
	put(fixture, VM, BEGIN + 200, 3);
	for (int at = 60; at < 200; at += STEP_S)
		g_assert_true(isnan(get(fixture, VM, SPAN_HOUR, BEGIN + 200, BEGIN + at)));
	/* One of more than the ring's length, at the same places: what was there before is not seen for it. */
	put(fixture, VM, BEGIN + 3600 + 400, 4);
	gint64 now_s = BEGIN + 3600 + 400;
	rings_read(fixture->rings, VM, SPAN_HOUR, now_s, &fixture->view);
	g_assert_cmpuint(count_known(&fixture->view), ==, 1);
	/* Nothing is known of an interval in which nothing was. */
	RingSample unknown = {VM, values_unknown};
	rings_write(fixture->rings, (guint32)(now_s / STEP_S) + 1, &unknown, 1);
	rings_read(fixture->rings, VM, SPAN_HOUR, now_s + STEP_S, &fixture->view);
	g_assert_cmpuint(count_known(&fixture->view), ==, 1);
}

static void test_clock(Fixture *fixture, gconstpointer data)
{
	(void)data;
	for (int i = 1; i <= 30; i++)
		put(fixture, VM, BEGIN + i * STEP_S, 1);
	/* A year forth: a gap, and what is over is averaged. */
	gint64 far = BEGIN + 360 * 86400;
	for (int i = 1; i <= 30; i++)
		put(fixture, VM, far + i * STEP_S, 3);
	rings_read(fixture->rings, VM, SPAN_HOUR, far + 600, &fixture->view);
	g_assert_cmpuint(count_known(&fixture->view), ==, 30);
	assert_near(get(fixture, VM, SPAN_YEAR, far + 600, BEGIN + 86400), 1);
	assert_near(get(fixture, VM, SPAN_YEAR, far + 600, far + 86400), 3);
	g_assert_cmpuint(count_known(&fixture->view), ==, 2);
	/* And back: what was told of that time before is there, what comes is written over it. */
	for (int restarted = 0; restarted < 2; restarted++) {
		for (int i = 11; i <= 20; i++)
			put(fixture, VM, BEGIN + i * STEP_S, 5);
		assert_near(get(fixture, VM, SPAN_HOUR, BEGIN + 400, BEGIN + 400), 5);
		restart(fixture);
	}
	/* A little back, as after a correction: the last of the same time holds. */
	put(fixture, VM, BEGIN + 380, 7);
	put(fixture, VM, BEGIN + 400, 8);
	assert_near(get(fixture, VM, SPAN_HOUR, BEGIN + 400, BEGIN + 380), 7);
	assert_near(get(fixture, VM, SPAN_HOUR, BEGIN + 400, BEGIN + 400), 8);
	assert_near(get(fixture, VM, SPAN_HOUR, BEGIN + 400, BEGIN + 360), 5);
	/* A clock that was wrong for a while takes the rest of the history from nobody. */
	put(fixture, VM, 20 * 86400, 9);
	put(fixture, VM, far + 620, 3);
	assert_near(get(fixture, VM, SPAN_YEAR, far + 620, far + 86400), 3);
}

static void test_restart(Fixture *fixture, gconstpointer data)
{
	(void)data;
	/* Restarted after each value: the averages are the same. */
	for (int i = 1; i <= 100; i++) {
		put(fixture, VM, BEGIN + i * STEP_S, (float)((i - 1) / 15));
		restart(fixture);
	}
	for (int i = 1; i <= 6; i++)
		assert_near(get(fixture, VM, SPAN_DAY, BEGIN + 2000, BEGIN + i * 300), i - 1);
	assert_near(get(fixture, VM, SPAN_WEEK, BEGIN + 2000, BEGIN + 1800), 2.5);
}

/* A child writes until it is killed; whatever it was at, the file is whole and has what was committed. */
static void test_kill(Fixture *fixture, gconstpointer data)
{
	(void)data;
	guint32 last = BEGIN / STEP_S;
	for (int round = 0; round < 20; round++) {
		int told[2];
		g_assert_no_errno(pipe(told));
		pid_t child = fork();
		if (child == 0) {
			Rings *rings = rings_new(fixture->path);
			for (guint32 number = last + 1;; number++) {
				RingSample samples[50];
				for (guint i = 0; i < G_N_ELEMENTS(samples); i++)
					samples[i] =
						make_sample(VM + (gint64)(i + number / 7 * 3), (float)(number % 100));
				rings_write(rings, number, samples, G_N_ELEMENTS(samples));
				if (write(told[1], &number, sizeof number) != sizeof number)
					_exit(1);
			}
		}
		close(told[1]);
		for (int i = 0; i < 1 + round * 3; i++)
			g_assert_cmpint(read(told[0], &last, sizeof last), ==, sizeof last);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (read(told[0], &last, sizeof last) == sizeof last)
			;
		close(told[0]);
		restart(fixture);
		gint64 end_s = (gint64)last * STEP_S;
		assert_near(get(fixture, VM + last / 7 * 3, SPAN_HOUR, end_s, end_s), last % 100);
	}
	sqlite3 *db;
	sqlite3_stmt *statement;
	g_assert_cmpint(sqlite3_open(fixture->path, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_prepare_v2(db, "PRAGMA quick_check", -1, &statement, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	g_assert_cmpstr((const char *)sqlite3_column_text(statement, 0), ==, "ok");
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

static gboolean is_even(gint64 object, gpointer data)
{
	(void)data;
	return object % 2 == 0;
}

static gint64 file_size(const char *path)
{
	struct stat info;
	g_assert_no_errno(stat(path, &info));
	return info.st_size;
}

static void test_size_and_sweep(Fixture *fixture, gconstpointer data)
{
	enum { GUESTS = 100 };
	(void)data;
	RingSample samples[GUESTS];
	for (guint i = 0; i < GUESTS; i++)
		samples[i] = make_sample(VM + i, 1);
	rings_write(fixture->rings, BEGIN / STEP_S, samples, GUESTS);
	restart(fixture);
	rings_read(fixture->rings, VM, SPAN_HOUR, BEGIN, &fixture->view);
	gint64 size = file_size(fixture->path);
	g_test_message("%.1f KiB a guest", (double)size / GUESTS / 1024);
	g_assert_cmpint(size, <, GUESTS * 70 * 1024);
	for (guint32 i = 1; i < 500; i++)
		rings_write(fixture->rings, BEGIN / STEP_S + i * 20, samples, GUESTS);
	rings_sweep(fixture->rings, is_even, NULL);
	assert_near(get(fixture, VM, SPAN_HOUR, BEGIN + 499 * 400, BEGIN + 499 * 400), 1);
	rings_read(fixture->rings, VM + 1, SPAN_HOUR, BEGIN + 499 * 400, &fixture->view);
	g_assert_cmpuint(count_known(&fixture->view), ==, 0);
	/* Others take the room; one that comes again is a new one. */
	for (guint i = 0; i < GUESTS; i++)
		samples[i] = make_sample(VM + 2 * i, 1);
	rings_write(fixture->rings, BEGIN / STEP_S + 20000, samples, GUESTS);
	restart(fixture);
	rings_read(fixture->rings, VM, SPAN_HOUR, BEGIN, &fixture->view);
	g_assert_cmpint(file_size(fixture->path), ==, size);
}

static guint count_aside(const char *dir)
{
	const char *name;
	guint found = 0;
	g_autoptr(GDir) folder = g_dir_open(dir, 0, NULL);
	while ((name = g_dir_read_name(folder)))
		found += g_str_has_prefix(name, "measurements.db.damaged-") && !g_str_has_suffix(name, "-wal") &&
			 !g_str_has_suffix(name, "-shm");
	return found;
}

static void expect_aside(void)
{
	g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*begin anew*");
}

static void test_damage(Fixture *fixture, gconstpointer data)
{
	static const char *const statements[] = {"UPDATE ring SET data = zeroblob(7)", "DROP TABLE ring",
						 "DROP TABLE ring; CREATE TABLE ring(id INTEGER PRIMARY KEY)",
						 "PRAGMA user_version = 99"};
	(void)data;
	put(fixture, VM, BEGIN + STEP_S, 1);
	for (guint i = 0; i < G_N_ELEMENTS(statements) + 3; i++) {
		rings_free(fixture->rings);
		gint64 size = file_size(fixture->path);
		if (i < G_N_ELEMENTS(statements)) {
			sqlite3 *db;
			g_assert_cmpint(sqlite3_open(fixture->path, &db), ==, SQLITE_OK);
			g_assert_cmpint(sqlite3_exec(db, statements[i], NULL, NULL, NULL), ==, SQLITE_OK);
			sqlite3_close(db);
		} else if (i == G_N_ELEMENTS(statements)) {
			g_assert_true(g_file_set_contents(fixture->path, "no database", -1, NULL));
		} else if (i == G_N_ELEMENTS(statements) + 1) {
			g_assert_no_errno(truncate(fixture->path, size / 2));
		} else {
			/* All but the first page is noise. */
			g_autofree char *content = NULL;
			g_assert_true(file_read(fixture->path, 1 << 20, &content, NULL, NULL));
			for (gint64 j = 1024; j < size; j++)
				content[j] = (char)(j * 7 + j / 256);
			g_assert_true(g_file_set_contents(fixture->path, content, size, NULL));
		}
		fixture->rings = rings_new(fixture->path);
		expect_aside();
		put(fixture, VM, BEGIN + 40 + i * STEP_S, 2);
		g_test_assert_expected_messages();
		assert_near(get(fixture, VM, SPAN_HOUR, BEGIN + 40 + i * STEP_S, BEGIN + 40 + i * STEP_S), 2);
		g_assert_cmpuint(count_aside(fixture->dir), ==, 1);
	}
	/* Who only reads finds it out too. */
	rings_free(fixture->rings);
	g_assert_true(g_file_set_contents(fixture->path, "no database", -1, NULL));
	fixture->rings = rings_new(fixture->path);
	expect_aside();
	rings_read(fixture->rings, VM, SPAN_WEEK, BEGIN, &fixture->view);
	g_test_assert_expected_messages();
	g_assert_cmpuint(count_known(&fixture->view), ==, 0);
}

/* Numbers that no measurement has are not passed on. */
static void test_noise(void)
{
	static const float noise[] = {NAN, INFINITY, -INFINITY, -1};
	const Series whole = {"memory", 0}, fraction = {"cpu", 4};
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < G_N_ELEMENTS(noise); i++)
		value_append(text, &whole, noise[i]);
	g_assert_cmpstr(text->str, ==, "nullnullnullnull");
	g_string_truncate(text, 0);
	value_append(text, &whole, 1e30F);
	g_assert_cmpuint(text->len, ==, 31);
	g_string_truncate(text, 0);
	static const float values[] = {0, 1, 0.5F, 0.12346F, 0.00001F, 10};
	for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
		value_append(text, &fraction, values[i]);
		g_string_append_c(text, ' ');
	}
	g_assert_cmpstr(text->str, ==, "0 1 0.5 0.1235 0 10 ");
}

/* A full disk: one warning, and when there is room again it goes on. */
static gpointer fill_disk(gpointer data)
{
	Fixture *fixture = data;
	RingSample samples[200];
	for (guint i = 0; i < G_N_ELEMENTS(samples); i++)
		samples[i] = make_sample(VM + 1 + i, 1);
	small_disk_mount(fixture->dir, "size=2m");
	put(fixture, VM, BEGIN, 1);
	g_autofree char *filler = small_disk_fill(fixture->dir);
	g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*measurements are lost*no space*");
	for (guint i = 1; i < 5; i++)
		rings_write(fixture->rings, BEGIN / STEP_S + i, samples, G_N_ELEMENTS(samples));
	g_test_assert_expected_messages();
	assert_near(get(fixture, VM, SPAN_HOUR, BEGIN + 100, BEGIN), 1);
	g_assert_no_errno(unlink(filler));
	g_test_expect_message(NULL, G_LOG_LEVEL_MESSAGE, "*kept again*");
	put(fixture, VM, BEGIN + 200, 3);
	g_test_assert_expected_messages();
	assert_near(get(fixture, VM, SPAN_HOUR, BEGIN + 200, BEGIN + 200), 3);
	assert_near(get(fixture, VM, SPAN_HOUR, BEGIN + 200, BEGIN), 1);
	g_assert_cmpuint(count_aside(fixture->dir), ==, 0);
	restart(fixture);
	return NULL;
}

static void test_full_disk(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_thread_join(g_thread_new("full", fill_disk, fixture));
}

/* --- Rates --- */

static VmCounters make_counters(gint64 at_s, guint64 cpu_s, guint64 bytes)
{
	gint64 at_us = at_s * G_USEC_PER_SEC;
	return (VmCounters){
		.started = 1,
		.vcpus = 2,
		.memory_known = TRUE,
		.memory = 1000,
		.groups = {{at_us, 2, {cpu_s * G_USEC_PER_SEC}}, {at_us, 1, {bytes, 2 * bytes, 3 * bytes, 4 * bytes}},
			   {at_us, 1, {bytes, bytes}}}};
}

static Values measure(Reading *last, gint64 at_s, const VmCounters *counters)
{
	return rates_of_guest(last, at_s * G_USEC_PER_SEC, counters);
}

static void test_rates(void)
{
	Reading last = {0};
	VmCounters counters = make_counters(1000, 100, 5000);
	Values values = measure(&last, 1000, &counters);
	g_assert_true(isnan(values.of[0]) && isnan(values.of[2]) && isnan(values.of[7]));
	assert_near(values.of[1], 1000);
	counters = make_counters(1020, 110, 5200);
	values = measure(&last, 1020, &counters);
	assert_near(values.of[0], 0.25); /* 10 of 20 s on two processors */
	for (guint i = 0; i < 4; i++)
		assert_near(values.of[2 + i], 10.0 * (i + 1));
	assert_near(values.of[6], 10);
	/* More than all of its processors, by what QEMU itself does. */
	counters = make_counters(1040, 200, 5200);
	values = measure(&last, 1040, &counters);
	assert_near(values.of[0], 1);
	/* Counters that went back, a device more, another process: not known. */
	counters = make_counters(1060, 10, 100);
	values = measure(&last, 1060, &counters);
	g_assert_true(isnan(values.of[0]) && isnan(values.of[2]) && isnan(values.of[6]) && !isnan(values.of[1]));
	counters = make_counters(1080, 20, 200);
	counters.groups[COUNTER_DISKS].devices = 2;
	values = measure(&last, 1080, &counters);
	assert_near(values.of[0], 0.25);
	g_assert_true(isnan(values.of[2]) && isnan(values.of[5]) && !isnan(values.of[6]));
	counters = make_counters(1100, 30, 300);
	counters.started = 2;
	values = measure(&last, 1100, &counters);
	g_assert_true(isnan(values.of[0]) && isnan(values.of[2]) && isnan(values.of[6]));
	/* Disks that were not answered for. */
	counters = make_counters(1120, 40, 400);
	counters.started = 2;
	counters.groups[COUNTER_DISKS] = (Counters){0};
	values = measure(&last, 1120, &counters);
	g_assert_true(isnan(values.of[2]) && !isnan(values.of[0]));
	/* A reading of long ago (the host slept, a round was missed) is none. */
	counters = make_counters(1190, 50, 500);
	counters.started = 2;
	values = measure(&last, 1190, &counters);
	g_assert_true(isnan(values.of[0]));
}

/* A guest's own counters come twice a minute: their rate holds between. */
static void test_agent(void)
{
	Reading last = {0};
	static const struct {
		gint64 at_s, report_s;
		guint64 bytes;
		double wanted; /* -1: not known */
	} steps[] = {{1000, 995, 100, -1}, {1010, 995, 100, -1}, {1026, 1025, 400, 10}, {1040, 1025, 400, 10},
		     {1056, 1055, 400, 0}, {1060, 0, 0, -1},	 {1066, 1065, 9000, -1}, {1076, 1075, 9500, 50}};
	for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
		VmCounters counters = make_counters(steps[i].at_s, 1, 1);
		counters.groups[COUNTER_TAPS] = (Counters){0};
		if (steps[i].report_s)
			counters.groups[COUNTER_AGENT] =
				(Counters){steps[i].report_s * G_USEC_PER_SEC, 1, {steps[i].bytes, steps[i].bytes}};
		Values values = measure(&last, steps[i].at_s, &counters);
		if (steps[i].wanted < 0)
			g_assert_true(isnan(values.of[6]));
		else
			assert_near(values.of[7], steps[i].wanted);
	}
}

static void test_node(void)
{
	NodeCounters counters;
	node_read_counters(&counters);
	g_assert_true(counters.memory_known && counters.load_known && counters.memory > 1 << 20);
	g_assert_cmpint(counters.cpu.at_us, >, (gint64)counters.cpu.of[0]);
	Reading last = {0};
	counters = (NodeCounters){.cpu = {1000, 2, {100}}, .disks = {5 * G_USEC_PER_SEC, 1, {10, 20}}, .load = 1.5,
				  .load_known = TRUE};
	rates_of_node(&last, G_USEC_PER_SEC, &counters);
	counters = (NodeCounters){.cpu = {2000, 2, {350}}, .disks = {10 * G_USEC_PER_SEC, 1, {110, 520}}, .load = 2.5,
				  .load_known = TRUE};
	Values values = rates_of_node(&last, 6 * G_USEC_PER_SEC, &counters);
	assert_near(values.of[0], 0.25);
	assert_near(values.of[1], 2.5);
	g_assert_true(isnan(values.of[2]) && isnan(values.of[5]));
	assert_near(values.of[3], 20);
	assert_near(values.of[4], 100);
}

static void test_beat(void)
{
	gint64 second = G_USEC_PER_SEC;
	g_assert_cmpint(beat_next(100 * second, 20), ==, 120 * second);
	g_assert_cmpint(beat_next(100 * second - 1, 20), ==, 100 * second);
	g_assert_true(beat_holds(100 * second, 100 * second + 5, 20));
	g_assert_true(beat_holds(100 * second, 109 * second, 20));
	g_assert_true(beat_holds(100 * second, 100 * second - 5, 20));
	g_assert_false(beat_holds(100 * second, 110 * second, 20));
	g_assert_false(beat_holds(100 * second, 4000 * second, 20));
	g_assert_false(beat_holds(4000 * second, 100 * second, 20));
}

/* What the API says that there is, and what the rings have. */
static void test_tables(void)
{
	const struct {
		const Table *table;
		const Series *series;
	} pairs[] = {{&vm_measurements_table, guest_series}, {&node_measurements_table, node_series}};
	for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
		const Field *field = schema_find(pairs[i].table, "series")->table->fields;
		for (guint j = 0; field[j].name || pairs[i].series[j].name; j++)
			g_assert_cmpstr(field[j].name, ==, pairs[i].series[j].name);
	}
	g_assert_cmpuint(g_strv_length((char **)measurement_spans), ==, SPAN_COUNT);
	for (Span span = SPAN_HOUR; span < SPAN_COUNT; span++) {
		g_assert_cmpint(span_from_name(measurement_spans[span]), ==, span);
		g_assert_cmpuint(spans[span].slots, <=, SLOTS_MAX);
		if (span > SPAN_HOUR)
			g_assert_cmpuint(spans[span].step_s % spans[span - 1].step_s, ==, 0);
	}
	g_assert_cmpint(span_from_name("decade"), ==, SPAN_COUNT);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/measure/" name, Fixture, NULL, set_up, test, tear_down)
	ADD("what is written is found at its time", test_order);
	ADD("the newest take the place of the oldest", test_wrap_around);
	ADD("rings of an earlier release are kept with room for more series", test_widened);
	ADD("coarser spans have averages", test_averages);
	ADD("averages are of what is known", test_averages_are_of_what_is_known);
	ADD("what goes on is told in every span", test_going_on);
	ADD("gaps stay gaps", test_gaps);
	ADD("the clock may jump", test_clock);
	ADD("a restart changes no average", test_restart);
	ADD("a kill at any moment leaves the file whole", test_kill);
	ADD("the file does not grow, and what is gone leaves its room", test_size_and_sweep);
	ADD("a damaged file is put aside", test_damage);
	ADD("a full disk loses measurements alone", test_full_disk);
	g_test_add_func("/measure/noise is not passed on", test_noise);
	g_test_add_func("/measure/rates are what happened between", test_rates);
	g_test_add_func("/measure/the agent's rates hold", test_agent);
	g_test_add_func("/measure/the node", test_node);
	g_test_add_func("/measure/the beat", test_beat);
	g_test_add_func("/measure/tables agree", test_tables);
	return g_test_run();
}
