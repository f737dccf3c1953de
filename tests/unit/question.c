/* QEMU is asked how its guest is, and its newest word counts. A guest that stands at a disk's error asks, until it
 * goes on; who is asked and what about is QEMU's word, checked. */
#include "guest/run/question.h"

#include "base/error.h"
#include "guest/run/watch.h"
#include "guests-fixture.h"
#include "played-qmp.h"

static const char *status;
/* Before an answer is given: what happens meanwhile. */
static void (*meanwhile)(void);
static guint asked;

static json_object *play(const char *command, json_object *arguments, GError **error)
{
	(void)arguments;
	if (g_str_equal(command, "query-status")) {
		json_object *answer = parse(status);
		asked++;
		if (meanwhile)
			meanwhile();
		return answer;
	}
	error_set(error, ERROR_FAILED, NULL, "'%s' was not to be asked", command);
	return NULL;
}

/* One that runs, as QEMU says. */
static Vm *begin(Fixture *fixture)
{
	static const char hardware[] = "{\"disks\":{\"root\":{\"storage\":\"local\",\"volume\":\"vm-100-root\"},"
				       "\"data\":{\"storage\":\"big\",\"volume\":\"vm-100-data\"}}}";
	put_guest(fixture, 100, "{\"id\":100,\"name\":\"web\"}");
	Vm *vm = guests_get(fixture->services.guests, 100);
	vm->state = VM_RUNNING;
	vm->applied = g_ref_string_new(hardware);
	vm->qmp = (Qmp *)fixture;
	return vm;
}

/* As QEMU's second monitor writes it into the launcher's log. */
#define EVENT(name, data)                                                                                              \
	"{\"event\":\"" name "\",\"timestamp\":{\"seconds\":1,\"microseconds\":2},\"data\":{" data "}}\n"
#define FAILED(node, no_space)                                                                                         \
	EVENT("BLOCK_IO_ERROR", "\"node-name\":" node ",\"action\":\"stop\",\"nospace\":" no_space)

static void see(Vm *vm, const char *state, const char *events)
{
	g_autofree char *text = g_strdup_printf("{\"status\":\"%s\"}", state);
	g_autofree char *log = g_build_filename(vm->run_dir, "log", NULL);
	status = text;
	g_assert_cmpint(g_mkdir_with_parents(vm->run_dir, 0700), ==, 0);
	g_assert_true(g_file_set_contents(log, events, -1, NULL));
	vm_query_state(vm);
}

static void test_a_full_disk_is_asked_about(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(Vm) vm = begin(fixture);
	g_assert_false(question_is_open(vm));
	/* What had stopped it before it went on last is over; what is only reported to the guest stops nothing. */
	see(vm, "io-error",
	    FAILED("\"d-data\"", "false") EVENT("RESUME", "") FAILED("\"d-root\"", "true")
		    EVENT("BLOCK_IO_ERROR", "\"node-name\":\"d-data\",\"action\":\"report\",\"nospace\":false"));
	g_assert_cmpint(vm_get_state(vm), ==, VM_PAUSED);
	g_assert_cmpstr(vm->reason_code, ==, "no-space");
	g_assert_cmpstr(vm->reason, ==,
			"paused: no space left on storage 'local' for root; see to it, then answer 'retry'");
	json_auto json_object *question = question_describe(vm, NULL);
	g_assert_cmpuint(json_get_count(json_get(question, "disks")), ==, 1);
	json_object *disk = json_object_array_get_idx(json_get(question, "disks"), 0);
	g_assert_cmpstr(json_get_str(disk, "disk", ""), ==, "root");
	g_assert_cmpstr(json_get_str(disk, "volume", ""), ==, "vm-100-root");
	g_assert_cmpstr(json_get_str(disk, "problem", ""), ==, "no-space");
}

static void test_asked_again_it_is_no_news(Fixture *fixture, gconstpointer data)
{
	static const char failed[] = FAILED("\"d-data\"", "false");
	(void)data;
	g_autoptr(Vm) vm = begin(fixture);
	see(vm, "io-error", failed);
	g_assert_cmpstr(vm->reason_code, ==, "io-error");
	vm->since_us = 5;
	see(vm, "io-error", failed);
	g_assert_cmpint(vm->since_us, ==, 5);
	/* Another disk is. */
	see(vm, "io-error", FAILED("\"d-data\"", "false") FAILED("\"d-root\"", "true"));
	g_assert_cmpint(vm->since_us, >, 5);
	g_assert_cmpstr(vm->reason_code, ==, "no-space");
}

