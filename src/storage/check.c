/* Checking an image's tables: qemu-img check, in a cage of its own, since QEMU's monitor has no command for it.
 *
 * It opens the file a second time through /proc/self/fd, where the file's mode counts. What it finds is in its exit
 * code (qemu-img(1)); a table that itself lies past the end reads as zeros and is not found, but the end that the image
 * should have is printed. The last cluster may be there in part: that is how QEMU writes them. */
#include "storage/check.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "sandbox/caged.h"

enum {
	IMAGE_FD = 10,
	LOOK_MS = 250,
	LOG_MAX = 2000,
	EXIT_LEAKS = 3, /* nothing is missing, some space is lost */
};

static gboolean run_check(Caged *caged, Task *task, int fd, const char *format, LaunchRecord *ret_record,
			  GError **error)
{
	static const char *const args[] = {"check", "-U", "-f"};
	g_autoptr(Launch) launch = caged_launch(caged, "/usr/bin/qemu-img");
	for (guint i = 0; i < G_N_ELEMENTS(args); i++)
		launch_add_arg(launch, args[i]);
	launch_add_arg(launch, format);
	launch_add_arg(launch, "/proc/self/fd/" G_STRINGIFY(10));
	G_STATIC_ASSERT(IMAGE_FD == 10);
	launch_pass_fd(launch, fd, IMAGE_FD);
	if (!caged_start(caged, launch, error))
		return FALSE;
	while (!caged_wait(caged, LOOK_MS, ret_record))
		if (task && task_check_cancelled(task, error))
			return FALSE;
	return TRUE;
}

static gboolean is_whole(const char *log, guint64 size, const BlockInfo *info)
{
	static const char label[] = "Image end offset: ";
	const char *end = strstr(log, label);
	guint64 needed = end ? g_ascii_strtoull(end + strlen(label), NULL, 10) : 0;
	return needed < size || needed - size < MAX(info->cluster_size, 1);
}

gboolean image_check_whole(
	const char *run_root, Task *task, int fd, const char *format, const BlockInfo *info, GError **error)
{
	static const char hint[] = "send the file again; 'qemu-img check' says more";
	g_auto(Caged) caged = CAGED_INIT;
	LaunchRecord record = {0};
	struct stat file;
	if (strcmp(format, "qcow2") != 0 && strcmp(format, "vmdk") != 0)
		return TRUE;
	if (!caged_init(&caged, run_root, error))
		return FALSE;
	if (fstat(fd, &file) < 0 || fchmod(fd, 0444) < 0) {
		error_set_errno(error, errno, "cannot show the image to its check");
		return FALSE;
	}
	gboolean ran = run_check(&caged, task, fd, format, &record, error);
	if (fchmod(fd, file.st_mode & 07777) < 0 && ran) {
		error_set_errno(error, errno, "cannot close the image to others");
		return FALSE;
	}
	if (!ran)
		return FALSE;
	g_autofree char *log = launch_read_log(caged.dir, LOG_MAX);
	if (record.exit_code != 0 && record.exit_code != EXIT_LEAKS) {
		log[strcspn(log, "\n")] = '\0';
		error_set(error, ERROR_INVALID, hint, "the image is refused: it is damaged or cut off: %s", log);
		return FALSE;
	}
	if (is_whole(log, (guint64)file.st_size, info))
		return TRUE;
	error_set(error, ERROR_INVALID, hint, "the image is refused: its end is missing");
	return FALSE;
}
