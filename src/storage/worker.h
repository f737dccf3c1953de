/* Block workers: everything that opens an image runs in a throw-away qemu-system process without a machine (-M none),
 * with its own uid, seccomp, an empty view, and exactly the descriptors that it was given. yadod parses no image. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "task/task.h"

typedef struct BlockWorker BlockWorker;

/* Starts one (about 30 ms) with its run directory below run_root. cancel (may be NULL): its task is looked at during
 * long work. */
BlockWorker *block_worker_start(const char *run_root, Task *task, GError **error);
void block_worker_free(BlockWorker *worker); /* ends the process */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlockWorker, block_worker_free)

/* Makes an empty qcow2 in the file (which is truncated). preallocation: metadata only. */
gboolean block_worker_format_qcow2(BlockWorker *worker, int fd, guint64 size_bytes, GError **error);
/* Grows the image in the file to the size. format "raw" or "qcow2". */
gboolean block_worker_resize(BlockWorker *worker, int fd, const char *format, guint64 size_bytes, GError **error);
typedef struct BlockInfo {
	guint64 virtual_size;
	guint64 actual_size;
	guint64 cluster_size; /* 0: the format has none */
} BlockInfo;
/* Opens the image read-only and says what it is. Refuses (ERROR_INVALID) a backing file, an external data file, an
 * encrypted or a corrupt image. */
gboolean block_worker_inspect(BlockWorker *worker, int fd, const char *format, BlockInfo *ret_info, GError **error);
/* Copies all data of one image into another (target already formatted, at least as large); sparse stays sparse;
 * progress goes to the task; cancellable; durable when it returns. */
gboolean block_worker_copy(BlockWorker *worker, int source_fd, const char *source_format, int target_fd,
			   const char *target_format, GError **error);