static void test_who_runs_on_asks_nothing(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	(void)data;
	g_autoptr(Vm) vm = begin(fixture);
	see(vm, "io-error", FAILED("\"d-data\"", "false"));
	g_assert_true(question_check(vm, NULL));
	see(vm, "running", EVENT("RESUME", ""));
	g_assert_cmpint(vm_get_state(vm), ==, VM_RUNNING);
	g_assert_false(question_check(vm, &error));
	g_assert_error(error, ERROR, ERROR_NOT_FOUND);
	json_auto json_object *question = question_describe(vm, NULL);
	g_assert_null(question);
	/* One that somebody has paused does not ask either. */
	see(vm, "paused", "");
	g_assert_cmpint(vm_get_state(vm), ==, VM_PAUSED);
	g_assert_false(question_is_open(vm));
}

static void test_disks_that_it_does_not_have_are_none(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(Vm) vm = begin(fixture);
	see(vm, "running",
	    "7\nnull\n{}\n{\"event\":\"BLOCK_IO_ERROR\"}\n" FAILED("\"d-other\"", "false") FAILED("7", "false")
		    FAILED("\"d-root\"", "false") FAILED("\"d-root\"", "false"));
	g_autoptr(GArray) disks = question_ask(vm);
	g_assert_cmpuint(disks->len, ==, 1);
	g_assert_cmpstr(g_array_index(disks, QuestionDisk, 0).key, ==, "root");
	/* There may be none at all: it stands still anyway, and asks. */
	see(vm, "io-error", "");
	g_assert_true(question_is_open(vm));
	g_assert_cmpstr(vm->reason, ==, "paused: I/O error of a disk; see to it, then answer 'retry'");
}

/* As a task does, right after QEMU has given its answer to somebody else. */
static Vm *resumed;

static void resume(void)
{
	meanwhile = NULL;
	status = "{\"status\":\"running\"}";
	vm_set_state(resumed, VM_RUNNING, "resumed", "resumed by root");
}

static void test_an_answer_that_was_overtaken_is_asked_for_again(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(Vm) vm = begin(fixture);
	vm_set_state(vm, VM_PAUSED, "user-pause", "paused by root");
	resumed = vm;
	meanwhile = resume;
	asked = 0;
	see(vm, "paused", "");
	g_assert_cmpint(vm_get_state(vm), ==, VM_RUNNING);
	g_assert_cmpstr(vm->reason, ==, "resumed by root");
	g_assert_cmpuint(asked, ==, 2);
}

static Vm *held;
static gint first_asks;

static void hold_the_first(void)
{
	guint waiting = 0;
	meanwhile = NULL;
	g_atomic_int_set(&first_asks, TRUE);
	while (waiting == 0) {
		g_thread_yield();
		g_mutex_lock(&held->lock);
		waiting = held->queries_waiting;
		g_mutex_unlock(&held->lock);
	}
	status = "{\"status\":\"running\"}";
}

static gpointer ask_second(gpointer vm)
{
	while (!g_atomic_int_get(&first_asks))
		g_thread_yield();
	vm_query_state(vm);
	return NULL;
}

static void test_the_newer_of_two_answers_counts(Fixture *fixture, gconstpointer data)
{
	(void)data;
	g_autoptr(Vm) vm = begin(fixture);
	asked = 0;
	held = vm;
	meanwhile = hold_the_first;
	GThread *second = g_thread_new("second", ask_second, vm);
	see(vm, "paused", "");
	g_thread_join(second);
	g_assert_cmpuint(asked, ==, 2);
	g_assert_cmpint(vm_get_state(vm), ==, VM_RUNNING);
}

#define TEST(name) g_test_add("/question/" #name, Fixture, NULL, set_up, test_##name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST(a_full_disk_is_asked_about);
	TEST(asked_again_it_is_no_news);
	TEST(who_runs_on_asks_nothing);
	TEST(disks_that_it_does_not_have_are_none);
	TEST(an_answer_that_was_overtaken_is_asked_for_again);
	TEST(the_newer_of_two_answers_counts);
	return g_test_run();
}
