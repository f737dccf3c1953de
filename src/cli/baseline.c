/* yado node cpu-features and yado node baseline: what CPUs of several nodes have in common. */
#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/baseline.h"
#include "cli/format.h"
#include "cli/messages/node.h"
#include "cli/output.h"
#include "cli/resource.h"

enum { LIST_MAX_BYTES = 1 << 20 };

Exit cpu_features_exec(Cli *cli, Arguments *arguments)
{
	const char *node = arguments->words->len ? arguments_word(arguments, 0) : "self";
	Exit code = EXIT_DONE;
	g_autofree char *path = ask_path("/nodes/", node, "/cpu-features");
	g_autoptr(Reply) reply = ask(cli, "GET", path, NULL, &code);
	return reply ? resource_print(cli, reply->body, &cpu_features_table) : code;
}

/* Puts the file's list under its node's name. */
static gboolean add_list(json_object *nodes, const char *file, Exit *ret_exit)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	gsize length;
	if (!file_read(file, LIST_MAX_BYTES, &text, &length, &error)) {
		*ret_exit = report(error);
		return FALSE;
	}
	json_auto json_object *list = json_parse(text, length, NULL);
	const char *node = json_get_str(list, "node", NULL);
	if (!node || !json_get(list, "features") || !json_get(list, "models"))
		*ret_exit = usage_error(NULL, T(m_baseline_bad_file), file);
	else if (json_get(nodes, node))
		*ret_exit = usage_error(NULL, T(m_baseline_twice), file, node);
	else
		json_set(nodes, node, json_object_get(list));
	return *ret_exit == EXIT_DONE;
}

static void print_baseline(json_object *baseline)
{
	g_autoptr(Pairs) pairs = pairs_new();
	g_autofree char *model = format_value(json_get(baseline, "model"), NULL);
	g_autofree char *flags = format_value(json_get(baseline, "flags"), NULL);
	json_object *nodes = json_get(baseline, "nodes");
	pairs_add(pairs, T(m_baseline_model), model);
	pairs_add(pairs, T(m_baseline_flags), flags);
	for (gsize i = 0; i < json_get_count(nodes); i++) {
		json_object *item = json_object_array_get_idx(nodes, i);
		g_autofree char *node = format_value(json_get(item, "node"), NULL);
		g_autofree char *label = g_strdup_printf(T(m_baseline_unused), node);
		g_autofree char *unused = format_value(json_get(item, "unused"), NULL);
		pairs_add(pairs, label, unused);
	}
	pairs_print(pairs, "");
	gboolean more = json_get_count(json_get(baseline, "flags")) > 0;
	g_auto(GStrv) words = g_strsplit(more ? flags : "", ", ", -1);
	g_autofree char *joined = g_strjoinv(",", words);
	printf("\n");
	printf(T(m_baseline_use), model, more ? " --cpu-flags " : "", joined);
}

Exit baseline_exec(Cli *cli, Arguments *arguments)
{
	json_auto json_object *body = json_object_new_object();
	json_object *nodes = json_object_new_object();
	Exit code = EXIT_DONE;
	json_set(body, "nodes", nodes);
	for (guint i = 0; i < arguments->words->len; i++)
		if (!add_list(nodes, arguments_word(arguments, i), &code))
			return code;
	g_autoptr(Reply) reply = ask(cli, "POST", "/nodes/self/baseline", body, &code);
	if (!reply)
		return code;
	if (cli->json)
		output_json(reply->body);
	else
		print_baseline(reply->body);
	return EXIT_DONE;
}
