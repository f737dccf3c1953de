/* Recorded hosts: what yado-doctor finds on hosts/NAME.host is hosts/NAME.txt. The former has the host's files beside or
 * instead of those of base.host: "== PATH" and its text, "-- PATH" for one that is not there, "-> PATH TARGET" for a
 * symbolic link. What system calls and measuring would say is in its facts.json. */
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "doctor/check.h"

static const char *dir;

/* "warning iommu.off: …", a line a finding. */
static char *judge(const char *root)
{
	Host host = {.root = root, .state = "/var/lib/yado", .run = "/run/yado", .recorded = TRUE, .measure = TRUE};
	json_auto json_object *result = checks_run(&host, NULL);
	json_object *checks = json_get(result, "checks");
	GString *text = g_string_new(NULL);
	for (gsize i = 0; i < json_object_array_length(checks); i++) {
		json_object *finding = json_object_array_get_idx(checks, i);
		static const char *const texts[] = {"found", "found_ja", "cost", "cost_ja", "remedy", "remedy_ja"};
		g_string_append_printf(text, "%s %s: %s\n", json_get_str(finding, "state", ""), json_get_str(finding, "id", ""),
				       json_get_str(finding, "found", ""));
		/* Every parameter is given, and no text of another drives a terminal. */
		for (guint j = 0; j < G_N_ELEMENTS(texts); j++) {
			const char *shown = json_get_str(finding, texts[j], "");
			g_assert_null(g_regex_match_simple("\\{[a-z]+\\}", shown, 0, 0) ? shown : NULL);
			for (const char *at = shown; *at; at = g_utf8_next_char(at))
				g_assert_false(g_unichar_iscntrl(g_utf8_get_char(at)));
		}
	}
	return g_string_free(text, FALSE);
}

static void put(const char *root, const char *path, const char *text, gsize length)
{
	g_autofree char *full = g_strconcat(root, path, NULL), *parent = g_path_get_dirname(full);
	unlink(full);
	g_assert_true(dir_make(parent, 0700, NULL));
	g_assert_true(file_replace(full, text, length, 0600, NULL));
}

static void put_link(const char *root, char *words)
{
	char *target = strchr(words, ' ');
	*target++ = '\0';
	put(root, words, "", 0);
	g_autofree char *full = g_strconcat(root, words, NULL);
	unlink(full);
	g_assert_cmpint(symlink(target, full), ==, 0);
}

/* One part of a recorded host: from its first line up to the next part. */
static void unpack_part(const char *root, const char *part, gsize length)
{
	gsize line = strcspn(part, "\n");
	g_autofree char *words = g_strndup(part + 3, line - 3);
	if (part[0] == '=')
		put(root, words, part + line + 1, length - line - 1);
	else if (part[1] == '>')
		put_link(root, words);
	else {
		g_autofree char *full = g_strconcat(root, words, NULL);
		g_assert_cmpint(unlink(full), ==, 0);
	}
}

static gboolean is_part(const char *line)
{
	return g_str_has_prefix(line, "== /") || g_str_has_prefix(line, "-- /") || g_str_has_prefix(line, "-> /");
}

static void unpack(const char *root, const char *name)
{
	g_autofree char *path = g_strdup_printf("%s/%s.host", dir, name), *text = NULL;
	g_assert_true(file_read(path, 1 << 20, &text, NULL, NULL));
	g_assert_true(is_part(text));
	for (const char *part = text; *part;) {
		const char *next = strchr(part, '\n');
		while (next && !is_part(next + 1) && next[1])
			next = strchr(next + 1, '\n');
		gsize length = next ? (gsize)(next + 1 - part) : strlen(part);
		unpack_part(root, part, length);
		part += length;
	}
}

static void test_host(gconstpointer name)
{
	g_autofree char *root = g_dir_make_tmp("yado-host-XXXXXX", NULL);
	g_autofree char *path = g_strdup_printf("%s/%s.txt", dir, (const char *)name);
	unpack(root, "base");
	if (strcmp(name, "base") != 0)
		unpack(root, name);
	g_autofree char *expected = NULL, *found = judge(root);
	g_assert_true(dir_remove(root, NULL));
	if (g_getenv("YADO_GOLDEN_WRITE"))
		g_assert_true(file_replace(path, found, strlen(found), 0644, NULL));
	g_assert_true(file_read(path, 1 << 20, &expected, NULL, NULL));
	g_assert_cmpstr(found, ==, expected);
}

/* {NAME} that stand in a text, sorted. */
static char *places_of(const char *text)
{
	g_autoptr(GRegex) regex = g_regex_new("\\{[a-z]+\\}", 0, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	g_autoptr(GTree) names = g_tree_new_full((GCompareDataFunc)(void (*)(void))strcmp, NULL, g_free, NULL);
	GString *list = g_string_new(NULL);
	g_regex_match(regex, text, 0, &match);
	for (; g_match_info_matches(match); g_match_info_next(match, NULL))
		g_tree_insert(names, g_match_info_fetch(match, 0), NULL);
	for (GTreeNode *node = g_tree_node_first(names); node; node = g_tree_node_next(node))
		g_string_append(list, g_tree_node_key(node));
	return g_string_free(list, FALSE);
}

static void assert_same_places(const Texts *texts)
{
	g_autofree char *en = places_of(texts->en), *ja = places_of(texts->ja);
	g_assert_cmpstr(en, ==, ja);
}

static void test_languages(void)
{
	guint count = 0;
	for (const Check *const *table = check_tables; *table; table++) {
		for (const Check *check = *table; check->id; check++) {
			g_assert_true(check_find(check->id) == check);
			for (const Finding *const *finding = check->findings; *finding; finding++) {
				g_assert_true(g_str_has_prefix((*finding)->id, check->id));
				assert_same_places(&(*finding)->found);
				assert_same_places(&(*finding)->cost);
				assert_same_places(&(*finding)->remedy);
				count++;
			}
		}
	}
	g_assert_cmpuint(count, >, 60);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	dir = g_getenv("YADO_GOLDEN_DIR");
	g_autofree char *hosts = g_build_filename(dir, "hosts", NULL);
	dir = hosts;
	g_autoptr(GDir) names = g_dir_open(hosts, 0, NULL);
	g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func(g_free);
	for (const char *name; (name = g_dir_read_name(names));) {
		if (!g_str_has_suffix(name, ".host"))
			continue;
		char *plain = g_strndup(name, strlen(name) - strlen(".host"));
		g_autofree char *path = g_strconcat("/doctor/a recorded host is judged as before: ", plain, NULL);
		g_ptr_array_add(kept, plain);
		g_test_add_data_func(path, kept->pdata[kept->len - 1], test_host);
	}
	g_assert_cmpuint(kept->len, >=, 8);
	g_test_add_func("/doctor/both languages tell the same parameters", test_languages);
	return g_test_run();
}
