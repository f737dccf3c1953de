/* Uploads.
 *
 * The table in memory is the truth while the daemon runs; records on the disk are for the next one. A part is written
 * by a pump straight into the file, at its end; yadod learns how far it came. So after a crash of whatever process, the
 * file's size tells where to go on. After a power cut it may not: there the file is cut to what the record says was
 * durable, which is written down each time the pump has synced.
 *
 * An upload is in one of three hands at a time: nobody's, a part's (`writing`), or an import's (`held`). */
#include "image/uploads.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "image/uploads-internal.h"

enum { CUT_MS = 10000 };
#define IDLE_US (24 * G_TIME_SPAN_HOUR)
#define RESERVE_BYTES ((guint64)256 << 20) /* stays free: the store is on the same disk */

void upload_unref(gpointer data)
{
	Upload *upload = data;
	if (!g_atomic_ref_count_dec(&upload->refs))
		return;
	transfer_unref(upload->transfer);
	g_free(upload->id);
	g_free(upload->path);
	g_free(upload->record);
	g_free(upload->user);
	g_free(upload->digest);
	g_free(upload->created);
	g_free(upload);
}

Upload *upload_ref(Upload *upload)
{
	g_atomic_ref_count_inc(&upload->refs);
	return upload;
}

Upload *upload_new(Uploads *uploads, const char *id, const char *user, guint64 size, const char *digest,
		   const char *created)
{
	Upload *upload = g_new0(Upload, 1);
	g_atomic_ref_count_init(&upload->refs);
	upload->uploads = uploads;
	upload->id = g_strdup(id);
	upload->path = g_build_filename(uploads->dir, id, NULL);
	upload->record = g_strconcat(upload->path, ".json", NULL);
	upload->user = g_strdup(user);
	upload->digest = g_strdup(digest);
	upload->created = g_strdup(created);
	upload->size = size;
	upload->active_us = g_get_real_time();
	return upload;
}

guint64 upload_arrived_locked(Upload *upload)
{
	return upload->offset + (upload->transfer ? transfer_bytes(upload->transfer) : 0);
}

json_object *upload_describe_locked(Upload *upload)
{
	json_object *document = json_object_new_object();
	json_set_str(document, "id", upload->id);
	json_set_int(document, "size", (gint64)upload->size);
	if (upload->digest)
		json_set_str(document, "digest", upload->digest);
	json_set_int(document, "offset", (gint64)upload_arrived_locked(upload));
	json_set_str(document, "user", upload->user);
	json_set_str(document, "created", upload->created);
	return document;
}

Upload *uploads_find_locked(Uploads *uploads, const char *id, GError **error)
{
	Upload *upload = g_hash_table_lookup(uploads->table, id);
	if (!upload)
		error_set(error, ERROR_NOT_FOUND, "'GET /uploads' lists what there is; idle ones go after a day",
			  "there is no upload '%s'", id);
	return upload;
}

/* Out of the table; its files are the caller's to remove, without the lock. New reference. */
static Upload *take_locked(Upload *upload)
{
	upload_ref(upload);
	upload->gone = TRUE;
	g_hash_table_remove(upload->uploads->table, upload->id);
	return upload;
}

/* Removes what is idle; returns when the next may be. */
static gint64 expire_locked(Uploads *uploads)
{
	g_autoptr(GPtrArray) idle = g_ptr_array_new_with_free_func(upload_unref);
	gint64 now = g_get_real_time(), next = IDLE_US;
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, uploads->table);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Upload *upload = value;
		if (upload->writing || upload->held)
			continue;
		if (upload->active_us + IDLE_US > now) {
			next = MIN(next, upload->active_us + IDLE_US - now);
			continue;
		}
		upload_ref(upload);
		upload->gone = TRUE;
		g_hash_table_iter_remove(&iter);
		g_ptr_array_add(idle, upload);
	}
	g_mutex_unlock(&uploads->lock);
	for (guint i = 0; i < idle->len; i++) {
		g_message("upload %s was idle for a day and is removed", ((Upload *)idle->pdata[i])->id);
		upload_remove_files(idle->pdata[i]);
	}
	g_mutex_lock(&uploads->lock);
	return next;
}

