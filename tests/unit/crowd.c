/* Nobody takes all of the server's threads. */
#include "api/crowd.h"
#include "base/error.h"

static const Route quick = {.method = "GET"}, waiting = {.method = "GET", .waits = TRUE};

typedef struct Entered {
	Crowd *crowd;
	Request request;
	Principal principal;
	Call call;
} Entered;

/* user NULL: one without a credential. NULL if it was not let in. */
static Entered *enter(Crowd *crowd, const char *user, const char *address, const Route *route, gboolean familiar)
{
	g_autoptr(GError) error = NULL;
	Entered *entered = g_new0(Entered, 1);
	entered->crowd = crowd;
	entered->request = (Request){.front = *address != 0, .address = address};
	entered->principal = (Principal){.user = (char *)user};
	entered->call =
		(Call){.request = &entered->request, .principal = user ? &entered->principal : NULL, .route = route};
	if (crowd_enter(crowd, &entered->call, familiar, &error))
		return entered;
	g_assert_error(error, ERROR, ERROR_TOO_MANY);
	g_assert_nonnull(error_hint(error));
	g_free(entered);
	return NULL;
}

static void leave(gpointer data)
{
	Entered *entered = data;
	crowd_leave(entered->crowd, &entered->call);
	g_free(entered);
}

/* How many are let in; they stay until the list is freed. */
static guint enter_many(GPtrArray *inside, guint count, Crowd *crowd, const char *user, const char *address,
			const Route *route)
{
	guint before = inside->len;
	for (guint i = 0; i < count; i++) {
		Entered *entered = enter(crowd, user, address, route, FALSE);
		if (entered)
			g_ptr_array_add(inside, entered);
	}
	return inside->len - before;
}

static void test_one_user(void)
{
	Crowd *crowd = crowd_new();
	for (guint round = 0; round < 3; round++) {
		g_autoptr(GPtrArray) inside = g_ptr_array_new_with_free_func(leave);
		g_assert_cmpuint(enter_many(inside, 10, crowd, "ann", "192.0.2.1", &quick), ==, 10);
		/* Wherever it comes from, whatever it asks. */
		g_assert_cmpuint(enter_many(inside, 40, crowd, "ann", "192.0.2.2", &waiting), ==, CROWD_OF_ONE - 10);
		g_assert_cmpuint(enter_many(inside, 5, crowd, "ben", "192.0.2.1", &quick), ==, 5);
		g_ptr_array_remove_index(inside, 0);
		g_assert_cmpuint(enter_many(inside, 10, crowd, "ann", "192.0.2.1", &quick), ==, 1);
	}
	crowd_free(crowd);
}

static void test_waiting(void)
{
	Crowd *crowd = crowd_new();
	for (guint round = 0; round < 3; round++) {
		g_autoptr(GPtrArray) inside = g_ptr_array_new_with_free_func(leave);
		g_assert_cmpuint(enter_many(inside, 30, crowd, "ann", "192.0.2.1", &waiting), ==, 30);
		g_assert_cmpuint(enter_many(inside, 30, crowd, "ben", "192.0.2.1", &waiting), ==, CROWD_WAITING - 30);
		g_assert_cmpuint(enter_many(inside, 1, crowd, "cleo", "192.0.2.1", &waiting), ==, 0);
		/* What does not wait, goes on. */
		g_assert_cmpuint(enter_many(inside, 1, crowd, "cleo", "192.0.2.1", &quick), ==, 1);
		g_ptr_array_remove_index(inside, 0);
		g_assert_cmpuint(enter_many(inside, 2, crowd, "cleo", "192.0.2.1", &waiting), ==, 1);
	}
	crowd_free(crowd);
}

static void test_strangers(void)
{
	Crowd *crowd = crowd_new();
	for (guint round = 0; round < 3; round++) {
		g_autoptr(GPtrArray) inside = g_ptr_array_new_with_free_func(leave);
		guint entered = 0;
		g_assert_cmpuint(enter_many(inside, 10, crowd, NULL, "192.0.2.1", &quick), ==, CROWD_OF_STRANGER);
		for (guint i = 2; i < 30; i++) {
			g_autofree char *address = g_strdup_printf("192.0.2.%u", i);
			entered += enter_many(inside, 1, crowd, NULL, g_intern_string(address), &quick);
		}
		g_assert_cmpuint(entered, ==, CROWD_STRANGERS - CROWD_OF_STRANGER);
		/* Those from where somebody is signed in have places of their own. */
		Entered *known = enter(crowd, NULL, "198.51.100.1", &quick, TRUE);
		g_assert_nonnull(known);
		g_ptr_array_add(inside, known);
		/* Who has signed in is none, also from a crowded address. */
		g_assert_cmpuint(enter_many(inside, 40, crowd, "ann", "192.0.2.1", &quick), ==, CROWD_OF_ONE);
	}
	crowd_free(crowd);
}

static void test_network(void)
{
	Crowd *crowd = crowd_new();
	g_autoptr(GPtrArray) inside = g_ptr_array_new_with_free_func(leave);
	guint entered = 0;
	for (guint i = 1; i < 30; i++) {
		g_autofree char *address = g_strdup_printf("2001:db8:0:1::%x", i);
		entered += enter_many(inside, 1, crowd, NULL, g_intern_string(address), &quick);
	}
	g_assert_cmpuint(entered, ==, CROWD_OF_STRANGER);
	g_assert_cmpuint(enter_many(inside, 1, crowd, NULL, "2001:db8:0:2::1", &quick), ==, 1);
	g_clear_pointer(&inside, g_ptr_array_unref);
	crowd_free(crowd);
}

static void test_local(void)
{
	Crowd *crowd = crowd_new();
	g_autoptr(GPtrArray) inside = g_ptr_array_new_with_free_func(leave);
	g_assert_cmpuint(enter_many(inside, 100, crowd, "root", "", &waiting), ==, 100);
	g_assert_cmpuint(enter_many(inside, 1, crowd, "ann", "192.0.2.1", &waiting), ==, 1);
	g_clear_pointer(&inside, g_ptr_array_unref);
	crowd_free(crowd);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/crowd/one user has so many places, by whatever it comes", test_one_user);
	g_test_add_func("/crowd/those that wait are fewer than there are threads", test_waiting);
	g_test_add_func("/crowd/who has no credential has a few places an address, and in all", test_strangers);
	g_test_add_func("/crowd/a network of IPv6 is one address", test_network);
	g_test_add_func("/crowd/the local socket is not counted", test_local);
	return g_test_run();
}
