/* Control groups.
 *
 * Version 2 is one tree with all controllers, which are enabled downwards in cgroup.subtree_control; version 1 is a
 * tree for each controller (or a few). /proc/self/mountinfo tells what is mounted where. Our groups are ROOT/NAME in
 * each tree that has a controller we use; a name that begins with '/' is a group of version 2 that somebody else has
 * made (systemd, groups.c). A hybrid machine has its controllers in version 1 and an empty version 2
 * tree: that one is used too, because only it can kill a group at once (cgroup.kill).
 *
 * Killing: cgroup.kill where there is one; else, with the group frozen so that nothing forks meanwhile, a SIGKILL to
 * each process, and again until none is left. */
#include "sandbox/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

typedef struct Hierarchy {
	char *path;        /* mount point */
	char *device;      /* of the file system: the same wherever else it is mounted */
	gboolean unified;  /* version 2 */
	char *controllers; /* ",cpu,memory," */
} Hierarchy;

/* Written once by cgroup_setup() before other threads use this. */
static GArray *hierarchies;
static char *our_root;

static const char *const wanted[] = {"cpu", "cpuacct", "memory", "pids", "freezer", NULL};

static void hierarchy_clear(gpointer data)
{
	Hierarchy *hierarchy = data;
	g_free(hierarchy->path);
	g_free(hierarchy->device);
	g_free(hierarchy->controllers);
}

static gboolean has_controller(const Hierarchy *hierarchy, const char *name)
{
	g_autofree char *word = g_strdup_printf(",%s,", name);
	return strstr(hierarchy->controllers, word) != NULL;
}

static gboolean is_useful(const Hierarchy *hierarchy)
{
	for (const char *const *name = wanted; *name; name++)
		if (has_controller(hierarchy, *name))
			return TRUE;
	return hierarchy->unified;
}

/* The first mount of a hierarchy is the one that was made with the machine. */
static gboolean is_known(const char *device)
{
	for (guint i = 0; i < hierarchies->len; i++)
		if (g_str_equal(g_array_index(hierarchies, Hierarchy, i).device, device))
			return TRUE;
	return FALSE;
}

/* No O_CREAT: a file that the kernel does not offer is not there. */
static gboolean write_value(const char *path, const char *value)
{
	fd_auto int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && fd_write_all(fd, value, strlen(value));
}

static char *group_path(const Hierarchy *hierarchy, const char *name, const char *file)
{
	gboolean absolute = name && *name == '/';
	return g_build_filename(hierarchy->path, absolute ? "" : our_root, name ? name : "", file ? file : "", NULL);
}

static char *unified_controllers(const char *mount_point)
{
	g_autofree char *path = g_build_filename(mount_point, "cgroup.controllers", NULL);
	g_autofree char *text = NULL;
	if (!file_read(path, 4096, &text, NULL, NULL))
		return g_strdup(",");
	g_strdelimit(g_strstrip(text), " ", ',');
	return g_strdup_printf(",%s,", text);
}

/* A line of mountinfo (proc(5)): "36 35 98:0 /root /mount/point options - type source super,options". */
static void find_hierarchies(const char *mountinfo)
{
	g_auto(GStrv) lines = g_strsplit(mountinfo, "\n", -1);
	for (char **line = lines; *line; line++) {
		char *rest = strstr(*line, " - ");
		if (!rest)
			continue;
		g_auto(GStrv) before = g_strsplit(*line, " ", 7);
		g_auto(GStrv) after = g_strsplit(rest + 3, " ", 3);
		if (g_strv_length(before) < 6 || g_strv_length(after) < 3)
			continue;
		gboolean unified = strcmp(after[0], "cgroup2") == 0;
		if ((!unified && strcmp(after[0], "cgroup") != 0) || is_known(before[2]))
			continue;
		Hierarchy hierarchy = {
			.path = g_strcompress(before[4]),
			.device = g_strdup(before[2]),
			.unified = unified,
			.controllers = unified ? unified_controllers(before[4]) : g_strdup_printf(",%s,", after[2]),
		};
		if (is_useful(&hierarchy))
			g_array_append_val(hierarchies, hierarchy);
		else
			hierarchy_clear(&hierarchy);
	}
}

