/* Storage of kind "dir": a directory of a mounted file system, one file a volume.
 *
 * PATH/.yado-storage holds the id of the node that the directory belongs to. A directory that has other things in it
 * and no marker is not taken (its mode would be changed, and names could clash); one with another node's marker belongs
 * to that node. A file system that is not mounted shows as a missing marker, and nothing is then written below its
 * mount point. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "storage/kind.h"

#define MARKER ".yado-storage"

static const char *dir_path(json_object *document)
{
	return json_get_str(document, "path", "");
}

static char *volume_path(json_object *document, const char *name, const char *format)
{
	return g_strdup_printf("%s/%s.%s", dir_path(document), name, format);
}

/* 1 empty, 0 not, -1 with error. What mkfs leaves does not count, nor does a marker that was not written to its end. */
static int is_empty(const char *path, GError **error)
{
	DIR *dir = opendir(path);
	int empty = 1;
	if (!dir) {
		error_set_errno(error, errno, "cannot look into '%s'", path);
		return -1;
	}
	for (struct dirent *entry; (entry = readdir(dir));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			strcmp(entry->d_name, "lost+found") != 0 && !g_str_has_prefix(entry->d_name, MARKER))
			empty = 0;
	closedir(dir);
	return empty;
}

static gboolean check_owner(const char *path, const char *node_id, const char *marker, GError **error)
{
	g_autofree char *owner = g_strstrip(g_strdup(marker));
	if (*owner == '\0' || *node_id == '\0' || strcmp(owner, node_id) == 0)
		return TRUE;
	error_set(error, ERROR_CONFLICT, "give each node a directory of its own",
		"the directory '%s' belongs to another node (%.40s)", path, owner);
	return FALSE;
}

static gboolean dir_prepare(json_object *document, const char *node_id, GError **error)
{
	const char *path = dir_path(document);
	g_autofree char *marker_path = g_build_filename(path, MARKER, NULL);
	g_autofree char *marker = NULL;
	GError *cause = NULL;
	if (!dir_make(path, 0700, error))
		return FALSE;
	if (file_read(marker_path, 256, &marker, NULL, &cause)) {
		if (!check_owner(path, node_id, marker, error))
			return FALSE;
	} else if (error_code(cause) == ERROR_NOT_FOUND) {
		g_clear_error(&cause);
		int empty = is_empty(path, error);
		if (empty < 0)
			return FALSE;
		if (!empty) {
			error_set_field(error, ERROR_CONFLICT, "path", "give a new or an empty directory",
				"the directory '%s' has other files in it", path);
			return FALSE;
		}
	} else {
		g_propagate_error(error, cause);
		return FALSE;
	}
	if (chmod(path, 0700) < 0) {
		error_set_errno(error, errno, "cannot close '%s' to others", path);
		return FALSE;
	}
	/* Also shows that the directory can be written. */
	g_autofree char *text = g_strdup_printf("%s\n", *node_id || !marker ? node_id : g_strstrip(marker));
	return file_write_atomic(marker_path, text, strlen(text), 0600, error);
}

static gboolean dir_check(json_object *document, const char *node_id, GError **error)
{
	const char *path = dir_path(document);
	g_autofree char *marker_path = g_build_filename(path, MARKER, NULL);
	g_autofree char *marker = NULL;
	GError *cause = NULL;
	if (file_read(marker_path, 256, &marker, NULL, &cause))
		return check_owner(path, node_id, marker, error);
	error_set(error, ERROR_UNAVAILABLE, "mount its file system again, or restore the directory",
		"storage '%s' is not there: %s", json_get_str(document, "name", ""), cause->message);
	g_error_free(cause);
	return FALSE;
}

static gboolean dir_space(json_object *document, StorageSpace *ret_space, GError **error)
{
	struct statvfs info;
	if (statvfs(dir_path(document), &info) < 0) {
		error_set_errno(error, errno, "cannot read the space of '%s'", dir_path(document));
		return FALSE;
	}
	*ret_space = (StorageSpace){
		.total = (guint64)info.f_blocks * info.f_frsize, .free = (guint64)info.f_bavail * info.f_frsize};
	return TRUE;
}

static int dir_create(json_object *document, const char *name, const char *format, GError **error)
{
	g_autofree char *path = volume_path(document, name, format);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == EEXIST)
		error_set(error, ERROR_EXISTS, "move it away or import it as an image, and try again",
			"the file '%s' exists already, and no volume of Yado's is known there", path);
	else if (fd < 0)
		error_set_errno(error, errno, "cannot create '%s'", path);
	return fd;
}

static int dir_open(json_object *document, const char *name, const char *format, gboolean writable, GError **error)
{
	g_autofree char *path = volume_path(document, name, format);
	struct stat info;
	fd_auto int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &info) < 0) {
		error_set_errno(error, errno, "cannot open the volume '%s'", path);
		return -1;
	}
	if (!S_ISREG(info.st_mode)) {
		error_set(error, ERROR_FAILED, NULL, "the volume '%s' is not a regular file", path);
		return -1;
	}
	return fd_steal(&fd);
}

static gboolean dir_exists(json_object *document, const char *name, const char *format)
{
	g_autofree char *path = volume_path(document, name, format);
	struct stat info;
	return lstat(path, &info) == 0;
}

static gboolean dir_settle(json_object *document, GError **error)
{
	return dir_sync(dir_path(document), error);
}

static gboolean dir_remove_volume(json_object *document, const char *name, const char *format, GError **error)
{
	g_autofree char *path = volume_path(document, name, format);
	if (unlink(path) < 0 && errno != ENOENT) {
		error_set_errno(error, errno, "cannot remove '%s'", path);
		return FALSE;
	}
	return dir_sync(dir_path(document), error);
}

static gboolean dir_clone(int target_fd, int source_fd)
{
	return ioctl(target_fd, FICLONE, source_fd) == 0;
}

const StorageKind storage_kind_dir = {
	.name = "dir",
	.prepare = dir_prepare,
	.check = dir_check,
	.space = dir_space,
	.create = dir_create,
	.open = dir_open,
	.exists = dir_exists,
	.settle = dir_settle,
	.remove = dir_remove_volume,
	.clone = dir_clone,
};
