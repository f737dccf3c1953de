/* Access: documents and what is checked of them, sessions, tokens, restarts, and many things at once. */
#include "access-fixture.h"

/* --- Sessions --- */

static void test_sign_in(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_person(f, "ann", "/ admin");
	g_auto(Login) login = {0};
	g_assert_true(access_login(f->access, "ann", PASSWORD, "192.0.2.1", "Firefox", &login, &error));
	g_assert_no_error(error);
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	g_assert_cmpuint(strlen(login.secret), ==, 43);
	g_assert_cmpuint(strspn(login.secret, letters), ==, 43);
	g_assert_cmpuint(strlen(login.csrf), ==, 43);
	g_assert_cmpstr(login.user, ==, "ann");
	g_assert_cmpint(login.expires_us, ==, test_real_us() + 7 * 24 * HOUR_US);

	g_autoptr(Principal) principal = access_by_session(f->access, login.secret, "192.0.2.1", &error);
	g_assert_no_error(error);
	g_assert_cmpint(principal->kind, ==, PRINCIPAL_SESSION);
	g_assert_cmpstr(principal->user, ==, "ann");
	g_assert_cmpstr(principal->csrf, ==, login.csrf);
	g_assert_cmpstr(principal->address, ==, "192.0.2.1");
	g_autofree char *via = principal_via(principal), *expected = g_strconcat("session:", principal->id, NULL);
	g_assert_cmpstr(via, ==, expected);
	g_assert_true(access_is_valid(f->access, principal));
	g_assert_true(may(f, principal, "access.manage", "/"));
	g_autofree char *user = access_session_user(f->access, principal->id);
	g_assert_cmpstr(user, ==, "ann");

	guint generation = access_generation(f->access);
	g_assert_true(access_revoke_session(f->access, principal->id, &error));
	g_assert_cmpuint(access_generation(f->access), >, generation);
	g_assert_false(access_is_valid(f->access, principal));
	g_assert_false(may(f, principal, "access.manage", "/"));
	g_assert_null(access_by_session(f->access, login.secret, "192.0.2.1", &error));
	assert_fails(&error, ERROR_UNAUTHORIZED, "not valid");
	g_assert_false(access_revoke_session(f->access, principal->id, &error));
	assert_fails(&error, ERROR_NOT_FOUND, "no session");
	reopen(f);
	g_assert_null(by_session(f, login.secret));
}

static void test_list_sessions(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_person(f, "ann", "");
	add_person(f, "bob", "");
	g_auto(Login) first = {0};
	g_assert_true(access_login(f->access, "ann", PASSWORD, "192.0.2.1", "Fire\nfox \xff\x1b[31m", &first, &error));
	pass(G_USEC_PER_SEC);
	g_autofree char *second = sign_in(f, "ann", "192.0.2.2"), *other = sign_in(f, "bob", "192.0.2.3");
	g_autoptr(Principal) asking = by_session(f, second);

	json_auto json_object *list = access_list_sessions(f->access, "ann", asking);
	g_assert_cmpuint(json_object_array_length(list), ==, 2);
	for (guint i = 0; i < 2; i++) {
		json_object *row = json_object_array_get_idx(list, i);
		g_assert_true(schema_check(&session_table, row, &error));
		g_assert_cmpstr(json_get_str(row, "user", ""), ==, "ann");
		g_assert_cmpint(json_get_bool(row, "current", FALSE), ==, i == 1);
	}
	json_object *row = json_object_array_get_idx(list, 0);
	g_assert_cmpstr(json_get_str(row, "address", ""), ==, "192.0.2.1");
	g_assert_cmpstr(json_get_str(row, "agent", ""), ==, "Fire fox \xef\xbf\xbd [31m");
	json_auto json_object *all = access_list_sessions(f->access, NULL, NULL);
	g_assert_cmpuint(json_object_array_length(all), ==, 3);
	g_assert_true(access_knows_address(f->access, "192.0.2.2"));
	g_assert_true(access_knows_address(f->access, "::ffff:192.0.2.2"));
	g_assert_false(access_knows_address(f->access, "192.0.2.4"));
	g_assert_true(access_revoke_session(f->access, asking->id, &error));
	g_assert_false(access_knows_address(f->access, "192.0.2.2"));
	g_autofree char *text = json_dup_text(all);
	const char *const secrets[] = {first.secret, first.csrf, second, other};
	for (guint i = 0; i < G_N_ELEMENTS(secrets); i++)
		g_assert_null(strstr(text, secrets[i]));
}

