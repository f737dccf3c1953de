/* Block workers.
 *
 * A worker is a QEMU without a machine and without a processor: its block layer behind a QMP socket. It runs as a uid
 * that nobody else has at the time, in a view without a single image, with a filter and without a network; it ends
 * when we do. Images come as descriptors (add-fd), opened anew from the caller's, so that QEMU's image locks are
 * the worker's alone and end with it.
 *
 * Every image is opened with its format stated and "backing": null. What else a header can refer to is looked at
 * after a read-only open, before any data is used: a reference that resolves resolves to nothing but the worker's own
 * empty view.
 *
 * Copying is blockdev-mirror into a "raw" window of the source's size over the target (the target may be larger), with
 * detect-zeroes=unmap: blocks of zeroes become holes. A mirror that is ready is ended with block-job-cancel, which
 * leaves a complete copy. Without -S: a stopped QEMU never closes descriptors that remove-fd gave back. */
#include "storage/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "qemu/qmp.h"
#include "sandbox/caged.h"

enum {
	MONITOR_FD = 10,
	START_MS = 10000,
	COMMAND_MS = 30000,
	LOOK_MS = 250, /* progress, and whether the task was cancelled */
};

#define SIZE_MAX_BYTES ((guint64)64 << 40)

struct BlockWorker {
	Task *task;
	Caged caged;
	Qmp *qmp;
	guint images; /* numbers fdsets and nodes */
};

typedef struct Image {
	guint number;
	char file[16], node[16]; /* node names */
	gboolean open;
} Image;

static int listen_at(const char *path, GError **error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path) {
		error_set(error, ERROR_FAILED, "use a shorter run directory", "the socket path '%s' is too long", path);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd_auto int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0) {
		error_set_errno(error, errno, "cannot make the socket '%s'", path);
		return -1;
	}
	return fd_steal(&fd);
}

BlockWorker *block_worker_start(const char *run_root, Task *task, GError **error)
{
	static const char *const fixed[] = {
		"-M",
		"none",
		"-nodefaults",
		"-no-user-config",
		"-display",
		"none",
		"-sandbox",
		"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
		"-chardev",
		"socket,id=monitor,fd=10," QMP_CHARDEV,
		"-mon",
		"chardev=monitor,mode=control",
	};
	g_autoptr(BlockWorker) worker = g_new0(BlockWorker, 1);
	worker->task = task;
	worker->caged = (Caged)CAGED_INIT;
	if (!caged_init(&worker->caged, run_root, error))
		return NULL;
	g_autofree char *qmp_path = g_build_filename(worker->caged.dir, "qmp", NULL);
	fd_auto int listening = listen_at(qmp_path, error);
	if (listening < 0)
		return NULL;
	g_autoptr(Launch) launch = caged_launch(&worker->caged, "/usr/bin/qemu-system-x86_64");
	for (guint i = 0; i < G_N_ELEMENTS(fixed); i++)
		launch_add_arg(launch, fixed[i]);
	launch_pass_fd(launch, listening, MONITOR_FD);
	if (!caged_start(&worker->caged, launch, error))
		return NULL;
	GError *cause = NULL;
	qmp_monitor_start();
	/* With our copy closed, a worker that dies refuses the connection instead of leaving it waiting. */
	fd_close(fd_steal(&listening));
	worker->qmp = qmp_connect(qmp_path, START_MS, NULL, NULL, &cause);
	if (!worker->qmp) {
		g_autofree char *log = launch_read_log(worker->caged.dir, 400);
		error_set(error, error_code(cause), NULL, "the block worker did not start: %s%s%s", cause->message,
			*log ? "; it said: " : "", g_strstrip(log));
		g_clear_error(&cause);
		return NULL;
	}
	return g_steal_pointer(&worker);
}

void block_worker_free(BlockWorker *worker)
{
	if (!worker)
		return;
	if (worker->qmp) {
		qmp_close(worker->qmp);
		qmp_unref(worker->qmp);
	}
	/* It holds nothing that is not flushed: each operation is durable when it returns. */
	caged_clear(&worker->caged);
	g_free(worker);
}

