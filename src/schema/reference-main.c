/* yado-reference: writes the reference page of every table, English into DIRECTORY and Japanese into DIRECTORY/ja;
 * with --check it compares instead, and fails when a page is not what the tables say. */
#include <glib/gprintf.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "schema/schema.h"

enum { PAGE_MAX = 1024 * 1024 };

static gboolean write_page(const char *path, const char *page, GError **error)
{
	g_autofree char *directory = g_path_get_dirname(path);
	return dir_make(directory, 0755, error) && file_write_atomic(path, page, strlen(page), 0644, error);
}

static gboolean check_page(const char *path, const char *page, GError **error)
{
	g_autofree char *present = NULL;
	gsize length = 0;
	if (!file_read(path, PAGE_MAX, &present, &length, error))
		return FALSE;
	if (length == strlen(page) && memcmp(present, page, length) == 0)
		return TRUE;
	error_set(error, ERROR_FAILED, NULL, "%s is not what the tables say; write it anew with yado-reference", path);
	return FALSE;
}

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
			if (!(check ? check_page : write_page)(path, page, &error)) {
				g_fprintf(stderr, "yado-reference: %s\n", error->message);
				status = 1;
			}
		}
	}
	return status;
}
