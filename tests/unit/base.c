/* base: errors, JSON, units, files, processes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory-file.h"
#include "base/process.h"
#include "base/units.h"

static json_object *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	json_object *json = json_parse(text, strlen(text), &error);
	g_assert_no_error(error);
	return json;
}

static void test_errors_survive_json(void)
{
	g_autoptr(GError) error = NULL;
	error_set_field(&error, ERROR_STALE, "memory", "look again", "changed by %s", "another");
	g_autoptr(GError) copy = g_error_copy(error);
	json_auto json_object *json = error_to_json(copy);
	g_autoptr(GError) back = error_new_from_json(json);
	g_assert_error(back, ERROR, ERROR_STALE);
	g_assert_cmpstr(back->message, ==, "changed by another");
	g_assert_cmpstr(error_field(back), ==, "memory");
	g_assert_cmpstr(error_hint(back), ==, "look again");
	g_assert_cmpint(error_code_status(error_code(back)), ==, 412);
}

static void test_a_full_disk_has_a_code_and_a_hint(void)
{
	g_autoptr(GError) error = NULL;
	error_set_errno(&error, ENOSPC, "cannot write '%s'", "x");
	g_assert_error(error, ERROR, ERROR_NO_SPACE);
	g_assert_nonnull(error_hint(error));
	g_assert_true(g_str_has_prefix(error->message, "cannot write 'x': "));
}

static void test_broken_json_is_refused(void)
{
	static const char *const bad[] = {"", "{", "[1,2", "{} x", "null", "{\"a\":}", "\xff", "{\"a\":1,}"};
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		g_assert_null(json_parse(bad[i], strlen(bad[i]), &error));
		g_assert_error(error, ERROR, ERROR_INVALID);
	}
	g_autoptr(GError) error = NULL;
	g_assert_null(json_parse("\"a\0b\"", 5, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
}

static void test_json_nested_too_deep_is_refused(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *open = g_strnfill(10000, '[');
	g_assert_null(json_parse(open, strlen(open), &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_assert_nonnull(strstr(error->message, "too deep"));
}

static void test_json_of_many_values_is_refused_where_it_is_bounded(void)
{
	static const char *const texts[] = {"[1,{\"a\":[\"[,{\",\"\\\",[\"]},null]", "7", "{\"a\":{\"b\":{}}}"};
	static const gsize values[] = {6, 1, 3};
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		for (gsize bound = 1; bound < 12; bound++) {
			g_autoptr(GError) error = NULL;
			json_auto json_object *json = json_parse_bounded(texts[i], strlen(texts[i]), bound, &error);
			if (bound >= values[i] + 3)
				g_assert_no_error(error);
			else if (bound < values[i])
				g_assert_error(error, ERROR, ERROR_TOO_LARGE);
			g_assert_true(!json == !!error);
		}
	}
}

/* The examples of RFC 7396, appendix A. */
static void test_merge_patch_follows_its_rfc(void)
{
	static const char *const cases[][3] = {
		{"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
		{"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
		{"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
		{"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
		{"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
		{"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
		{"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
		{"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
		{"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
		{"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
		{"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		json_auto json_object *target = parse(cases[i][0]), *patch = parse(cases[i][1]);
		json_auto json_object *expected = parse(cases[i][2]);
		json_auto json_object *result = json_merge_patch(target, patch);
		g_assert_true(json_equal(result, expected));
	}
}

static void test_a_difference_names_leaves(void)
{
	json_auto json_object *before = parse("{\"a\":1,\"d\":{\"x\":{\"s\":1}}}");
	json_auto json_object *after = parse("{\"a\":2,\"d\":{\"y\":{\"s\":3}}}");
	json_auto json_object *diff = json_diff(before, after);
	json_auto json_object *expected = parse(
		"[{\"path\":\"a\",\"before\":1,\"after\":2},{\"path\":\"d.x.s\",\"before\":1},{\"path\":\"d.y.s\",\"after\":3}]");
	g_assert_true(json_equal(diff, expected));
}

static void test_sizes_are_read_and_written(void)
{
	static const struct {
		const char *text;
		guint64 bytes;
	} good[] = {{"4096", 4096}, {"512M", 512ULL << 20}, {"10 GiB", 10ULL << 30}, {"1k", 1024}, {"2TB", 2ULL << 40}};
	static const char *const bad[] = {"", "-1", "1.5G", "10X", "G", "99999999999999999999", "9000000T", "1 0G"};
	for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
		guint64 bytes = 0;
		g_assert_true(units_parse_size(good[i].text, &bytes, NULL));
		g_assert_cmpuint(bytes, ==, good[i].bytes);
	}
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		guint64 bytes = 77;
		g_autoptr(GError) error = NULL;
		g_assert_false(units_parse_size(bad[i], &bytes, &error));
		g_assert_error(error, ERROR, ERROR_INVALID);
		g_assert_cmpuint(bytes, ==, 77);
	}
	g_autofree char *size = units_format_size(3ULL << 29), *time = units_format_duration(3725);
	g_assert_cmpstr(size, ==, "1.5 GiB");
	g_assert_cmpstr(time, ==, "1 h 2 min");
}

static void test_files_are_replaced_whole_and_read_within_bounds(void)
{
	g_autofree char *dir = g_dir_make_tmp("yado-base-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "file", NULL);
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	struct stat info;
	gsize length = 0;

	g_assert_true(file_write_atomic(path, "first", 5, 0600, NULL));
	g_assert_true(file_replace(path, "second", 6, 0640, NULL));
	g_assert_true(file_read(path, 6, &text, &length, NULL));
	g_assert_cmpmem(text, length, "second", 6);
	g_assert_cmpint(stat(path, &info), ==, 0);
	g_assert_cmpint(info.st_mode & 0777, ==, 0640);
	g_autofree char *untouched = NULL;
	g_assert_false(file_read(path, 5, &untouched, NULL, &error));
	g_assert_error(error, ERROR, ERROR_TOO_LARGE);
	g_assert_null(untouched);
	/* Nothing is left beside it. */
	g_autoptr(GDir) listing = g_dir_open(dir, 0, NULL);
	g_assert_cmpstr(g_dir_read_name(listing), ==, "file");
	g_assert_null(g_dir_read_name(listing));
	g_assert_true(dir_remove(dir, NULL));
	g_assert_true(dir_remove(dir, NULL));
	g_assert_false(g_file_test(dir, G_FILE_TEST_EXISTS));
}

static void test_a_program_is_run_to_its_end(void)
{
	const char *good[] = {"sh", "-c", "echo out; echo err >&2", NULL},
		   *bad[] = {"sh", "-c", "echo why >&2; exit 3", NULL};
	const char *slow[] = {"sleep", "60", NULL}, *absent[] = {"/nonexistent/program", NULL};
	g_autofree char *output = NULL;
	g_autoptr(GError) error = NULL;

	g_assert_true(process_run(good, 10000, &output, NULL));
	g_assert_cmpstr(output, ==, "out\n");
	g_assert_false(process_run(bad, 10000, NULL, &error));
	g_assert_cmpstr(error->message, ==, "'sh' exited with 3: why");
	g_clear_error(&error);
	g_assert_false(process_run(slow, 50, NULL, &error));
	g_assert_error(error, ERROR, ERROR_TIMEOUT);
	g_clear_error(&error);
	g_assert_false(process_run(absent, 1000, NULL, &error));
	g_assert_error(error, ERROR, ERROR_NOT_FOUND);
}

static void test_a_sealed_file_in_memory_stays_as_it_is(void)
{
	char text[8] = "";
	fd_auto int open = memory_file_new("test", NULL);
	g_assert_true(fd_write_all(open, "first", 5));
	fd_auto int sealed = memory_file_seal(open, NULL);
	g_assert_cmpint(sealed, >=, 0);
	g_assert_cmpint(write(open, "x", 1), ==, -1);
	g_assert_cmpint(ftruncate(open, 0), ==, -1);
	/* QEMU takes a descriptor for reading only if it is for nothing else. */
	g_assert_cmpint(fcntl(sealed, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
	g_assert_cmpint(read(sealed, text, sizeof text), ==, 5);
	g_assert_cmpstr(text, ==, "first");
	fd_auto int whole = memory_file_from("test", "", 0, NULL);
	g_assert_cmpint(read(whole, text, sizeof text), ==, 0);
}

static void test_a_process_is_told_from_a_later_one(void)
{
	const char *argv[] = {"sleep", "60", NULL};
	pid_t pid = 0;
	g_assert_true(process_spawn(argv, NULL, 0, &pid, NULL));
	guint64 start = process_start_time(pid);
	g_assert_cmpuint(start, >, 0);
	g_assert_cmpint(process_open(pid, start + 1), ==, -1);
	fd_auto int pidfd = process_open(pid, start);
	g_assert_cmpint(pidfd, >=, 0);
	g_assert_false(process_wait(pidfd, 1));
	g_assert_false(process_is_ending(pid));
	g_assert_true(process_signal(pidfd, SIGKILL));
	g_assert_true(process_wait(pidfd, 10000));
	g_assert_cmpuint(process_start_time(pid), ==, 0); /* a zombie is no process */
	g_assert_true(process_is_ending(pid));
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
	g_assert_true(process_is_ending(pid));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/error/survives JSON with field and hint", test_errors_survive_json);
	g_test_add_func("/error/a full disk has a code and a hint", test_a_full_disk_has_a_code_and_a_hint);
	g_test_add_func("/json/broken text is refused", test_broken_json_is_refused);
	g_test_add_func("/json/nesting is bounded", test_json_nested_too_deep_is_refused);
	g_test_add_func("/json/many values are refused where they are bounded",
			test_json_of_many_values_is_refused_where_it_is_bounded);
	g_test_add_func("/json/merge patch follows RFC 7396", test_merge_patch_follows_its_rfc);
	g_test_add_func("/json/a difference names leaves", test_a_difference_names_leaves);
	g_test_add_func("/units/sizes and durations", test_sizes_are_read_and_written);
	g_test_add_func("/file/replaced whole, read within bounds",
			test_files_are_replaced_whole_and_read_within_bounds);
	g_test_add_func("/file/sealed in memory", test_a_sealed_file_in_memory_stays_as_it_is);
	g_test_add_func("/process/run to its end", test_a_program_is_run_to_its_end);
	g_test_add_func("/process/told from a later one", test_a_process_is_told_from_a_later_one);
	return g_test_run();
}
