/* The permission matrix: each route, called with a token of a user who has one built-in role in one place, through the
 * checks that every request goes through (api/permit.h). access-matrix.txt is what is to come out; with
 * YADO_GOLDEN_WRITE=1 it is written anew: look at the difference before it is committed.
 *
 * In the node that is asked there are the guests 100 (tag prod) and 101 (none), a task on each, an image and a storage.
 *   +  let through to the handler, which may look closer (docs/access.md)
 *   p  the same, but in person only: with a session, not with a token
 *   .  403
 *   -  401 */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/permit.h"
#include "api/router.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/guests.h"

enum { FILE_MAX = 1 << 20 };

static const char *const places[] = {"/", "/vms/100", "/tags/prod"};

static const StoreKind store_kinds[] = {{"vm", FALSE},  {"storage", FALSE}, {"mapping", FALSE}, {"image", TRUE}, {"user", TRUE},
					{"role", TRUE}, {"token", TRUE},    {"setting", TRUE}, {NULL, FALSE}};

static const TaskPool pool = {"test", 1};
static gboolean run_nothing(Task *task, gpointer data, GError **error)
{
	(void)task, (void)data, (void)error;
	return TRUE;
}
static const TaskKind start_kind = {"vm.start", &pool, .run = run_nothing};
static const TaskKind *const task_kinds_here[] = {&start_kind, NULL};

static Services services;
static gint64 task_100, task_101;

static void put(const char *path, const char *text)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *body = json_parse(text, strlen(text), &error);
	g_assert_no_error(error);
	g_autoptr(Batch) batch = batch_new("test", 0);
	batch_put(batch, path, REV_ABSENT, body);
	store_commit(services.store, batch, &error);
	g_assert_no_error(error);
}

/* A user with one grant; the secret of a token of his. */
static char *make_token(const char *user, const char *role, const char *place)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = g_strconcat("user/", user, NULL);
	g_autofree char *text = g_strdup_printf("{\"schema\":1,\"name\":\"%s\",\"full_name\":\"\",\"enabled\":true,"
						"\"description\":\"\",\"grants\":{\"g\":{\"path\":\"%s\",\"role\":\"%s\"}}}",
						user, place, role);
	put(path, text);
	json_auto json_object *input = json_object_new_object();
	json_set_str(input, "user", user);
	json_set_str(input, "name", "test");
	char *secret = NULL;
	json_auto json_object *token = access_create_token(services.access, input, "root", &secret, &error);
	g_assert_no_error(error);
	g_assert_nonnull(token);
	return secret;
}

/* What stands in place of the first {} after a step; two where it matters which one is asked about. */
static char *path_of(const Route *route, guint variant)
{
	static const struct {
		const char *step, *name;
	} names[] = {{"images", "tiny"},    {"storages", "local"}, {"volumes", "vm-100-disk0"}, {"nodes", "self"},
		     {"history", "1"},      {"1", "vm"},           {"vm", "100"},               {"users", "somebody"},
		     {"roles", "operator"}, {"tokens", "x"},       {"sessions", "x"},           {"uploads", "x"},
		     {"schemas", "vm"},     {"mappings", "media"},   {"presets", "linux"}, {"exec", "x"}};
	g_autofree char *task = g_strdup_printf("%" G_GINT64_FORMAT, variant ? task_101 : task_100);
	g_auto(GStrv) steps = g_strsplit(route->pattern + 1, "/", -1);
	for (guint i = 1; i < g_strv_length(steps); i++) {
		const char *name = g_str_equal(steps[i - 1], "vms") ? (variant ? "101" : "100")
				   : g_str_equal(steps[i - 1], "tasks") ? task : NULL;
		for (guint j = 0; !name && j < G_N_ELEMENTS(names); j++)
			if (g_str_equal(names[j].step, steps[i - 1]))
				name = names[j].name;
		if (!g_str_equal(steps[i], "{}"))
			continue;
		if (!name)
			g_error("%s: say here what stands for {} after '%s'", route->pattern, steps[i - 1]);
		g_free(steps[i]);
		steps[i] = g_strdup(name);
	}
	g_autofree char *joined = g_strjoinv("/", steps);
	return g_strconcat("/", joined, NULL);
}

