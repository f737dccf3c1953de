/* The cage of a program that serves a directory of the host (docs/decisions/virtiofs.md).
 *
 * Files of a directory have many owners, and the program makes files as whoever the guest says. So it is uid 0, but root
 * of a user namespace: there its privileges count for files, as all ids are mapped, and for nothing of the host's. The map
 * must be written from outside of the namespace: by a child that stays there. */
#include "share.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sandbox/launch-spec.h"

/* The last two are for its own beginning: it changes its root, and drops them. */
static const int kept[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_SYS_CHROOT};

const char *share_bind(const Spec *spec, const char *root)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (spec->share_writable ? 0 : MS_RDONLY);
	char source[64], target[PATH_MAX];
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, spec->share, &how, sizeof how);
	if (fd < 0)
		return "cannot open the directory to be shared";
	snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
	snprintf(target, sizeof target, "%s" LAUNCH_SHARE_DIR, root);
	if (mkdir(target, 0755) < 0 || mount(source, target, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | flags, NULL) < 0)
		return "cannot bind the directory to be shared";
	close(fd);
	return NULL;
}

static int write_map(int process, const char *name)
{
	static const char all[] = "0 0 4294967295\n";
	int fd = openat(process, name, O_WRONLY | O_CLOEXEC);
	int written = fd >= 0 && write(fd, all, sizeof all - 1) == (ssize_t)sizeof all - 1;
	if (fd >= 0)
		close(fd);
	return written;
}

/* Writes the maps of `process` (a directory of proc) once a byte comes; the exit code says what failed. To the kernel's
 * settings in /proc/sys, whose files belong to root, uid 0 is root in whatever namespace: so /proc is read-only after that,
 * and nobody in the namespace can change it. */
__attribute__((noreturn)) static void map_ids(int process, int go)
{
	char byte;
	if (read(go, &byte, 1) != 1)
		_exit(ECANCELED);
	if (!write_map(process, "uid_map") || !write_map(process, "gid_map") ||
	    mount(NULL, "/proc", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		_exit(errno);
	_exit(0);
}

static const char *enter_namespace(void)
{
	int go[2], status;
	int process = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process < 0 || pipe2(go, O_CLOEXEC) < 0)
		return "cannot prepare a user namespace";
	pid_t child = fork();
	if (child == 0) {
		close(go[1]);
		map_ids(process, go[0]);
	}
	if (child < 0 || unshare(CLONE_NEWUSER) < 0)
		return "cannot make a user namespace (user.max_user_namespaces may be 0)";
	if (write(go[1], "g", 1) != 1 || waitpid(child, &status, 0) != child)
		return "cannot map the ids of a user namespace";
	close(go[0]);
	close(go[1]);
	close(process);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
		return "cannot map the ids of a user namespace";
	}
	return NULL;
}

const char *share_confine(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	const char *failed = enter_namespace();
	if (failed)
		return failed;
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		data[kept[i] / 32].permitted |= 1u << kept[i] % 32;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted;
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		if (!(data[capability / 32].permitted & 1u << capability % 32) && prctl(PR_CAPBSET_DROP, capability) < 0)
			return "cannot drop a capability";
	return syscall(SYS_capset, &header, data) < 0 ? "cannot drop the capabilities" : NULL;
}
