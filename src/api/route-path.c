/* Paths and scopes of routes by name. What stands in place of a {} is named after the step before it. */
#include "api/route-path.h"

#include <string.h>

static const char *const scope_names[] = {
	[SCOPE_UNSET] = "unset",   [SCOPE_PUBLIC] = "public",	[SCOPE_SELF] = "self", [SCOPE_GLOBAL] = "global",
	[SCOPE_ROWS] = "rows",	   [SCOPE_CREATE] = "create",	[SCOPE_VM] = "vm",     [SCOPE_IMAGE] = "image",
	[SCOPE_STORAGE] = "storage", [SCOPE_NODE] = "node",	[SCOPE_TASK] = "task", [SCOPE_OBJECT] = "object",
	[SCOPE_OWNER] = "owner",   [SCOPE_MAPPING] = "mapping",
};

/* Where the name is not the step's singular, or there is more to say. */
static const struct {
	const char *step;
	guint index; /* among the {} after that step */
	const char *name;
	gboolean number;
	const char *help, *help_ja;
} known[] = {
	{"vms", 0, "vm", FALSE, "number or name of the guest", "ゲストの番号または名前"},
	{"nodes", 0, "node", FALSE, "name of the node; self is the one that answers", "ノード名。self は応答するノード"},
	{"tasks", 0, "task", TRUE, "number of the task", "タスク番号"},
	{"history", 0, "rev", TRUE, "revision of the commit", "コミットのリビジョン"},
	{"history", 1, "kind", FALSE, "kind of the document, as in vm", "文書の種類（例: vm）"},
	{"history", 2, "name", FALSE, "its name, as in 100", "文書の名前（例: 100）"},
	{"tokens", 0, "token", FALSE, "id of the token", "トークンの識別子"},
	{"sessions", 0, "session", FALSE, "id of the session", "セッションの識別子"},
	{"uploads", 0, "upload", FALSE, "id of the upload", "アップロードの識別子"},
};

const char *scope_name(Scope scope)
{
	return scope_names[scope];
}

static PathParameter make_parameter(const char *step, guint index)
{
	gsize length = strlen(step);
	for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
		if (g_str_equal(known[i].step, step) && known[i].index == index)
				return (PathParameter){g_strdup(known[i].name), known[i].number, known[i].help,
					       known[i].help_ja};
	}
	return (PathParameter){g_strndup(step, g_str_has_suffix(step, "s") ? length - 1 : length), FALSE, "name", "名前"};
}

char *route_path(const Route *route, PathParameter ret_parameters[3], guint *ret_count)
{
	g_auto(GStrv) steps = g_strsplit(route->pattern + 1, "/", -1);
	GString *path = g_string_new(NULL);
	const char *literal = "";
	guint index = 0;
	*ret_count = 0;
	for (char **step = steps; *step; step++) {
		if (g_str_equal(*step, "{}")) {
			PathParameter parameter = make_parameter(literal, index++);
			ret_parameters[(*ret_count)++] = parameter;
			g_string_append_printf(path, "/{%s}", parameter.name);
		} else {
			literal = *step;
			index = 0;
			g_string_append_printf(path, "/%s", *step);
		}
	}
	return g_string_free(path, FALSE);
}

void path_parameters_clear(PathParameter parameters[3], guint count)
{
	for (guint i = 0; i < count; i++)
		g_clear_pointer(&parameters[i].name, g_free);
}
