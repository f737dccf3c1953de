/* A store and access on it, in virtual time, with short ways to make what a test needs. */
#pragma once
#include <string.h>

#include "access/access.h"
#include "access/internal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "schema/schema.h"

#define PASSWORD "correct horse battery"
#define HOUR_US ((gint64)3600 * G_USEC_PER_SEC)

static const StoreKind store_kinds[] = {
	{"user", TRUE}, {"role", TRUE}, {"token", TRUE}, {"setting", TRUE}, {NULL, FALSE}};

typedef struct Fixture {
	char *dir;
	Store *store;
	Access *access;
} Fixture;

/* Virtual time: stands still unless a test lets it pass. */
static gint64 passed_us;

static gint64 test_real_us(void)
{
	return G_GINT64_CONSTANT(1800000000) * G_USEC_PER_SEC + __atomic_load_n(&passed_us, __ATOMIC_RELAXED);
}

static gint64 test_monotonic_us(void)
{
	return HOUR_US + __atomic_load_n(&passed_us, __ATOMIC_RELAXED);
}

static inline void pass(gint64 us)
{
	__atomic_add_fetch(&passed_us, us, __ATOMIC_RELAXED);
}

static void open_access(Fixture *f)
{
	g_autoptr(GError) error = NULL;
	f->store = store_open(f->dir, store_kinds, &error);
	g_assert_no_error(error);
	f->access = access_new_at(f->store, (AccessClock){test_real_us, test_monotonic_us}, &error);
	g_assert_no_error(error);
}

static void close_access(Fixture *f)
{
	access_free(f->access);
	store_close(f->store);
}

static inline void reopen(Fixture *f)
{
	close_access(f);
	open_access(f);
}

static void setup(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	f->dir = g_dir_make_tmp("access-XXXXXX", &error);
	g_assert_no_error(error);
	open_access(f);
}

static void teardown(Fixture *f, gconstpointer data)
{
	(void)data;
	close_access(f);
	g_assert_true(dir_remove(f->dir, NULL));
	g_free(f->dir);
}

static inline json_object *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	json_object *json = json_parse(text, strlen(text), &error);
	g_assert_no_error(error);
	return json;
}

/* "/ admin, /vms/100 user" as a map of grants. */
static inline json_object *grants_of(const char *text)
{
	json_object *grants = json_object_new_object();
	g_auto(GStrv) list = g_strsplit(text, ", ", -1);
	for (guint i = 0; list[i] && *list[i]; i++) {
		g_auto(GStrv) parts = g_strsplit(list[i], " ", 2);
		g_autofree char *key = g_strdup_printf("g%u", i);
		json_object *grant = json_object_new_object();
		json_set_str(grant, "path", parts[0]);
		json_set_str(grant, "role", parts[1]);
		json_set(grants, key, grant);
	}
	return grants;
}

static inline gint64 try_create(Fixture *f, const char *kind, json_object *input, GError **error)
{
	json_auto json_object *document = access_prepare_create(f->access, kind, input, error);
	return document ? access_commit(f->access, kind, json_get_str(input, "name", ""), REV_ABSENT, document, "root",
					error)
			: 0;
}

static inline void add_user(Fixture *f, const char *name, const char *grants)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *input = json_object_new_object();
	json_set_str(input, "name", name);
	json_set(input, "grants", grants_of(grants));
	g_assert_cmpint(try_create(f, "user", input, &error), >, 0);
	g_assert_no_error(error);
}

static inline void add_role(Fixture *f, const char *name, const char *privileges_json)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *input = json_object_new_object();
	json_set_str(input, "name", name);
	json_set(input, "privileges", parse(privileges_json));
	g_assert_cmpint(try_create(f, "role", input, &error), >, 0);
	g_assert_no_error(error);
}

static inline gint64 try_change(
	Fixture *f, const char *kind, const char *name, const char *patch_text, GError **error)
{
	gint64 rev;
	json_auto json_object *present = access_get(f->access, kind, name, &rev, error);
	json_auto json_object *patch = parse(patch_text);
	json_auto json_object *document =
		present ? access_prepare_change(f->access, kind, present, patch, error) : NULL;
	return document ? access_commit(f->access, kind, name, rev, document, "root", error) : 0;
}

static inline void change(Fixture *f, const char *kind, const char *name, const char *patch)
{
	g_autoptr(GError) error = NULL;
	g_assert_cmpint(try_change(f, kind, name, patch, &error), >, 0);
	g_assert_no_error(error);
}

static inline void regrant(Fixture *f, const char *user, const char *grants)
{
	json_auto json_object *patch = json_object_new_object();
	json_auto json_object *present = access_get(f->access, "user", user, NULL, NULL);
	json_object *map = grants_of(grants);
	json_object_object_foreach(json_get(present, "grants"), key, value) {
		(void)value;
		if (!json_get(map, key))
			json_set(map, key, NULL);
	}
	json_set(patch, "grants", map);
	g_autofree char *text = json_dup_text(patch);
	change(f, "user", user, text);
}

static inline void set_password(Fixture *f, const char *user, const char *password)
{
	g_autoptr(GError) error = NULL;
	g_assert_true(access_set_password(f->access, user, NULL, password, NULL, "", "root", &error));
	g_assert_no_error(error);
}

/* A user with the PASSWORD. */
static inline void add_person(Fixture *f, const char *name, const char *grants)
{
	add_user(f, name, grants);
	set_password(f, name, PASSWORD);
}

static inline gboolean login(Fixture *f, const char *user, const char *password, const char *address, GError **error)
{
	g_auto(Login) login = {0};
	return access_login(f->access, user, password, address, "test", &login, error);
}

/* The new session's secret. */
static inline char *sign_in(Fixture *f, const char *user, const char *address)
{
	g_autoptr(GError) error = NULL;
	g_auto(Login) login = {0};
	g_assert_true(access_login(f->access, user, PASSWORD, address, "test", &login, &error));
	g_assert_no_error(error);
	return g_steal_pointer(&login.secret);
}

static inline Principal *by_session(Fixture *f, const char *secret)
{
	return access_by_session(f->access, secret, "", NULL);
}

static inline char *add_token(Fixture *f, const char *user, const char *grants, const char *expires)
{
	g_autoptr(GError) error = NULL;
	char *secret = NULL;
	json_auto json_object *input = json_object_new_object();
	json_set_str(input, "name", "test");
	json_set_str(input, "user", user);
	json_set(input, "grants", grants_of(grants));
	if (expires)
		json_set_str(input, "expires", expires);
	json_auto json_object *document = access_create_token(f->access, input, "root", &secret, &error);
	g_assert_no_error(error);
	g_assert_nonnull(document);
	return secret;
}

static inline Principal *by_token(Fixture *f, const char *secret)
{
	return access_by_token(f->access, secret, "", NULL);
}

static inline gboolean may(Fixture *f, const Principal *principal, const char *privilege, const char *path)
{
	g_autoptr(Rights) rights = access_rights(f->access, principal);
	Privilege which = privilege_from_name(privilege);
	g_assert_cmpint(which, !=, PRIVILEGE_NONE);
	return rights_allow(rights, which, path, NULL);
}

static inline void assert_fails(GError **error, ErrorCode code, const char *words)
{
	g_assert_error(*error, ERROR, (int)code);
	if (!strstr((*error)->message, words))
		g_error("'%s' is not in '%s'", words, (*error)->message);
	g_clear_error(error);
}

static inline guint count_secrets(Fixture *f, const char *prefix)
{
	g_autoptr(GPtrArray) names = store_secret_list(f->store, prefix, NULL);
	return names->len;
}
