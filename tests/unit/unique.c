/* Who a guest is: what two of them share is found however it came there, shown, and not started. */
#include "guest/unique.h"

#include "base/error.h"
#include "guests-fixture.h"

#define WEB                                                                                                           \
	"{\"id\":100,\"name\":\"web\",\"uuid\":\"00000000-0000-4000-8000-000000000001\","                             \
	"\"nics\":{\"nic0\":{\"mac\":\"52:54:00:00:00:01\"}},"                                                        \
	"\"disks\":{\"disk0\":{\"serial\":\"aaaa\",\"wwn\":\"0x5000000000000001\"}}}"
/* Another guest, with the first one's card. */
#define MAIL                                                                                                          \
	"{\"id\":101,\"name\":\"mail\",\"uuid\":\"00000000-0000-4000-8000-000000000002\","                            \
	"\"nics\":{\"nic0\":{\"mac\":\"52:54:00:00:00:01\"}},\"disks\":{\"disk0\":{\"serial\":\"bbbb\"}}}"
#define ALONE                                                                                                         \
	"{\"id\":101,\"name\":\"mail\",\"uuid\":\"00000000-0000-4000-8000-000000000002\","                            \
	"\"nics\":{\"nic0\":{\"mac\":\"52:54:00:00:00:02\"}},\"disks\":{\"disk0\":{\"serial\":\"bbbb\"}}}"

static gboolean is_shared(Fixture *fixture, gint64 id)
{
	g_autoptr(Vm) vm = guests_get(fixture->services.guests, id);
	g_assert_nonnull(vm);
	/* What the guest's row says is what the index says. */
	g_assert_cmpint(vm->shared, ==, unique_is_shared(guests_unique(fixture->services.guests), id));
	return vm->shared;
}

static gboolean may_start(Fixture *fixture, gint64 id)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Vm) vm = guests_get(fixture->services.guests, id);
	gboolean may = unique_check_start(vm, &error);
	g_assert_true(may || g_error_matches(error, ERROR, ERROR_CONFLICT));
	return may;
}

static void test_sharing_is_seen_on_both_sides(Fixture *fixture, gconstpointer data)
{
	(void)data;
	put_guest(fixture, 100, WEB);
	put_guest(fixture, 101, ALONE);
	g_assert_false(is_shared(fixture, 100));
	put_guest(fixture, 101, MAIL);
	g_assert_true(is_shared(fixture, 100));
	g_assert_true(is_shared(fixture, 101));
	put_guest(fixture, 101, ALONE);
	g_assert_false(is_shared(fixture, 100));
	put_guest(fixture, 101, MAIL);
	put_guest(fixture, 101, NULL);
	g_assert_false(is_shared(fixture, 100));
}

static void test_of_three_two_share_on(Fixture *fixture, gconstpointer data)
{
	(void)data;
	for (gint64 id = 100; id < 103; id++) {
		g_autofree char *text =
			g_strdup_printf("{\"id\":%d,\"name\":\"g%d\",\"uuid\":\"u\"}", (int)id, (int)id);
		put_guest(fixture, id, text);
	}
	put_guest(fixture, 101, NULL);
	g_assert_true(is_shared(fixture, 100));
	g_assert_true(is_shared(fixture, 102));
	put_guest(fixture, 100, NULL);
	g_assert_false(is_shared(fixture, 102));
}

static void test_the_oldest_starts(Fixture *fixture, gconstpointer data)
{
	(void)data;
	/* Whatever the order in which they come. */
	put_guest(fixture, 101, MAIL);
	put_guest(fixture, 100, WEB);
	g_assert_true(may_start(fixture, 100));
	g_assert_false(may_start(fixture, 101));
	/* One that runs keeps what it has. */
	g_autoptr(Vm) mail = guests_get(fixture->services.guests, 101);
	mail->state = VM_RUNNING;
	g_assert_false(may_start(fixture, 100));
	mail->state = VM_STOPPED;
}

static void test_a_new_value_is_checked_and_an_old_one_is_not(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *mail = parse(MAIL), *alone = parse(ALONE);
	(void)data;
	put_guest(fixture, 100, WEB);
	g_assert_true(unique_check(&fixture->services, NULL, alone, &error));
	g_assert_no_error(error);
	g_assert_false(unique_check(&fixture->services, alone, mail, &error));
	g_assert_error(error, ERROR, ERROR_EXISTS);
	g_assert_cmpstr(error_field(error), ==, "nics.nic0.mac");
	g_clear_error(&error);
	/* It may be changed otherwise, so that it can be mended. */
	g_assert_true(unique_check(&fixture->services, mail, mail, &error));
	g_assert_no_error(error);
}

static void test_conflicts_name_what_and_whose(Fixture *fixture, gconstpointer data)
{
	(void)data;
	put_guest(fixture, 100, WEB);
	put_guest(fixture, 101, MAIL);
	json_auto json_object *mail = parse(MAIL);
	json_auto json_object *conflicts = unique_conflicts(guests_unique(fixture->services.guests), 101, mail);
	g_assert_cmpstr(json_object_to_json_string_ext(conflicts, JSON_C_TO_STRING_PLAIN), ==,
			"[{\"path\":\"nics.nic0.mac\",\"value\":\"52:54:00:00:00:01\",\"vm\":100}]");
}

static void test_what_is_shared_is_renewed(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	(void)data;
	put_guest(fixture, 100, WEB);
	put_guest(fixture, 101, MAIL);
	json_auto json_object *mail = parse(MAIL), *nothing = parse("{}"), *serials = parse("{\"serials\":true}");
	json_auto json_object *renewed = unique_renew(&fixture->services, mail, nothing, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(json_object_get_string(json_get_path(renewed, "nics.nic0.mac")), !=, "52:54:00:00:00:01");
	g_assert_true(json_equal(json_get(renewed, "uuid"), json_get(mail, "uuid")));
	g_assert_true(json_equal(json_get(renewed, "disks"), json_get(mail, "disks")));
	/* Then nothing is left to mend. */
	put_guest(fixture, 101, json_object_to_json_string(renewed));
	json_auto json_object *again = unique_renew(&fixture->services, renewed, nothing, &error);
	g_assert_null(again);
	g_assert_error(error, ERROR, ERROR_CONFLICT);
	g_clear_error(&error);
	/* What is named is renewed in any case, with what follows from it, and nothing else. */
	json_auto json_object *web = parse(WEB);
	json_auto json_object *other = unique_renew(&fixture->services, web, serials, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(json_object_get_string(json_get_path(other, "disks.disk0.serial")), !=, "aaaa");
	g_assert_cmpstr(json_object_get_string(json_get_path(other, "disks.disk0.wwn")), !=, "0x5000000000000001");
	g_assert_true(json_equal(json_get(other, "nics"), json_get(web, "nics")));
	g_assert_true(json_equal(json_get(other, "uuid"), json_get(web, "uuid")));
}

#define TEST(name) g_test_add("/unique/" #name, Fixture, NULL, set_up, test_##name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST(sharing_is_seen_on_both_sides);
	TEST(of_three_two_share_on);
	TEST(the_oldest_starts);
	TEST(a_new_value_is_checked_and_an_old_one_is_not);
	TEST(conflicts_name_what_and_whose);
	TEST(what_is_shared_is_renewed);
	return g_test_run();
}
