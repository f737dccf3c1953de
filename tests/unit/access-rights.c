/* Rights: over all forms of paths, of tokens beside their users', as others see them, and fast. */
#include "access-fixture.h"

static gboolean allowed(Rights *rights, const char *privilege, const char *path, const char *tag)
{
	const char *tags[] = {"other", tag, NULL};
	return rights_allow(rights, privilege_from_name(privilege), path, tag ? tags : NULL);
}

static Rights *rights_of_user(Fixture *f, const char *name, const char *grants)
{
	add_user(f, name, grants);
	g_autofree char *secret = add_token(f, name, "", NULL);
	g_autoptr(Principal) principal = by_token(f, secret);
	return access_rights(f->access, principal);
}

static void test_paths(Fixture *f, gconstpointer data)
{
	(void)data;
	static const char *const everywhere[] = {"/", "/vms", "/vms/100", "/tags/prod", "/images/tiny", "/storages",
						 "/networks/lan", "/nodes/self", "/users/x", "/nowhere"};
	g_autoptr(Rights) root = rights_of_user(f, "a", "/ user");
	for (guint i = 0; i < G_N_ELEMENTS(everywhere); i++) {
		g_assert_true(allowed(root, "vm.read", everywhere[i], NULL));
		g_assert_false(allowed(root, "vm.delete", everywhere[i], NULL));
	}

	g_autoptr(Rights) vms = rights_of_user(f, "b", "/vms user");
	g_assert_true(allowed(vms, "vm.read", "/vms", NULL));
	g_assert_true(allowed(vms, "vm.read", "/vms/100", NULL));
	g_assert_true(allowed(vms, "vm.read", "/tags/prod", NULL)); /* guests with a tag are guests */
	g_assert_false(allowed(vms, "vm.read", "/", NULL));
	g_assert_false(allowed(vms, "vm.read", "/vmsx", NULL));
	g_assert_false(allowed(vms, "image.read", "/images", NULL));

	g_autoptr(Rights) one = rights_of_user(f, "c", "/vms/100 user, /images/tiny user");
	g_assert_true(allowed(one, "vm.read", "/vms/100", NULL));
	g_assert_false(allowed(one, "vm.read", "/vms/1000", NULL));
	g_assert_false(allowed(one, "vm.read", "/vms/10", NULL));
	g_assert_false(allowed(one, "vm.read", "/vms/100/", NULL));
	g_assert_false(allowed(one, "vm.read", "/vms", NULL));
	g_assert_false(allowed(one, "vm.read", "/tags/prod", NULL));
	g_assert_true(allowed(one, "image.read", "/images/tiny", NULL));
	g_assert_false(allowed(one, "image.read", "/images/other", NULL));
	g_assert_false(allowed(one, "storage.read", "/storages/tiny", NULL));

	g_autoptr(Rights) tagged = rights_of_user(f, "d", "/tags/prod user");
	g_assert_true(allowed(tagged, "vm.read", "/vms/100", "prod"));
	g_assert_false(allowed(tagged, "vm.read", "/vms/100", "test"));
	g_assert_false(allowed(tagged, "vm.read", "/vms/100", NULL));
	g_assert_true(allowed(tagged, "vm.read", "/tags/prod", NULL));
	g_assert_false(allowed(tagged, "vm.read", "/tags/test", NULL));
	g_assert_false(allowed(tagged, "image.read", "/images/tiny", "prod")); /* tags are of guests only */
	g_assert_false(allowed(tagged, "vm.read", "/vms", NULL));

	g_autoptr(Rights) others =
		rights_of_user(f, "e", "/storages auditor, /networks/lan operator, /nodes/self auditor");
	g_assert_true(allowed(others, "storage.read", "/storages/local", NULL));
	g_assert_true(allowed(others, "network.use", "/networks/lan", NULL));
	g_assert_false(allowed(others, "network.use", "/networks/dmz", NULL));
	g_assert_true(allowed(others, "node.read", "/nodes/self", NULL));
	g_assert_false(allowed(others, "audit.read", "/", NULL));
	g_assert_true(rights_allow(others, PRIVILEGE_NONE, "/", NULL));
}

static gboolean some(Rights *rights, const char *privilege, const char *collection)
{
	return rights_allow_some(rights, privilege_from_name(privilege), collection);
}

