/* Routes are found, and those that do not say who may use them are not let in. */
#include <string.h>

#include "api/router.h"
#include "base/error.h"

#define JA .summary_ja = "x"

static gboolean handle(Call *call, GError **error)
{
	(void)call, (void)error;
	return TRUE;
}

static char *own(Call *call)
{
	(void)call;
	return NULL;
}

static const Route some[] = {
	{"GET", "/vms", handle, "list", PRIVILEGE_VM_READ, SCOPE_ROWS, .answer = ANSWER_LIST, JA},
	{"POST", "/vms", handle, "make", PRIVILEGE_VM_CREATE, SCOPE_CREATE, .answer = ANSWER_TASK, JA},
	{"GET", "/vms/{}", handle, "get", PRIVILEGE_VM_READ, SCOPE_VM, .answer = ANSWER_DOCUMENT, JA},
	{"POST", "/vms/{}/start", handle, "start", PRIVILEGE_VM_POWER, SCOPE_VM, .answer = ANSWER_TASK, JA},
	{NULL},
};
static const Route others[] = {
	{"POST", "/images/build", handle, "build", PRIVILEGE_IMAGE_MANAGE, SCOPE_CREATE, .answer = ANSWER_TASK, JA},
	{"GET", "/images/{}", handle, "get", PRIVILEGE_IMAGE_READ, SCOPE_IMAGE, .answer = ANSWER_DOCUMENT, JA},
	{"GET", "/history/{}/{}/{}", handle, "past", PRIVILEGE_HISTORY_READ, SCOPE_OBJECT, .answer = ANSWER_OBJECT, JA},
	{"GET", "/healthz", handle, "health", PRIVILEGE_NONE, SCOPE_PUBLIC, .answer = ANSWER_TEXT, JA, .top = TRUE},
	{NULL},
};
static const Route *const tables[] = {some, others, NULL};

static Router *new_router(void)
{
	g_autoptr(GError) error = NULL;
	Router *router = router_new(tables, &error);
	g_assert_no_error(error);
	return router;
}

/* "2:100" is the table's third route with one argument; "405" and "404" what they say. */
static char *find(const Router *router, const char *method, const char *path)
{
	char *args[3] = {NULL, NULL, NULL};
	gboolean known = FALSE;
	g_autofree char *copy = g_strdup(path);
	const Route *route = router_find(router, method, copy, args, &known);
	if (!route)
		return g_strdup(known ? "405" : "404");
	g_autoptr(GString) text = g_string_new(route->pattern);
	for (guint i = 0; i < 3 && args[i]; i++)
		g_string_append_printf(text, " %s", args[i]);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static void test_paths(void)
{
	static const struct {
		const char *method, *path, *found;
	} cases[] = {
		{"GET", "/api/v1/vms", "/vms"},
		{"POST", "/api/v1/vms", "/vms"},
		{"PUT", "/api/v1/vms", "405"},
		{"GET", "/api/v1/vms/100", "/vms/{} 100"},
		{"GET", "/api/v1/vms/vms", "/vms/{} vms"},
		{"POST", "/api/v1/vms/web/start", "/vms/{}/start web"},
		{"GET", "/api/v1/vms/web/start", "405"},
		{"POST", "/api/v1/vms/web/star", "404"},
		{"POST", "/api/v1/images/build", "/images/build"},
		{"GET", "/api/v1/images/build", "/images/{} build"},
		{"DELETE", "/api/v1/images/build", "405"},
		{"GET", "/api/v1/history/7/vm/100", "/history/{}/{}/{} 7 vm 100"},
		{"GET", "/api/v1/history/7/vm", "404"},
		{"GET", "/healthz", "/healthz"},
		{"GET", "/api/v1/healthz", "404"},
		{"GET", "/vms", "404"},
		/* What is no step, is no argument either. */
		{"GET", "/", "404"},
		{"GET", "//", "404"},
		{"GET", "/api/v1", "404"},
		{"GET", "/api/v1/", "404"},
		{"GET", "/api/v1/vms/", "404"},
		{"GET", "/api/v1//vms", "404"},
		{"GET", "/api/v1/vms//", "404"},
		{"GET", "/api/v1/history//vm/100", "404"},
		{"GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n", "404"},
	};
	Router *router = new_router();
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *found = find(router, cases[i].method, cases[i].path);
		g_assert_cmpstr(found, ==, cases[i].found);
	}
	router_free(router);
}

