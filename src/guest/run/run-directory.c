/* Whose run directory it is.
 *
 * RUN/state names the state directory, its node's id and the boot. The state is the same if the id is, and if the path
 * names the same directory or the former one is gone (it was moved; a copy has the id too, but not alone). While
 * nothing of a guest lies in RUN, it is anybody's. */
#include "guest/run/run-directory.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "sandbox/launch.h"

enum { CLAIM_BYTES_MAX = 16 * 1024 };

/* Left open for good, and with it the lock. */
static int claim_fd = -1;

static gboolean lock_file(const char *run_dir, const char *path, GError **error)
{
	pid_t holder = 0;
	if (!file_lock(path, &claim_fd, &holder, error))
		return FALSE;
	if (claim_fd < 0)
		error_set(error, ERROR_CONFLICT, "stop that one first, or start this one with another --run",
			"cannot use the run directory '%s': another yadod (process %d) does", run_dir, (int)holder);
	return claim_fd >= 0;
}

static json_object *read_claim(void)
{
	char text[CLAIM_BYTES_MAX];
	ssize_t length = pread(claim_fd, text, sizeof text, 0);
	return length > 0 ? json_parse(text, (gsize)length, NULL) : NULL;
}

/* In place, for the lock's sake. Who dies in between leaves an empty file, which claims nothing. */
static gboolean write_claim(const char *path, const char *state_dir, const char *id, GError **error)
{
	json_auto json_object *claim = json_object_new_object();
	json_set_str(claim, "state", state_dir);
	json_set_str(claim, "node_id", id);
	json_set_str(claim, "boot", process_boot_id());
	g_autofree char *text = json_dup_text(claim);
	if (ftruncate(claim_fd, 0) == 0 && lseek(claim_fd, 0, SEEK_SET) == 0 &&
		fd_write_all(claim_fd, text, strlen(text)))
		return TRUE;
	error_set_errno(error, errno, "cannot write '%s'", path);
	return FALSE;
}

static gboolean is_same_state(json_object *claim, const char *state_dir, const char *id)
{
	struct stat former, ours;
	if (!g_str_equal(json_get_str(claim, "node_id", ""), id))
		return FALSE;
	if (stat(json_get_str(claim, "state", ""), &former) < 0)
		return errno == ENOENT;
	return stat(state_dir, &ours) == 0 && former.st_dev == ours.st_dev && former.st_ino == ours.st_ino;
}

/* Of this boot. What cannot be read counts, as it may be one. */
static guint count_records(const char *run_dir)
{
	g_autofree char *path = g_build_filename(run_dir, "vm", NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;
	guint count = 0;
	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *folder = g_build_filename(path, name, NULL);
		LaunchRecord record;
		count += !launch_read_record(folder, &record, NULL) || record.present;
	}
	return count;
}

gboolean run_directory_claim(Services *services, const char *state_dir, GError **error)
{
	const char *run_dir = services->run_dir;
	g_autofree char *path = g_build_filename(run_dir, "state", NULL);
	g_autoptr(Doc) node = store_get(services->store, "node/self", error);
	if (!node || !lock_file(run_dir, path, error))
		return FALSE;
	const char *id = json_get_str(node->body, "id", "");
	json_auto json_object *claim = read_claim();
	const char *former = json_get_str(claim, "state", "");
	gboolean current = claim && g_str_equal(json_get_str(claim, "boot", ""), process_boot_id());
	gboolean same = current && is_same_state(claim, state_dir, id);
	if (same && g_str_equal(former, state_dir))
		return TRUE;
	guint records = current && !same ? count_records(run_dir) : 0;
	if (records > 0) {
		g_autofree char *hint =
			g_str_equal(former, state_dir)
				? g_strdup("the store there was replaced: bring the former one back, or choose another "
					   "--run until those guests have ended")
				: g_strdup_printf("start yadod with --state %s, or choose another --run", former);
		error_set(error, ERROR_CONFLICT, hint,
			"cannot use the run directory '%s' for the state '%s': records of %u %s of the state '%s' "
			"(node id %s) lie in it",
			run_dir, state_dir, records, records == 1 ? "guest" : "guests", former,
			json_get_str(claim, "node_id", "?"));
		return FALSE;
	}
	return write_claim(path, state_dir, id, error);
}