static gpointer keep(gpointer data)
{
	Uploads *uploads = data;
	g_mutex_lock(&uploads->lock);
	while (!uploads->stopping) {
		gint64 until = g_get_monotonic_time() + MAX(expire_locked(uploads), G_TIME_SPAN_SECOND);
		while (!uploads->stopping && g_cond_wait_until(&uploads->changed, &uploads->lock, until))
			;
	}
	g_mutex_unlock(&uploads->lock);
	return NULL;
}

Uploads *uploads_new(const char *dir, const char *run_dir, GError **error)
{
	if (!dir_make(dir, 0700, error))
		return NULL;
	Uploads *uploads = g_new0(Uploads, 1);
	g_mutex_init(&uploads->lock);
	g_cond_init(&uploads->changed);
	uploads->dir = g_strdup(dir);
	uploads->run_dir = g_strdup(run_dir);
	uploads->table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, upload_unref);
	if (uploads_load(uploads, error)) {
		uploads->keeper = g_thread_new("uploads", keep, uploads);
		return uploads;
	}
	uploads_free(uploads);
	return NULL;
}

void uploads_free(Uploads *uploads)
{
	if (!uploads)
		return;
	transfers_stop();
	g_mutex_lock(&uploads->lock);
	uploads->stopping = TRUE;
	g_cond_broadcast(&uploads->changed);
	g_mutex_unlock(&uploads->lock);
	if (uploads->keeper)
		g_thread_join(uploads->keeper);
	g_hash_table_unref(uploads->table);
	g_mutex_clear(&uploads->lock);
	g_cond_clear(&uploads->changed);
	g_free(uploads->dir);
	g_free(uploads->run_dir);
	g_free(uploads);
}

/* With the lock held; what the others have been promised counts as used. */
static gboolean check_room(Uploads *uploads, const char *user, guint64 size, GError **error)
{
	struct statvfs space;
	guint64 promised = RESERVE_BYTES;
	guint mine = 0;
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, uploads->table);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Upload *upload = value;
		mine += g_str_equal(upload->user, user);
		promised += upload->size - MIN(upload->size, upload_arrived_locked(upload));
	}
	if (mine >= UPLOADS_USER_MAX || g_hash_table_size(uploads->table) >= UPLOADS_MAX) {
		error_set(error, ERROR_TOO_MANY, "delete one that is not needed; 'GET /uploads' lists them",
			  "there are already %u uploads%s", mine >= UPLOADS_USER_MAX ? mine : UPLOADS_MAX,
			  mine >= UPLOADS_USER_MAX ? " of yours" : "");
		return FALSE;
	}
	if (statvfs(uploads->dir, &space) < 0) {
		error_set_errno(error, errno, "cannot look at '%s'", uploads->dir);
		return FALSE;
	}
	guint64 room = (guint64)space.f_bavail * space.f_frsize;
	room -= MIN(room, promised);
	if (size <= room)
		return TRUE;
	g_autofree char *needs = units_format_size(size), *has = units_format_size(room);
	error_set_field(error, ERROR_NO_SPACE, "size", "make room on the disk that holds Yado's state",
			"the upload needs %s, but only %s are free for it", needs, has);
	return FALSE;
}