/* Read from, all of them; written to, only ours. */
static gboolean is_known_format(const char *format, gboolean writable, GError **error)
{
	static const char *const readable[] = {"qcow2", "raw", "vmdk", "vdi", "vhdx", NULL};
	if (g_strcmp0(format, "qcow2") == 0 || g_strcmp0(format, "raw") == 0 ||
		(!writable && format && g_strv_contains(readable, format)))
		return TRUE;
	error_set(error, ERROR_INVALID, "convert it with qemu-img first", "images of format '%s' are not %s",
		format ? format : "", writable ? "written" : "taken");
	return FALSE;
}

/* Whether a driver takes "backing": the others have no backing files at all. */
static gboolean has_backing(const char *format)
{
	return strcmp(format, "qcow2") == 0 || strcmp(format, "vmdk") == 0;
}

/* What QEMU says about a full disk is text; the caller needs the code. */
static void raise_failure(GError **error, GError *cause, ErrorCode fallback, const char *what)
{
	ErrorCode code = strstr(cause->message, g_strerror(ENOSPC)) ? ERROR_NO_SPACE
			 : error_code(cause) == ERROR_FAILED        ? fallback
								    : error_code(cause);
	error_set(error, code,
		code == ERROR_NO_SPACE ? "free space on that file system and try again" : error_hint(cause), "%s: %s",
		what, cause->message);
	g_error_free(cause);
}

static void image_close(BlockWorker *worker, Image *image)
{
	json_object *arguments;
	if (image->node[0]) {
		arguments = json_object_new_object();
		json_set_str(arguments, "node-name", image->node);
		qmp_do(worker->qmp, "blockdev-del", arguments, COMMAND_MS, NULL);
	}
	if (image->file[0]) {
		arguments = json_object_new_object();
		json_set_str(arguments, "node-name", image->file);
		qmp_do(worker->qmp, "blockdev-del", arguments, COMMAND_MS, NULL);
	}
	if (image->open) {
		arguments = json_object_new_object();
		json_set_int(arguments, "fdset-id", image->number);
		qmp_do(worker->qmp, "remove-fd", arguments, COMMAND_MS, NULL);
	}
	*image = (Image){0};
}

static gboolean image_open_file(BlockWorker *worker, int fd, gboolean writable, Image *image, GError **error)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
	fd_auto int own = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	struct stat info;
	if (own < 0 || fstat(own, &info) < 0) {
		error_set_errno(error, errno, "cannot open the image for a block worker");
		return FALSE;
	}
	if (!S_ISREG(info.st_mode)) {
		error_set(error, ERROR_INVALID, NULL, "the image is not a regular file");
		return FALSE;
	}
	*image = (Image){.number = ++worker->images};
	json_object *arguments = json_object_new_object();
	json_set_int(arguments, "fdset-id", image->number);
	json_auto json_object *added = qmp_command_fd(worker->qmp, "add-fd", arguments, own, COMMAND_MS, error);
	if (!added)
		return FALSE;
	image->open = TRUE;
	g_autofree char *filename = g_strdup_printf("/dev/fdset/%u", image->number);
	snprintf(image->file, sizeof image->file, "file%u", image->number);
	arguments = json_object_new_object();
	json_set_str(arguments, "driver", "file");
	json_set_str(arguments, "node-name", image->file);
	json_set_str(arguments, "filename", filename);
	json_set_bool(arguments, "read-only", !writable);
	json_set_str(arguments, "discard", "unmap");
	if (qmp_do(worker->qmp, "blockdev-add", arguments, COMMAND_MS, error))
		return TRUE;
	image->file[0] = '\0';
	image_close(worker, image);
	return FALSE;
}

static gboolean image_open_format(
	BlockWorker *worker, const char *format, gboolean writable, Image *image, GError **error)
{
	GError *cause = NULL;
	json_object *arguments = json_object_new_object();
	snprintf(image->node, sizeof image->node, "image%u", image->number);
	json_set_str(arguments, "driver", format);
	json_set_str(arguments, "node-name", image->node);
	json_set_str(arguments, "file", image->file);
	json_set_bool(arguments, "read-only", !writable);
	json_set_str(arguments, "discard", "unmap");
	if (writable)
		json_set_str(arguments, "detect-zeroes", "unmap");
	if (has_backing(format))
		json_set(arguments, "backing", NULL);
	if (qmp_do(worker->qmp, "blockdev-add", arguments, COMMAND_MS, &cause))
		return TRUE;
	image->node[0] = '\0';
	g_autofree char *what = g_strdup_printf("the image cannot be opened as %s", format);
	raise_failure(error, cause, ERROR_INVALID, what);
	return FALSE;
}