static void test_expiry(Fixture *f, gconstpointer data)
{
	(void)data;
	add_person(f, "ann", "");
	g_autofree char *idle = sign_in(f, "ann", ""), *busy = sign_in(f, "ann", "");
	g_autoptr(Principal) principal = by_session(f, idle);
	for (guint i = 0; i < 11; i++) {
		pass(HOUR_US);
		g_autoptr(Principal) used = by_session(f, busy);
		g_assert_nonnull(used);
	}
	g_assert_true(access_is_valid(f->access, principal));
	pass(HOUR_US); /* twelve without a use */
	g_assert_false(access_is_valid(f->access, principal));
	g_assert_null(by_session(f, idle));
	guint generation = access_generation(f->access);
	sweep(f->access);
	g_assert_cmpuint(access_generation(f->access), >, generation);
	g_assert_cmpuint(count_secrets(f, "session/"), ==, 1);
	for (guint i = 12; i < 7 * 24; i++) {
		g_autoptr(Principal) used = by_session(f, busy);
		g_assert_nonnull(used);
		pass(HOUR_US);
	}
	g_assert_null(by_session(f, busy)); /* a week in any case */

	/* Settings that get tighter hold at once. */
	g_autofree char *later = sign_in(f, "ann", "");
	pass(2 * 60 * (gint64)G_USEC_PER_SEC);
	g_autoptr(Principal) still = by_session(f, later);
	g_assert_nonnull(still);
	change(f, "setting", "access", "{\"session_lifetime\":60}");
	g_assert_null(by_session(f, later));
}

static void test_restart(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_person(f, "ann", "/ user");
	g_auto(Login) login = {0};
	g_assert_true(access_login(f->access, "ann", PASSWORD, "192.0.2.1", "x", &login, &error));
	g_autofree char *token = add_token(f, "ann", "", NULL);
	for (guint i = 0; i < 3; i++) { /* each use makes the idle time begin anew, over restarts too */
		pass(11 * HOUR_US);
		g_autoptr(Principal) used = by_session(f, login.secret);
		g_assert_nonnull(used);
		g_assert_cmpstr(used->csrf, ==, login.csrf);
		g_assert_true(may(f, used, "vm.read", "/"));
		reopen(f);
	}
	g_autoptr(Principal) by = by_token(f, token);
	g_assert_nonnull(by);
	pass(12 * HOUR_US);
	reopen(f);
	g_assert_null(by_session(f, login.secret));
	sweep(f->access);
	g_assert_cmpuint(count_secrets(f, "session/"), ==, 0);
}

/* What a daemon that was killed has not written is at most a few minutes of use. */
static void test_kill(Fixture *f, gconstpointer data)
{
	(void)data;
	add_person(f, "ann", "");
	g_autofree char *secret = sign_in(f, "ann", "");
	pass(6 * 60 * (gint64)G_USEC_PER_SEC);
	g_autoptr(Principal) used = by_session(f, secret);
	sweep(f->access);
	g_autofree char *name = g_strconcat("session/", used->id, NULL);
	g_autofree void *text = NULL;
	gsize length;
	g_assert_true(store_secret_get(f->store, name, &text, &length, NULL));
	g_autoptr(Session) session = session_from_text(used->id, text, length);
	g_assert_cmpint(session->last_used_us, ==, test_real_us());
	g_assert_null(strstr(text, secret));
}

static void test_many_sessions(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_person(f, "ann", "");
	g_autofree void *hash = NULL;
	gsize length;
	g_assert_true(store_secret_get(f->store, "password/ann", &hash, &length, NULL));
	Digest mark = digest_of(hash, length);
	g_autofree char *first = sign_in(f, "ann", "");
	g_autofree char *second = sign_in(f, "ann", "");
	g_autoptr(GPtrArray) secrets = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < SESSIONS_PER_USER_MAX - 1; i++) {
		pass(G_USEC_PER_SEC);
		g_autoptr(Principal) used = by_session(f, first); /* the second is the oldest that nobody uses */
		g_auto(Login) login = {0};
		g_assert_true(session_open(f->access, "ann", &mark, "", "", &login, &error));
		g_ptr_array_add(secrets, g_steal_pointer(&login.secret));
	}
	g_autoptr(Principal) kept = by_session(f, first);
	g_assert_nonnull(kept);
	g_assert_null(by_session(f, second));
	for (guint i = 0; i < secrets->len; i++) {
		g_autoptr(Principal) there = by_session(f, secrets->pdata[i]);
		g_assert_nonnull(there);
	}
	sweep(f->access);
	g_assert_cmpuint(count_secrets(f, "session/"), ==, SESSIONS_PER_USER_MAX);
}

static void test_disabled(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_person(f, "ann", "/ admin");
	g_autofree char *session = sign_in(f, "ann", ""), *token = add_token(f, "ann", "", NULL);
	g_autoptr(Principal) one = by_session(f, session), two = by_token(f, token);
	change(f, "user", "ann", "{\"enabled\":false}");
	g_assert_false(access_is_valid(f->access, one));
	g_assert_false(access_is_valid(f->access, two));
	g_assert_false(may(f, two, "vm.read", "/"));
	g_assert_null(by_session(f, session));
	g_assert_null(by_token(f, token));
	g_assert_false(login(f, "ann", PASSWORD, "", &error));
	assert_fails(&error, ERROR_UNAUTHORIZED, "wrong");
	change(f, "user", "ann", "{\"enabled\":true}");
	g_assert_null(by_session(f, session)); /* has ended, */
	g_autoptr(Principal) again = by_token(f, token); /* while tokens come back with their user */
	g_assert_nonnull(again);
}

/* --- Tokens --- */

