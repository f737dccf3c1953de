/* Short-lived caged programs. */
#include "sandbox/caged.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "sandbox/cgroup.h"

enum {
	UID_FIRST = 2100000000,
	UID_COUNT = 65536,
	START_MS = 10000,
	END_MS = 10000,
};

#define PREFIX "worker-"

gboolean caged_init(Caged *caged, const char *run_root, GError **error)
{
	static gint counter;
	guint number = (guint)g_atomic_int_add(&counter, 1);
	g_autofree char *name = g_strdup_printf(PREFIX "%d-%u", (int)getpid(), number);
	*caged = (Caged)CAGED_INIT;
	caged->uid = UID_FIRST + ((guint)getpid() * 31 + number) % UID_COUNT;
	caged->dir = g_build_filename(run_root, name, NULL);
	if (!dir_remove(caged->dir, error) || !dir_make(caged->dir, 0700, error))
		return FALSE;
	caged->group = g_steal_pointer(&name);
	return cgroup_make(caged->group, error);
}

Launch *caged_launch(const Caged *caged, const char *program)
{
	Launch *launch = launch_new(program, caged->dir);
	if (!g_str_has_prefix(program, "/usr/"))
		launch_bind(launch, program, FALSE);
	launch_set_uid(launch, caged->uid);
	launch_set_network(launch, LAUNCH_NETWORK_NONE);
	launch_set_cgroup(launch, caged->group);
	launch_set_lifeline(launch);
	launch_set_seccomp(launch);
	return launch;
}

gboolean caged_start(Caged *caged, Launch *launch, GError **error)
{
	return launch_start(launch, START_MS, &caged->launched, error);
}

gboolean caged_wait(Caged *caged, guint timeout_ms, LaunchRecord *ret_record)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	*ret_record = (LaunchRecord){.exit_code = -1};
	if (caged->launched.pidfd >= 0 && !process_wait(caged->launched.pidfd, timeout_ms))
		return FALSE;
	/* The directory must not go under the launcher's hands. */
	guint left_ms = (guint)MAX((deadline - g_get_monotonic_time()) / 1000, 0);
	return launch_await_exit(caged->dir, left_ms, ret_record);
}

void caged_clear(Caged *caged)
{
	LaunchRecord record;
	if (caged->launched.pid > 0) {
		if (caged->launched.pidfd >= 0)
			process_signal(caged->launched.pidfd, SIGKILL);
		caged_wait(caged, END_MS, &record);
		fd_close(caged->launched.pidfd);
	}
	/* The kernel may not have let go of the last process yet. */
	if (caged->group && !cgroup_remove(caged->group, NULL) && cgroup_kill(caged->group, END_MS, NULL))
		cgroup_remove(caged->group, NULL);
	if (caged->dir)
		dir_remove(caged->dir, NULL);
	g_free(caged->group);
	g_free(caged->dir);
	*caged = (Caged)CAGED_INIT;
}

void caged_sweep(const char *run_root)
{
	g_autoptr(GDir) listing = g_dir_open(run_root, 0, NULL);
	const char *name;
	while (listing && (name = g_dir_read_name(listing))) {
		g_autofree char *path = g_build_filename(run_root, name, NULL);
		g_autoptr(GError) error = NULL;
		if (!g_str_has_prefix(name, PREFIX))
			continue;
		LaunchRecord record;
		gboolean ended = cgroup_kill(name, END_MS, &error) && cgroup_remove(name, &error);
		if (ended)
			launch_await_exit(path, END_MS, &record);
		if (!ended || !dir_remove(path, &error))
			g_warning("what a former worker left stays: %s", error->message);
	}
}
