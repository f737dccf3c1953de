/* Tests of the task engine. Crashes are real: the program runs itself as a daemon that kills itself with SIGKILL. */
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "task/estimate.h"
#include "task/task.h"
#include "small-disk.h"

enum { PATIENCE_MS = 20000 };

/* What the kinds of the tests share with the test: a gate that holds them, and what they did. */
typedef struct Scene {
	char *dir;
	Tasks *tasks;
	GMutex lock;
	GCond cond;
	gboolean open; /* the gate */
	guint inside, most_inside;
	GString *order; /* ids in the order in which they began */
	char *steps;	/* what recover() was given */
	GPtrArray *events;
	gint64 last_event_us;
} Scene;

static void enter(Scene *scene, Task *task)
{
	g_mutex_lock(&scene->lock);
	g_string_append_printf(scene->order, "%" G_GINT64_FORMAT " ", task_id(task));
	scene->inside++;
	scene->most_inside = MAX(scene->most_inside, scene->inside);
	g_cond_broadcast(&scene->cond);
	g_mutex_unlock(&scene->lock);
}

/* Stays until the gate opens or the task is asked to stop. */
static gboolean run_gate(Task *task, gpointer data, GError **error)
{
	Scene *scene = data;
	enter(scene, task);
	g_mutex_lock(&scene->lock);
	while (!scene->open && !task_cancelled(task))
		g_cond_wait_until(&scene->cond, &scene->lock, g_get_monotonic_time() + 5000);
	scene->inside--;
	g_mutex_unlock(&scene->lock);
	return !task_check_cancelled(task, error);
}

static gboolean run_fail(Task *task, gpointer data, GError **error)
{
	(void)data;
	task_log(task, "about to fail\nin two lines, one with \xff in it");
	error_set(error, ERROR_NO_SPACE, "buy a disk", "it is full");
	return FALSE;
}

static gboolean run_result(Task *task, gpointer data, GError **error)
{
	(void)data;
	(void)error;
	json_object *result = json_object_new_object();
	json_set_str(result, "echo", json_get_str(task_args(task), "say", "?"));
	task_step(task, "answering %s", task_user(task));
	task_progress(task, 512, 1024, "B");
	task_result(task, result);
	return TRUE;
}

static gboolean run_logs(Task *task, gpointer data, GError **error)
{
	(void)data;
	(void)error;
	gint64 lines = json_get_int(task_args(task), "lines", 0), bytes = json_get_int(task_args(task), "bytes", 1);
	g_autofree char *text = g_strnfill((gsize)bytes, 'x');
	for (gint64 i = 0; i < lines; i++)
		task_log(task, "%s", text);
	return TRUE;
}

static gboolean run_many_progress(Task *task, gpointer data, GError **error)
{
	(void)data;
	(void)error;
	gint64 end = g_get_monotonic_time() + G_USEC_PER_SEC;
	guint64 done = 0;
	while (g_get_monotonic_time() < end) {
		task_progress(task, ++done, G_MAXUINT32, "items");
		g_usleep(500);
	}
	return TRUE;
}

