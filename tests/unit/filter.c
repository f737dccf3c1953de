/* The filters of lists: what they keep, what they refuse, and that a row as text is the same to them as a row. */
#include "api/filter.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

static const char web[] =
	"{\"id\":101,\"name\":\"web-1\",\"state\":\"running\",\"reason\":\"\",\"reason_code\":\"none\",\"since\":\"2026-11-20T10:00:00Z\",\"node\":\"n1\",\"tags\":[\"prod\",\"front-end\"],\"memory\":2147483648,\"cpus\":4,\"pending\":false,\"rev\":17}";
static const char database[] =
	"{\"id\":202,\"name\":\"Straße\",\"state\":\"stopped\",\"reason\":\"it said \\\"no, thanks}\\\" \\u00e9\","
	"\"reason_code\":\"crash\",\"since\":\"2026-11-22T10:00:00Z\",\"node\":\"n1\",\"tags\":[],"
	"\"memory\":536870912,\"cpus\":1,\"pending\":true,\"rev\":3}";

static gboolean keeps(const char *text, const char *row)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Filter) filter = filter_new(&vm_row_table, text, &error);
	g_assert_no_error(error);
	json_auto json_object *json = json_parse(row, strlen(row), &error);
	g_assert_no_error(error);
	gboolean as_text = filter_match_text(filter, row, strlen(row)), as_json = filter_match(filter, json);
	g_assert_cmpint(as_text, ==, as_json);
	/* A filter can be used again. */
	g_assert_cmpint(filter_match_text(filter, row, strlen(row)), ==, as_text);
	return as_text;
}

static void test_keeps(void)
{
	static const struct {
		const char *filter;
		gboolean web, database;
	} cases[] = {
		{"", TRUE, TRUE},
		{"   ", TRUE, TRUE},
		{"state:running", TRUE, FALSE},
		{"-state:running", FALSE, TRUE},
		{"state~UNN", TRUE, FALSE},
		{"name~WEB", TRUE, FALSE},
		{"name:web", FALSE, FALSE},
		{"name:web-1", TRUE, FALSE},
		{"name~STRASSE", FALSE, TRUE},
		{"name:STRASSE", FALSE, FALSE},
		{"memory>1G", TRUE, FALSE},
		{"memory>=2GiB", TRUE, FALSE},
		{"memory>2GiB", FALSE, FALSE},
		{"memory<=512M", FALSE, TRUE},
		{"memory:536870912", FALSE, TRUE},
		{"cpus<=4", TRUE, TRUE},
		{"cpus<4", FALSE, TRUE},
		{"cpus>1 cpus<=4 state:running", TRUE, FALSE},
		{"cpus>1 state:stopped", FALSE, FALSE},
		{"tags:prod", TRUE, FALSE},
		{"tags:pro", FALSE, FALSE},
		{"tags~END", TRUE, FALSE},
		{"tags:", FALSE, TRUE},
		{"-tags:", TRUE, FALSE},
		{"reason:", TRUE, FALSE},
		{"pending:true", FALSE, TRUE},
		{"pending:false", TRUE, FALSE},
		{"since>2026-11-21", FALSE, TRUE},
		{"since<2026-11-21", TRUE, FALSE},
		{"reason~\"no, thanks}\\\" é\"", FALSE, TRUE},
		{"reason:\"it said \\\"no, thanks}\\\" é\"", FALSE, TRUE},
		{"web", TRUE, FALSE},
		{"-web", FALSE, TRUE},
		{"20", FALSE, TRUE},
		{"10 web", TRUE, FALSE},
		{"run", FALSE, FALSE}, /* not the id, not the name */
		{"\"state:running\"", FALSE, FALSE},
		{"-", TRUE, FALSE}, /* alone, it is a word */
		{"rev:17", TRUE, FALSE},
		{"id>=101 id<202", TRUE, FALSE},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_test_message("%s", cases[i].filter);
		g_assert_cmpint(keeps(cases[i].filter, web), ==, cases[i].web);
		g_assert_cmpint(keeps(cases[i].filter, database), ==, cases[i].database);
	}
}

static void test_objects_within(void)
{
	static const char row[] = "{\"name\":\"local\",\"space\":{\"total\":100,\"free\":7},\"usable\":true}";
	static const char broken[] = "{\"name\":\"nas\",\"usable\":false,\"problem\":\"gone\"}";
	g_autoptr(GError) error = NULL;
	g_autoptr(Filter) filter = filter_new(&storage_table, "space.free<10", &error);
	g_assert_no_error(error);
	g_assert_true(filter_match_text(filter, row, strlen(row)));
	g_assert_false(filter_match_text(filter, broken, strlen(broken)));
	g_autoptr(Filter) absent = filter_new(&storage_table, "problem: -space.free:", &error);
	g_assert_no_error(error);
	g_assert_true(filter_match_text(absent, row, strlen(row)));
	g_assert_false(filter_match_text(absent, broken, strlen(broken)));
}

