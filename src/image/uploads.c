/* Uploads.
 *
 * The table in memory is the truth while the daemon runs; records on the disk are for the next one. A part is written by
 * a pump straight into the file, at its end; yadod learns how far it came. So after a crash of whatever process, the
 * file's size tells where to go on. After a power cut it may not: there the file is cut to what the record says was
 * durable, which is written down each time the pump has synced.
 *
 * An upload is in one of three hands at a time: nobody's, a part's (`writing`), or an import's (`held`). */
#include "image/uploads.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "base/units.h"
#include "schema/schema.h"
#include "storage/transfer.h"

enum { RECORD_MAX = 16 << 10, CUT_MS = 10000 };
#define IDLE_US (24 * G_TIME_SPAN_HOUR)
#define RESERVE_BYTES ((guint64)256 << 20) /* stays free: the store is on the same disk */

typedef struct Upload {
	gatomicrefcount refs;
	Uploads *uploads;
	char *id, *path, *record, *user, *digest, *created;
	guint64 size;
	/* under the lock */
	guint64 offset;	  /* arrived before the part that is being written */
	guint64 synced;	  /* of it, durable */
	gint64 active_us; /* UTC */
	gboolean writing, held, gone;
	gboolean carried;   /* the pump of the part has ended */
	Transfer *transfer; /* NULL also while a part is only about to begin */
	/* of the part that is being written */
	UploadDone done;
	gpointer done_data;
} Upload;

struct Uploads {
	char *dir, *run_dir;
	GMutex lock;
	GCond changed;
	GHashTable *table; /* id -> Upload */
	GThread *keeper;
	gboolean stopping;
};

static void upload_unref(gpointer data)
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

static Upload *upload_new(Uploads *uploads, const char *id, const char *user, guint64 size, const char *digest,
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

static guint64 arrived_locked(Upload *upload)
{
	return upload->offset + (upload->transfer ? transfer_bytes(upload->transfer) : 0);
}

/* As people see it. */
static json_object *describe_locked(Upload *upload)
{
	json_object *document = json_object_new_object();
	json_set_str(document, "id", upload->id);
	json_set_int(document, "size", (gint64)upload->size);
	if (upload->digest)
		json_set_str(document, "digest", upload->digest);
	json_set_int(document, "offset", (gint64)arrived_locked(upload));
	json_set_str(document, "user", upload->user);
	json_set_str(document, "created", upload->created);
	return document;
}

/* The record is the document, what was durable, and in which life of the machine. */
static gboolean save(Upload *upload, GError **error)
{
	g_mutex_lock(&upload->uploads->lock);
	json_auto json_object *record = describe_locked(upload);
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

static void save_or_say(Upload *upload)
{
	g_autoptr(GError) error = NULL;
	if (!save(upload, &error))
		g_warning("the record of upload %s is not up to date: %s", upload->id, error->message);
}

static void remove_files(const Upload *upload)
{
	/* The record first: a file without one is removed at the next start. */
	if ((unlink(upload->record) < 0 && errno != ENOENT) || (unlink(upload->path) < 0 && errno != ENOENT))
		g_warning("upload %s cannot be removed: %s", upload->id, g_strerror(errno));
}

/* Out of the table; its files are the caller's to remove, without the lock. New reference. */
static Upload *take_locked(Upload *upload)
{
	g_atomic_ref_count_inc(&upload->refs);
	upload->gone = TRUE;
	g_hash_table_remove(upload->uploads->table, upload->id);
	return upload;
}

/* --- What a former daemon left --- */

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

static gboolean load_all(Uploads *uploads, GError **error)
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

/* --- Its life --- */

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
		g_atomic_ref_count_inc(&upload->refs);
		upload->gone = TRUE;
		g_hash_table_iter_remove(&iter);
		g_ptr_array_add(idle, upload);
	}
	g_mutex_unlock(&uploads->lock);
	for (guint i = 0; i < idle->len; i++) {
		g_message("upload %s was idle for a day and is removed", ((Upload *)idle->pdata[i])->id);
		remove_files(idle->pdata[i]);
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
	if (load_all(uploads, error)) {
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
		promised += upload->size - MIN(upload->size, arrived_locked(upload));
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
		g_atomic_ref_count_inc(&upload->refs);
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
	made = made && save(upload, error);
	g_mutex_lock(&uploads->lock);
	upload->writing = FALSE;
	g_cond_broadcast(&uploads->changed);
	json_object *document = made ? describe_locked(upload) : NULL;
	if (!made)
		upload_unref(take_locked(upload));
	g_mutex_unlock(&uploads->lock);
	if (!made)
		remove_files(upload);
	upload_unref(upload);
	return document;
}

/* Borrowed, under the lock. */
static Upload *find_locked(Uploads *uploads, const char *id, GError **error)
{
	Upload *upload = g_hash_table_lookup(uploads->table, id);
	if (!upload)
		error_set(error, ERROR_NOT_FOUND, "'GET /uploads' lists what there is; idle ones go after a day",
			  "there is no upload '%s'", id);
	return upload;
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
		json_object_array_add(items, describe_locked(item->data));
	return items;
}

json_object *uploads_get(Uploads *uploads, const char *id, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&uploads->lock);
	Upload *upload = find_locked(uploads, id, error);
	return upload ? describe_locked(upload) : NULL;
}

char *uploads_dup_user(Uploads *uploads, const char *id)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&uploads->lock);
	Upload *upload = find_locked(uploads, id, NULL);
	return upload ? g_strdup(upload->user) : NULL;
}