static gboolean run_steps(Task *task, gpointer data, GError **error)
{
	(void)data;
	json_auto json_object *detail = json_object_new_object();
	json_set_str(detail, "path", "disk0.qcow2");
	if (!task_intent(task, "make", detail, error) || !task_outcome(task, "make", detail, error))
		return FALSE;
	task_log(task, "made it");
	task_progress(task, 1, 2, "items");
	if (!task_intent(task, "attach", NULL, error))
		return FALSE;
	const char *how = json_get_str(task_args(task), "how", "");
	if (strcmp(how, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(how, "outcome") == 0)
		return task_outcome(task, "detach", NULL, error);
	return task_outcome(task, "attach", NULL, error);
}

static gboolean recover_steps(Task *task, json_object *steps, gpointer data, GError **error)
{
	Scene *scene = data;
	enter(scene, task);
	g_mutex_lock(&scene->lock);
	scene->steps = json_dup_text(steps);
	scene->inside--;
	g_cond_broadcast(&scene->cond);
	while (!scene->open)
		g_cond_wait(&scene->cond, &scene->lock);
	g_mutex_unlock(&scene->lock);
	return task_outcome(task, "attach", NULL, error);
}

/* The first time it kills its daemon, the second time it is done. */
static gboolean run_again(Task *task, gpointer data, GError **error)
{
	Scene *scene = data;
	g_autofree char *mark = g_build_filename(scene->dir, "mark", NULL);
	if (g_file_test(mark, G_FILE_TEST_EXISTS))
		return TRUE;
	if (!file_write_atomic(mark, "", 0, 0600, error))
		return FALSE;
	task_log(task, "first time");
	return kill(getpid(), SIGKILL) == 0;
}

static const TaskPool wide = {"wide", 4}, narrow = {"narrow", 2};
static const TaskKind gate = {"test.gate", &wide, .cancellable = TRUE, .queue = TRUE, .run = run_gate};
static const TaskKind share = {"test.share",  &wide,          .cancellable = TRUE,
			       .queue = TRUE, .shared = TRUE, .run = run_gate};
static const TaskKind refuse = {"test.refuse", &wide, .cancellable = TRUE, .run = run_gate};
static const TaskKind stubborn = {"test.stubborn", &wide, .queue = TRUE, .run = run_gate};
static const TaskKind bounded = {"test.bounded", &narrow, .queue = TRUE, .cancellable = TRUE, .run = run_gate};
static const TaskKind fail = {"test.fail", &wide, .queue = TRUE, .run = run_fail};
static const TaskKind answer = {"test.answer", &wide, .queue = TRUE, .run = run_result};
static const TaskKind logs = {"test.logs", &wide, .queue = TRUE, .run = run_logs};
static const TaskKind progress = {"test.progress", &wide, .queue = TRUE, .run = run_many_progress};
static const TaskKind steps = {"test.steps", &wide, .queue = TRUE, .run = run_steps, .recover = recover_steps};
static const TaskKind again = {"test.again", &wide, .queue = TRUE, .run = run_again};
static const TaskKind *const kinds[] = {&gate, &share, &refuse, &stubborn, &bounded, &fail, &answer, &logs, &progress,
	&steps, &again, NULL};
static const TaskKind *const kinds_of_older_version[] = {&gate, NULL};

static void scene_open(Scene *scene, const TaskKind *const *with)
{
	g_autoptr(GError) error = NULL;
	scene->tasks = tasks_new(scene->dir, with, scene, &error);
	g_assert_no_error(error);
}

static void scene_start(Scene *scene)
{
	g_autoptr(GError) error = NULL;
	tasks_start(scene->tasks, &error);
	g_assert_no_error(error);
}

static void open_gate(Scene *scene)
{
	g_mutex_lock(&scene->lock);
	scene->open = TRUE;
	g_cond_broadcast(&scene->cond);
	g_mutex_unlock(&scene->lock);
}

static void setup(Scene *scene, gconstpointer closed)
{
	scene->dir = g_dir_make_tmp("task-test-XXXXXX", NULL);
	scene->order = g_string_new(NULL);
	scene->events = g_ptr_array_new_with_free_func(g_free);
	if (closed)
		return;
	scene_open(scene, kinds);
	scene_start(scene);
}

static void teardown(Scene *scene, gconstpointer closed)
{
	(void)closed;
	open_gate(scene);
	if (scene->tasks)
		tasks_stop(scene->tasks, PATIENCE_MS);
	tasks_free(scene->tasks);
	g_assert_true(dir_remove(scene->dir, NULL));
	g_free(scene->dir);
	g_free(scene->steps);
	g_string_free(scene->order, TRUE);
	g_ptr_array_unref(scene->events);
}

static gint64 submit_args(Scene *scene, const TaskKind *kind, const char *object, const char *args)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *json = args ? json_parse(args, strlen(args), NULL) : NULL;
	gint64 id = tasks_submit(scene->tasks, kind, object, "root", json, NULL, &error);
	g_assert_no_error(error);
	g_assert_cmpint(id, >, 0);
	return id;
}

static gint64 submit(Scene *scene, const TaskKind *kind, const char *object)
{
	return submit_args(scene, kind, object, NULL);
}

static void wait_inside(Scene *scene, guint count)
{
	gint64 deadline = g_get_monotonic_time() + PATIENCE_MS * 1000;
	g_mutex_lock(&scene->lock);
	while (scene->inside < count)
		g_assert_true(g_cond_wait_until(&scene->cond, &scene->lock, deadline));
	g_mutex_unlock(&scene->lock);
}

static void wait_end(Scene *scene, gint64 id, const char *state)
{
	g_assert_true(tasks_wait(scene->tasks, id, PATIENCE_MS));
	json_auto json_object *task = tasks_describe(scene->tasks, id, NULL);
	g_assert_cmpstr(json_get_str(task, "state", NULL), ==, state);
}

static void assert_state(Scene *scene, gint64 id, const char *state)
{
	json_auto json_object *task = tasks_describe(scene->tasks, id, NULL);
	g_assert_cmpstr(json_get_str(task, "state", NULL), ==, state);
}

static char *whole_log(Scene *scene, gint64 id, guint *ret_lines)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *log = tasks_log(scene->tasks, id, 0, 0, &error);
	g_assert_no_error(error);
	json_object *lines = json_get(log, "lines");
	GString *text = g_string_new(NULL);
	for (size_t i = 0; i < json_object_array_length(lines); i++)
		g_string_append_printf(
			text, "%s\n", json_get_str(json_object_array_get_idx(lines, i), "text", "?"));
	g_assert_cmpint(json_get_int(log, "next", -1), ==, (gint64)json_object_array_length(lines));
	if (ret_lines)
		*ret_lines = (guint)json_object_array_length(lines);
	return g_string_free(text, FALSE);
}

static void assert_logged(Scene *scene, gint64 id, const char *what)
{
	g_autofree char *log = whole_log(scene, id, NULL);
	g_assert_nonnull(strstr(log, what));
}