static void test_tokens(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_user(f, "bob", "/vms operator");
	g_autofree char *secret = add_token(f, "bob", "/vms/100 user", NULL);
	g_assert_cmpuint(strlen(secret), ==, 5 + 12 + 1 + 43);
	g_autoptr(Principal) principal = by_token(f, secret);
	g_assert_nonnull(principal);
	g_assert_null(principal->csrf);
	g_assert_true(may(f, principal, "vm.power", "/vms/100"));
	g_assert_false(may(f, principal, "vm.power", "/vms/101"));
	g_assert_false(may(f, principal, "vm.configure", "/vms/100"));
	regrant(f, "bob", "/vms/101 operator"); /* what its user loses, it loses */
	g_assert_false(may(f, principal, "vm.power", "/vms/100"));
	g_assert_false(may(f, principal, "vm.power", "/vms/101"));

	json_auto json_object *document = access_get(f->access, "token", principal->id, NULL, &error);
	g_assert_no_error(error);
	g_assert_true(schema_check(&token_table, document, &error));
	g_assert_cmpstr(json_get_str(document, "id", ""), ==, principal->id);
	g_assert_nonnull(json_get_str(document, "last_used", NULL));
	g_autofree char *text = json_dup_text(document);
	g_assert_null(strstr(text, secret + 18));
	g_assert_cmpint(try_change(f, "token", principal->id, "{}", &error), ==, 0);
	assert_fails(&error, ERROR_UNSUPPORTED, "cannot change token");

	for (guint i = 0; i < strlen(secret); i++) {
		g_autofree char *wrong = g_strdup(secret);
		wrong[i] ^= 1;
		g_assert_null(by_token(f, wrong));
	}
	g_assert_true(access_delete(f->access, "token", principal->id, REV_ANY, "bob", &error));
	g_assert_null(by_token(f, secret));
	g_assert_false(access_is_valid(f->access, principal));
	g_assert_cmpuint(count_secrets(f, "token/"), ==, 0);
}

static void test_token_expiry(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_user(f, "bob", "/ user");
	g_autofree char *end = time_to_text(test_real_us() + HOUR_US), *past = time_to_text(test_real_us());
	g_autofree char *secret = add_token(f, "bob", "", end);
	g_autoptr(Principal) principal = by_token(f, secret);
	g_assert_true(may(f, principal, "vm.read", "/"));
	guint generation = access_generation(f->access);
	pass(HOUR_US - 1);
	sweep(f->access);
	g_assert_true(access_is_valid(f->access, principal));
	g_assert_cmpuint(access_generation(f->access), ==, generation);
	pass(1);
	g_assert_false(access_is_valid(f->access, principal));
	g_assert_false(may(f, principal, "vm.read", "/"));
	g_assert_null(by_token(f, secret));
	for (guint i = 0; i < 2; i++) { /* whoever streams by it is told, once */
		sweep(f->access);
		g_assert_cmpuint(access_generation(f->access), ==, generation + 1);
	}
	json_auto json_object *input = json_object_new_object();
	json_set_str(input, "name", "late");
	json_set_str(input, "user", "bob");
	json_set_str(input, "expires", past);
	char *none = NULL;
	g_assert_null(access_create_token(f->access, input, "root", &none, &error));
	g_assert_cmpstr(error_field(error), ==, "expires");
	assert_fails(&error, ERROR_INVALID, "that is over");
	json_auto json_object *bare = parse("{\"name\":\"x\"}");
	g_assert_null(access_create_token(f->access, bare, "root", &none, &error));
	g_assert_cmpstr(error_field(error), ==, "user");
	assert_fails(&error, ERROR_INVALID, "for 'root': it has none");
	g_assert_null(access_create_token(f->access, bare, "ghost", &none, &error));
	g_assert_cmpstr(error_field(error), ==, "user");
	assert_fails(&error, ERROR_INVALID, "no such user");
	json_auto json_object *own = access_create_token(f->access, bare, "bob", &none, &error);
	g_assert_cmpstr(json_get_str(own, "user", ""), ==, "bob");
	g_free(none);
}

/* --- Documents --- */

