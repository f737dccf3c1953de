/* yado-reference: writes the reference page of every table, English into DIRECTORY and Japanese into DIRECTORY/ja;
 * with --check it compares instead, and fails when a page is not what the tables say. */
#include <glib/gprintf.h>
#include <string.h>

#include "schema/reference-page.h"
#include "schema/schema.h"

int main(int argc, char **argv)
{
	gboolean check = argc == 3 && strcmp(argv[1], "--check") == 0;
	if (argc != 2 && !check) {
		g_fprintf(stderr, "usage: yado-reference [--check] DIRECTORY\n");
		return 2;
	}
	int status = 0;
	for (const Table *const *table = schema_tables; *table; table++) {
		for (int japanese = 0; japanese <= 1; japanese++) {
			g_autoptr(GError) error = NULL;
			g_autofree char *page = schema_reference(*table, japanese);
			g_autofree char *name = g_strdup_printf("%s.md", (*table)->name);
			g_autofree char *path = japanese ? g_build_filename(argv[argc - 1], "ja", name, NULL)
							 : g_build_filename(argv[argc - 1], name, NULL);
			if (!reference_page(path, page, check, &error)) {
				g_fprintf(stderr, "yado-reference: %s\n", error->message);
				status = 1;
			}
		}
	}
	return status;
}
