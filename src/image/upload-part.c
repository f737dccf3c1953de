/* A part of an upload on its way: from a socket to the file's end, by a pump. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "image/uploads-internal.h"

static void on_synced(guint64 bytes, gpointer data)
{
	Upload *upload = data;
	g_mutex_lock(&upload->uploads->lock);
	upload->synced = upload->offset + bytes;
	g_mutex_unlock(&upload->uploads->lock);
	upload_save_or_say(upload);
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
	upload_save_or_say(upload);

	g_mutex_lock(&uploads->lock);
	json_auto json_object *document = upload_describe_locked(upload);
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
	Upload *upload = uploads_find_locked(uploads, id, error);
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
		upload_ref(upload);
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

Transfer *uploads_write(Uploads *uploads, const char *id, guint64 offset, guint64 length, UploadDone done,
			gpointer data, int *ret_socket, GError **error)
{
	Upload *upload = begin_part(uploads, id, offset, length, error);
	if (!upload)
		return NULL;
	upload->done = done;
	upload->done_data = data;
	upload_ref(upload); /* on_ended() has that one */
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
