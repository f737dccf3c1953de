/* Importing a file that somebody has brought.
 *
 * A client of the local socket may still change its file, so that is first copied into the stage, bounded and hashed on
 * the way; all that follows looks only at the copy. An upload is ours already: it is hashed where it lies.
 *
 * A block worker then opens it in the format that was stated, refuses a header that points to other files, and converts
 * it to qcow2. An ISO is kept byte for byte: only a guest ever reads it; that of an upload gets a second name in the
 * stage instead of a copy. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "image/library.h"
#include "storage/check.h"
#include "storage/worker.h"

enum { CHUNK = 1 << 20 };
#define UPLOAD_MAX (G_GUINT64_CONSTANT(64) << 40)

static gboolean check_source(int fd, const char *dir, gboolean copied, guint64 *ret_size, GError **error)
{
	struct stat is;
	struct statvfs space;
	if (fstat(fd, &is) < 0 || statvfs(dir, &space) < 0) {
		error_set_errno(error, errno, "cannot look at the uploaded file");
		return FALSE;
	}
	if (!S_ISREG(is.st_mode) || is.st_size <= 0) {
		error_set(error, ERROR_INVALID, "give a file that holds an image", "the uploaded file is %s",
			S_ISREG(is.st_mode) ? "empty" : "not a regular file");
		return FALSE;
	}
	if ((guint64)is.st_size > UPLOAD_MAX) {
		error_set(error, ERROR_TOO_LARGE, NULL, "an image may have at most 64 TiB");
		return FALSE;
	}
	/* What the file occupies, as holes stay holes. */
	guint64 need = copied ? MIN((guint64)is.st_blocks * 512, (guint64)is.st_size) : 0;
	guint64 room = (guint64)space.f_bavail * space.f_frsize;
	if (need > room) {
		g_autofree char *needs = units_format_size(need);
		g_autofree char *has = units_format_size(room);
		error_set(error, ERROR_NO_SPACE, "make room on the disk that holds the image library",
			"the image needs %s, but only %s are free", needs, has);
		return FALSE;
	}
	*ret_size = (guint64)is.st_size;
	return TRUE;
}

static gboolean all_zero(const char *data, gsize length)
{
	return length == 0 || (data[0] == 0 && memcmp(data, data + 1, length - 1) == 0);
}

/* Writes a chunk at its place; blocks of zeros stay holes. */
static gboolean write_sparse(int fd, const char *data, gsize length, guint64 offset)
{
	enum { BLOCK = 64 << 10 };
	for (gsize at = 0; at < length; at += BLOCK) {
		gsize part = MIN((gsize)BLOCK, length - at);
		if (all_zero(data + at, part))
			continue;
		for (gsize done = 0; done < part;) {
			ssize_t n = pwrite(fd, data + at + done, part - done, (off_t)(offset + at + done));
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return FALSE;
			done += (gsize)n;
		}
	}
	return TRUE;
}

/* Copies (to -1: only reads) exactly `size` bytes; a file that has become shorter is refused, what was added to it is
 * not looked at. */
static gboolean copy_hashed(Task *task, int from, int to, guint64 size, EVP_MD_CTX *hash, GError **error)
{
	g_autofree char *chunk = g_malloc(CHUNK);
	for (guint64 offset = 0; offset < size;) {
		if (task_check_cancelled(task, error))
			return FALSE;
		ssize_t n = pread(from, chunk, (gsize)MIN((guint64)CHUNK, size - offset), (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error_set_errno(error, errno, "cannot read the uploaded file");
			return FALSE;
		}
		if (n == 0) {
			error_set(error, ERROR_INVALID, "upload it again", "the file became shorter while it was read");
			return FALSE;
		}
		EVP_DigestUpdate(hash, chunk, (gsize)n);
		if (to >= 0 && !write_sparse(to, chunk, (gsize)n, offset)) {
			error_set_errno(error, errno, "cannot write the image into the library");
			return FALSE;
		}
		offset += (guint64)n;
		task_progress(task, offset, size, "B");
	}
	if (to < 0 || ftruncate(to, (off_t)size) == 0)
		return TRUE;
	error_set_errno(error, errno, "cannot write the image into the library");
	return FALSE;
}

static gboolean copy_upload(Task *task, int from, int to, guint64 size, char *ret_digest, GError **error)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	gboolean done = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL);

	if (!done)
		error_set(error, ERROR_FAILED, NULL, "cannot compute SHA-256");
	else
		done = copy_hashed(task, from, to, size, hash, error);
	if (done) {
		EVP_DigestFinal_ex(hash, digest, &length);
		for (unsigned i = 0; i < length; i++)
			g_snprintf(ret_digest + 2 * i, 3, "%02x", digest[i]);
	}
	EVP_MD_CTX_free(hash);
	return done;
}

/* "upload" becomes "disk": converted by a worker. */
static gboolean convert(
	ImageContext *context, Stage *stage, const char *format, int upload, guint64 *ret_size, GError **error)
{
	BlockInfo info;
	g_autoptr(BlockWorker) worker = block_worker_start(context->run_dir, stage->task, error);
	if (!worker || !block_worker_inspect(worker, upload, format, &info, error) ||
		!image_check_whole(context->run_dir, stage->task, upload, format, &info, error))
		return FALSE;
	fd_auto int disk = stage_open(stage, "disk", O_RDWR | O_CREAT | O_EXCL, error);
	if (disk < 0 || !block_worker_format_qcow2(worker, disk, info.virtual_size, error) ||
		!block_worker_copy(worker, upload, format, disk, "qcow2", error))
		return FALSE;
	*ret_size = info.virtual_size;
	return TRUE;
}

