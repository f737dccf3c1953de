/* The patterns are cut into steps once, at the start, and sorted by how many steps they have: a request is compared with
 * a handful of them, and nothing is allocated for it. */
#include "api/router.h"

#include <string.h>

#include "api/query.h"
#include "base/error.h"

#define ROOT "/api/v1"

enum { STEPS_MAX = 8, ARGS_MAX = 3 };

typedef struct Entry {
	const Route *route;
	char *steps[STEPS_MAX];  /* NULL in place of {} */
	char *text;              /* what they lie in */
} Entry;

struct Router {
	GArray *by_count[STEPS_MAX + 1]; /* of Entry, in the order of the tables */
};

/* Cuts the text at each '/', after the first one; -1 if there are too many steps, or an empty one. */
static int cut(char *text, char *steps[STEPS_MAX])
{
	int count = 0;
	for (char *step = text; step;) {
		*step++ = '\0';
		if (count == STEPS_MAX || *step == '/' || *step == '\0')
			return -1;
		steps[count++] = step;
		step = strchr(step, '/');
	}
	return count;
}

static const char *find_fault(const Route *route, guint args)
{
	gboolean collection = route->scope == SCOPE_GLOBAL || route->scope == SCOPE_ROWS || route->scope == SCOPE_CREATE;
	gboolean object = route->scope == SCOPE_VM || route->scope == SCOPE_IMAGE || route->scope == SCOPE_STORAGE ||
			  route->scope == SCOPE_MAPPING || route->scope == SCOPE_NODE;
	if (route->scope == SCOPE_UNSET)
		return "does not say on what its privilege is asked";
	if (route->answer == ANSWER_UNSET)
		return "does not say what it answers";
	if ((collection || object || route->scope == SCOPE_OBJECT) && route->privilege == PRIVILEGE_NONE)
		return "does not say which privilege it needs";
	if ((route->scope == SCOPE_PUBLIC || route->scope == SCOPE_SELF || route->scope == SCOPE_TASK) && route->privilege)
		return "has a privilege that is never asked";
	if (object && args == 0)
		return "has no place for the object that its privilege is asked on";
	if (route->scope == SCOPE_OWNER && args > 0 && !route->owner)
		return "does not say whose its object is";
	if (!route->handle || !route->summary || !route->summary_ja)
		return "has no handler or no summary";
	return query_find_fault(route);
}

static gboolean add(Router *router, const Route *route, GError **error)
{
	Entry entry = {.route = route, .text = g_strconcat(route->top ? "" : ROOT, route->pattern, NULL)};
	guint args = 0;
	int count = cut(entry.text, entry.steps);
	for (int i = 0; i < count; i++) {
		if (!g_str_equal(entry.steps[i], "{}"))
			continue;
		entry.steps[i] = NULL;
		args++;
	}
	const char *fault = count < 0 || args > ARGS_MAX ? "has too many steps" : find_fault(route, args);
	if (fault) {
		g_free(entry.text);
		error_set(error, ERROR_FAILED, "this is a mistake in Yado itself", "the route %s %s %s", route->method,
			  route->pattern, fault);
		return FALSE;
	}
	g_array_append_val(router->by_count[count], entry);
	return TRUE;
}

Router *router_new(const Route *const *tables, GError **error)
{
	Router *router = g_new0(Router, 1);
	for (guint i = 0; i <= STEPS_MAX; i++)
		router->by_count[i] = g_array_new(FALSE, FALSE, sizeof(Entry));
	for (const Route *const *table = tables; *table; table++) {
		for (const Route *route = *table; route->method; route++) {
			if (add(router, route, error))
				continue;
			router_free(router);
			return NULL;
		}
	}
	return router;
}

void router_free(Router *router)
{
	if (!router)
		return;
	for (guint i = 0; i <= STEPS_MAX; i++) {
		for (guint j = 0; j < router->by_count[i]->len; j++)
			g_free(g_array_index(router->by_count[i], Entry, j).text);
		g_array_unref(router->by_count[i]);
	}
	g_free(router);
}

static gboolean matches(const Entry *entry, char *steps[STEPS_MAX], int count)
{
	/* From the end: the first steps are the same for most. */
	for (int i = count - 1; i >= 0; i--)
		if (entry->steps[i] && !g_str_equal(entry->steps[i], steps[i]))
			return FALSE;
	return TRUE;
}

const Route *router_find(const Router *router, const char *method, char *path, char *args[3], gboolean *ret_known)
{
	char *steps[STEPS_MAX];
	int count = cut(path, steps);
	*ret_known = FALSE;
	if (count < 0)
		return NULL;
	const GArray *entries = router->by_count[count];
	for (guint i = 0; i < entries->len; i++) {
		const Entry *entry = &g_array_index(entries, Entry, i);
		if (!matches(entry, steps, count))
			continue;
		*ret_known = TRUE;
		if (!g_str_equal(entry->route->method, method))
			continue;
		guint arg = 0;
		for (int j = 0; j < count; j++)
			if (!entry->steps[j])
				args[arg++] = steps[j];
		return entry->route;
	}
	return NULL;
}
