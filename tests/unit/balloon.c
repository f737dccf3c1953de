/* What a guest says of its memory, and what is taken back of whom. */
#include <glib.h>

#include "base/json.h"
#include "guest/resources/balloon.h"

#define MIB (G_GINT64_CONSTANT(1) << 20)
#define GIB (G_GINT64_CONSTANT(1) << 30)

static void test_reports(void)
{
	static const struct {
		const char *stats;
		gint64 total, used;
	} cases[] = {
		{"{\"stat-total-memory\":1000,\"stat-available-memory\":600,\"stat-free-memory\":300}", 1000, 400},
		{"{\"stat-total-memory\":1000,\"stat-free-memory\":300}", 1000, 700},
		/* What the driver does not know is all ones. */
		{"{\"stat-total-memory\":1000,\"stat-available-memory\":18446744073709551615,\"stat-free-memory\":300}",
		 1000, 700},
		{"{\"stat-total-memory\":1000}", 0, 0},
		/* A guest says what it wants. */
		{"{\"stat-total-memory\":5000,\"stat-available-memory\":1}", 0, 0},
		{"{\"stat-total-memory\":1000,\"stat-available-memory\":2000}", 0, 0},
		{"{\"stat-total-memory\":-5,\"stat-available-memory\":-9}", 0, 0},
		{"{\"stat-total-memory\":\"much\",\"stat-available-memory\":[]}", 0, 0},
		{"[]", 0, 0},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		json_auto json_object *stats = json_tokener_parse(cases[i].stats);
		BalloonReport report = balloon_read_report(stats, 2000);
		g_test_message("%s", cases[i].stats);
		g_assert_cmpint(report.total, ==, cases[i].total);
		g_assert_cmpint(report.used, ==, cases[i].used);
	}
}

static void test_shortage(void)
{
	/* 100 GiB, 80 % may be used, 84 are: 4 GiB are lacking, of guests that can give 6, 2 and nothing. */
	BalloonGuest guests[] = {{48 * GIB, 42 * GIB, 0}, {32 * GIB, 28 * GIB, 2 * GIB}, {8 * GIB, 8 * GIB, 0}};
	balloon_decide(100 * GIB, 16 * GIB, 80, guests, 3);
	g_assert_cmpint(guests[0].taken, ==, 3 * GIB);
	g_assert_cmpint(guests[1].taken, ==, 3 * GIB);
	g_assert_cmpint(guests[2].taken, ==, 0);
}

static void test_floor(void)
{
	/* However short the node is, in steps, and never below the floor. */
	BalloonGuest guest = {1 * GIB, 300 * MIB, 0};
	for (guint i = 0; i < 100; i++) {
		gint64 before = guest.taken;
		balloon_decide(100 * GIB, 0, 1, &guest, 1);
		g_assert_cmpint(guest.taken - before, <=, 128 * MIB);
		g_assert_cmpint(guest.memory - guest.taken, >=, guest.min);
	}
	g_assert_cmpint(guest.taken, ==, 724 * MIB);
	/* A floor that was raised is given at once. */
	guest.min = 900 * MIB;
	balloon_decide(100 * GIB, 0, 1, &guest, 1);
	g_assert_cmpint(guest.taken, ==, 124 * MIB);
}

static void test_plenty(void)
{
	BalloonGuest guest = {1 * GIB, 300 * MIB, 500 * MIB};
	/* Just below the mark nothing moves, so that nothing swings. */
	balloon_decide(100 * GIB, 21 * GIB, 80, &guest, 1);
	g_assert_cmpint(guest.taken, ==, 500 * MIB);
	for (guint i = 0; i < 100; i++)
		balloon_decide(100 * GIB, 60 * GIB, 80, &guest, 1);
	g_assert_cmpint(guest.taken, ==, 0);
	balloon_decide(100 * GIB, 60 * GIB, 80, NULL, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/balloon/what a guest says is checked", test_reports);
	g_test_add_func("/balloon/a node that is short takes from each what it has above its floor", test_shortage);
	g_test_add_func("/balloon/no guest goes below its floor", test_floor);
	g_test_add_func("/balloon/a node that has plenty gives it back", test_plenty);
	return g_test_run();
}
