/* Single attributes of sysfs. */
#include "hardware/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

enum { ATTRIBUTE_MAX = 4096 };

char *sysfs_read(const char *dir, const char *attribute)
{
	g_autofree char *path = g_build_filename(dir, attribute, NULL);
	g_autofree char *text = NULL;
	gsize length = 0;
	if (!file_read(path, ATTRIBUTE_MAX, &text, &length, NULL))
		return NULL;
	/* A USB device's texts are the device's own. */
	char *valid = g_utf8_make_valid(text, (gssize)strlen(text));
	g_strstrip(valid);
	for (char *c = valid; *c; c++)
		if (g_ascii_iscntrl(*c))
			*c = ' ';
	return valid;
}

char *sysfs_link(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	g_autofree char *target = g_file_read_link(path, NULL);
	return target ? g_path_get_basename(target) : NULL;
}

gboolean sysfs_write(const char *dir, const char *attribute, const char *text, GError **error)
{
	g_autofree char *path = g_build_filename(dir, attribute, NULL);
	fd_auto int fd = open(path, O_WRONLY | O_CLOEXEC);
	/* The kernel takes an attribute in one write. */
	if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		return TRUE;
	error_set_errno(error, errno, "cannot write '%s' to %s", text, path);
	return FALSE;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *sysfs_names(const char *dir)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
	const char *name;
	while (entries && (name = g_dir_read_name(entries)))
		g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare_names);
	return names;
}
