/* What of an upload is on the disk: its record, written each time that something became durable, and what a next daemon
 * makes of that. */
#include "image/uploads-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"

enum { RECORD_MAX = 16 << 10 };

/* The record is the document, what was durable, and in which life of the machine. */
gboolean upload_save(Upload *upload, GError **error)
{
	g_mutex_lock(&upload->uploads->lock);
	json_auto json_object *record = upload_describe_locked(upload);
	json_set_int(record, "synced", (gint64)upload->synced);
	json_set_int(record, "active", upload->active_us);
	gboolean gone = upload->gone;
	g_mutex_unlock(&upload->uploads->lock);
	if (gone)
		return TRUE;
	json_set_str(record, "boot", process_boot_id());
	g_autofree char *text = json_dup_text(record);
	return file_write_atomic(upload->record, text, strlen(text), 0600, error);
}

void upload_save_or_say(Upload *upload)
{
	g_autoptr(GError) error = NULL;
	if (!upload_save(upload, &error))
		g_warning("the record of upload %s is not up to date: %s", upload->id, error->message);
}

void upload_remove_files(const Upload *upload)
{
	/* The record first: a file without one is removed at the next start. */
	if ((unlink(upload->record) < 0 && errno != ENOENT) || (unlink(upload->path) < 0 && errno != ENOENT))
		g_warning("upload %s cannot be removed: %s", upload->id, g_strerror(errno));
}

static gboolean settle_file(Upload *upload, gboolean same_boot, GError **error)
{
	struct stat info;
	fd_auto int fd = open(upload->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &info) < 0) {
		error_set_errno(error, errno, "cannot open '%s'", upload->path);
		return FALSE;
	}
	guint64 size = MIN((guint64)info.st_size, upload->size);
	if (!same_boot)
		size = MIN(size, upload->synced);
	if (size != (guint64)info.st_size && ftruncate(fd, (off_t)size) < 0) {
		error_set_errno(error, errno, "cannot cut '%s' to what has arrived", upload->path);
		return FALSE;
	}
	upload->offset = size;
	return TRUE;
}

static gboolean load(Uploads *uploads, const char *id, GError **error)
{
	g_autofree char *path = g_strconcat(uploads->dir, "/", id, ".json", NULL);
	g_autofree char *text = NULL;
	gsize length;
	if (!file_read(path, RECORD_MAX, &text, &length, error))
		return FALSE;
	json_auto json_object *record = json_parse(text, length, error);
	gint64 size = json_get_int(record, "size", 0);
	if (!record || size <= 0) {
		error_set(error && *error ? NULL : error, ERROR_INVALID, NULL, "'%s' is not a record", path);
		return FALSE;
	}
	Upload *upload = upload_new(uploads, id, json_get_str(record, "user", ""), (guint64)size,
				    json_get_str(record, "digest", NULL), json_get_str(record, "created", ""));
	upload->synced = (guint64)MAX(json_get_int(record, "synced", 0), 0);
	upload->active_us = json_get_int(record, "active", 0);
	if (!settle_file(upload, g_str_equal(json_get_str(record, "boot", ""), process_boot_id()), error)) {
		upload_unref(upload);
		return FALSE;
	}
	g_hash_table_insert(uploads->table, upload->id, upload);
	return TRUE;
}

gboolean uploads_load(Uploads *uploads, GError **error)
{
	g_autoptr(GDir) listing = g_dir_open(uploads->dir, 0, error);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const char *name;
	if (!listing)
		return FALSE;
	while ((name = g_dir_read_name(listing)))
		g_ptr_array_add(names, g_strdup(name));
	for (guint i = 0; i < names->len; i++) {
		g_autoptr(GError) failed = NULL;
		g_autofree char *id = g_strdup(names->pdata[i]);
		if (!g_str_has_suffix(id, ".json"))
			continue;
		id[strlen(id) - strlen(".json")] = '\0';
		if (!load(uploads, id, &failed))
			g_warning("upload %s is given up: %s", id, failed->message);
	}
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *id = g_strdup(names->pdata[i]), *path = g_build_filename(uploads->dir, id, NULL);
		if (g_str_has_suffix(id, ".json"))
			id[strlen(id) - strlen(".json")] = '\0';
		if (!g_hash_table_contains(uploads->table, id) && unlink(path) < 0)
			g_warning("'%s' cannot be removed: %s", path, g_strerror(errno));
	}
	return TRUE;
}