gboolean uploads_delete(Uploads *uploads, const char *id, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + CUT_MS * 1000;
	g_mutex_lock(&uploads->lock);
	Upload *upload = find_locked(uploads, id, error);
	while (upload && upload->writing && !upload->held) {
		if (upload->transfer)
			transfer_cancel(upload->transfer);
		if (!g_cond_wait_until(&uploads->changed, &uploads->lock, deadline)) {
			error_set(error, ERROR_TIMEOUT, "try again", "upload '%s' is still being written", id);
			upload = NULL;
		} else {
			upload = find_locked(uploads, id, error);
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
	remove_files(taken);
	upload_unref(taken);
	return TRUE;
}

/* --- Writing a part --- */

static void on_synced(guint64 bytes, gpointer data)
{
	Upload *upload = data;
	g_mutex_lock(&upload->uploads->lock);
	upload->synced = upload->offset + bytes;
	g_mutex_unlock(&upload->uploads->lock);
	save_or_say(upload);
}

/* How much has arrived is for the file to say: a pump that was cut could not. */
static guint64 measure(Upload *upload)
{
	struct stat info;
	fd_auto int fd = open(upload->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fdatasync(fd) < 0 || fstat(fd, &info) < 0) {
		g_warning("what came of upload %s may not be durable: %s", upload->id, g_strerror(errno));
		return upload->offset;
	}
	return MIN((guint64)info.st_size, upload->size);
}

static void on_ended(guint64 bytes, const GError *error, gpointer data)
{
	Upload *upload = data;
	Uploads *uploads = upload->uploads;
	guint64 size = measure(upload);
	(void)bytes;
	g_mutex_lock(&uploads->lock);
	guint64 came = size - MIN(size, upload->offset);
	upload->offset = upload->synced = size;
	upload->active_us = g_get_real_time();
	upload->carried = TRUE;
	g_clear_pointer(&upload->transfer, transfer_unref);
	g_mutex_unlock(&uploads->lock);
	save_or_say(upload);

	g_mutex_lock(&uploads->lock);
	json_auto json_object *document = describe_locked(upload);
	UploadDone done = upload->done;
	gpointer done_data = upload->done_data;
	upload->writing = FALSE;
	g_cond_broadcast(&uploads->changed);
	g_mutex_unlock(&uploads->lock);
	done(document, came, error, done_data);
	upload_unref(upload);
}

static Upload *begin_part(Uploads *uploads, const char *id, guint64 offset, guint64 length, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&uploads->lock);
	Upload *upload = find_locked(uploads, id, error);
	if (!upload)
		return NULL;
	if (upload->writing || upload->held)
		error_set(error, ERROR_CONFLICT, "wait for it, then look how much has arrived",
			  upload->held ? "an image is being made of upload '%s'"
				       : "another part of upload '%s' is being written", id);
	else if (offset != upload->offset)
		error_set_field(error, ERROR_CONFLICT, "upload-offset", "go on from there",
				"%" G_GUINT64_FORMAT " bytes of upload '%s' have arrived, not %" G_GUINT64_FORMAT,
				upload->offset, id, offset);
	else if (length > upload->size - upload->offset)
		error_set(error, ERROR_TOO_LARGE, "it was announced with that size; make another upload",
			  "upload '%s' lacks %" G_GUINT64_FORMAT " bytes, and %" G_GUINT64_FORMAT " are to come", id,
			  upload->size - upload->offset, length);
	else {
		upload->writing = TRUE;
		upload->carried = FALSE;
		upload->active_us = g_get_real_time();
		g_atomic_ref_count_inc(&upload->refs);
		return upload;
	}
	return NULL;
}

static Transfer *start_part(Upload *upload, guint64 length, int *ret_socket, GError **error)
{
	int ends[2];
	fd_auto int file = open(upload->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file < 0 || lseek(file, (off_t)upload->offset, SEEK_SET) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		error_set_errno(error, errno, "cannot write to upload '%s'", upload->id);
		return NULL;
	}
	fd_auto int ours = ends[0], theirs = ends[1];
	TransferOptions options = {.source = ours, .target = file, .limit = length, .sync = TRUE, .synced = on_synced,
				   .ended = on_ended, .data = upload};
	Transfer *transfer = transfer_start(upload->uploads->run_dir, &options, error);
	if (transfer)
		*ret_socket = fd_steal(&theirs);
	return transfer;
}

Transfer *uploads_write(Uploads *uploads, const char *id, guint64 offset, guint64 length, UploadDone done, gpointer data,
			int *ret_socket, GError **error)
{
	Upload *upload = begin_part(uploads, id, offset, length, error);
	if (!upload)
		return NULL;
	upload->done = done;
	upload->done_data = data;
	g_atomic_ref_count_inc(&upload->refs); /* on_ended() has that one */
	Transfer *transfer = start_part(upload, length, ret_socket, error);
	g_mutex_lock(&uploads->lock);
	if (!transfer)
		upload->writing = FALSE;
	else if (!upload->carried)
		upload->transfer = transfer_ref(transfer);
	g_cond_broadcast(&uploads->changed);
	g_mutex_unlock(&uploads->lock);
	if (!transfer)
		upload_unref(upload);
	upload_unref(upload);
	return transfer;
}

/* --- Imports --- */

int uploads_hold(Uploads *uploads, const char *id, const char **ret_path, char **ret_digest, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&uploads->lock);
	Upload *upload = find_locked(uploads, id, error);
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
	Upload *upload = find_locked(uploads, id, NULL);
	Upload *taken = upload && used ? take_locked(upload) : NULL;
	if (upload && !taken) {
		upload->held = FALSE;
		upload->active_us = g_get_real_time();
	}
	g_mutex_unlock(&uploads->lock);
	if (!taken)
		return;
	remove_files(taken);
	upload_unref(taken);
}