/* Version 2: offers the group's controllers to its children. One that cannot be had is left out. */
static void enable_controllers(const Hierarchy *hierarchy, const char *group)
{
	g_autofree char *path = g_build_filename(group, "cgroup.subtree_control", NULL);
	for (const char *const *name = wanted; *name; name++) {
		g_autofree char *word = g_strconcat("+", *name, NULL);
		if (has_controller(hierarchy, *name))
			write_value(path, word);
	}
}

static gboolean begin_setup(const char *root, GError **error)
{
	g_autofree char *mountinfo = NULL;
	if (hierarchies)
		g_array_free(hierarchies, TRUE);
	hierarchies = g_array_new(FALSE, FALSE, sizeof(Hierarchy));
	g_array_set_clear_func(hierarchies, hierarchy_clear);
	g_free(our_root);
	our_root = g_strdup(root);
	if (!file_read("/proc/self/mountinfo", 4 << 20, &mountinfo, NULL, error))
		return FALSE;
	find_hierarchies(mountinfo);
	return TRUE;
}

gboolean cgroup_setup_delegated(const char *group, GError **error)
{
	return begin_setup(group, error);
}

gboolean cgroup_setup(const char *root_name, GError **error)
{
	GError *cause = NULL;
	if (!begin_setup(root_name, error))
		return FALSE;
	for (guint i = 0; i < hierarchies->len;) {
		Hierarchy *hierarchy = &g_array_index(hierarchies, Hierarchy, i);
		g_autofree char *path = group_path(hierarchy, NULL, NULL);
		if (hierarchy->unified)
			enable_controllers(hierarchy, hierarchy->path);
		if (mkdir(path, 0755) < 0 && errno != EEXIST) {
			if (!cause)
				error_set_errno(&cause, errno, "cannot make the control group '%s'", path);
			g_array_remove_index(hierarchies, i);
			continue;
		}
		if (hierarchy->unified)
			enable_controllers(hierarchy, path);
		i++;
	}
	if (hierarchies->len == 0) {
		if (cause)
			g_propagate_error(error, cause);
		else
			error_set(error, ERROR_UNSUPPORTED, "mount cgroup2 on /sys/fs/cgroup",
				"this machine has no control groups mounted");
		return FALSE;
	}
	g_clear_error(&cause);
	return TRUE;
}

static guint hierarchy_count(void)
{
	return hierarchies ? hierarchies->len : 0;
}

static Hierarchy *hierarchy_at(guint index)
{
	return &g_array_index(hierarchies, Hierarchy, index);
}

gboolean cgroup_make(const char *name, GError **error)
{
	for (guint i = 0; i < hierarchy_count(); i++) {
		g_autofree char *path = group_path(hierarchy_at(i), name, NULL);
		if (mkdir(path, 0755) < 0 && errno != EEXIST) {
			error_set_errno(error, errno, "cannot make the control group '%s'", path);
			return FALSE;
		}
	}
	return TRUE;
}

gboolean cgroup_remove(const char *name, GError **error)
{
	for (guint i = 0; i < hierarchy_count(); i++) {
		g_autofree char *path = group_path(hierarchy_at(i), name, NULL);
		if (rmdir(path) == 0 || errno == ENOENT)
			continue;
		if (errno == EBUSY || errno == ENOTEMPTY)
			error_set(error, ERROR_CONFLICT, "end them first", "the control group '%s' still has processes",
				name);
		else
			error_set_errno(error, errno, "cannot remove the control group '%s'", path);
		return FALSE;
	}
	return TRUE;
}

