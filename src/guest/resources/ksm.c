/* Merging of equal pages by the kernel (its Documentation/admin-guide/mm/ksm.rst).
 *
 * "run" is 0 when nothing more is merged, 1 when it works, and 2 when nothing is merged and what was is made separate
 * again. The last is what "off" means here, since guests may be set apart for a reason. */
#include "guest/resources/ksm.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum { ABSENT = -1, ON = 1, SEPARATE = 2 };

static char *file_of(const char *root, const char *name)
{
	return g_strconcat(root, "/sys/kernel/mm/ksm/", name, NULL);
}

static gint64 read_number(const char *root, const char *name)
{
	g_autofree char *path = file_of(root, name), *text = NULL;
	return file_read(path, 64, &text, NULL, NULL) ? g_ascii_strtoll(text, NULL, 10) : ABSENT;
}

const char *ksm_state(const char *root)
{
	gint64 run = read_number(root, "run");
	return run == ABSENT ? "absent" : run == ON ? "on" : "off";
}

void ksm_describe(const char *root, json_object *memory)
{
	gint64 sharing = read_number(root, "pages_sharing");
	json_set_str(memory, "ksm_state", ksm_state(root));
	if (sharing != ABSENT)
		json_set_int(memory, "ksm_saved", sharing * sysconf(_SC_PAGESIZE));
}

/* What has to be written; ABSENT: nothing. */
static gint64 missing(const char *root, const char *wanted)
{
	gint64 run = read_number(root, "run"), number = g_str_equal(wanted, "on") ? ON : SEPARATE;
	gboolean off_already = run == ABSENT && number == SEPARATE;
	return g_str_equal(wanted, "leave") || run == number || off_already ? ABSENT : number;
}

static gboolean refuse(GError **error, const char *node, const char *wanted, int cause)
{
	if (cause == ENOENT)
		return error_refuse(error, ERROR_UNSUPPORTED, "ksm", "use a kernel with CONFIG_KSM",
				    "ksm: the kernel of node %s cannot merge pages", node);
	return error_refuse(error, ERROR_UNSUPPORTED, "ksm",
			    "/sys may be read-only here, as in a container: switch it where it is not, and leave this "
			    "at 'leave'", "ksm: the merging of pages cannot be switched %s on node %s: %s", wanted, node,
			    g_strerror(cause));
}

gboolean ksm_check(const char *root, const char *node, const char *wanted, GError **error)
{
	g_autofree char *path = file_of(root, "run");
	return missing(root, wanted) == ABSENT || access(path, W_OK) == 0 || refuse(error, node, wanted, errno);
}

/* 0, or why not, as errno has it. */
static int write_run(const char *root, gint64 number)
{
	g_autofree char *path = file_of(root, "run"), *text = g_strdup_printf("%" G_GINT64_FORMAT, number);
	fd_auto int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && fd_write_all(fd, text, 1) ? 0 : errno;
}

gboolean ksm_apply(const char *root, const char *wanted, gint64 *ret_before, GError **error)
{
	gint64 before = read_number(root, "run"), number = missing(root, wanted);
	int cause = number == ABSENT ? 0 : write_run(root, number);
	if (cause) {
		error_set_errno(error, cause, "cannot switch the merging of pages (KSM) %s", wanted);
		return FALSE;
	}
	*ret_before = before;
	return TRUE;
}

void ksm_restore(const char *root, gint64 before)
{
	if (before != ABSENT && read_number(root, "run") != before)
		write_run(root, before);
}