static gboolean is_let_through(const Route *route, const char *path, const char *secret, GError **error)
{
	g_auto(GStrv) steps = g_strsplit(path + 1, "/", -1), pattern = g_strsplit(route->pattern + 1, "/", -1);
	Request request = {.method = route->method, .path = (char *)path, .front = TRUE, .address = "192.0.2.1",
			   .token = secret, .content_length = -1};
	Response response = {0};
	Call call = {.services = &services, .route = route, .request = &request, .response = &response};
	for (guint i = 0, arg = 0; steps[i]; i++)
		if (g_str_equal(pattern[i], "{}"))
			call.args[arg++] = steps[i];
	gboolean allowed = permit_identify(&call, error) && permit_route(&call, error);
	g_clear_pointer(&call.rights, rights_unref);
	g_clear_pointer(&call.principal, principal_unref);
	return allowed;
}

static char ask(const Route *route, const char *path, const char *secret)
{
	g_autoptr(GError) error = NULL;
	if (is_let_through(route, path, secret, &error))
		return '+';
	if (error_code(error) == ERROR_UNAUTHORIZED)
		return '-';
	g_assert_error(error, ERROR, ERROR_FORBIDDEN);
	Route impersonal = *route;
	impersonal.in_person = FALSE;
	return route->in_person && is_let_through(&impersonal, path, secret, NULL) ? 'p' : '.';
}

static guint count_roles(void)
{
	guint count = 0;
	while (builtin_roles[count].name)
		count++;
	return count;
}

static void add_head(GString *text)
{
	g_string_append_printf(text, "%-52s", "");
	for (guint i = 0; i < G_N_ELEMENTS(places); i++)
		g_string_append_printf(text, "on %-*s", (int)count_roles() * 9 - 2, places[i]);
	g_string_append_printf(text, "nobody\n%-52s", "");
	for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
		for (const BuiltinRole *role = builtin_roles; role->name; role++)
			g_string_append_printf(text, "%-9s", role->name);
		g_string_append_c(text, ' ');
	}
	g_string_append_c(text, '\n');
}

static void add_row(GString *text, const Route *route, const char *path, GPtrArray *secrets)
{
	g_string_append_printf(text, "%-7s%-45s", route->method, path);
	for (guint i = 0; i < secrets->len; i++) {
		g_string_append_printf(text, "%-9c", ask(route, path, secrets->pdata[i]));
		if ((i + 1) % count_roles() == 0)
			g_string_append_c(text, ' ');
	}
	g_string_append_printf(text, "%c\n", ask(route, path, NULL));
}

static void test_matrix(void)
{
	g_autoptr(GPtrArray) secrets = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < G_N_ELEMENTS(places); i++)
		for (const BuiltinRole *role = builtin_roles; role->name; role++) {
			g_autofree char *user = g_strdup_printf("%s-%u", role->name, i);
			g_ptr_array_add(secrets, make_token(user, role->name, places[i]));
		}
	g_autoptr(GString) text = g_string_new(NULL);
	add_head(text);
	for (const Route *const *table = route_tables; *table; table++)
		for (const Route *route = *table; route->method; route++)
			for (guint i = 0; i < (route->scope == SCOPE_VM || route->scope == SCOPE_TASK ? 2 : 1); i++) {
				g_autofree char *path = path_of(route, i);
				if (i == 0 || strstr(route->pattern, "{}"))
					add_row(text, route, path, secrets);
			}

	g_autofree char *path = g_build_filename(g_getenv("YADO_GOLDEN_DIR"), "access-matrix.txt", NULL);
	g_autofree char *kept = NULL;
	g_autoptr(GError) error = NULL;
	if (g_strcmp0(g_getenv("YADO_GOLDEN_WRITE"), "1") == 0)
		file_write_atomic(path, text->str, text->len, 0644, &error);
	else if (file_read(path, FILE_MAX, &kept, NULL, &error))
		g_assert_cmpstr(text->str, ==, kept);
	g_assert_no_error(error);
}

