/* What guests do by themselves is reacted to on a few threads, which all guests share. */
#include "guests-fixture.h"

static GAsyncQueue *begun, *go;
static gint runs;

static void hold(Vm *vm, gpointer data)
{
	(void)vm, (void)data;
	g_async_queue_push(begun, begun);
	g_async_queue_pop(go);
}

static void count(Vm *vm, gpointer data)
{
	(void)vm, (void)data;
	g_atomic_int_inc(&runs);
}

static void test_a_flood_of_the_same_is_one_reaction(Fixture *fixture, gconstpointer data)
{
	enum { THREADS_MAX = 64, FLOOD = 10000 };
	guint held = 0;
	(void)data;
	Guests *guests = fixture->services.guests;
	begun = g_async_queue_new();
	go = g_async_queue_new();
	put_guest(fixture, 100, "{\"id\":100,\"name\":\"web\"}");
	put_guest(fixture, 101, "{\"id\":101,\"name\":\"db\"}");
	g_autoptr(Vm) web = guests_get(guests, 100);
	g_autoptr(Vm) db = guests_get(guests, 101);
	/* As many as there are threads: each has an argument of its own. */
	for (guint i = 0; i < THREADS_MAX; i++)
		guests_react(guests, vm_ref(web), hold, GUINT_TO_POINTER(i));
	while (g_async_queue_timeout_pop(begun, G_USEC_PER_SEC / 5))
		held++;
	g_assert_cmpuint(held, <, THREADS_MAX);
	for (guint i = 0; i < FLOOD; i++)
		guests_react(guests, vm_ref(web), count, NULL);
	guests_react(guests, vm_ref(db), count, NULL);
	guests_react(guests, vm_ref(web), count, &runs);
	for (guint i = 0; i < THREADS_MAX; i++)
		g_async_queue_push(go, go);
	guests_free(guests); /* waits for all of them */
	g_assert_cmpint(runs, ==, 3);
	guests_new(&fixture->services, NULL);
	g_async_queue_unref(begun);
	g_async_queue_unref(go);
}

#define TEST(name) g_test_add("/reactions/" #name, Fixture, NULL, set_up, test_##name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST(a_flood_of_the_same_is_one_reaction);
	return g_test_run();
}