static void test_collections(Fixture *f, gconstpointer data)
{
	(void)data;
	Privilege read = PRIVILEGE_VM_READ;
	g_autoptr(Rights) whole = rights_of_user(f, "a", "/vms user");
	g_assert_true(rights_allow_all(whole, read, "/vms"));
	g_assert_true(rights_allow_some(whole, read, "/vms"));
	g_assert_false(rights_allow_all(whole, PRIVILEGE_IMAGE_READ, "/images"));
	g_assert_false(some(whole, "image.read", "/images"));
	g_assert_true(some(whole, "vm.read", "/"));
	g_assert_false(some(whole, "vm.delete", "/"));

	g_autoptr(Rights) one = rights_of_user(f, "b", "/vms/100 user");
	g_assert_false(rights_allow_all(one, read, "/vms"));
	g_assert_true(some(one, "vm.read", "/vms"));
	g_autoptr(Rights) tagged = rights_of_user(f, "c", "/tags/prod user");
	g_assert_false(rights_allow_all(tagged, read, "/vms"));
	g_assert_true(some(tagged, "vm.read", "/vms"));
	g_assert_false(some(tagged, "vm.delete", "/vms"));
	g_assert_false(some(tagged, "image.read", "/images"));
	g_autoptr(Rights) none = rights_of_user(f, "d", "");
	g_assert_false(some(none, "vm.read", "/vms"));

	/* A token that has nothing in common with its user's rights sees no list at all, not an empty one. */
	g_autofree char *secret = add_token(f, "b", "/vms/101 user", NULL);
	g_autoptr(Principal) principal = by_token(f, secret);
	g_autoptr(Rights) disjoint = access_rights(f->access, principal);
	g_assert_false(some(disjoint, "vm.read", "/vms"));
	g_autofree char *other_secret = add_token(f, "b", "/tags/prod user", NULL);
	g_autoptr(Principal) other = by_token(f, other_secret);
	g_autoptr(Rights) perhaps = access_rights(f->access, other);
	g_assert_true(some(perhaps, "vm.read", "/vms"));
	g_assert_true(allowed(perhaps, "vm.read", "/vms/100", "prod"));
	g_assert_false(allowed(perhaps, "vm.read", "/vms/100", "test"));
	g_assert_false(allowed(perhaps, "vm.read", "/vms/101", "prod"));
}

/* --- The property: compared with a plain reading of the rules --- */

static const char *const grant_paths[] = {"/",		   "/vms",	    "/vms/100",	  "/vms/101",  "/tags/prod",
					  "/tags/test",	   "/images",	    "/images/a",  "/storages", "/storages/s",
					  "/networks/lan", "/nodes/self"};
static const char *const asked_paths[] = {"/",	      "/vms",	     "/vms/100",      "/vms/101",    "/vms/102",
					  "/images",  "/images/a",   "/images/b",     "/storages/s", "/storages",
					  "/networks", "/networks/lan", "/nodes/self", "/tags/prod",  "/tags/other"};

typedef struct PlainGrant {
	const char *path;
	Privileges mask;
} PlainGrant;

static gboolean plainly_covers(const char *granted, const char *path, const char *const *tags)
{
	if (g_str_equal(granted, "/") || g_str_equal(granted, path))
		return TRUE;
	g_autofree char *below = g_strconcat(granted, "/", NULL);
	if (g_str_has_prefix(path, below))
		return TRUE;
	if (g_str_equal(granted, "/vms") && g_str_has_prefix(path, "/tags/"))
		return TRUE;
	gboolean of_guests =
		g_str_equal(path, "/vms") || g_str_has_prefix(path, "/vms/") || g_str_has_prefix(path, "/tags/");
	return g_str_has_prefix(granted, "/tags/") && of_guests && tags && g_strv_contains(tags, granted + 6);
}

static gboolean plainly_allowed(const PlainGrant *grants, guint count, Privilege privilege, const char *path,
				const char *const *tags)
{
	for (guint i = 0; i < count; i++)
		if ((grants[i].mask & privilege_bit(privilege)) && plainly_covers(grants[i].path, path, tags))
			return TRUE;
	return FALSE;
}

enum { ROLES = 4, GRANTS = 3, ROUNDS = 60 };

static void random_grants(PlainGrant *plain, GString *text, guint count, const Privileges *masks)
{
	g_string_truncate(text, 0);
	for (guint i = 0; i < count; i++) {
		guint role = (guint)g_test_rand_int_range(0, ROLES);
		plain[i].path = grant_paths[g_test_rand_int_range(0, G_N_ELEMENTS(grant_paths))];
		plain[i].mask = masks[role];
		g_string_append_printf(text, "%s%s r%u", i ? ", " : "", plain[i].path, role);
	}
}

