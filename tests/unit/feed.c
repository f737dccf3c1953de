/* What the events are made of: the ring of changes, the catalog, and tickets for consoles. */
#include <string.h>

#include "access/access.h"
#include "api/catalog.h"
#include "api/feed.h"
#include "api/tickets.h"
#include "base/error.h"

static void count(gpointer data)
{
	++*(guint *)data;
}

static const char *const prod[] = {"prod", NULL}, *const dev[] = {"dev", NULL}, *const both[] = {"dev", "prod", NULL};

/* The path of the next change, which must be of that kind. */
static char *next_path(Feed *feed, gint64 *seq)
{
	g_auto(FeedChange) change = {0};
	if (feed_next(feed, *seq, &change) != FEED_CHANGE)
		return NULL;
	g_assert_cmpint(change.seq, >, *seq);
	*seq = change.seq;
	return g_strdup(change.path);
}

static void check_next(Feed *feed, gint64 *seq, const char *wanted)
{
	g_autofree char *path = next_path(feed, seq);
	g_assert_cmpstr(path, ==, wanted);
}

static void test_order(void)
{
	guint calls = 0;
	Feed *feed = feed_new(count, &calls);
	gint64 begin = feed_seq(feed), seq = begin;
	check_next(feed, &seq, NULL);
	feed_add(feed, "vm/100", NULL, NULL);
	feed_add(feed, "vm/101", NULL, NULL);
	feed_add(feed, "image/tiny", NULL, NULL);
	feed_add(feed, "vm/100", NULL, NULL);
	g_assert_cmpuint(calls, ==, 4);
	/* Each object once, at its last change. */
	check_next(feed, &seq, "vm/101");
	check_next(feed, &seq, "image/tiny");
	check_next(feed, &seq, "vm/100");
	check_next(feed, &seq, NULL);
	g_assert_cmpint(seq, ==, feed_seq(feed));
	seq = begin + 3;
	check_next(feed, &seq, "vm/100");
	g_assert_true(feed_reaches(feed, begin));
	g_assert_false(feed_reaches(feed, feed_seq(feed) + 1));
	feed_free(feed);
}

static void test_behind(void)
{
	guint calls = 0;
	Feed *feed = feed_new(count, &calls);
	gint64 begin = feed_seq(feed), seq = begin;
	char path[32];
	/* One object that changes often pushes nobody else out before the ring is round. */
	feed_add(feed, "vm/1", NULL, NULL);
	for (guint i = 0; i < FEED_SIZE - 1; i++)
		feed_add(feed, "vm/2", NULL, NULL);
	check_next(feed, &seq, "vm/1");
	check_next(feed, &seq, "vm/2");
	check_next(feed, &seq, NULL);
	for (guint i = 0; i < FEED_SIZE; i++) {
		g_snprintf(path, sizeof path, "vm/%u", 1000 + i);
		feed_add(feed, path, NULL, NULL);
	}
	g_auto(FeedChange) change = {0};
	g_assert_cmpint(feed_next(feed, begin, &change), ==, FEED_BEHIND);
	g_assert_false(feed_reaches(feed, begin));
	/* Who has seen all before them misses none of them. */
	g_assert_true(feed_reaches(feed, seq));
	for (guint i = 0; i < FEED_SIZE; i++) {
		g_snprintf(path, sizeof path, "vm/%u", 1000 + i);
		check_next(feed, &seq, path);
	}
	check_next(feed, &seq, NULL);
	feed_free(feed);
}

static void check_former(Feed *feed, gint64 seq, const char *wanted)
{
	g_auto(FeedChange) change = {0};
	g_assert_cmpint(feed_next(feed, seq, &change), ==, FEED_CHANGE);
	g_autofree char *former = change.former ? g_strjoinv(" ", change.former) : NULL;
	g_assert_cmpstr(former, ==, wanted);
}

static void test_tags(void)
{
	guint calls = 0;
	Feed *feed = feed_new(count, &calls);
	feed_know_tags(feed, "vm/100", prod);
	gint64 first = feed_seq(feed);
	g_assert_false(feed_add(feed, "vm/100", prod, NULL));
	check_former(feed, first, NULL);
	gint64 second = feed_seq(feed);
	g_assert_true(feed_add(feed, "vm/100", dev, NULL));
	check_former(feed, second, "prod");
	gint64 third = feed_seq(feed);
	/* Who has been told of that is told nothing by a later change; who has not, still is. */
	g_assert_false(feed_add(feed, "vm/100", dev, NULL));
	check_former(feed, third, NULL);
	check_former(feed, first, "prod");
	g_assert_true(feed_add(feed, "vm/100", NULL, NULL)); /* deleted */
	check_former(feed, third, "prod dev");
	g_assert_false(feed_add(feed, "vm/101", NULL, NULL)); /* never had any */
	gint64 seq = feed_seq(feed) - 1;
	check_former(feed, seq, NULL);
	/* In the order in which they are given: the same set of tags is the same. */
	g_assert_true(feed_add(feed, "vm/102", both, NULL));
	g_assert_false(feed_add(feed, "vm/102", both, NULL));
	feed_free(feed);
}