static gboolean refuse(GError **error, const char *reason, const char *hint)
{
	error_set(error, ERROR_INVALID, hint, "the image is refused: %s", reason);
	return FALSE;
}

/* A VMDK descriptor lists its extents by file name; one that holds its own data is the only one itself (QEMU:
 * ImageInfoSpecificVmdk). */
static gboolean is_single_file(const Image *image, json_object *specific)
{
	g_autofree char *own = g_strdup_printf("/dev/fdset/%u", image->number);
	json_object *extents = json_get(specific, "extents");
	const char *type = json_get_str(specific, "create-type", "");
	if (!json_object_is_type(extents, json_type_array) || json_get_count(extents) != 1)
		return FALSE;
	return (strcmp(type, "monolithicSparse") == 0 || strcmp(type, "streamOptimized") == 0) &&
	       strcmp(json_get_str(json_object_array_get_idx(extents, 0), "filename", ""), own) == 0;
}

/* What the opened image says of itself: query-named-block-nodes, ImageInfo in QEMU's qapi/block-core.json. */
static gboolean image_check(
	BlockWorker *worker, const Image *image, const char *format, BlockInfo *ret_info, GError **error)
{
	json_object *arguments = json_object_new_object();
	json_set_bool(arguments, "flat", TRUE);
	json_auto json_object *nodes =
		qmp_command(worker->qmp, "query-named-block-nodes", arguments, COMMAND_MS, error);
	if (!nodes)
		return FALSE;
	json_object *node = NULL;
	for (gsize i = 0; i < json_get_count(nodes); i++) {
		json_object *candidate = json_object_array_get_idx(nodes, i);
		if (g_strcmp0(json_get_str(candidate, "node-name", ""), image->node) == 0)
			node = candidate;
	}
	json_object *info = json_get(node, "image");
	json_object *specific = json_get_path(info, "format-specific.data");
	gint64 size = json_get_int(info, "virtual-size", -1);
	static const char as_whole[] = "flatten it first: qemu-img convert -O qcow2 IMAGE NEW";
	if (json_get(info, "backing-filename") || json_get(info, "full-backing-filename") ||
		json_get(node, "backing_file"))
		return refuse(error, "its header names a backing file", as_whole);
	if (json_get(specific, "data-file"))
		return refuse(error, "its header names an external data file", as_whole);
	if (json_get_bool(node, "encrypted", FALSE) || json_get_bool(info, "encrypted", FALSE) ||
		json_get(specific, "encrypt"))
		return refuse(error, "it is encrypted", "decrypt it first with qemu-img convert");
	if (json_get_bool(specific, "corrupt", FALSE))
		return refuse(error, "it is marked as corrupt", "repair it first: qemu-img check -r all IMAGE");
	if (strcmp(format, "vmdk") == 0 && !is_single_file(image, specific))
		return refuse(error, "its descriptor names other files", "make it one file: qemu-img convert -O qcow2");
	if ((strcmp(format, "qcow2") == 0 || strcmp(format, "vmdk") == 0) && !specific)
		return refuse(error, "QEMU does not describe it", NULL);
	if (size < 0 || (guint64)size > SIZE_MAX_BYTES)
		return refuse(error, "its virtual size is more than 64 TiB", NULL);
	if (ret_info)
		*ret_info = (BlockInfo){.virtual_size = (guint64)size,
			.actual_size = (guint64)MAX(json_get_int(info, "actual-size", 0), 0),
			.cluster_size = (guint64)MAX(json_get_int(info, "cluster-size", 0), 0)};
	return TRUE;
}