static void random_role(Fixture *f, guint number, Privileges *ret_mask)
{
	g_autoptr(GString) list = g_string_new("[");
	g_autofree char *name = g_strdup_printf("r%u", number);
	*ret_mask = 0;
	for (Privilege i = PRIVILEGE_NONE + 1; i < PRIVILEGE_COUNT; i++) {
		if (g_test_rand_int_range(0, 3))
			continue;
		g_string_append_printf(list, "%s\"%s\"", list->len > 1 ? "," : "", privileges[i].name);
		*ret_mask |= privilege_bit(i);
	}
	g_string_append_c(list, ']');
	add_role(f, name, list->str);
}

static void test_property(Fixture *f, gconstpointer data)
{
	(void)data;
	static const char *const tag_lists[][3] = {{NULL}, {"prod", NULL}, {"x", "test", NULL}};
	Privileges masks[ROLES];
	for (guint i = 0; i < ROLES; i++)
		random_role(f, i, &masks[i]);
	guint yes = 0, no = 0;
	for (guint round = 0; round < ROUNDS; round++) {
		PlainGrant user_grants[GRANTS], token_grants[GRANTS];
		g_autoptr(GString) text = g_string_new(NULL);
		g_autofree char *name = g_strdup_printf("u%u", round);
		random_grants(user_grants, text, GRANTS, masks);
		g_autoptr(Rights) user = rights_of_user(f, name, text->str);
		random_grants(token_grants, text, GRANTS, masks);
		g_autofree char *secret = add_token(f, name, text->str, NULL);
		g_autoptr(Principal) principal = by_token(f, secret);
		g_autoptr(Rights) token = access_rights(f->access, principal);
		for (Privilege privilege = PRIVILEGE_NONE + 1; privilege < PRIVILEGE_COUNT; privilege++)
			for (guint i = 0; i < G_N_ELEMENTS(asked_paths); i++)
				for (guint j = 0; j < G_N_ELEMENTS(tag_lists); j++) {
					const char *path = asked_paths[i], *const *tags = tag_lists[j];
					gboolean user_may = plainly_allowed(user_grants, GRANTS, privilege, path, tags);
					gboolean own = plainly_allowed(token_grants, GRANTS, privilege, path, tags);
					g_assert_cmpint(rights_allow(user, privilege, path, tags), ==, user_may);
					g_assert_cmpint(rights_allow(token, privilege, path, tags), ==,
							user_may && own);
					/* What is allowed on one is allowed somewhere. */
					if (user_may && own) {
						g_auto(GStrv) parts = g_strsplit(path, "/", 3);
						g_autofree char *collection =
							g_strconcat("/",
								    g_str_equal(parts[1], "tags") ? "vms" : parts[1],
								    NULL);
						g_assert_true(rights_allow_some(token, privilege, collection));
						g_assert_true(rights_allow_some(token, privilege, "/"));
					}
					*(user_may && own ? &yes : &no) += 1;
				}
	}
	g_assert_cmpuint(yes, >, 1000);
	g_assert_cmpuint(no, >, 1000);
}

/* --- Granting --- */

