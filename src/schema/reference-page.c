/* Pages of docs/reference. */
#include "schema/reference-page.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"

enum { PAGE_MAX = 1024 * 1024 };

static gboolean compare(const char *path, const char *page, GError **error)
{
	g_autofree char *present = NULL;
	gsize length = 0;
	if (!file_read(path, PAGE_MAX, &present, &length, error))
		return FALSE;
	if (length == strlen(page) && memcmp(present, page, length) == 0)
		return TRUE;
	error_set(error, ERROR_FAILED, NULL, "%s is not what the source says; write it anew, without --check", path);
	return FALSE;
}

gboolean reference_page(const char *path, const char *page, gboolean check, GError **error)
{
	g_autofree char *directory = g_path_get_dirname(path);
	if (check)
		return compare(path, page, error);
	return dir_make(directory, 0755, error) && file_write_atomic(path, page, strlen(page), 0644, error);
}