gboolean cgroup_is_unified(void)
{
	struct statfs info;
	return statfs("/sys/fs/cgroup", &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

char *cgroup_read_own(GError **error)
{
	g_autofree char *text = NULL;
	if (!file_read("/proc/self/cgroup", 65536, &text, NULL, error))
		return NULL;
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		if (g_str_has_prefix(*line, "0::/"))
			return g_strdup(*line + strlen("0::"));
	error_set(error, ERROR_UNSUPPORTED, NULL, "this process has no control group of version 2");
	return NULL;
}

char **cgroup_tasks_paths(const char *name)
{
	GPtrArray *paths = g_ptr_array_new();
	for (guint i = 0; i < hierarchy_count(); i++)
		if (!hierarchy_at(i)->unified)
			g_ptr_array_add(paths, group_path(hierarchy_at(i), name, "tasks"));
	g_ptr_array_add(paths, NULL);
	return (char **)g_ptr_array_free(paths, FALSE);
}

char *cgroup_unified_path(const char *name)
{
	for (guint i = 0; i < hierarchy_count(); i++)
		if (hierarchy_at(i)->unified)
			return group_path(hierarchy_at(i), name, NULL);
	return NULL;
}

/* Signals each process of the group in one tree; returns how many there are. */
static guint signal_all(const Hierarchy *hierarchy, const char *name, int signal)
{
	g_autofree char *path = group_path(hierarchy, name, "cgroup.procs");
	g_autofree char *text = NULL;
	guint count = 0;
	if (!file_read(path, 1 << 20, &text, NULL, NULL))
		return 0;
	char *next = text;
	for (;;) {
		char *end;
		long pid = strtol(next, &end, 10);
		if (end == next)
			return count;
		next = end;
		/* 0 is a process outside our pid namespace, and would mean our own process group. */
		if (pid > 0 && signal)
			kill((pid_t)pid, signal);
		count++;
	}
}

static void set_frozen(const char *name, gboolean frozen)
{
	for (guint i = 0; i < hierarchy_count(); i++) {
		const Hierarchy *hierarchy = hierarchy_at(i);
		g_autofree char *path =
			group_path(hierarchy, name, hierarchy->unified ? "cgroup.freeze" : "freezer.state");
		if (hierarchy->unified)
			write_value(path, frozen ? "1" : "0");
		else if (has_controller(hierarchy, "freezer"))
			write_value(path, frozen ? "FROZEN" : "THAWED");
	}
}

gboolean cgroup_kill(const char *name, guint timeout_ms, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	for (guint i = 0; i < hierarchy_count(); i++) {
		g_autofree char *path = group_path(hierarchy_at(i), name, "cgroup.kill");
		if (hierarchy_at(i)->unified)
			write_value(path, "1");
	}
	for (guint wait_ms = 1;; wait_ms = MIN(wait_ms * 2, 50)) {
		guint left = 0;
		set_frozen(name, TRUE);
		for (guint i = 0; i < hierarchy_count(); i++)
			left = MAX(left, signal_all(hierarchy_at(i), name, SIGKILL));
		/* Frozen processes die only once thawed (version 1). */
		set_frozen(name, FALSE);
		if (left == 0)
			return TRUE;
		if (g_get_monotonic_time() >= deadline) {
			error_set(error, ERROR_TIMEOUT,
				"a process that cannot be killed waits for a disk or the network",
				"%u processes of the control group '%s' did not end within %u ms", left, name,
				timeout_ms);
			return FALSE;
		}
		/* The kernel tells nobody on version 1 when a group has become empty. */
		g_usleep(wait_ms * 1000);
	}
}

static gboolean read_number(
	const Hierarchy *hierarchy, const char *name, const char *file, const char *word, guint64 *ret_value)
{
	g_autofree char *path = group_path(hierarchy, name, file);
	g_autofree char *text = NULL;
	char *end;
	if (!file_read(path, 16384, &text, NULL, NULL))
		return FALSE;
	const char *from = text;
	if (word) {
		from = strstr(text, word);
		if (!from)
			return FALSE;
		from += strlen(word);
	}
	guint64 value = g_ascii_strtoull(from, &end, 10);
	if (end == from)
		return FALSE;
	*ret_value = value;
	return TRUE;
}

static const Hierarchy *find_controller(const char *controller)
{
	for (guint i = 0; i < hierarchy_count(); i++)
		if (has_controller(hierarchy_at(i), controller))
			return hierarchy_at(i);
	return NULL;
}

static gboolean set_number(const Hierarchy *hierarchy, const char *name, const char *file, const char *value,
			   GError **error)
{
	g_autofree char *path = group_path(hierarchy, name, file);
	if (write_value(path, value))
		return TRUE;
	error_set_errno(error, errno, "cannot write '%s' to '%s'", value, path);
	return FALSE;
}

gboolean cgroup_bounds_cpu(void)
{
	return find_controller("cpu") != NULL;
}

gboolean cgroup_set_cpu(const char *name, const CpuBounds *bounds, GError **error)
{
	enum { PERIOD_USEC = 100000, USUAL_WEIGHT = 100, USUAL_SHARES = 1024 };
	const Hierarchy *hierarchy = find_controller("cpu");
	if (!hierarchy && bounds->weight == USUAL_WEIGHT && bounds->limit == 0)
		return TRUE;
	if (!hierarchy) {
		error_set(error, ERROR_UNSUPPORTED, "see 'cgroup' of 'yado node show'",
			  "CPU shares and limits need the control group controller 'cpu', which this node does not offer");
		return FALSE;
	}
	guint quota = bounds->limit * (PERIOD_USEC / 100);
	g_autofree char *weight = g_strdup_printf("%u", bounds->weight);
	g_autofree char *shares = g_strdup_printf("%u", MAX(bounds->weight * USUAL_SHARES / USUAL_WEIGHT, 2));
	g_autofree char *max = bounds->limit ? g_strdup_printf("%u %d", quota, PERIOD_USEC)
					     : g_strdup_printf("max %d", PERIOD_USEC);
	g_autofree char *cfs = bounds->limit ? g_strdup_printf("%u", quota) : g_strdup("-1");
	if (hierarchy->unified)
		return set_number(hierarchy, name, "cpu.weight", weight, error) &&
		       set_number(hierarchy, name, "cpu.max", max, error);
	return set_number(hierarchy, name, "cpu.shares", shares, error) &&
	       set_number(hierarchy, name, "cpu.cfs_quota_us", cfs, error);
}

gboolean cgroup_read_cpu_usec(const char *name, guint64 *ret_usec)
{
	for (guint i = 0; i < hierarchy_count(); i++) {
		const Hierarchy *hierarchy = hierarchy_at(i);
		guint64 nsec;
		if (!hierarchy->unified && has_controller(hierarchy, "cpuacct") &&
			read_number(hierarchy, name, "cpuacct.usage", NULL, &nsec)) {
			*ret_usec = nsec / 1000;
			return TRUE;
		}
	}
	/* cpu.stat is there in version 2 even without the controller. */
	for (guint i = 0; i < hierarchy_count(); i++)
		if (hierarchy_at(i)->unified && read_number(hierarchy_at(i), name, "cpu.stat", "usage_usec ", ret_usec))
			return TRUE;
	return FALSE;
}

gboolean cgroup_read_memory(const char *name, guint64 *ret_bytes)
{
	for (guint i = 0; i < hierarchy_count(); i++) {
		const Hierarchy *hierarchy = hierarchy_at(i);
		if (has_controller(hierarchy, "memory") &&
			read_number(hierarchy, name, hierarchy->unified ? "memory.current" : "memory.usage_in_bytes",
				NULL, ret_bytes))
			return TRUE;
	}
	return FALSE;
}

char *cgroup_describe(void)
{
	gboolean v1 = FALSE, v2 = FALSE;
	g_autoptr(GString) controllers = g_string_new(NULL);
	for (guint i = 0; i < hierarchy_count(); i++) {
		v1 |= !hierarchy_at(i)->unified;
		v2 |= hierarchy_at(i)->unified;
	}
	for (const char *const *name = wanted; *name; name++)
		for (guint i = 0; i < hierarchy_count(); i++)
			if (has_controller(hierarchy_at(i), *name)) {
				g_string_append_printf(controllers, "%s%s", controllers->len ? ", " : "", *name);
				break;
			}
	const char *version = v1 && v2 ? "hybrid" : v1 ? "v1" : v2 ? "v2" : "none";
	if (controllers->len == 0)
		return g_strdup(version);
	return g_strdup_printf("%s (%s)", version, controllers->str);
}