static void test_granting(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	g_autoptr(Rights) rights = rights_of_user(f, "a", "/vms operator, /tags/prod admin, /images user");
	static const struct {
		const char *grants, *refused;
	} cases[] = {
		{"", NULL},
		{"/vms/100 user", NULL},
		{"/vms operator", NULL},
		{"/tags/prod admin", NULL},
		{"/tags/prod user, /images/tiny user", NULL},
		{"/tags/test admin", "you lack 'storage.manage'"},
		{"/vms admin", "on '/vms': you lack"},
		{"/ user", "you lack 'vm.read'"},
		{"/vms/100 user, /storages/local user", "on '/storages/local'"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		json_auto json_object *grants = grants_of(cases[i].grants);
		gboolean good = rights_check_grants(f->access, rights, grants, &error);
		g_assert_cmpint(good, ==, cases[i].refused == NULL);
		if (cases[i].refused)
			assert_fails(&error, ERROR_FORBIDDEN, cases[i].refused);
		g_assert_no_error(error);
	}
	json_auto json_object *unknown = grants_of("/vms/100 ghost");
	g_assert_false(rights_check_grants(f->access, rights, unknown, &error));
	assert_fails(&error, ERROR_INVALID, "no such role");

	g_autoptr(Principal) root = principal_new_root();
	g_autoptr(Rights) all = access_rights(f->access, root);
	json_auto json_object *admin = grants_of("/ admin, /vms/100 user, /tags/x auditor");
	g_assert_true(rights_check_grants(f->access, all, admin, &error));
}

static void assert_described(Rights *rights, const char *expected)
{
	json_auto json_object *list = rights_describe(rights);
	g_autofree char *text = json_dup_text(list);
	g_assert_cmpstr(text, ==, expected);
}

static void test_describe(Fixture *f, gconstpointer data)
{
	(void)data;
	add_role(f, "look", "[\"vm.read\"]");
	add_role(f, "touch", "[\"vm.read\",\"vm.power\"]");
	g_autoptr(Rights) user = rights_of_user(f, "a", "/vms look, /vms/100 touch, /tags/prod touch");
	assert_described(user, "[{\"path\":\"/tags/prod\",\"privileges\":[\"vm.power\"]},"
			       "{\"path\":\"/vms\",\"privileges\":[\"vm.read\"]},"
			       "{\"path\":\"/vms/100\",\"privileges\":[\"vm.power\"]}]");
	g_autofree char *secret = add_token(f, "a", "/vms/100 touch, /images touch", NULL);
	g_autoptr(Principal) principal = by_token(f, secret);
	g_autoptr(Rights) token = access_rights(f->access, principal);
	assert_described(token, "[{\"path\":\"/vms/100\",\"privileges\":[\"vm.read\",\"vm.power\"]}]");
	g_autoptr(Rights) nothing = rights_of_user(f, "b", "");
	assert_described(nothing, "[]");
}

static void test_documented(void)
{
	g_autofree char *text = NULL;
	g_assert_true(g_file_get_contents(SOURCE_DIR "/docs/access.md", &text, NULL, NULL));
	for (Privilege privilege = PRIVILEGE_NONE + 1; privilege < PRIVILEGE_COUNT; privilege++) {
		g_autoptr(GString) line = g_string_new(NULL);
		g_string_append_printf(line, "\n| `%s` |", privileges[privilege].name);
		for (const BuiltinRole *role = builtin_roles; role->name; role++)
			g_string_append(line, role->privileges & privilege_bit(privilege) ? " ✓ |" : " – |");
		g_string_append_printf(line, " %s |\n", privileges[privilege].help);
		if (!strstr(text, line->str))
			g_error("docs/access.md lacks the line: %s", line->str + 1);
	}
}

static void test_tags_granted(Fixture *f, gconstpointer data)
{
	(void)data;
	g_assert_false(access_tag_is_granted(f->access, "prod"));
	add_user(f, "a", "/tags/prod user");
	g_assert_true(access_tag_is_granted(f->access, "prod"));
	g_assert_false(access_tag_is_granted(f->access, "test"));
	g_autofree char *secret = add_token(f, "a", "/tags/test user", NULL);
	g_assert_true(access_tag_is_granted(f->access, "test"));
	regrant(f, "a", "");
	g_assert_false(access_tag_is_granted(f->access, "prod"));
}

static void test_speed(Fixture *f, gconstpointer data)
{
	(void)data;
	enum { GUESTS = 10000 };
	g_autoptr(GString) grants = g_string_new("/tags/prod user");
	for (guint i = 0; i < 200; i++)
		g_string_append_printf(grants, ", /vms/%u user", 100 + 7 * i);
	g_autoptr(Rights) rights = rights_of_user(f, "a", grants->str);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < GUESTS; i++)
		g_ptr_array_add(paths, g_strdup_printf("/vms/%u", 100 + i));
	const char *tags[] = {"linux", "web", NULL};
	gint64 best_us = G_MAXINT64;
	for (guint round = 0; round < 5; round++) {
		guint count = 0;
		gint64 begin_us = g_get_monotonic_time();
		for (guint i = 0; i < GUESTS; i++)
			count += rights_allow(rights, PRIVILEGE_VM_READ, paths->pdata[i], tags);
		best_us = MIN(best_us, g_get_monotonic_time() - begin_us);
		g_assert_cmpuint(count, ==, 200);
	}
	g_test_message("%d guests filtered in %" G_GINT64_FORMAT " us", GUESTS, best_us);
	g_assert_cmpint(best_us, <, 50000); /* a bound for sanitizers and busy machines; about 1,000 without */
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	static const struct {
		const char *name;
		void (*run)(Fixture *f, gconstpointer data);
	} tests[] = {
		{"/rights/a grant covers its path and all below and nothing else", test_paths},
		{"/rights/a list is answered if something in it may be seen", test_collections},
		{"/rights/random grants allow what the rules say and a token never more than its user", test_property},
		{"/rights/nobody grants what he lacks", test_granting},
		{"/rights/each path is described with what it adds", test_describe},
		{"/rights/tags that give rights are known", test_tags_granted},
		{"/rights/ten thousand guests are filtered quickly", test_speed},
	};
	g_test_add_func("/rights/the built-in roles are documented as they are", test_documented);
	for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