static gboolean image_open_checked(
	BlockWorker *worker, int fd, const char *format, Image *image, BlockInfo *ret_info, GError **error)
{
	if (!is_known_format(format, FALSE, error) || !image_open_file(worker, fd, FALSE, image, error))
		return FALSE;
	if (image_open_format(worker, format, FALSE, image, error) &&
		image_check(worker, image, format, ret_info, error))
		return TRUE;
	image_close(worker, image);
	return FALSE;
}

gboolean block_worker_inspect(BlockWorker *worker, int fd, const char *format, BlockInfo *ret_info, GError **error)
{
	Image image = {0};
	if (!image_open_checked(worker, fd, format, &image, ret_info, error))
		return FALSE;
	image_close(worker, &image);
	return TRUE;
}

static json_object *find_job(BlockWorker *worker, const char *id, json_object **ret_jobs, GError **error)
{
	*ret_jobs = qmp_command(worker->qmp, "query-jobs", NULL, COMMAND_MS, error);
	if (!*ret_jobs)
		return NULL;
	for (gsize i = 0; i < json_get_count(*ret_jobs); i++) {
		json_object *job = json_object_array_get_idx(*ret_jobs, i);
		if (g_strcmp0(json_get_str(job, "id", ""), id) == 0)
			return job;
	}
	error_set(error, ERROR_FAILED, NULL, "QEMU lost the job '%s'", id);
	return NULL;
}

static gboolean job_command(BlockWorker *worker, const char *command, const char *key, const char *id)
{
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, key, id);
	return qmp_do(worker->qmp, command, arguments, COMMAND_MS, NULL);
}

/* Follows a job that stays after its end (auto-dismiss off) and dismisses it. A mirror that is ready is ended. */
static gboolean job_follow(BlockWorker *worker, const char *id, gboolean report, GError **error)
{
	gboolean cancelled = FALSE, completing = FALSE;
	for (;;) {
		json_auto json_object *jobs = NULL;
		guint64 mark = qmp_event_mark(worker->qmp);
		json_object *job = find_job(worker, id, &jobs, error);
		if (!job)
			return FALSE;
		const char *status = json_get_str(job, "status", "");
		if (report && worker->task)
			task_progress(worker->task, (guint64)json_get_int(job, "current-progress", 0),
				(guint64)json_get_int(job, "total-progress", 0), "B");
		if (strcmp(status, "concluded") == 0) {
			g_autofree char *failure = g_strdup(json_get_str(job, "error", NULL));
			job_command(worker, "job-dismiss", "id", id);
			if (cancelled)
				return !task_check_cancelled(worker->task, error);
			if (!failure)
				return TRUE;
			gboolean full = strstr(failure, g_strerror(ENOSPC)) != NULL;
			error_set(error, full ? ERROR_NO_SPACE : ERROR_FAILED,
				full ? "free space on that file system and try again" : NULL, "QEMU's job failed: %s",
				failure);
			return FALSE;
		}
		if (!cancelled && worker->task && task_cancelled(worker->task)) {
			cancelled = TRUE;
			job_command(worker, "job-cancel", "id", id);
			continue;
		}
		if (!completing && !cancelled && strcmp(status, "ready") == 0) {
			completing = job_command(worker, "block-job-cancel", "device", id);
			continue;
		}
		if (!qmp_is_open(worker->qmp)) {
			error_set(error, ERROR_FAILED, NULL, "the block worker ended");
			return FALSE;
		}
		json_object_put(qmp_wait_event(worker->qmp, mark, "JOB_STATUS_CHANGE", NULL, LOOK_MS, NULL));
	}
}

static gboolean sync_image(int fd, GError **error)
{
	if (fsync(fd) == 0)
		return TRUE;
	error_set_errno(error, errno, "cannot make the image durable");
	return FALSE;
}

