/* Reading and writing single attributes of sysfs. */
#pragma once
#include <glib.h>

/* The attribute's text without its newline; NULL if there is none. What devices say of themselves is made one line of
 * printable UTF-8. Caller frees. */
char *sysfs_read(const char *dir, const char *attribute);
/* The last part of where a link leads ("vfio-pci" of "driver"); NULL. Caller frees. */
char *sysfs_link(const char *dir, const char *name);
gboolean sysfs_write(const char *dir, const char *attribute, const char *text, GError **error);
/* Names in a directory, sorted; free with g_ptr_array_unref(). Empty if it is not there. */
GPtrArray *sysfs_names(const char *dir);