static void test_faults(void)
{
	static const struct {
		Route route;
		const char *fault; /* NULL: there is none */
	} cases[] = {
		{{"GET", "/x", handle, "x", PRIVILEGE_NODE_READ, SCOPE_GLOBAL, .answer = ANSWER_LIST, JA}, NULL},
		{{"GET", "/x", handle, "x", PRIVILEGE_NODE_READ, .answer = ANSWER_LIST, JA},
		 "on what its privilege is asked"},
		{{"GET", "/x", handle, "x", PRIVILEGE_NONE, .answer = ANSWER_LIST, JA},
		 "on what its privilege is asked"},
		{{"GET", "/x", handle, "x", PRIVILEGE_NODE_READ, SCOPE_GLOBAL, JA}, "what it answers"},
		{{"GET", "/x", handle, "x", PRIVILEGE_NONE, SCOPE_GLOBAL, .answer = ANSWER_LIST, JA},
		 "which privilege"},
		{{"GET", "/x", handle, "x", PRIVILEGE_NONE, SCOPE_ROWS, .answer = ANSWER_LIST, JA}, "which privilege"},
		{{"POST", "/x", handle, "x", PRIVILEGE_NONE, SCOPE_CREATE, .answer = ANSWER_TASK, JA},
		 "which privilege"},
		{{"GET", "/x/{}", handle, "x", PRIVILEGE_NONE, SCOPE_VM, .answer = ANSWER_LIST, JA}, "which privilege"},
		{{"GET", "/x/{}", handle, "x", PRIVILEGE_NONE, SCOPE_OBJECT, .answer = ANSWER_LIST, JA},
		 "which privilege"},
		{{"GET", "/x", handle, "x", PRIVILEGE_VM_READ, SCOPE_PUBLIC, .answer = ANSWER_LIST, JA}, "never asked"},
		{{"GET", "/x", handle, "x", PRIVILEGE_VM_READ, SCOPE_SELF, .answer = ANSWER_LIST, JA}, "never asked"},
		{{"GET", "/x", handle, "x", PRIVILEGE_VM_READ, SCOPE_TASK, .answer = ANSWER_LIST, JA}, "never asked"},
		{{"GET", "/x", handle, "x", PRIVILEGE_VM_READ, SCOPE_VM, .answer = ANSWER_LIST, JA},
		 "no place for the object"},
		{{"GET", "/x/{}", handle, "x", PRIVILEGE_ACCESS_READ, SCOPE_OWNER, .answer = ANSWER_LIST, JA}, "whose"},
		{{"GET", "/x/{}", handle, "x", PRIVILEGE_ACCESS_READ, SCOPE_OWNER, .answer = ANSWER_LIST, JA,
		  .owner = own},
		 NULL},
		{{"GET", "/x", NULL, "x", PRIVILEGE_NODE_READ, SCOPE_GLOBAL, .answer = ANSWER_LIST, JA}, "no handler"},
		{{"GET", "/x", handle, "x", PRIVILEGE_NODE_READ, SCOPE_GLOBAL, .answer = ANSWER_LIST}, "no summary"},
		{{"GET", "/x/{}/{}/{}/{}", handle, "x", PRIVILEGE_NODE_READ, SCOPE_GLOBAL, .answer = ANSWER_LIST, JA},
		 "too many"},
		{{"GET", "/x//y", handle, "x", PRIVILEGE_NODE_READ, SCOPE_GLOBAL, .answer = ANSWER_LIST, JA},
		 "too many"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		const Route table[] = {cases[i].route, {NULL}};
		Router *router = router_new((const Route *const[]){some, table, NULL}, &error);
		if (!cases[i].fault) {
			g_assert_no_error(error);
			g_assert_nonnull(router);
			router_free(router);
			continue;
		}
		g_assert_null(router);
		g_assert_error(error, ERROR, ERROR_FAILED);
		g_assert_nonnull(strstr(error->message, cases[i].route.pattern));
		if (!strstr(error->message, cases[i].fault))
			g_error("%s: not '%s'", error->message, cases[i].fault);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/router/a path has its route, another method is told apart, no step is empty", test_paths);
	g_test_add_func("/router/a route that does not say who may use it is refused by name", test_faults);
	return g_test_run();
}