static void test_result(Scene *scene, gconstpointer data)
{
	(void)data;
	gint64 id = submit_args(scene, &answer, "vm/100", "{\"say\":\"hello\"}");
	wait_end(scene, id, "done");
	json_auto json_object *task = tasks_describe(scene->tasks, id, NULL);
	g_assert_cmpstr(json_object_get_string(json_get_path(task, "result.echo")), ==, "hello");
	g_assert_cmpstr(json_get_str(task, "kind", NULL), ==, "test.answer");
	g_assert_cmpstr(json_get_str(task, "object", NULL), ==, "vm/100");
	g_assert_cmpstr(json_get_str(task, "user", NULL), ==, "root");
	g_assert_cmpstr(json_get_str(task, "step", NULL), ==, "answering root");
	g_assert_cmpstr(json_get_str(task, "unit", NULL), ==, "B");
	g_assert_cmpint(json_get_int(task, "done", 0), ==, 512);
	g_assert_cmpint(json_get_int(task, "total", 0), ==, 1024);
	g_assert_cmpint(json_get_int(task, "progress", 0), ==, 1000);
	g_assert_nonnull(json_get_str(task, "created", NULL));
	g_assert_nonnull(json_get_str(task, "started", NULL));
	g_assert_nonnull(json_get_str(task, "ended", NULL));
	g_assert_null(json_get(task, "error"));
	g_assert_null(json_get(task, "interrupted"));
	assert_logged(scene, id, "answering root\ndone\n");
}

static void test_failure(Scene *scene, gconstpointer data)
{
	(void)data;
	gint64 id = submit(scene, &fail, "vm/100");
	wait_end(scene, id, "failed");
	json_auto json_object *task = tasks_describe(scene->tasks, id, NULL);
	json_object *error = json_get(task, "error");
	g_assert_cmpstr(json_get_str(error, "code", NULL), ==, "no-space");
	g_assert_cmpstr(json_get_str(error, "message", NULL), ==, "it is full");
	g_assert_cmpstr(json_get_str(error, "hint", NULL), ==, "buy a disk");
	guint lines;
	g_autofree char *log = whole_log(scene, id, &lines);
	g_assert_cmpuint(lines, ==, 3);
	g_assert_nonnull(strstr(log, "failed: it is full"));
	g_assert_true(g_utf8_validate(log, -1, NULL));
	gint64 begin = g_get_monotonic_time();
	g_assert_true(tasks_wait(scene->tasks, 4711, PATIENCE_MS));
	g_assert_cmpint(g_get_monotonic_time() - begin, <, PATIENCE_MS * 1000 / 2);
	g_autoptr(GError) missing = NULL;
	g_assert_null(tasks_describe(scene->tasks, 4711, &missing));
	g_assert_error(missing, ERROR, ERROR_NOT_FOUND);
	g_clear_error(&missing);
	g_assert_null(tasks_log(scene->tasks, 4711, 0, 0, &missing));
	g_assert_error(missing, ERROR, ERROR_NOT_FOUND);
}

static void test_fairness(Scene *scene, gconstpointer data)
{
	(void)data;
	gint64 a = submit(scene, &share, "vm/100"), b = submit(scene, &share, "vm/100");
	wait_inside(scene, 2);
	gint64 x = submit(scene, &gate, "vm/100");
	gint64 c = submit(scene, &share, "vm/100");
	gint64 other = submit(scene, &gate, "vm/101");
	wait_inside(scene, 3);
	assert_state(scene, a, "running");
	assert_state(scene, b, "running");
	assert_state(scene, x, "queued");
	assert_state(scene, c, "queued");
	assert_state(scene, other, "running");
	g_assert_cmpint(tasks_claimed_by(scene->tasks, "vm/100"), ==, a);
	g_assert_cmpint(tasks_claimed_by(scene->tasks, "vm/102"), ==, 0);
	open_gate(scene);
	wait_end(scene, c, "done");
	wait_end(scene, x, "done");
	wait_end(scene, other, "done");
	g_autofree char *end = g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " ", x, c);
	g_assert_true(g_str_has_suffix(scene->order->str, end));
	g_assert_cmpint(tasks_claimed_by(scene->tasks, "vm/100"), ==, 0);
}

static void test_order(Scene *scene, gconstpointer data)
{
	(void)data;
	open_gate(scene);
	gint64 last = 0;
	g_autoptr(GString) expected = g_string_new(NULL);
	for (guint i = 0; i < 50; i++) {
		gint64 id = submit(scene, &gate, "vm/100");
		g_assert_cmpint(id, >, last);
		last = id;
		g_string_append_printf(expected, "%" G_GINT64_FORMAT " ", id);
	}
	wait_end(scene, last, "done");
	g_assert_cmpstr(scene->order->str, ==, expected->str);
	g_assert_cmpuint(scene->most_inside, ==, 1);
}