/* A guest whose tags change for ever costs no more than a bound; who was behind it begins again. */
static void test_many_tags(void)
{
	guint calls = 0;
	Feed *feed = feed_new(count, &calls);
	gint64 begin = feed_seq(feed);
	for (guint i = 0; i < 1000; i++) {
		g_autofree char *tag = g_strdup_printf("tag-%u", i);
		const char *tags[] = {tag, NULL};
		feed_add(feed, "vm/100", tags, NULL);
	}
	g_assert_false(feed_reaches(feed, begin));
	g_auto(FeedChange) change = {0};
	g_assert_cmpint(feed_next(feed, begin, &change), ==, FEED_BEHIND);
	g_assert_cmpint(feed_next(feed, feed_seq(feed) - 1, &change), ==, FEED_CHANGE);
	g_assert_cmpuint(g_strv_length(change.former), <=, 260);
	g_assert_true(g_strv_contains((const char *const *)change.former, "tag-998"));
	feed_free(feed);
}

static void put_task(Catalog *catalog, guint id, gboolean ended)
{
	g_autofree char *path = g_strdup_printf("task/%u", id);
	GRefString *text = g_ref_string_new(ended ? "ended" : "runs");
	catalog_put_task(catalog, path, text, ended);
	g_ref_string_release(text);
}

static guint count_entries(Catalog *catalog)
{
	guint entries = 0;
	g_autofree char *after = g_strdup("");
	for (;; entries++) {
		g_auto(CatalogEntry) entry = {0};
		if (!catalog_next(catalog, after, &entry))
			return entries;
		g_assert_cmpint(strcmp(entry.path, after), >, 0);
		g_free(after);
		after = g_strdup(entry.path);
	}
}

static void test_catalog(void)
{
	Catalog *catalog = catalog_new();
	GRefString *text = g_ref_string_new("{}");
	catalog_put(catalog, "storage/local", text);
	catalog_put(catalog, "image/tiny", text);
	catalog_put(catalog, "image/tiny", text);
	g_assert_cmpuint(count_entries(catalog), ==, 2);
	catalog_put(catalog, "image/tiny", NULL);
	catalog_put(catalog, "image/never", NULL);
	g_assert_null(catalog_ref(catalog, "image/tiny"));
	GRefString *found = catalog_ref(catalog, "storage/local");
	g_assert_cmpstr(found, ==, "{}");
	g_ref_string_release(found);
	g_ref_string_release(text);
	/* Of tasks that have ended the newest stay, and all that go on. */
	for (guint id = 1; id <= 200; id++)
		put_task(catalog, id, FALSE);
	g_assert_cmpuint(count_entries(catalog), ==, 201);
	for (guint id = 1; id <= 100; id++) {
		put_task(catalog, id, TRUE);
		put_task(catalog, id, TRUE);
	}
	g_assert_cmpuint(count_entries(catalog), ==, 1 + 100 + 50);
	g_assert_null(catalog_ref(catalog, "task/50"));
	found = catalog_ref(catalog, "task/51");
	g_assert_cmpstr(found, ==, "ended");
	g_ref_string_release(found);
	catalog_free(catalog);
}

static void test_tickets(void)
{
	g_autoptr(Principal) root = principal_new_root();
	g_autoptr(GError) error = NULL;
	Ticket wish = {root, 100, CONSOLE_SERIAL, .port = 2, .writer = TRUE};
	g_autofree char *first = tickets_make(&wish, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(strlen(first), ==, 43);
	g_autofree char *second = tickets_make(&wish, &error);
	g_assert_cmpstr(first, !=, second);

	g_autoptr(Principal) found = tickets_find(first, &error);
	g_assert_true(found == root);
	g_auto(Ticket) used = {0};
	g_assert_true(tickets_use(first, &used, &error));
	g_assert_cmpint(used.vm, ==, 100);
	g_assert_cmpuint(used.port, ==, 2);
	g_assert_true(used.writer);
	g_auto(Ticket) again = {0};
	g_assert_false(tickets_use(first, &again, &error));
	g_assert_error(error, ERROR, ERROR_UNAUTHORIZED);
	g_clear_error(&error);
	g_assert_null(tickets_find(first, &error));
	g_clear_error(&error);
	g_assert_null(tickets_find("", &error));
	g_clear_error(&error);

	/* One user's tickets push out only his own. */
	for (guint i = 0; i < 31; i++) {
		g_autofree char *more = tickets_make(&wish, &error);
		g_assert_no_error(error);
	}
	g_autoptr(Principal) still = tickets_find(second, &error);
	g_assert_nonnull(still);
	g_autofree char *more = tickets_make(&wish, &error);
	g_assert_null(tickets_find(second, &error));
	g_assert_error(error, ERROR, ERROR_UNAUTHORIZED);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/feed/each object comes once, at its last change", test_order);
	g_test_add_func("/feed/who falls off the ring is behind, and nobody else", test_behind);
	g_test_add_func("/feed/a guest's former tags are told to who has not heard of them", test_tags);
	g_test_add_func("/feed/tags that change for ever are bounded", test_many_tags);
	g_test_add_func("/catalog/objects in order, and the newest of the tasks that have ended", test_catalog);
	g_test_add_func("/tickets/a ticket opens once, and nobody has too many", test_tickets);
	return g_test_run();
}