static void test_words_without_a_name(void)
{
	static const char row[] =
		"{\"id\":7,\"kind\":\"vm.start\",\"object\":\"vm/100\",\"user\":\"ann\",\"state\":\"done\"}";
	static const struct {
		const char *filter;
		gboolean keeps;
	} cases[] = {{"start", TRUE}, {"vm/1", TRUE}, {"ANN", TRUE}, {"7", TRUE}, {"done", FALSE}, {"bob", FALSE}};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Filter) filter = filter_new(&task_table, cases[i].filter, NULL);
		g_assert_cmpint(filter_match_text(filter, row, strlen(row)), ==, cases[i].keeps);
	}
}

static void test_refuses(void)
{
	static const struct {
		const char *filter, *word; /* of the message */
	} cases[] = {
		{"colour:red", "'colour'"},
		{"state:runing", "running"},
		{"state>running", "state"},
		{"memory>much", "memory"},
		{"memory~1G", "memory"},
		{"memory>", "memory"},
		{"cpus:1.5", "cpus"},
		{"cpus>99999999999999999999", "cpus"},
		{"pending:maybe", "pending"},
		{"pending>true", "pending"},
		{"tags>a", "tags"},
		{"name:\"web", "\""},
		{"name.first:a", "'name.first'"},
		{".:a", "'.'"},
		{"state:running .x:1", "'.x'"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_test_message("%s", cases[i].filter);
		g_assert_null(filter_new(&vm_row_table, cases[i].filter, &error));
		g_assert_error(error, ERROR, ERROR_INVALID);
		g_assert_cmpstr(error_field(error), ==, "filter");
		g_assert_nonnull(strstr(error->message, cases[i].word));
	}
	g_autoptr(GError) error = NULL;
	g_assert_null(filter_new(&vm_table, "cpu:1", &error));
	g_assert_nonnull(strstr(error->message, "fields of its own"));
	g_clear_error(&error);
	g_assert_null(filter_new(&vm_table, "disks:1", &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
}

static void test_bounds(void)
{
	g_autoptr(GString) terms = g_string_new(NULL);
	for (guint i = 0; i < FILTER_TERMS_MAX; i++)
		g_string_append(terms, "cpus>0 ");
	g_assert_true(keeps(terms->str, web));
	g_string_append(terms, "x");
	g_autoptr(GError) error = NULL;
	g_assert_null(filter_new(&vm_row_table, terms->str, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_clear_error(&error);
	g_autofree char *full = g_strnfill(FILTER_LENGTH_MAX, 'x');
	g_autofree char *over = g_strnfill(FILTER_LENGTH_MAX + 1, 'x');
	g_assert_false(keeps(full, web));
	g_assert_null(filter_new(&vm_row_table, over, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
}

/* Rows that are none do not match, and no beginning of a row is read past its end. */
static void test_broken_rows(void)
{
	static const char *const rows[] = {"",
					   "{",
					   "}",
					   "[]",
					   "7",
					   "{\"name\"}",
					   "{\"name\":}",
					   "{\"name\":\"a\\",
					   "{name:1}",
					   "{\"name\":]}",
					   "{\"name\":{}]"};
	g_autoptr(Filter) filter = filter_new(&vm_row_table, "-name:nothing", NULL);
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *exact = g_memdup2(rows[i], strlen(rows[i]));
		g_test_message("%s", rows[i]);
		g_assert_false(filter_match_text(filter, exact ? exact : "", strlen(rows[i])));
	}
	for (gsize length = 0; length < strlen(database); length++) {
		g_autofree char *exact = g_memdup2(database, length);
		gboolean match = filter_match_text(filter, exact ? exact : "", length);
		g_assert_true(!match ||
			      strstr(database, "\"name\"") + strlen("\"name\":\"Straße\"") < database + length);
	}
	g_assert_true(filter_match_text(filter, database, strlen(database)));
}

static void test_fast(void)
{
	g_autoptr(Filter) filter = filter_new(&vm_row_table, "state:running memory>1G tags:prod web", NULL);
	guint kept = 0;
	g_test_timer_start();
	for (guint i = 0; i < 10000; i++)
		kept += (guint)(i % 2 ? filter_match_text(filter, web, strlen(web))
				      : filter_match_text(filter, database, strlen(database)));
	double seconds = g_test_timer_elapsed();
	g_test_minimized_result(seconds, "10,000 rows in %.1f ms", seconds * 1000);
	g_assert_cmpuint(kept, ==, 5000);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/filter/keeps the rows for which all terms hold", test_keeps);
	g_test_add_func("/filter/reaches into objects", test_objects_within);
	g_test_add_func("/filter/looks for words in text columns where there is no name", test_words_without_a_name);
	g_test_add_func("/filter/says what is wrong", test_refuses);
	g_test_add_func("/filter/is bounded in length and terms", test_bounds);
	g_test_add_func("/filter/never matches what is no row", test_broken_rows);
	g_test_add_func("/filter/goes through 10,000 rows at once", test_fast);
	return g_test_run();
}
