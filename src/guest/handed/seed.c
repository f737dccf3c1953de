/* Starting yado-seed: each file and the drive that comes of them is a file in memory, passed by its descriptor. */
#include "guest/handed/seed.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory-file.h"
#include "base/process.h"
#include "sandbox/caged.h"

enum { OUTPUT_FD = 10, FIRST_FD = 11, TIMEOUT_MS = 20000, DRIVE_MAX = 8 << 20 };

static void clear_fd(gpointer data)
{
	fd_close(*(int *)data);
}

/* Passes the files, and names them in the arguments. Their descriptors stay ours. */
static gboolean pass_files(Launch *launch, json_object *files, GArray *opened, GError **error)
{
	json_object_object_foreach (files, name, content) {
		int target = FIRST_FD + (int)opened->len;
		int fd = memory_file_from("handed", json_object_get_string(content),
					  (gsize)json_object_get_string_len(content), error);
		if (fd < 0)
			return FALSE;
		g_array_append_val(opened, fd);
		g_autofree char *argument = g_strdup_printf("%s=%d", name, target);
		launch_add_arg(launch, argument);
		launch_pass_fd(launch, fd, target);
	}
	return TRUE;
}

static gboolean run(Caged *caged, const char *label, json_object *files, int output, GError **error)
{
	g_autoptr(GArray) opened = g_array_new(FALSE, FALSE, sizeof(int));
	g_autofree char *program = process_find_program("yado-seed", error);
	LaunchRecord record = {.exit_code = -1};
	g_array_set_clear_func(opened, clear_fd);
	if (!program)
		return FALSE;
	g_autoptr(Launch) launch = caged_launch(caged, program);
	const char *const arguments[] = {"--label", label, "--output", G_STRINGIFY(10)};
	G_STATIC_ASSERT(OUTPUT_FD == 10);
	for (guint i = 0; i < G_N_ELEMENTS(arguments); i++)
		launch_add_arg(launch, arguments[i]);
	launch_pass_fd(launch, output, OUTPUT_FD);
	if (!pass_files(launch, files, opened, error) || !caged_start(caged, launch, error))
		return FALSE;
	gboolean ended = caged_wait(caged, TIMEOUT_MS, &record);
	if (ended && record.exit_code == 0)
		return TRUE;
	g_autofree char *log = launch_read_log(caged->dir, 400);
	error_set(error, ERROR_FAILED, NULL, "cannot make the drive '%s' for the guest: %s", label,
		  !ended ? "yado-seed does not end" : *log ? g_strstrip(log) : "yado-seed failed without a word");
	return FALSE;
}

int seed_make(const char *run_root, const char *label, json_object *files, GError **error)
{
	g_auto(Caged) caged = CAGED_INIT;
	struct stat info = {0};
	fd_auto int drive = memory_file_new("handed-drive", error);
	if (drive < 0 || !caged_init(&caged, run_root, error) || !run(&caged, label, files, drive, error))
		return -1;
	if (fstat(drive, &info) < 0 || info.st_size == 0 || info.st_size > DRIVE_MAX) {
		error_set(error, ERROR_FAILED, NULL,
			  "cannot make the drive '%s' for the guest: it would have %" G_GINT64_FORMAT " bytes", label,
			  (gint64)info.st_size);
		return -1;
	}
	return memory_file_seal(drive, error);
}
