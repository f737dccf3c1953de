/* Starting a program in its own cage through yado-launch.
 *
 * yado-launch (src/launch) is a small static program. It detaches from yadod, writes RUNDIR/pid, makes the cage (cgroup,
 * namespaces, mount view, uid, no_new_privs, seccomp), executes the program in a child, stays as its parent, and
 * writes RUNDIR/exit atomically when it ends. A guest's QEMU so outlives yadod, and how it ended can be read later. */
#pragma once
#include <glib.h>
#include <sys/types.h>

#include "sandbox/scope.h"
#include "sandbox/seccomp.h"

typedef struct Launch Launch;

typedef enum LaunchNetwork { LAUNCH_NETWORK_NONE /* an empty namespace */, LAUNCH_NETWORK_HOST } LaunchNetwork;

/* program: absolute path. run_dir exists, is root's, and is not visible to the program. */
Launch *launch_new(const char *program, const char *run_dir);
void launch_free(Launch *launch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Launch, launch_free)

void launch_add_arg(Launch *launch, const char *arg);
/* The program gets a copy of fd as number `target` (>= 10). The caller keeps fd. */
void launch_pass_fd(Launch *launch, int fd, int target);
void launch_set_uid(Launch *launch, uid_t uid); /* uid and gid, no other groups */
void launch_set_network(Launch *launch, LaunchNetwork network);
/* A path that appears in the otherwise minimal view (/usr read-only, /proc of its own, /dev/{null,zero,urandom},
 * small /tmp). Devices are bound with launch_bind too ("/dev/kvm"). */
void launch_bind(Launch *launch, const char *path, gboolean writable);
/* The program's control group, see cgroup.h. One below ours ("worker-7") is made and removed by yadod, and has the program
 * alone; in one of systemd's ("/yado.slice/…"), which is there, the launcher is too. */
void launch_set_cgroup(Launch *launch, const char *name);
/* systemd makes a scope (copied, but for its lists) around launcher and program, before the program begins. */
void launch_set_scope(Launch *launch, const UnitScope *scope);
/* The program is killed when yadod ends (workers); guests do not set this. */
void launch_set_lifeline(Launch *launch);
/* Adds the filter of sandbox/seccomp.h for workers, or the one of a kind; QEMU adds its own to it with -sandbox. */
void launch_set_seccomp(Launch *launch);
void launch_set_filter(Launch *launch, SeccompKind kind);
/* The directory of the host appears as "/share", and what serves it is root of a user namespace of its own: no uid is
 * set then. */
void launch_share(Launch *launch, const char *path, gboolean writable);
/* The program may lock as much memory as it likes: VFIO counts all of a guest's. */
void launch_lock_memory(Launch *launch);
/* stdin: a pipe that holds this text (at most LAUNCH_INPUT_MAX bytes, sandbox/launch-spec.h) and never
 * comes to an end. Default: /dev/null. */
void launch_set_input(Launch *launch, const char *text);

typedef struct Launched {
	pid_t pid;           /* of the program */
	guint64 start_time;  /* process_start_time() */
	int pidfd;           /* owned; readable when the program has ended */
	double scope_ms;     /* how long systemd took to make its scope; 0: it has none */
} Launched;
/* Returns when the program has been executed (the exec succeeded), or FALSE with what failed in the cage. */
gboolean launch_start(Launch *launch, guint timeout_ms, Launched *ret_launched, GError **error);

/* What RUNDIR says. */
typedef struct LaunchRecord {
	gboolean present;    /* a pid file of this boot exists */
	gboolean running;    /* and exactly that process lives */
	gboolean watched;    /* so does its launcher, which will write how it ended */
	pid_t pid;
	guint64 start_time;
	gboolean ended;      /* an exit record exists */
	int exit_code;       /* or -1 */
	int exit_signal;     /* or 0 */
	gint64 ended_us;     /* UTC */
	pid_t told_by;       /* who had told the launcher to end (SIGTERM) before that, or 0 */
} LaunchRecord;
gboolean launch_read_record(const char *run_dir, LaunchRecord *ret_record, GError **error);
/* Of a program that has ended: waits until its launcher has written how, a moment later; after that, it writes nothing
 * more. FALSE: there is no such record, or it has not come in time. */
gboolean launch_await_exit(const char *run_dir, guint timeout_ms, LaunchRecord *ret_record);
/* The same of the run directory and of those in it: nothing appears there from then on, so that it can be removed. */
void launch_await_all_exits(const char *run_dir);
/* Removes pid and exit files of a former run. */
gboolean launch_clear_record(const char *run_dir, GError **error);
/* Removes what a former run wrote, so that it is not taken for this one's. */
void launch_clear_log(const char *run_dir);
/* The last lines (at most max_bytes) of what the program wrote to stderr; caller frees; "" if nothing. Lines that are
 * JSON objects are left out: they are what QEMU's event monitor says, for launch_read_events(). So is QEMU's word that
 * it waits for its monitor's connection. */
char *launch_read_log(const char *run_dir, gsize max_bytes);
/* These lines alone, oldest first, of what the log still holds; NULL-terminated, free with g_strfreev. They come from
 * the program and may be anything. */
char **launch_read_events(const char *run_dir);
