/* Pages of docs/reference, for the programs that make them. */
#pragma once
#include <glib.h>

/* Writes the page, or compares the file with it: ERROR_FAILED if it differs. */
gboolean reference_page(const char *path, const char *page, gboolean check, GError **error);