/* The refusal, with the asker's own name for it taken out. */
static char *dup_refusal(const Router *router, const char *path, const char *secret)
{
	g_autoptr(GError) error = NULL;
	char *args[3];
	gboolean known;
	g_autofree char *whole = g_strconcat("/api/v1", path, NULL);
	const Route *route = router_find(router, "GET", whole, args, &known);
	g_assert_nonnull(route);
	g_assert_false(is_let_through(route, path, secret, &error));
	g_assert_error(error, ERROR, ERROR_FORBIDDEN);
	g_auto(GStrv) around = g_strsplit(error->message, strrchr(path, '/') + 1, -1);
	return g_strjoinv("NAME", around);
}

static void test_absent_looks_like_invisible(void)
{
	static const char *const pairs[][2] = {{"/vms/101", "/vms/999"},
					       {"/vms/db", "/vms/nobody"},
					       {"/images/tiny", "/images/none"},
					       {"/storages/local", "/storages/none"},
					       {"/tasks/2", "/tasks/999"},
					       {"/tokens/token-1", "/tokens/token-2"},
					       {"/history/1/vm/101", "/history/1/vm/999"}};
	g_autoptr(GError) error = NULL;
	g_autofree char *secret = make_token("narrow", "user", "/vms/100");
	Router *router = router_new(route_tables, &error);
	g_assert_no_error(error);
	for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
		g_autofree char *there = dup_refusal(router, pairs[i][0], secret);
		g_autofree char *absent = dup_refusal(router, pairs[i][1], secret);
		g_assert_cmpstr(there, ==, absent);
	}
	router_free(router);
}

static gint64 submit(const char *object)
{
	g_autoptr(GError) error = NULL;
	gint64 task = tasks_submit(services.tasks, &start_kind, object, "root", NULL, NULL, &error);
	g_assert_no_error(error);
	g_assert_true(tasks_wait(services.tasks, task, 10000));
	return task;
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *dir = g_dir_make_tmp("yado-access-XXXXXX", &error);
	g_assert_no_error(error);
	services.run_dir = dir;
	services.node = "n1";
	services.store = store_open(dir, store_kinds, &error);
	g_assert_no_error(error);
	put("vm/100", "{\"id\":100,\"name\":\"web\",\"tags\":[\"prod\"]}");
	put("vm/101", "{\"id\":101,\"name\":\"db\",\"tags\":[]}");
	put("image/tiny", "{\"name\":\"tiny\"}");
	put("storage/local", "{\"name\":\"local\"}");
	services.access = access_new(services.store, &error);
	g_assert_no_error(error);
	g_autofree char *uploads = g_build_filename(dir, "uploads", NULL);
	services.uploads = uploads_new(uploads, dir, &error);
	g_assert_no_error(error);
	services.tasks = tasks_new(dir, task_kinds_here, &services, &error);
	g_assert_no_error(error);
	guests_new(&services, &error);
	g_assert_no_error(error);
	tasks_start(services.tasks, &error);
	g_assert_no_error(error);
	task_100 = submit("vm/100");
	task_101 = submit("vm/101");

	g_test_add_func("/access/each route lets in whom the matrix says", test_matrix);
	g_test_add_func("/access/what is not there looks like what may not be seen", test_absent_looks_like_invisible);
	int result = g_test_run();
	tasks_stop(services.tasks, 1000);
	guests_free(services.guests);
	tasks_free(services.tasks);
	uploads_free(services.uploads);
	access_free(services.access);
	store_close(services.store);
	dir_remove(dir, NULL);
	return result;
}
