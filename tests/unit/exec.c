/* Commands in a guest whose agent is played: what comes of their output, and how they end when they do not end by
 * themselves. Time goes on when somebody sleeps, and not else. */
#include "guest/tools/exec.h"

#include <string.h>

#include "base/error.h"
#include "guests-fixture.h"
#include "played-qmp.h"

enum { PROCESS = 7, OUT = 1, ERR = 2 };

static struct {
	gint64 now_us;
	gboolean shell, ends;
	const char *killer; /* without a shell: what there is to end something with; NULL: nothing */
	guint outs, polls;    /* pieces of output that are left; questions until it ends */
	GString *asked;       /* what was started, one letter each */
	GString *out, *err;
	const char *unwanted;
} guest;

gint64 __wrap_g_get_monotonic_time(void);
void __wrap_g_usleep(gulong us);

gint64 __wrap_g_get_monotonic_time(void)
{
	return guest.now_us;
}

void __wrap_g_usleep(gulong us)
{
	guest.now_us += (gint64)us;
}

static json_object *coded(const char *key, const char *text)
{
	json_object *json = json_object_new_object();
	g_autofree char *code = g_base64_encode((const guchar *)text, strlen(text));
	json_set_str(json, key, code);
	return json;
}

static json_object *start(json_object *arguments, GError **error)
{
	const char *text = json_object_to_json_string(arguments);
	char letter = strstr(text, "mktemp")	 ? 'p'
		      : strstr(text, "KILL")	 ? 'K'
		      : strstr(text, "TERM")	 ? 'T'
		      : strstr(text, "taskkill") ? 'W'
						 : 'c';
	const char *path = json_get_str(arguments, "path", "");
	gboolean there = guest.shell || letter == 'c' || g_strcmp0(path, guest.killer) == 0;
	if (!there) {
		error_set(error, ERROR_FAILED, NULL, "there is no %s", path);
		return NULL;
	}
	g_string_append_c(guest.asked, letter);
	json_object *answer = json_object_new_object();
	json_set_int(answer, "pid", letter == 'p' ? PROCESS + 1 : PROCESS);
	return answer;
}

static json_object *tell_status(json_object *arguments)
{
	if (json_get_int(arguments, "pid", 0) != PROCESS) {
		json_object *done = coded("out-data", "/tmp/yado-1\n");
		json_set_bool(done, "exited", TRUE);
		json_set_int(done, "exitcode", 0);
		return done;
	}
	json_object *status = guest.shell ? json_object_new_object() : coded("out-data", "captured");
	gboolean ended = guest.ends && (guest.polls == 0 || guest.polls-- == 1);
	json_set_bool(status, "exited", ended);
	if (ended)
		json_set_int(status, "exitcode", 3);
	return status;
}

static json_object *play(const char *command, json_object *arguments, GError **error)
{
	static gint64 opened;
	if (g_str_equal(command, "guest-exec"))
		return start(arguments, error);
	if (g_str_equal(command, "guest-exec-status"))
		return tell_status(arguments);
	if (g_str_equal(command, "guest-file-open"))
		return json_object_new_int64(opened++ % 2 ? ERR : OUT);
	if (g_str_equal(command, "guest-file-read")) {
		gboolean some = guest.outs > 0 && json_get_int(arguments, "handle", 0) == OUT;
		guest.outs -= some;
		return coded("buf-b64", some ? "0123456789" : "");
	}
	return json_object_new_object();
}

static const char *unwanted(gpointer data)
{
	(void)data;
	return guest.unwanted;
}

static gsize room(gpointer data)
{
	(void)data;
	return 4096;
}

static void take(gboolean is_error, const void *bytes, gsize length, gpointer data)
{
	(void)data;
	g_string_append_len(is_error ? guest.err : guest.out, bytes, (gssize)length);
}

static GuestEnd run(Fixture *fixture, const char *text)
{
	const GuestSink sink = {unwanted, room, take, NULL};
	g_autoptr(GError) error = NULL;
	json_auto json_object *wish = parse(text);
	GuestEnd end = {0};
	put_guest(fixture, 100, "{\"id\":100,\"name\":\"web\"}");
	g_autoptr(Vm) vm = guests_get(fixture->services.guests, 100);
	g_assert_cmpint(g_mkdir_with_parents(vm->run_dir, 0700), ==, 0); /* what it leaves is noted there */
	vm->agent = (Qmp *)fixture;
	GuestExec *exec = guest_exec_start(vm, wish, &error);
	g_assert_no_error(error);
	g_assert_cmpint(guest_exec_is_streamed(exec), ==, guest.shell);
	g_assert_true(guest_exec_follow(exec, &sink, &end, &error));
	g_assert_no_error(error);
	guest_exec_free(exec);
	vm->agent = NULL;
	return end;
}

