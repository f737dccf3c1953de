/* Access: documents, sessions, tokens, restarts, and who is let in when. */
#include "access-fixture.h"

static void test_sign_in(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_person(f, "ann", "/ admin");
	g_auto(Login) login = {0};
	g_assert_true(access_login(f->access, "ann", PASSWORD, "192.0.2.1", "Firefox", &login, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(strlen(login.secret), ==, 43);
	g_assert_cmpuint(strlen(login.csrf), ==, 43);
	g_assert_cmpuint(strspn(login.secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), ==, 43);
	g_assert_cmpstr(login.user, ==, "ann");
	g_assert_cmpint(login.expires_us, ==, test_real_us() + 7 * 24 * HOUR_US);

	g_autoptr(Principal) principal = access_by_session(f->access, login.secret, "192.0.2.1", &error);
	g_assert_no_error(error);
	g_assert_cmpstr(principal->user, ==, "ann");
	g_assert_cmpstr(principal->csrf, ==, login.csrf);
	g_assert_cmpstr(principal->address, ==, "192.0.2.1");
	g_autofree char *via = principal_via(principal), *expected = g_strconcat("session:", principal->id, NULL);
	g_assert_cmpstr(via, ==, expected);
	g_assert_true(access_is_valid(f->access, principal));
	g_assert_true(may(f, principal, "access.manage", "/"));
	g_autofree char *user = access_session_user(f->access, principal->id);
	g_assert_cmpstr(user, ==, "ann");
	json_auto json_object *list = access_list_sessions(f->access, "ann", principal);
	g_assert_cmpuint(json_object_array_length(list), ==, 1);
	json_object *row = json_object_array_get_idx(list, 0);
	g_assert_true(json_get_bool(row, "current", FALSE));
	g_assert_cmpstr(json_get_str(row, "agent", ""), ==, "Firefox");
	g_assert_true(schema_check(&session_table, row, &error));

	guint generation = access_generation(f->access);
	g_assert_true(access_revoke_session(f->access, principal->id, &error));
	g_assert_cmpuint(access_generation(f->access), >, generation);
	g_assert_false(access_is_valid(f->access, principal));
	g_assert_false(may(f, principal, "access.manage", "/"));
	g_assert_null(access_by_session(f->access, login.secret, "192.0.2.1", &error));
	assert_fails(&error, ERROR_UNAUTHORIZED, "not valid");
	g_assert_false(access_revoke_session(f->access, principal->id, &error));
	assert_fails(&error, ERROR_NOT_FOUND, "no session");
}

static void test_tokens(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_user(f, "bob", "/vms operator");
	g_autofree char *secret = add_token(f, "bob", "/vms/100 user", NULL);
	g_autoptr(Principal) principal = by_token(f, secret);
	g_assert_nonnull(principal);
	g_assert_true(may(f, principal, "vm.power", "/vms/100"));
	g_assert_false(may(f, principal, "vm.power", "/vms/101"));
	g_assert_false(may(f, principal, "vm.configure", "/vms/100"));
	g_assert_true(access_delete(f->access, "token", principal->id, REV_ANY, "bob", &error));
	g_assert_null(by_token(f, secret));
	g_assert_false(access_is_valid(f->access, principal));
	g_assert_cmpuint(count_secrets(f, "token/"), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	static const struct {
		const char *name;
		void (*run)(Fixture *f, gconstpointer data);
	} tests[] = {
		{"/access/whoever signs in has a session until it is revoked", test_sign_in},
		{"/access/a token does what its user and its own grants allow until it is deleted", test_tokens},
	};
	for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