static void test_refusal(Scene *scene, gconstpointer data)
{
	(void)data;
	gint64 id = submit(scene, &gate, "vm/100");
	g_autoptr(GError) error = NULL;
	g_assert_cmpint(tasks_submit(scene->tasks, &refuse, "vm/100", "anna", NULL, NULL, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	g_autofree char *expected =
		g_strdup_printf("vm 100 is busy: task %" G_GINT64_FORMAT " 'test.gate' by root", id);
	g_assert_cmpstr(error->message, ==, expected);
	g_assert_nonnull(error_hint(error));
	gint64 free_one = submit(scene, &refuse, "vm/101");
	open_gate(scene);
	wait_end(scene, id, "done");
	wait_end(scene, free_one, "done");
	wait_end(scene, submit(scene, &refuse, "vm/100"), "done");
}

static void test_extra_claims(Scene *scene, gconstpointer data)
{
	(void)data;
	const char *const extra[] = {"image/tiny", "vm/100", NULL};
	g_autoptr(GError) error = NULL;
	gint64 a = tasks_submit(scene->tasks, &gate, "vm/100", "root", NULL, extra, &error);
	gint64 b = tasks_submit(scene->tasks, &gate, "vm/101", "root", NULL, (const char *const[]){"image/tiny", NULL},
		&error);
	g_assert_no_error(error);
	wait_inside(scene, 2);
	g_assert_cmpint(tasks_submit(scene->tasks, &refuse, "image/tiny", "root", NULL, NULL, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	g_clear_error(&error);
	gint64 drop = submit(scene, &gate, "image/tiny");
	g_assert_cmpint(tasks_submit(scene->tasks, &refuse, "vm/102", "root", NULL, extra, &error), ==, 0);
	g_assert_true(g_str_has_prefix(error->message, "image tiny is busy"));
	open_gate(scene);
	wait_end(scene, a, "done");
	wait_end(scene, b, "done");
	wait_end(scene, drop, "done");
}

static void test_pool(Scene *scene, gconstpointer data)
{
	(void)data;
	gint64 ids[6];
	for (guint i = 0; i < 6; i++) {
		g_autofree char *object = g_strdup_printf("vm/%u", 100 + i);
		ids[i] = submit(scene, &bounded, object);
	}
	wait_inside(scene, 2);
	gint64 other = submit(scene, &gate, "vm/200");
	wait_inside(scene, 3);
	assert_state(scene, other, "running");
	assert_state(scene, ids[2], "queued");
	/* Waiting for a thread only: ends at once, too. */
	g_assert_true(tasks_cancel(scene->tasks, ids[5], NULL));
	assert_state(scene, ids[5], "cancelled");
	open_gate(scene);
	for (guint i = 0; i < 5; i++)
		wait_end(scene, ids[i], "done");
	g_assert_cmpuint(scene->most_inside, <=, 3);
}

static void test_cancel(Scene *scene, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	gint64 running = submit(scene, &gate, "vm/100"), queued = submit(scene, &gate, "vm/100"),
	       next = submit(scene, &gate, "vm/100"), hard = submit(scene, &stubborn, "vm/101"),
	       hard_queued = submit(scene, &stubborn, "vm/101");
	wait_inside(scene, 2);
	g_assert_true(tasks_cancel(scene->tasks, queued, &error));
	assert_state(scene, queued, "cancelled");
	g_assert_true(tasks_cancel(scene->tasks, hard_queued, &error));
	assert_state(scene, hard_queued, "cancelled");
	g_assert_false(tasks_cancel(scene->tasks, queued, &error));
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	g_clear_error(&error);
	g_assert_false(tasks_cancel(scene->tasks, hard, &error));
	g_assert_error(error, ERROR, ERROR_UNSUPPORTED);
	g_clear_error(&error);
	g_assert_false(tasks_cancel(scene->tasks, 4711, &error));
	g_assert_error(error, ERROR, ERROR_NOT_FOUND);
	g_clear_error(&error);
	g_assert_false(tasks_wait(scene->tasks, running, 10));
	g_assert_true(tasks_cancel(scene->tasks, running, &error));
	wait_end(scene, running, "cancelled");
	assert_logged(scene, running, "asked to stop\ncancelled: stopped as asked");
	g_assert_false(tasks_cancel(scene->tasks, running, &error));
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	open_gate(scene);
	wait_end(scene, next, "done");
	wait_end(scene, hard, "done");
}

static void test_log_bounds(Scene *scene, gconstpointer data)
{
	(void)data;
	gint64 id = submit_args(scene, &logs, "vm/100", "{\"lines\":10500}");
	wait_end(scene, id, "done");
	guint lines;
	g_autofree char *by_lines = whole_log(scene, id, &lines);
	g_assert_cmpuint(lines, ==, 10002); /* with the cut and the end */
	g_assert_nonnull(strstr(by_lines, "x\nthe log was cut here"));
	g_assert_true(g_str_has_suffix(by_lines, "lines or 1 MiB\ndone\n"));
	gint64 wide_id = submit_args(scene, &logs, "vm/100", "{\"lines\":40,\"bytes\":100000}");
	wait_end(scene, wide_id, "done");
	g_autofree char *by_bytes = whole_log(scene, wide_id, &lines);
	g_assert_cmpuint(lines, ==, 12);
	g_assert_cmpuint(strlen(by_bytes), <, 1100000);
	json_auto json_object *part = tasks_log(scene->tasks, id, 9999, 2, NULL);
	g_assert_cmpint(json_get_int(part, "next", 0), ==, 10001);
	json_auto json_object *after = tasks_log(scene->tasks, id, 10002, 10, NULL);
	g_assert_cmpint(json_get_int(after, "next", 0), ==, 10002);
}

static void test_estimate(void)
{
	Estimate estimate = {0};
	gint64 now = 1;
	g_assert_cmpint(estimate_seconds(&estimate, 0, 100, now), ==, -1);
	estimate_update(&estimate, 0, now);
	g_assert_cmpint(estimate_seconds(&estimate, 0, 1000, now), ==, -1);
	for (guint i = 1; i <= 10; i++)
		estimate_update(&estimate, i * 10, now += G_USEC_PER_SEC);
	g_assert_cmpint(estimate_seconds(&estimate, 100, 1000, now), ==, 90);
	g_assert_cmpint(estimate_seconds(&estimate, 100, 0, now), ==, -1);
	g_assert_cmpint(estimate_seconds(&estimate, 1000, 1000, now), ==, 0);
	/* Twice as fast from here: within half a minute the estimate has followed. */
	for (guint i = 1; i <= 30; i++)
		estimate_update(&estimate, 100 + i * 20, now += G_USEC_PER_SEC);
	g_assert_cmpint(ABS(estimate_seconds(&estimate, 700, 1000, now) - 15), <=, 1);
	/* A stall is not promised away. */
	gint64 stalled = estimate_seconds(&estimate, 700, 1000, now + 60 * G_USEC_PER_SEC);
	g_assert_cmpint(stalled, >, 60);
	/* Another part of the work begins. */
	estimate_update(&estimate, 0, now + G_USEC_PER_SEC);
	g_assert_cmpint(estimate_seconds(&estimate, 0, 1000, now + G_USEC_PER_SEC), ==, -1);
	Estimate huge = {0};
	estimate_update(&huge, 0, 1);
	estimate_update(&huge, 1, 1 + G_USEC_PER_SEC);
	g_assert_cmpint(estimate_seconds(&huge, 1, G_MAXUINT64, 1 + G_USEC_PER_SEC), ==, -1);
}

static void on_event(gint64 id, json_object *task, gpointer data)
{
	Scene *scene = data;
	g_assert_cmpint(json_get_int(task, "id", 0), ==, id);
	g_mutex_lock(&scene->lock);
	g_ptr_array_add(scene->events, json_dup_text(task));
	g_cond_broadcast(&scene->cond);
	g_mutex_unlock(&scene->lock);
	/* A watch may ask. */
	json_auto json_object *now = tasks_describe(scene->tasks, id, NULL);
	g_assert_nonnull(now);
}

static void test_watch(Scene *scene, gconstpointer data)
{
	(void)data;
	tasks_set_watch(scene->tasks, on_event, scene);
	wait_end(scene, submit(scene, &progress, "vm/100"), "done");
	gboolean over = FALSE;
	g_mutex_lock(&scene->lock);
	while (!over) {
		over = scene->events->len > 0 &&
		       strstr(g_ptr_array_index(scene->events, scene->events->len - 1), "\"state\":\"done\"");
		if (!over)
			g_assert_true(g_cond_wait_until(&scene->cond, &scene->lock,
				g_get_monotonic_time() + PATIENCE_MS * 1000));
	}
	/* queued, running, done, and at most five a second of about 2,000 calls in one second */
	g_assert_cmpuint(scene->events->len, >=, 5);
	g_assert_cmpuint(scene->events->len, <=, 3 + 7);
	g_assert_nonnull(strstr(g_ptr_array_index(scene->events, 0), "\"state\":\"queued\""));
	g_assert_nonnull(strstr(g_ptr_array_index(scene->events, 1), "\"state\":\"running\""));
	g_assert_nonnull(strstr(g_ptr_array_index(scene->events, scene->events->len - 2), "\"eta_s\":"));
	for (guint i = 1; i + 1 < scene->events->len; i++)
		g_assert_nonnull(strstr(g_ptr_array_index(scene->events, i), "\"state\":\"running\""));
	guint events = scene->events->len;
	g_mutex_unlock(&scene->lock);
	tasks_set_watch(scene->tasks, NULL, NULL);
	wait_end(scene, submit(scene, &answer, "vm/100"), "done");
	g_assert_cmpuint(scene->events->len, ==, events);
}

static void assert_ids(Scene *scene, const char *object, const char *state, gint64 before, guint limit, guint count,
	gint64 first)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *list = tasks_list(scene->tasks, object, state, before, limit, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(json_object_array_length(list), ==, count);
	gint64 last = G_MAXINT64;
	for (guint i = 0; i < count; i++) {
		gint64 id = json_get_int(json_object_array_get_idx(list, i), "id", 0);
		g_assert_cmpint(id, <, last);
		if (i == 0)
			g_assert_cmpint(id, ==, first);
		last = id;
	}
}

static void test_list(Scene *scene, gconstpointer data)
{
	(void)data;
	gint64 done = submit(scene, &answer, "vm/100"), failed = submit(scene, &fail, "vm/101");
	wait_end(scene, done, "done");
	wait_end(scene, failed, "failed");
	gint64 running = submit(scene, &gate, "vm/100"), queued = submit(scene, &gate, "vm/100");
	wait_inside(scene, 1);
	assert_state(scene, running, "running");
	assert_ids(scene, NULL, NULL, 0, 0, 4, queued);
	assert_ids(scene, "vm/100", NULL, 0, 0, 3, queued);
	assert_ids(scene, NULL, "running", 0, 0, 1, running);
	assert_ids(scene, NULL, "failed", 0, 0, 1, failed);
	assert_ids(scene, NULL, NULL, 0, 3, 3, queued);
	assert_ids(scene, NULL, NULL, running, 1, 1, failed);
	assert_ids(scene, "vm/100", "done", 0, 10, 1, done);
	g_autoptr(GError) error = NULL;
	g_assert_null(tasks_list(scene->tasks, NULL, "asleep", 0, 0, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_assert_cmpstr(error_field(error), ==, "state");
}

static void test_open_step(Scene *scene, gconstpointer data)
{
	(void)data;
	gint64 id = submit_args(scene, &steps, "vm/100", "{\"how\":\"outcome\"}");
	wait_end(scene, id, "failed");
	assert_logged(scene, id, "has no open step 'detach'");
	wait_end(scene, submit(scene, &steps, "vm/100"), "done");
}

static gpointer submit_many(gpointer data)
{
	Scene *scene = data;
	gint64 last = 0;
	for (guint i = 0; i < 50; i++) {
		gint64 id = submit(scene, &answer, i % 2 ? "vm/100" : "vm/101");
		g_assert_cmpint(id, >, last);
		last = id;
	}
	return NULL;
}

static void test_many_threads(Scene *scene, gconstpointer data)
{
	(void)data;
	GThread *threads[8];
	tasks_set_watch(scene->tasks, on_event, scene);
	for (guint i = 0; i < 8; i++)
		threads[i] = g_thread_new("submit", submit_many, scene);
	for (guint i = 0; i < 8; i++)
		g_thread_join(threads[i]);
	wait_end(scene, submit(scene, &answer, "vm/100"), "done");
	wait_end(scene, submit(scene, &answer, "vm/101"), "done");
	assert_ids(scene, NULL, "done", 0, 0, 402, 402);
}

/* --- Crashes --- */

static char *program;

/* A daemon that is killed in the middle of a task: runs this program again as crash_main(). */
static void crash(Scene *scene, const char *kind)
{
	const char *argv[] = {program, "--crash", scene->dir, kind, NULL};
	g_autoptr(GError) error = NULL;
	int status = 0;
	g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, &error);
	g_assert_no_error(error);
	g_assert_true(WIFSIGNALED(status));
	g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
}

static int crash_main(const char *dir, const char *kind)
{
	Scene scene = {.dir = g_strdup(dir), .order = g_string_new(NULL)};
	scene_open(&scene, kinds);
	/* Before the start, so that all of them are there when the first kills the daemon. */
	submit_args(&scene, strcmp(kind, "again") == 0 ? &again : &steps, "vm/100", "{\"how\":\"kill\"}");
	submit_args(&scene, &gate, "vm/100", "{\"number\":2}");
	scene_start(&scene);
	tasks_wait(scene.tasks, 1, PATIENCE_MS);
	return 1;
}

static void test_kill(Scene *scene, gconstpointer data)
{
	(void)data;
	crash(scene, "steps");
	scene_open(scene, kinds);
	assert_state(scene, 1, "running");
	assert_state(scene, 2, "queued");
	g_autoptr(GError) error = NULL;
	g_assert_cmpint(tasks_submit(scene->tasks, &refuse, "vm/100", "root", NULL, NULL, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	gint64 later = submit(scene, &gate, "vm/100");
	g_assert_cmpint(later, ==, 3);
	scene_start(scene);
	g_mutex_lock(&scene->lock);
	while (!scene->steps)
		g_cond_wait(&scene->cond, &scene->lock);
	g_mutex_unlock(&scene->lock);
	g_assert_cmpint(tasks_claimed_by(scene->tasks, "vm/100"), ==, 1);
	assert_state(scene, 2, "queued");
	g_assert_cmpstr(scene->steps, ==,
		"[{\"step\":\"make\",\"detail\":{\"path\":\"disk0.qcow2\"},\"done\":true,"
		"\"outcome\":{\"path\":\"disk0.qcow2\"}},{\"step\":\"attach\",\"detail\":null,\"done\":false}]");
	open_gate(scene);
	wait_end(scene, later, "done");
	wait_end(scene, 1, "done");
	wait_end(scene, 2, "done");
	g_assert_cmpstr(scene->order->str, ==, "1 2 3 ");
	json_auto json_object *task = tasks_describe(scene->tasks, 1, NULL);
	g_assert_true(json_get_bool(task, "interrupted", FALSE));
	json_auto json_object *second = tasks_describe(scene->tasks, 2, NULL);
	g_assert_false(json_get_bool(second, "interrupted", FALSE));
	assert_logged(scene, 1, "ended while this ran; recovering\nafter the interruption: done\n");
}

static void test_kill_again(Scene *scene, gconstpointer data)
{
	(void)data;
	crash(scene, "again");
	open_gate(scene);
	scene_open(scene, kinds);
	scene_start(scene);
	wait_end(scene, 1, "done");
	wait_end(scene, 2, "done");
	assert_logged(scene, 1, "running it again\nafter the interruption: done\n");
}

static void test_unknown_kind(Scene *scene, gconstpointer data)
{
	(void)data;
	crash(scene, "steps");
	open_gate(scene);
	scene_open(scene, kinds_of_older_version);
	scene_start(scene);
	wait_end(scene, 1, "failed");
	wait_end(scene, 2, "done");
	assert_logged(scene, 1, "this version of Yado has no task of the kind 'test.steps'");
	g_autoptr(GError) error = NULL;
	g_assert_cmpint(tasks_submit(scene->tasks, &steps, "vm/100", "root", NULL, NULL, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_UNSUPPORTED);
}

/* --- Stop and start --- */

static void reopen(Scene *scene, guint timeout_ms)
{
	tasks_stop(scene->tasks, timeout_ms);
	g_autoptr(GError) error = NULL;
	g_assert_cmpint(tasks_submit(scene->tasks, &answer, "vm/1", "root", NULL, NULL, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_UNAVAILABLE);
	tasks_free(scene->tasks);
	scene_open(scene, kinds);
}

static void test_stop(Scene *scene, gconstpointer data)
{
	(void)data;
	gint64 running = submit(scene, &gate, "vm/100"), queued = submit(scene, &gate, "vm/100");
	wait_inside(scene, 1);
	reopen(scene, PATIENCE_MS);
	assert_state(scene, running, "cancelled");
	assert_state(scene, queued, "queued");
	assert_logged(scene, running, "the daemon is stopping");
	open_gate(scene);
	scene_start(scene);
	wait_end(scene, queued, "done");
}

static void test_stop_deadline(Scene *scene, gconstpointer data)
{
	(void)data;
	gint64 id = submit(scene, &stubborn, "vm/100");
	wait_inside(scene, 1);
	reopen(scene, 50);
	/* The one that was left behind ends now; that it did must not count any more. */
	open_gate(scene);
	g_mutex_lock(&scene->lock);
	while (scene->inside > 0)
		g_cond_wait_until(&scene->cond, &scene->lock, g_get_monotonic_time() + 5000);
	g_mutex_unlock(&scene->lock);
	assert_state(scene, id, "running");
	scene_start(scene);
	wait_end(scene, id, "done");
	assert_logged(scene, id, "running it again");
}

static sqlite3 *open_rows(Scene *scene)
{
	sqlite3 *db = NULL;
	g_autofree char *path = g_build_filename(scene->dir, "tasks.db", NULL);
	g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
	return db;
}

static gint64 count_rows(Scene *scene, const char *sql)
{
	sqlite3 *db = open_rows(scene);
	sqlite3_stmt *statement = NULL;
	g_assert_cmpint(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	gint64 count = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return count;
}

static void change_rows(Scene *scene, const char *sql)
{
	sqlite3 *db = open_rows(scene);
	g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
	sqlite3_close(db);
}

static void test_prune(Scene *scene, gconstpointer data)
{
	(void)data;
	scene_open(scene, kinds);
	gint64 old = submit(scene, &gate, "vm/7"); /* queued, so never dropped */
	tasks_free(scene->tasks);
	scene->tasks = NULL;
	change_rows(scene,
		"WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10051)"
		" INSERT INTO task (id, kind, object, user, state, claims, created)"
		" SELECT i, 'test.answer', 'vm/1', 'root', 'done', '{}', i FROM n;"
		"INSERT INTO log SELECT id, 0, 0, 'line' FROM task;"
		"INSERT INTO step (task, seq, step) SELECT id, 1, 'make' FROM task");
	scene_open(scene, kinds);
	scene_start(scene);
	g_assert_cmpint(count_rows(scene, "SELECT count(*) FROM task WHERE state = 'done'"), ==, 10000);
	g_assert_cmpint(count_rows(scene, "SELECT min(id) FROM task WHERE state = 'done'"), ==, 52);
	g_assert_cmpint(count_rows(scene, "SELECT count(*) FROM step WHERE task BETWEEN 2 AND 51"), ==, 0);
	g_assert_cmpint(count_rows(scene, "SELECT count(*) FROM log WHERE task BETWEEN 2 AND 51"), ==, 0);
	g_assert_cmpint(count_rows(scene, "SELECT count(*) FROM log WHERE task > 51"), ==, 10000);
	open_gate(scene);
	wait_end(scene, old, "done");
}

static void test_ids(Scene *scene, gconstpointer data)
{
	(void)data;
	gint64 last = 0;
	for (guint i = 0; i < 3; i++)
		wait_end(scene, last = submit(scene, &answer, "vm/100"), "done");
	tasks_stop(scene->tasks, PATIENCE_MS);
	tasks_free(scene->tasks);
	scene->tasks = NULL;
	change_rows(scene, "DELETE FROM task");
	scene_open(scene, kinds);
	scene_start(scene);
	g_assert_cmpint(submit(scene, &answer, "vm/100"), ==, last + 1);
}

static void test_newer_version(Scene *scene, gconstpointer data)
{
	(void)data;
	tasks_stop(scene->tasks, PATIENCE_MS);
	tasks_free(scene->tasks);
	scene->tasks = NULL;
	change_rows(scene, "PRAGMA user_version = 99");
	g_autoptr(GError) error = NULL;
	g_assert_null(tasks_new(scene->dir, kinds, NULL, &error));
	g_assert_error(error, ERROR, ERROR_UNSUPPORTED);
	g_clear_error(&error);
	g_assert_null(tasks_new("/proc/no-such", kinds, NULL, &error));
	g_assert_nonnull(error);
}

/* --- A full disk: a small file system of its own, filled up --- */

/* Called from any thread. */
static void on_warning(const char *domain, GLogLevelFlags level, const char *message, gpointer kept)
{
	(void)domain;
	(void)level;
	if (strstr(message, "is kept in memory and tried again"))
		g_atomic_int_inc((int *)kept);
}

static void test_full_disk(Scene *scene, gconstpointer data)
{
	(void)data;
	int kept = 0;
	small_disk_mount(scene->dir, "size=2m,mode=700");
	scene_open(scene, kinds);
	scene_start(scene);
	gint64 id = submit(scene, &gate, "vm/100"), next = submit(scene, &gate, "vm/100");
	wait_inside(scene, 1);
	g_autofree char *filler = small_disk_fill(scene->dir);
	GLogLevelFlags fatal = g_log_set_always_fatal(G_LOG_FATAL_MASK);
	guint handler = g_log_set_handler(NULL, G_LOG_LEVEL_WARNING, on_warning, &kept);
	/* What the log file has already allocated may take a few more. They wait behind the gate. */
	g_autoptr(GError) error = NULL;
	for (guint i = 0; i < 1000 && !error; i++)
		tasks_submit(scene->tasks, &answer, "vm/100", "root", NULL, NULL, &error);
	g_assert_error(error, ERROR, ERROR_NO_SPACE);
	g_assert_true(g_str_has_prefix(error->message, "cannot take on task 'test.answer' for vm 100: "));
	g_assert_nonnull(error_hint(error));
	g_clear_error(&error);

	/* Its end cannot be written: it is known, but the claim stays. */
	g_assert_cmpint(g_atomic_int_get(&kept), ==, 0);
	open_gate(scene);
	wait_end(scene, id, "done");
	assert_logged(scene, id, "done\n");
	assert_state(scene, next, "queued");
	g_assert_cmpint(g_atomic_int_get(&kept), ==, 1);
	g_assert_cmpint(tasks_submit(scene->tasks, &refuse, "vm/100", "root", NULL, NULL, &error), ==, 0);
	g_assert_error(error, ERROR, ERROR_NO_SPACE);

	g_assert_cmpint(unlink(filler), ==, 0);
	wait_end(scene, next, "done");
	wait_end(scene, submit(scene, &answer, "vm/100"), "done");
	reopen(scene, PATIENCE_MS);
	assert_state(scene, id, "done");
	g_log_remove_handler(NULL, handler);
	g_log_set_always_fatal(fatal);
	tasks_free(scene->tasks);
	scene->tasks = NULL;
	g_assert_cmpint(umount2(scene->dir, MNT_DETACH), ==, 0);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--crash") == 0)
		return crash_main(argv[2], argv[3]);
	program = argv[0];
	g_test_init(&argc, &argv, NULL);
#define TEST(name, closed, function) \
	g_test_add("/task/" name, Scene, GINT_TO_POINTER(closed), setup, function, teardown)
	TEST("a task gives its result, step and progress", FALSE, test_result);
	TEST("a failed task keeps its error and log", FALSE, test_failure);
	TEST("a waiting exclusive claim is not starved by shared ones", FALSE, test_fairness);
	TEST("conflicting tasks run in the order of their submission", FALSE, test_order);
	TEST("a kind that does not queue is refused with the name of the busy task", FALSE, test_refusal);
	TEST("further claims are shared and hold back exclusive ones", FALSE, test_extra_claims);
	TEST("a pool never has more threads than its bound", FALSE, test_pool);
	TEST("cancel ends queued tasks at once and asks running ones", FALSE, test_cancel);
	TEST("a log that reaches its bound says that it was cut", FALSE, test_log_bounds);
	g_test_add_func("/task/an estimate follows the speed and does not promise away a stall", test_estimate);
	TEST("the watch sees every state and little of the progress", FALSE, test_watch);
	TEST("a list has the newest first and is filtered", FALSE, test_list);
	TEST("the outcome of a step that is not open is refused", FALSE, test_open_step);
	TEST("many threads submit at the same time", FALSE, test_many_threads);
	TEST("a task killed in the middle of a step is recovered before others", TRUE, test_kill);
	TEST("a killed task without a recovery runs again", TRUE, test_kill_again);
	TEST("an unfinished task of an unknown kind fails clearly", TRUE, test_unknown_kind);
	TEST("a stop cancels what runs and keeps what waits", FALSE, test_stop);
	TEST("what does not stop in time is recovered at the next start", FALSE, test_stop_deadline);
	TEST("old tasks are dropped with their logs and steps", TRUE, test_prune);
	TEST("ids are not given out again after rows are gone", FALSE, test_ids);
	TEST("a journal of a newer version is refused", FALSE, test_newer_version);
	TEST("a full disk refuses submissions and loses no end", TRUE, test_full_disk);
	return g_test_run();
}
