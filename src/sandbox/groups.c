/* Where processes are put.
 *
 * With systemd the tree of control groups is systemd's (https://systemd.io/CGROUP_DELEGATION): only below a unit with
 * Delegate= one may make groups. So each guest, with its launcher and its passt, is in a transient scope of its own,
 * /yado.slice/yado-guests.slice/yado-vm-100.scope: what stops or restarts yadod's service does not concern it, systemd
 * counts and shows it, stops it at the machine's end, and removes it when its last process has ended. Workers, which end
 * with yadod, are in groups below yadod's own unit. A yadod that was started by hand, in a terminal's scope that is not
 * ours, first moves into a scope of its own.
 *
 * Without systemd, and where systemd itself uses version 1, both are groups below one root of ours (cgroup.c). That is
 * the same for all of a boot: a guest is found in its group by every later yadod. If systemd does not answer, a guest
 * does not start, and is told why: in another place it would be out of its order at the machine's end. */
#include "sandbox/groups.h"

#include <string.h>
#include <sys/xattr.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error.h"
#include "sandbox/cgroup.h"

#define SLICE "yado-guests.slice"
#define SLICE_PATH "/yado.slice/" SLICE "/"

enum { OWN_SCOPE_TIMEOUT_MS = 10000, SET_TIMEOUT_MS = 10000 };

/* Written once by groups_setup() before other threads use this. */
static char *our_instance;
static gboolean scopes;
static char *absent; /* why there are no groups below our own; NULL: there are */

/* When the machine goes down, units are stopped in the reverse of this order: yado-guests.service shuts guests down,
 * systemd ends the scopes that are left, then come yadod and what guests stand on. */
static const char *const stopped_before[] = {"yado-guests.service", NULL};
static const char *const stopped_after[] = {"yadod.service", "network.target", "remote-fs.target", "local-fs.target",
					    NULL};

/* systemd marks the groups that it has given away. */
static gboolean is_delegated(const char *group)
{
	g_autofree char *path = g_build_filename("/sys/fs/cgroup", group, NULL);
	char value[4] = "";
	return getxattr(path, "trusted.delegate", value, sizeof value - 1) > 0 && value[0] == '1';
}

static void move_into_own_scope(const char *from)
{
	g_autofree char *unit = g_strdup_printf("%s-daemon.scope", our_instance);
	g_autoptr(GError) error = NULL;
	UnitScope scope = {.unit = unit, .description = "Yado daemon, started by hand"};
	pid_t pid = getpid();
	if (!scope_start(&scope, &pid, 1, OWN_SCOPE_TIMEOUT_MS, &error))
		g_warning("workers have their groups below %s, which systemd has not given away: %s", from,
			  error->message);
}

static gboolean setup_below_unit(GError **error)
{
	g_autofree char *given = cgroup_read_own(error);
	if (!given)
		return FALSE;
	if (!is_delegated(given))
		move_into_own_scope(given);
	g_autofree char *own = cgroup_read_own(error);
	return own && cgroup_setup_delegated(own, error);
}

gboolean groups_setup(const char *instance, GError **error)
{
	GError *cause = NULL;
	g_free(our_instance);
	our_instance = g_strdup(instance);
	g_clear_pointer(&absent, g_free);
	scopes = sd_booted() > 0 && cgroup_is_unified();
	if (scopes ? setup_below_unit(&cause) : cgroup_setup(instance, &cause))
		return TRUE;
	absent = g_strdup(cause->message);
	g_propagate_error(error, cause);
	return FALSE;
}

char *groups_describe(void)
{
	g_autofree char *unit = groups_guest(100);
	if (scopes)
		return g_strdup_printf("systemd: a scope each in " SLICE ", as in %s", groups_scope(unit));
	if (absent)
		return g_strdup_printf("none: %s", absent);
	return g_strdup_printf("%s: a control group each, as in %s/%s",
			       sd_booted() > 0 ? "systemd without pure version 2" : "no systemd", our_instance, unit);
}

char *groups_guest(gint64 id)
{
	return scopes ? g_strdup_printf(SLICE_PATH "%s-vm-%" G_GINT64_FORMAT ".scope", our_instance, id)
		      : g_strdup_printf("vm-%" G_GINT64_FORMAT, id);
}

const char *groups_scope(const char *group)
{
	return *group == '/' ? strrchr(group, '/') + 1 : NULL;
}

gboolean groups_begin(const char *group, const char *title, const CpuBounds *cpu, Launch *launch, GError **error)
{
	const char *unit = groups_scope(group);
	if (unit) {
		g_autofree char *description = g_strdup_printf("Yado guest, %s", title);
		UnitScope scope = {unit, description, SLICE, stopped_before, stopped_after, *cpu};
		launch_set_scope(launch, &scope);
		return TRUE;
	}
	launch_set_cgroup(launch, group);
	return cgroup_make(group, error) && cgroup_set_cpu(group, cpu, error);
}

gboolean groups_set_cpu(const char *group, const CpuBounds *cpu, GError **error)
{
	const char *unit = groups_scope(group);
	return unit ? scope_set_cpu(unit, cpu, SET_TIMEOUT_MS, error) : cgroup_set_cpu(group, cpu, error);
}

gboolean groups_bound_cpu(void)
{
	return scopes || cgroup_bounds_cpu();
}

gboolean groups_end(const char *group, guint timeout_ms, GError **error)
{
	return cgroup_kill(group, timeout_ms, error) && (groups_scope(group) || cgroup_remove(group, error));
}