static void test_documents(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_role(f, "starter", "[\"vm.power\",\"vm.read\"]");
	add_user(f, "ann", "/vms starter");
	static const struct {
		const char *kind, *input;
		ErrorCode code;
		const char *words;
	} refused[] = {
		{"user", "{\"name\":\"ann\"}", ERROR_EXISTS, "there is a user 'ann' already"},
		{"user", "{\"name\":\"root\"}", ERROR_INVALID, "root"},
		{"user", "{\"name\":\"Ann\"}", ERROR_INVALID, "lower-case"},
		{"user", "{\"name\":\"bob\",\"grants\":{\"a\":{\"path\":\"/\",\"role\":\"ghost\"}}}", ERROR_INVALID,
		 "no such role"},
		{"user", "{\"name\":\"bob\",\"grants\":{\"a\":{\"path\":\"/vms/../1\",\"role\":\"user\"}}}",
		 ERROR_INVALID, "/vms"},
		{"role", "{\"name\":\"admin\",\"privileges\":[]}", ERROR_EXISTS, "already"},
		{"role", "{\"name\":\"starter\",\"privileges\":[]}", ERROR_EXISTS, "already"},
		{"role", "{\"name\":\"x\",\"privileges\":[\"vm.fly\"]}", ERROR_INVALID, "privilege"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
		json_auto json_object *input = parse(refused[i].input);
		g_assert_cmpint(try_create(f, refused[i].kind, input, &error), ==, 0);
		assert_fails(&error, refused[i].code, refused[i].words);
	}

	json_auto json_object *users = access_list(f->access, "user");
	g_assert_cmpuint(json_object_array_length(users), ==, 1);
	json_object *ann = json_object_array_get_idx(users, 0);
	g_assert_true(schema_check(&user_table, ann, &error));
	g_assert_nonnull(json_get_str(ann, "created", NULL));
	json_auto json_object *roles = access_list(f->access, "role");
	g_assert_cmpuint(json_object_array_length(roles), ==, 5);
	for (guint i = 0; i < 5; i++) {
		json_object *role = json_object_array_get_idx(roles, i);
		const char *name = json_get_str(role, "name", "");
		g_assert_true(schema_check(&role_table, role, &error));
		g_assert_cmpint(json_get_bool(role, "builtin", TRUE), ==, !g_str_equal(name, "starter"));
	}
	gint64 rev = -1;
	json_auto json_object *builtin = access_get(f->access, "role", "admin", &rev, &error);
	g_assert_cmpint(rev, ==, 0);
	g_assert_cmpuint(json_object_array_length(json_get(builtin, "privileges")), ==, PRIVILEGE_COUNT - 1);
	g_assert_cmpint(try_change(f, "role", "admin", "{\"privileges\":[]}", &error), ==, 0);
	assert_fails(&error, ERROR_CONFLICT, "always there");
	g_assert_cmpint(try_change(f, "user", "ghost", "{}", &error), ==, 0);
	assert_fails(&error, ERROR_NOT_FOUND, "no user 'ghost'");
	g_assert_cmpint(try_change(f, "user", "ann", "{\"name\":\"eve\"}", &error), ==, 0);
	g_clear_error(&error);

	/* Stale revisions, also of what is gone. */
	json_auto json_object *present = access_get(f->access, "user", "ann", &rev, &error);
	change(f, "user", "ann", "{\"full_name\":\"Ann\"}");
	g_assert_cmpint(access_commit(f->access, "user", "ann", rev, present, "root", &error), ==, 0);
	assert_fails(&error, ERROR_STALE, "has changed since");
	g_assert_false(access_delete(f->access, "user", "ann", rev, "root", &error));
	assert_fails(&error, ERROR_STALE, "has changed since");
	g_assert_true(access_delete(f->access, "user", "ann", REV_ANY, "root", &error));
	g_assert_cmpint(access_commit(f->access, "user", "ann", REV_ANY, present, "root", &error), ==, 0);
	assert_fails(&error, ERROR_NOT_FOUND, "no user");
	g_assert_null(access_get(f->access, "user", "ann", NULL, &error));
	assert_fails(&error, ERROR_NOT_FOUND, "no user");
}

static void test_roles_in_use(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_role(f, "starter", "[\"vm.power\",\"vm.read\"]");
	add_user(f, "ann", "/vms starter");
	g_autofree char *secret = add_token(f, "ann", "/vms/100 starter", NULL);
	g_autoptr(Principal) principal = by_token(f, secret);
	g_assert_true(may(f, principal, "vm.power", "/vms/100"));
	change(f, "role", "starter", "{\"privileges\":[\"vm.read\"]}");
	g_assert_false(may(f, principal, "vm.power", "/vms/100"));
	g_assert_true(may(f, principal, "vm.read", "/vms/100"));

	g_assert_false(access_check_delete(f->access, "role", "starter", &error));
	assert_fails(&error, ERROR_CONFLICT, "granted to");
	g_assert_false(access_delete(f->access, "role", "starter", REV_ANY, "root", &error));
	g_assert_nonnull(strstr(error->message, "token '"));
	assert_fails(&error, ERROR_CONFLICT, "user 'ann'");
	regrant(f, "ann", "");
	g_assert_false(access_delete(f->access, "role", "starter", REV_ANY, "root", &error));
	assert_fails(&error, ERROR_CONFLICT, "of 'ann'");
	g_assert_true(access_delete(f->access, "token", principal->id, REV_ANY, "root", &error));
	g_assert_true(access_check_delete(f->access, "role", "starter", &error));
	g_assert_true(access_delete(f->access, "role", "starter", REV_ANY, "root", &error));
	g_assert_false(access_delete(f->access, "role", "admin", REV_ANY, "root", &error));
	assert_fails(&error, ERROR_CONFLICT, "always there");
	for (guint i = 0; i < 8; i++) {
		g_autofree char *name = g_strdup_printf("u%u", i);
		if (i == 0)
			add_role(f, "shared", "[]");
		add_user(f, name, "/ shared");
	}
	g_assert_false(access_delete(f->access, "role", "shared", REV_ANY, "root", &error));
	assert_fails(&error, ERROR_CONFLICT, "and 3 more");
}

static void test_deleted_user(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_person(f, "ann", "/ admin");
	add_person(f, "bob", "/ user");
	g_autofree char *session = sign_in(f, "ann", ""), *token = add_token(f, "ann", "", NULL);
	g_autofree char *other = add_token(f, "bob", "", NULL);
	g_autoptr(Principal) principal = by_session(f, session);
	g_assert_true(access_delete(f->access, "user", "ann", REV_ANY, "root", &error));
	g_assert_no_error(error);
	g_assert_cmpuint(count_secrets(f, ""), ==, 2); /* bob's password and token */
	add_user(f, "ann", "/ admin"); /* another person of that name */
	for (guint i = 0; i < 2; i++) {
		g_assert_null(by_session(f, session));
		g_assert_null(by_token(f, token));
		g_assert_false(access_is_valid(f->access, principal));
		g_assert_false(login(f, "ann", PASSWORD, "", NULL));
		g_autoptr(Principal) there = by_token(f, other);
		g_assert_nonnull(there);
		reopen(f);
	}
	g_assert_false(access_delete(f->access, "user", "ghost", REV_ANY, "root", &error));
	assert_fails(&error, ERROR_NOT_FOUND, "no user 'ghost'");
}

/* Whoever commits, access follows. */
static void test_following(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_user(f, "ann", "/ admin");
	g_autofree char *secret = add_token(f, "ann", "", NULL);
	g_autoptr(Principal) principal = by_token(f, secret);
	json_auto json_object *document = access_get(f->access, "user", "ann", NULL, &error);
	json_set(document, "grants", grants_of("/vms/100 user, /vms/101 ghost"));
	g_autoptr(Batch) batch = batch_new("another", 0);
	batch_put(batch, "user/ann", REV_ANY, document);
	g_assert_cmpint(store_commit(f->store, batch, &error), >, 0);
	g_assert_false(may(f, principal, "vm.delete", "/vms/100"));
	g_assert_true(may(f, principal, "vm.power", "/vms/100"));
	g_assert_false(may(f, principal, "vm.power", "/vms/101")); /* a role that is not there gives nothing */

	/* Not even a document makes a built-in role another, nor a token without its secret a way in. */
	json_auto json_object *role = parse("{\"name\":\"user\",\"privileges\":[\"vm.delete\"]}");
	json_auto json_object *token = parse("{\"id\":\"aaaaaaaaaaaa\",\"user\":\"ann\",\"name\":\"x\"}");
	g_autoptr(Batch) more = batch_new("another", 0);
	batch_put(more, "role/user", REV_ANY, role);
	batch_put(more, "token/aaaaaaaaaaaa", REV_ANY, token);
	g_assert_cmpint(store_commit(f->store, more, &error), >, 0);
	for (guint i = 0; i < 2; i++) {
		g_assert_false(may(f, principal, "vm.delete", "/vms/100"));
		g_assert_true(may(f, principal, "vm.power", "/vms/100"));
		g_autoptr(Principal) forged =
			by_token(f, "yado_aaaaaaaaaaaa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
		g_assert_null(forged);
		reopen(f);
	}
}

static void on_change(gpointer data)
{
	__atomic_add_fetch((guint *)data, 1, __ATOMIC_SEQ_CST);
}

static void test_watches(Fixture *f, gconstpointer data)
{
	(void)data;
	guint calls = 0;
	access_add_watch(f->access, on_change, &calls);
	guint generation = access_generation(f->access);
	add_person(f, "ann", "/ user");
	g_assert_cmpuint(calls, ==, 2); /* the user, the password */
	change(f, "setting", "access", "{\"session_idle\":600}");
	regrant(f, "ann", "");
	g_autofree char *token = add_token(f, "ann", "", NULL), *session = sign_in(f, "ann", "");
	g_autoptr(Principal) principal = by_session(f, session);
	guint before = calls;
	g_assert_true(access_revoke_session(f->access, principal->id, NULL));
	g_assert_cmpuint(calls, ==, before + 1);
	g_assert_cmpuint(access_generation(f->access) - generation, ==, calls);
}

static void test_admins(Fixture *f, gconstpointer data)
{
	(void)data;
	add_role(f, "everything", "[]");
	json_auto json_object *all = access_get(f->access, "role", "admin", NULL, NULL);
	json_auto json_object *patch = json_object_new_object();
	json_set(patch, "privileges", json_copy(json_get(all, "privileges")));
	g_autofree char *text = json_dup_text(patch);
	change(f, "role", "everything", text);
	g_assert_cmpuint(access_admins_after(f->access, NULL, NULL, NULL), ==, 0);
	add_user(f, "ann", "/ admin");
	add_user(f, "bob", "/vms admin, /images admin");
	add_user(f, "cat", "/ everything");
	json_auto json_object *ann = access_get(f->access, "user", "ann", NULL, NULL);
	g_assert_cmpuint(access_admins_after(f->access, NULL, NULL, NULL), ==, 2);
	g_assert_cmpuint(access_admins_after(f->access, "user", "bob", NULL), ==, 2);
	g_assert_cmpuint(access_admins_after(f->access, "user", "ann", ann), ==, 2);
	g_assert_cmpuint(access_admins_after(f->access, "user", "ann", NULL), ==, 1);
	g_assert_cmpuint(access_admins_after(f->access, "user", "new", ann), ==, 3);
	json_set_bool(ann, "enabled", FALSE);
	g_assert_cmpuint(access_admins_after(f->access, "user", "ann", ann), ==, 1);
	json_auto json_object *less = parse("{\"name\":\"everything\",\"privileges\":[\"vm.read\"]}");
	g_assert_cmpuint(access_admins_after(f->access, "role", "everything", less), ==, 1);
	g_assert_cmpuint(access_admins_after(f->access, "role", "everything", NULL), ==, 1);
	change(f, "user", "ann", "{\"enabled\":false}");
	g_assert_cmpuint(access_admins_after(f->access, "user", "cat", NULL), ==, 0);
	g_assert_true(access_delete(f->access, "user", "cat", REV_ANY, "root", NULL)); /* allowed: root remains */
	g_autoptr(Principal) root = principal_new_root();
	g_assert_true(may(f, root, "access.manage", "/"));
}

static void test_bounds(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	/* Straight into the store, many in a commit. */
	for (guint part = 0; part < 11; part++) {
		g_autoptr(Batch) batch = batch_new("root", 0);
		for (guint i = 0; i < 1000; i++) {
			g_autofree char *number = g_strdup_printf("%02u%03u", part, i);
			g_autofree char *user = g_strconcat("user/u", number, NULL);
			g_autofree char *token = g_strconcat("token/aaaaaaa", number, NULL);
			json_auto json_object *body = json_object_new_object();
			json_set_str(body, "name", number);
			json_set_str(body, "user", part % 2 ? "u00001" : "u00000");
			json_set_bool(body, "enabled", TRUE);
			if (part < 10)
				batch_put(batch, token, REV_ANY, body);
			else
				batch_put(batch, user, REV_ANY, body);
		}
		g_assert_cmpint(store_commit(f->store, batch, &error), >, 0);
	}
	json_auto json_object *user = parse("{\"name\":\"more\"}");
	g_assert_cmpint(try_create(f, "user", user, &error), ==, 0);
	assert_fails(&error, ERROR_CONFLICT, "1000");
	json_auto json_object *token = parse("{\"name\":\"more\",\"user\":\"u10000\"}");
	char *secret = NULL;
	g_assert_null(access_create_token(f->access, token, "root", &secret, &error));
	assert_fails(&error, ERROR_CONFLICT, "10000");
	g_assert_true(access_delete(f->access, "token", "aaaaaaa00000", REV_ANY, "root", &error));
	json_auto json_object *now = access_create_token(f->access, token, "root", &secret, &error);
	g_assert_no_error(error);
	g_autoptr(Principal) principal = by_token(f, secret);
	g_assert_nonnull(principal);
	g_free(secret);
	json_auto json_object *list = access_list(f->access, "token");
	g_assert_cmpuint(json_object_array_length(list), ==, TOKENS_MAX);
}

static void test_settings(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	gint64 rev = -1;
	json_auto json_object *defaults = access_get_settings(f->access, &rev);
	g_assert_cmpint(rev, ==, 0);
	g_assert_cmpint(json_get_int(defaults, "password_length", 0), ==, 12);
	g_assert_cmpint(json_get_int(defaults, "session_idle", 0), ==, 43200);
	change(f, "setting", "access", "{\"password_length\":16}");
	g_assert_cmpint(try_change(f, "setting", "access", "{\"password_length\":4}", &error), ==, 0);
	assert_fails(&error, ERROR_INVALID, "password_length");
	reopen(f);
	json_auto json_object *settings = access_get_settings(f->access, &rev);
	g_assert_cmpint(rev, >, 0);
	g_assert_cmpint(json_get_int(settings, "password_length", 0), ==, 16);
	g_assert_cmpint(json_get_int(settings, "session_idle", 0), ==, 43200);
	add_user(f, "ann", "");
	g_assert_false(access_set_password(f->access, "ann", NULL, "fifteen letters", NULL, "", "root", &error));
	assert_fails(&error, ERROR_INVALID, "at least 16");
}

static void test_damaged_secrets(Fixture *f, gconstpointer data)
{
	(void)data;
	add_person(f, "ann", "");
	add_person(f, "bob", "");
	g_autofree char *session = sign_in(f, "ann", "");
	g_assert_true(store_secret_set(f->store, "session/broken", "{", 1, NULL));
	g_assert_true(store_secret_set(f->store, "session/none", "{\"user\":\"ann\",\"csrf\":\"x\"}", 26, NULL));
	g_assert_true(store_secret_set(f->store, "token/orphan", "x", 1, NULL));
	g_assert_true(store_secret_set(f->store, "password/gone", "x", 1, NULL));
	g_assert_true(store_secret_set(f->store, "password/bob", "garbage", 7, NULL));
	reopen(f);
	g_autoptr(Principal) still = by_session(f, session);
	g_assert_nonnull(still);
	g_assert_false(login(f, "bob", "garbage", "", NULL));
	sweep(f->access);
	g_assert_cmpuint(count_secrets(f, ""), ==, 3);
}

/* --- Many things at once --- */

typedef struct Worker {
	Fixture *f;
	gboolean *stop;
	GMutex lock;
	GPtrArray *secrets; /* of sessions that were opened */
} Worker;

/* The sweeper by itself, in real time. */
static void test_sweeper(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	access_free(f->access);
	f->access = access_new(f->store, &error);
	g_assert_no_error(error);
	add_person(f, "ann", "");
	g_autofree char *secret = sign_in(f, "ann", "");
	g_assert_cmpuint(count_secrets(f, "session/"), ==, 1);
	change(f, "user", "ann", "{\"enabled\":false}");
	gint64 limit_us = g_get_monotonic_time() + 30 * (gint64)G_USEC_PER_SEC;
	while (count_secrets(f, "session/") > 0) {
		g_assert_cmpint(g_get_monotonic_time(), <, limit_us);
		g_thread_yield();
	}
}

static gpointer sign_in_often(gpointer data)
{
	Worker *worker = data;
	while (!__atomic_load_n(worker->stop, __ATOMIC_RELAXED)) {
		g_auto(Login) login = {0};
		g_autoptr(GError) error = NULL;
		if (!access_login(worker->f->access, "ann", PASSWORD, "", "x", &login, &error)) {
			g_assert_true(error_code(error) == ERROR_UNAUTHORIZED || error_code(error) == ERROR_TOO_MANY);
			continue;
		}
		g_mutex_lock(&worker->lock);
		g_ptr_array_add(worker->secrets, g_steal_pointer(&login.secret));
		g_mutex_unlock(&worker->lock);
	}
	return NULL;
}

static gpointer check_often(gpointer data)
{
	Worker *worker = data;
	g_autoptr(Principal) root = principal_new_root();
	for (guint i = 0; !__atomic_load_n(worker->stop, __ATOMIC_RELAXED); i++) {
		g_mutex_lock(&worker->lock);
		g_autofree char *secret = worker->secrets->len
						  ? g_strdup(worker->secrets->pdata[i % worker->secrets->len])
						  : NULL;
		g_mutex_unlock(&worker->lock);
		g_autoptr(Principal) principal = secret ? by_session(worker->f, secret) : NULL;
		g_autoptr(Rights) rights = access_rights(worker->f->access, principal ? principal : root);
		rights_allow(rights, PRIVILEGE_VM_READ, "/vms/100", NULL);
		if (principal && i % 7 == 0)
			access_revoke_session(worker->f->access, principal->id, NULL);
		if (i % 5 == 0)
			json_object_put(access_list_sessions(worker->f->access, NULL, principal));
		if (i % 11 == 0)
			sweep(worker->f->access);
		pass(1000);
	}
	return NULL;
}

static gboolean any_works(Fixture *f, GPtrArray *secrets)
{
	for (guint i = 0; i < secrets->len; i++) {
		g_autoptr(Principal) principal = by_session(f, secrets->pdata[i]);
		if (principal)
			return TRUE;
	}
	return FALSE;
}

/* While some sign in and others use and revoke what they find, the user gets new passwords and is deleted and made
 * anew: after each such change no session of before lets anybody in, now or after a restart. */
static void test_at_once(Fixture *f, gconstpointer data)
{
	(void)data;
	gboolean stop;
	for (guint round = 0; round < 6; round++) {
		Worker worker = {.f = f, .stop = &stop, .secrets = g_ptr_array_new_with_free_func(g_free)};
		GThread *threads[6];
		stop = FALSE;
		g_mutex_init(&worker.lock);
		if (round % 2 == 0)
			add_person(f, "ann", "/vms user");
		else
			set_password(f, "ann", PASSWORD);
		sweep_start(f->access);
		for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
			threads[i] = g_thread_new("worker", i < 4 ? sign_in_often : check_often, &worker);
		for (guint opened = 0; opened < 4;) {
			g_mutex_lock(&worker.lock);
			opened = worker.secrets->len;
			g_mutex_unlock(&worker.lock);
			g_thread_yield();
		}
		if (round % 2)
			g_assert_true(access_delete(f->access, "user", "ann", REV_ANY, "root", NULL));
		else
			set_password(f, "ann", "another password");
		__atomic_store_n(&stop, TRUE, __ATOMIC_RELAXED);
		for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
			g_thread_join(threads[i]);
		if (round % 2)
			add_user(f, "ann", "/ admin");
		g_assert_false(any_works(f, worker.secrets));
		reopen(f);
		g_assert_false(any_works(f, worker.secrets));
		sweep(f->access);
		g_assert_cmpuint(count_secrets(f, "session/"), ==, 0);
		if (round % 2)
			g_assert_true(access_delete(f->access, "user", "ann", REV_ANY, "root", NULL));
		g_ptr_array_unref(worker.secrets);
		g_mutex_clear(&worker.lock);
	}
}

/* Uses the sessions and writes down that they were used. */
static gpointer use_often(gpointer data)
{
	Worker *worker = data;
	while (!__atomic_load_n(worker->stop, __ATOMIC_RELAXED)) {
		pass(6 * 60 * (gint64)G_USEC_PER_SEC);
		for (guint i = 0; i < worker->secrets->len; i++)
			principal_unref(by_session(worker->f, worker->secrets->pdata[i]));
		sweep(worker->f->access);
	}
	return NULL;
}

static void test_no_return(Fixture *f, gconstpointer data)
{
	(void)data;
	gboolean stop = FALSE;
	Worker worker = {.f = f, .stop = &stop, .secrets = g_ptr_array_new_with_free_func(g_free)};
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	add_person(f, "ann", "");
	gsize length;
	g_autofree void *hash = NULL;
	g_assert_true(store_secret_get(f->store, "password/ann", &hash, &length, NULL));
	Digest mark = digest_of(hash, length);
	change(f, "setting", "access", "{\"session_idle\":2592000,\"session_lifetime\":31536000}");
	for (guint i = 0; i < SESSIONS_PER_USER_MAX; i++) {
		g_auto(Login) login = {0};
		g_assert_true(session_open(f->access, "ann", &mark, "", "", &login, NULL));
		g_autoptr(Principal) principal = by_session(f, login.secret);
		g_ptr_array_add(worker.secrets, g_steal_pointer(&login.secret));
		g_ptr_array_add(ids, g_strdup(principal->id));
	}
	GThread *thread = g_thread_new("user", use_often, &worker);
	for (guint i = 0; i < ids->len; i++)
		g_assert_true(access_revoke_session(f->access, ids->pdata[i], NULL));
	__atomic_store_n(&stop, TRUE, __ATOMIC_RELAXED);
	g_thread_join(thread);
	g_assert_cmpuint(count_secrets(f, "session/"), ==, 0);
	g_ptr_array_unref(worker.secrets);
}

typedef struct Granter {
	Fixture *f;
	guint number;
} Granter;

/* A role is granted and deleted at once: it is never gone while somebody has it. */
static gpointer grant_role(gpointer data)
{
	Granter *granter = data;
	g_autofree char *name = g_strdup_printf("u%u", granter->number);
	json_auto json_object *input = json_object_new_object();
	json_set_str(input, "name", name);
	json_set(input, "grants", grants_of("/ fleeting"));
	try_create(granter->f, "user", input, NULL);
	return NULL;
}

static void test_role_race(Fixture *f, gconstpointer data)
{
	(void)data;
	guint deleted = 0;
	for (guint i = 0; i < 40; i++) {
		Granter granter = {f, i};
		add_role(f, "fleeting", "[\"vm.delete\"]");
		GThread *thread = g_thread_new("granter", grant_role, &granter);
		gboolean gone = access_delete(f->access, "role", "fleeting", REV_ANY, "root", NULL);
		g_thread_join(thread);
		g_autofree char *name = g_strdup_printf("u%u", i);
		json_auto json_object *user = access_get(f->access, "user", name, NULL, NULL);
		g_assert_true(gone == (user == NULL));
		deleted += gone;
		if (user)
			g_assert_true(access_delete(f->access, "user", name, REV_ANY, "root", NULL));
		if (!gone)
			g_assert_true(access_delete(f->access, "role", "fleeting", REV_ANY, "root", NULL));
	}
	g_test_message("of 40 roles %u were deleted first", deleted);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	static const struct {
		const char *name;
		void (*run)(Fixture *f, gconstpointer data);
	} tests[] = {
		{"/access/whoever signs in has a session until it is revoked", test_sign_in},
		{"/access/sessions are listed without their secrets", test_list_sessions},
		{"/access/sessions end when nobody uses them and after their lifetime", test_expiry},
		{"/access/sessions and tokens survive a restart", test_restart},
		{"/access/use of a session is written within minutes", test_kill},
		{"/access/the idlest of too many sessions ends", test_many_sessions},
		{"/access/a disabled user is out at once", test_disabled},
		{"/access/a token does what its user and its own grants allow until it is deleted", test_tokens},
		{"/access/tokens expire and streams hear of it", test_token_expiry},
		{"/access/documents are checked beyond their tables", test_documents},
		{"/access/a role that somebody has is not deleted and names who", test_roles_in_use},
		{"/access/a deleted user leaves nothing to the next of that name", test_deleted_user},
		{"/access/commits of others take effect", test_following},
		{"/access/each change is counted and told", test_watches},
		{"/access/the last administrator may go and the plan can tell", test_admins},
		{"/access/users and tokens are bounded", test_bounds},
		{"/access/settings have defaults and survive a restart", test_settings},
		{"/access/damaged secrets lock nobody else out", test_damaged_secrets},
		{"/access/what has ended is deleted by itself", test_sweeper},
		{"/access/no session outlives a new password or its user whatever happens at once", test_at_once},
		{"/access/a session that was revoked while its use was written stays revoked", test_no_return},
		{"/access/a role is not deleted while it is being granted", test_role_race},
	};
	for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