static void begin(gboolean shell, gboolean ends)
{
	guest.now_us = G_USEC_PER_SEC;
	guest.shell = shell;
	guest.ends = ends;
	guest.killer = NULL;
	guest.outs = 0;
	guest.polls = 3;
	guest.unwanted = NULL;
	g_string_truncate(guest.asked, 0);
	g_string_truncate(guest.out, 0);
	g_string_truncate(guest.err, 0);
}

#define WISH(more) "{\"command\":[\"/bin/cat\"],\"timeout\":60,\"output_limit\":50" more "}"

static void test_output_comes_while_it_runs_and_to_the_last_byte(Fixture *fixture, gconstpointer data)
{
	(void)data;
	begin(TRUE, TRUE);
	guest.outs = 5;
	GuestEnd end = run(fixture, WISH(""));
	g_assert_cmpint(end.code, ==, 3);
	g_assert_null(end.why);
	g_assert_false(end.cut);
	g_assert_cmpuint(guest.out->len, ==, 50);
	g_assert_cmpstr(guest.asked->str, ==, "pc");
}

static void test_without_a_shell_it_comes_at_the_end(Fixture *fixture, gconstpointer data)
{
	(void)data;
	begin(FALSE, TRUE);
	GuestEnd end = run(fixture, WISH(""));
	g_assert_cmpint(end.code, ==, 3);
	g_assert_cmpstr(guest.out->str, ==, "captured");
}

static void test_too_much_output_ends_it(Fixture *fixture, gconstpointer data)
{
	(void)data;
	begin(TRUE, FALSE);
	guest.outs = 1000;
	GuestEnd end = run(fixture, WISH(""));
	g_assert_true(end.cut);
	g_assert_cmpstr(end.why, ==, "limit");
	g_assert_cmpuint(guest.out->len, <=, 60);
}

static void test_what_never_ends_is_killed_and_given_up(Fixture *fixture, gconstpointer data)
{
	(void)data;
	begin(TRUE, FALSE);
	GuestEnd end = run(fixture, WISH(""));
	g_assert_cmpstr(end.why, ==, "timeout");
	g_assert_cmpint(end.code, ==, -1);
	g_assert_cmpstr(guest.asked->str, ==, "pcTK");
	g_assert_cmpint(guest.now_us, <, 75 * G_USEC_PER_SEC);
}

static void test_nobody_wants_it_any_more(Fixture *fixture, gconstpointer data)
{
	(void)data;
	begin(TRUE, FALSE);
	guest.unwanted = "stopped";
	GuestEnd end = run(fixture, WISH(""));
	g_assert_cmpstr(end.why, ==, "stopped");
	g_assert_cmpstr(guest.asked->str, ==, "pcTK");
	g_assert_cmpint(guest.now_us, <, 15 * G_USEC_PER_SEC);
	/* One that is to stay is left alone. */
	begin(TRUE, FALSE);
	guest.unwanted = "left";
	end = run(fixture, WISH(",\"leave\":true"));
	g_assert_cmpstr(guest.asked->str, ==, "pc");
}

static void test_without_a_shell_it_is_ended_with_what_there_is(Fixture *fixture, gconstpointer data)
{
	static const char *const killers[] = {"taskkill", "kill", NULL};
	(void)data;
	for (guint i = 0; i < G_N_ELEMENTS(killers); i++) {
		begin(FALSE, FALSE);
		guest.killer = killers[i];
		GuestEnd end = run(fixture, WISH(""));
		g_assert_cmpstr(end.why, ==, "timeout");
		/* taskkill has no words for how: it is asked twice, in the same. */
		g_assert_cmpstr(guest.asked->str, ==, i == 0 ? "cWW" : i == 1 ? "cTK" : "c");
	}
}

#define TEST(name) g_test_add("/exec/" #name, Fixture, NULL, set_up, test_##name, tear_down)

int main(int argc, char **argv)
{
	guest.asked = g_string_new(NULL);
	guest.out = g_string_new(NULL);
	guest.err = g_string_new(NULL);
	g_test_init(&argc, &argv, NULL);
	TEST(output_comes_while_it_runs_and_to_the_last_byte);
	TEST(without_a_shell_it_comes_at_the_end);
	TEST(too_much_output_ends_it);
	TEST(what_never_ends_is_killed_and_given_up);
	TEST(without_a_shell_it_is_ended_with_what_there_is);
	TEST(nobody_wants_it_any_more);
	int status = g_test_run();
	g_string_free(guest.asked, TRUE);
	g_string_free(guest.out, TRUE);
	g_string_free(guest.err, TRUE);
	return status;
}
