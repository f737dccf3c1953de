/* Whether all of an image is there: QEMU opens a file that was cut off, and reads zeros past its end. */
#pragma once
#include <glib.h>

#include "storage/worker.h"

/* Has qemu-img compare what the image's tables refer to with the file (root's, in a directory of root's). ERROR_INVALID
 * if something is damaged or missing. Only after block_worker_inspect(), whose answer `info` is. A few formats cannot
 * be checked so: raw, and VDI. */
gboolean image_check_whole(const char *run_root, Task *task, int fd, const char *format, const BlockInfo *info,
	GError **error);