gboolean block_worker_format_qcow2(BlockWorker *worker, int fd, guint64 size_bytes, GError **error)
{
	Image image = {0};
	GError *cause = NULL;
	if (ftruncate(fd, 0) < 0) {
		error_set_errno(error, errno, "cannot empty the image file");
		return FALSE;
	}
	if (!image_open_file(worker, fd, TRUE, &image, error))
		return FALSE;
	json_object *options = json_object_new_object();
	json_set_str(options, "driver", "qcow2");
	json_set_str(options, "file", image.file);
	json_set_int(options, "size", (gint64)size_bytes);
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "job-id", "format");
	json_set(arguments, "options", options);
	gboolean done = qmp_do(worker->qmp, "blockdev-create", arguments, COMMAND_MS, &cause) &&
			job_follow(worker, "format", FALSE, &cause);
	image_close(worker, &image);
	if (!done) {
		raise_failure(error, cause, ERROR_FAILED, "cannot make an empty qcow2 image");
		return FALSE;
	}
	return sync_image(fd, error);
}

gboolean block_worker_resize(BlockWorker *worker, int fd, const char *format, guint64 size_bytes, GError **error)
{
	Image image = {0};
	BlockInfo info;
	GError *cause = NULL;
	if (!is_known_format(format, TRUE, error) || !block_worker_inspect(worker, fd, format, &info, error))
		return FALSE;
	if (size_bytes < info.virtual_size) {
		error_set_field(error, ERROR_INVALID, "size", "give a larger size", "an image cannot be made smaller");
		return FALSE;
	}
	if (!image_open_file(worker, fd, TRUE, &image, error))
		return FALSE;
	gboolean done = image_open_format(worker, format, TRUE, &image, &cause);
	if (done) {
		json_object *arguments = json_object_new_object();
		json_set_str(arguments, "node-name", image.node);
		json_set_int(arguments, "size", (gint64)size_bytes);
		done = qmp_do(worker->qmp, "block_resize", arguments, COMMAND_MS, &cause);
	}
	image_close(worker, &image);
	if (!done) {
		raise_failure(error, cause, ERROR_FAILED, "cannot resize the image");
		return FALSE;
	}
	return sync_image(fd, error);
}

static gboolean mirror(BlockWorker *worker, const Image *source, const Image *target, guint64 size, GError **error)
{
	json_object *arguments = json_object_new_object();
	json_set_str(arguments, "driver", "raw");
	json_set_str(arguments, "node-name", "window");
	json_set_str(arguments, "file", target->node);
	json_set_int(arguments, "size", (gint64)size);
	json_set_str(arguments, "discard", "unmap");
	json_set_str(arguments, "detect-zeroes", "unmap");
	if (!qmp_do(worker->qmp, "blockdev-add", arguments, COMMAND_MS, error))
		return FALSE;
	arguments = json_object_new_object();
	json_set_str(arguments, "job-id", "copy");
	json_set_str(arguments, "device", source->node);
	json_set_str(arguments, "target", "window");
	json_set_str(arguments, "sync", "full");
	json_set_bool(arguments, "auto-dismiss", FALSE);
	gboolean done = qmp_do(worker->qmp, "blockdev-mirror", arguments, COMMAND_MS, error) &&
			job_follow(worker, "copy", TRUE, error);
	job_command(worker, "blockdev-del", "node-name", "window");
	return done;
}

gboolean block_worker_copy(BlockWorker *worker, int source_fd, const char *source_format, int target_fd,
	const char *target_format, GError **error)
{
	Image source = {0}, target = {0};
	BlockInfo info, room;
	GError *cause = NULL;
	if (!is_known_format(target_format, TRUE, error) ||
		!block_worker_inspect(worker, target_fd, target_format, &room, error) ||
		!image_open_checked(worker, source_fd, source_format, &source, &info, error))
		return FALSE;
	if (room.virtual_size < info.virtual_size) {
		image_close(worker, &source);
		error_set_field(error, ERROR_INVALID, "size", "give at least the source's size",
			"the target is smaller than the image to copy");
		return FALSE;
	}
	gboolean done =
		info.virtual_size == 0 || (image_open_file(worker, target_fd, TRUE, &target, &cause) &&
						  image_open_format(worker, target_format, TRUE, &target, &cause) &&
						  mirror(worker, &source, &target, info.virtual_size, &cause));
	image_close(worker, &target);
	image_close(worker, &source);
	if (!done) {
		raise_failure(error, cause, ERROR_FAILED, "cannot copy the image");
		return FALSE;
	}
	return sync_image(target_fd, error);
}