static gboolean stage_rename(Stage *stage, const char *from, const char *to, GError **error)
{
	g_autofree char *old = g_build_filename(stage->path, from, NULL);
	g_autofree char *new = g_build_filename(stage->path, to, NULL);
	if (to ? rename(old, new) == 0 : unlink(old) == 0)
		return TRUE;
	error_set_errno(error, errno, "cannot %s '%s'", to ? "rename" : "remove", old);
	return FALSE;
}

static gboolean write_manifest(Stage *stage, json_object *document, gboolean iso, GError **error)
{
	json_auto json_object *manifest = json_object_new_object();
	json_set_str(manifest, "disk_format", iso ? "raw" : "qcow2");
	json_set_str(manifest, "imported_format", json_get_str(document, "format", ""));
	json_set_str(manifest, "digest", json_get_str(document, "digest", ""));
	g_autofree char *text = json_dup_text(manifest);
	g_autofree char *path = g_build_filename(stage->path, "manifest.json", NULL);
	return file_write_atomic(path, text, strlen(text), 0600, error);
}

/* The content follows from the uploaded bytes and the format that was stated. */
static char *build_dup_id(const char *format, const char *digest)
{
	g_autofree char *text = g_strdup_printf("%s\n%s\n", format, digest);
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
	return g_strndup(sum, BUILD_LENGTH);
}

/* The upload's file as "upload" of the stage: another name of it, or a copy where the library is on another disk. */
static gboolean adopt(Stage *stage, const ImageSource *source, guint64 size, GError **error)
{
	char digest[DIGEST_TEXT];
	g_autofree char *path = g_build_filename(stage->path, "upload", NULL);
	if (link(source->path, path) == 0)
		return TRUE;
	if (errno != EXDEV && errno != EPERM && errno != EOPNOTSUPP) {
		error_set_errno(error, errno, "cannot take the uploaded file into the library");
		return FALSE;
	}
	fd_auto int copy = stage_open(stage, "upload", O_RDWR | O_CREAT | O_EXCL, error);
	task_step(stage->task, "copying the file");
	return copy >= 0 && copy_upload(stage->task, source->fd, copy, size, digest, error);
}

static gboolean check_digest(const ImageSource *source, const char *digest, GError **error)
{
	if (!source->digest || !strcmp(source->digest, digest))
		return TRUE;
	error_set_field(error, ERROR_INVALID, "digest", "delete the upload and send the file again",
		"the digest differs: the file has SHA-256 %s, but %s was announced", digest, source->digest);
	return FALSE;
}

/* What is to be converted or kept, in the stage or where it lies; a descriptor for reading or -1. */
static int take_source(
	Stage *stage, const ImageSource *source, gboolean iso, guint64 size, char *ret_digest, GError **error)
{
	if (source->path) {
		task_step(stage->task, "reading the file");
		if (!copy_upload(stage->task, source->fd, -1, size, ret_digest, error) ||
			!check_digest(source, ret_digest, error) || (iso && !adopt(stage, source, size, error)))
			return -1;
		return fcntl(source->fd, F_DUPFD_CLOEXEC, 0);
	}
	fd_auto int upload = stage_open(stage, "upload", O_RDWR | O_CREAT | O_EXCL, error);
	task_step(stage->task, "copying the file");
	if (upload < 0 || !copy_upload(stage->task, source->fd, upload, size, ret_digest, error))
		return -1;
	/* Read-only, so that a worker cannot change what was hashed. */
	return stage_open(stage, "upload", O_RDONLY, error);
}

gboolean image_import(ImageContext *context, Task *task, json_object *input, const ImageSource *source, GError **error)
{
	const char *name = json_get_str(input, "name", "");
	const char *format = json_get_str(input, "format", "");
	gboolean iso = !strcmp(format, "iso");
	g_autoptr(Doc) present = NULL;
	g_auto(Stage) stage = {0};
	char digest[DIGEST_TEXT] = "";
	guint64 uploaded, size;
	gint64 rev;

	if (!library_revision(context, name, &rev, &present, error))
		return FALSE;
	if (present) {
		error_set_field(error, ERROR_EXISTS, "name", "choose another name, or delete that image first",
			"there is an image '%s' already", name);
		return FALSE;
	}
	if (!stage_init(&stage, context, task, name, error) ||
		!check_source(source->fd, stage.path, !iso || !source->path, &uploaded, error))
		return FALSE;
	fd_auto int upload = take_source(&stage, source, iso, uploaded, digest, error);
	if (upload < 0)
		return FALSE;
	size = uploaded;
	if (!iso) {
		task_step(task, "converting from %s", format);
		if (!convert(context, &stage, format, upload, &size, error))
			return FALSE;
	}
	if ((iso || !source->path) && !stage_rename(&stage, "upload", iso ? "disk" : NULL, error))
		return FALSE;
	json_auto json_object *document = json_copy(input);
	json_set_str(document, "kind", iso ? "iso" : "disk");
	json_set_int(document, "size", (gint64)size);
	json_set_str(document, "digest", digest);
	if (task_check_cancelled(task, error) || !write_manifest(&stage, document, iso, error))
		return FALSE;
	g_autofree char *build = build_dup_id(format, digest);
	task_step(task, "publishing image '%s', build %s", name, build);
	return library_publish(context, &stage, document, build, REV_ABSENT, error);
}
