/* Trees of files as the kernel of some host would have them. */
#pragma once
#include <glib/gstdio.h>

#include "base/file.h"

static char *scratch; /* roots are below it */

static void put(const char *root, const char *path, const char *text)
{
	g_autofree char *whole = g_strconcat(root, path, NULL);
	g_autofree char *folder = g_path_get_dirname(whole);
	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	g_assert_true(g_file_set_contents(whole, text, -1, NULL));
}

/* g_test_run() with a scratch directory. */
static int run_with_scratch(int (*run)(void))
{
	scratch = g_dir_make_tmp("host-XXXXXX", NULL);
	int code = run();
	dir_remove(scratch, NULL);
	g_free(scratch);
	return code;
}