json_object *uploads_create(Uploads *uploads, const char *user, json_object *input, GError **error)
{
	g_autofree char *id = g_uuid_string_random();
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *created = g_date_time_format_iso8601(now);
	Upload *upload = upload_new(uploads, id, user, (guint64)json_get_int(input, "size", 0),
				    json_get_str(input, "digest", NULL), created);
	g_mutex_lock(&uploads->lock);
	gboolean fits = check_room(uploads, user, upload->size, error);
	if (fits) {
		upload->writing = TRUE; /* until its files are there */
		upload_ref(upload);
		g_hash_table_insert(uploads->table, upload->id, upload);
	}
	g_mutex_unlock(&uploads->lock);
	if (!fits) {
		upload_unref(upload);
		return NULL;
	}
	fd_auto int fd = open(upload->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	gboolean made = fd >= 0;
	if (!made)
		error_set_errno(error, errno, "cannot make '%s'", upload->path);
	made = made && upload_save(upload, error);
	g_mutex_lock(&uploads->lock);
	upload->writing = FALSE;
	g_cond_broadcast(&uploads->changed);
	json_object *document = made ? upload_describe_locked(upload) : NULL;
	if (!made)
		upload_unref(take_locked(upload));
	g_mutex_unlock(&uploads->lock);
	if (!made)
		upload_remove_files(upload);
	upload_unref(upload);
	return document;
}

static gint by_age(gconstpointer a, gconstpointer b)
{
	const Upload *first = a, *second = b;
	gint order = strcmp(first->created, second->created);
	return order ? order : strcmp(first->id, second->id);
}

json_object *uploads_list(Uploads *uploads)
{
	json_object *items = json_object_new_array();
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&uploads->lock);
	g_autoptr(GList) sorted = g_list_sort(g_hash_table_get_values(uploads->table), by_age);
	for (GList *item = sorted; item; item = item->next)
		json_object_array_add(items, upload_describe_locked(item->data));
	return items;
}

json_object *uploads_get(Uploads *uploads, const char *id, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&uploads->lock);
	Upload *upload = uploads_find_locked(uploads, id, error);
	return upload ? upload_describe_locked(upload) : NULL;
}

gboolean uploads_delete(Uploads *uploads, const char *id, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + CUT_MS * 1000;
	g_mutex_lock(&uploads->lock);
	Upload *upload = uploads_find_locked(uploads, id, error);
	while (upload && upload->writing && !upload->held) {
		if (upload->transfer)
			transfer_cancel(upload->transfer);
		if (!g_cond_wait_until(&uploads->changed, &uploads->lock, deadline)) {
			error_set(error, ERROR_TIMEOUT, "try again", "upload '%s' is still being written", id);
			upload = NULL;
		} else {
			upload = uploads_find_locked(uploads, id, error);
		}
	}
	if (upload && upload->held) {
		error_set(error, ERROR_CONFLICT, "cancel that task first, or wait for it",
			  "an image is being made of upload '%s'", id);
		upload = NULL;
	}
	Upload *taken = upload ? take_locked(upload) : NULL;
	g_mutex_unlock(&uploads->lock);
	if (!taken)
		return FALSE;
	upload_remove_files(taken);
	upload_unref(taken);
	return TRUE;
}

/* --- Imports --- */

int uploads_hold(Uploads *uploads, const char *id, const char **ret_path, char **ret_digest, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&uploads->lock);
	Upload *upload = uploads_find_locked(uploads, id, error);
	if (!upload)
		return -1;
	if (upload->writing || upload->held) {
		error_set(error, ERROR_CONFLICT, "wait for it",
			  upload->held ? "an image is already being made of upload '%s'"
				       : "upload '%s' is still being written", id);
		return -1;
	}
	if (upload->offset != upload->size) {
		error_set_field(error, ERROR_CONFLICT, "upload", "send the rest first",
				"only %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes of upload '%s' have arrived",
				upload->offset, upload->size, id);
		return -1;
	}
	int fd = open(upload->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		error_set_errno(error, errno, "cannot open upload '%s'", id);
		return -1;
	}
	upload->held = TRUE;
	*ret_path = upload->path;
	*ret_digest = g_strdup(upload->digest);
	return fd;
}

void uploads_release(Uploads *uploads, const char *id, gboolean used)
{
	g_mutex_lock(&uploads->lock);
	Upload *upload = uploads_find_locked(uploads, id, NULL);
	Upload *taken = upload && used ? take_locked(upload) : NULL;
	if (upload && !taken) {
		upload->held = FALSE;
		upload->active_us = g_get_real_time();
	}
	g_mutex_unlock(&uploads->lock);
	if (!taken)
		return;
	upload_remove_files(taken);
	upload_unref(taken);
}
