/* The cage: what the program can see and do.
 *
 * Order matters and is that of cage_enter(): control groups; new namespaces; the mount view on a tmpfs, which becomes
 * the root while the old root is detached; limits; the bounding set, groups, uid; no_new_privs; the parent's word that
 * it may go on; close all descriptors that are not the program's; the filter; and execute it. The parent (main.c) writes
 * the record meanwhile. It also makes the pid namespace, as only children enter that. */
#include "cage.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../sandbox/launch-spec.h"
#include "group.h"
#include "share.h"

enum { GROUPS_MAX = 8, SHARE_FILES = 1 << 20 /* the kernel's fs.nr_open, if nobody has changed it */ };

static int status_fd;
static char root[PATH_MAX]; /* where the view is built */
static gid_t groups[GROUPS_MAX];
static size_t group_count;

/* "cannot …: strerror" to yadod. */
__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *format, ...)
{
	int saved = errno;
	char text[2048];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(text, sizeof text - 128, format, args);
	va_end(args);
	if (length > (int)sizeof text - 129)
		length = (int)sizeof text - 129;
	length += snprintf(text + length, 128, ": %s", strerror(saved));
	ssize_t n = write(status_fd, text, (size_t)length);
	(void)n;
	_exit(CAGE_FAILED);
}

static void in_root(char *path, const char *name)
{
	if (snprintf(path, PATH_MAX, "%s%s", root, name) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		fail("cannot place '%.100s' in the view", name);
	}
}

static void make_parents(char *path)
{
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST && errno != EROFS)
			fail("cannot make '%s' in the view", path + strlen(root));
		*slash = '/';
	}
}

/* A mount keeps the nodev, noexec and nosuid flags it had unless a remount takes them away; all are set anew. */
static void bind_path(const char *path, unsigned long flags)
{
	char target[PATH_MAX];
	struct stat info;
	in_root(target, path);
	if (stat(path, &info) < 0)
		fail("cannot bind '%s'", path);
	make_parents(target);
	if (S_ISDIR(info.st_mode)) {
		if (mkdir(target, 0755) < 0 && errno != EEXIST && errno != EROFS)
			fail("cannot make '%s' in the view", path);
	} else {
		int fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0 && errno != EROFS)
			fail("cannot make '%s' in the view", path);
		if (fd >= 0)
			close(fd);
	}
	if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) {
		flags = (flags & ~(unsigned long)(MS_NODEV | MS_RDONLY)) | MS_NOEXEC;
		/* /dev/kvm and the like are opened by group; the program has no other groups than these. */
		if (info.st_gid != 0 && (info.st_mode & S_IWGRP) && !(info.st_mode & S_IWOTH) &&
			group_count < GROUPS_MAX)
			groups[group_count++] = info.st_gid;
	}
	if (mount(path, target, NULL, MS_BIND, NULL) < 0)
		fail("cannot bind '%s'", path);
	if (mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | flags, NULL) < 0)
		fail("cannot mount %s %s", path, flags & MS_RDONLY ? "read-only" : "without its privileges");
}

/* /bin, /lib and so on: links into /usr on Debian since 12; directories on a machine that was not merged. */
static void mirror_top(const char *path)
{
	char target[PATH_MAX], text[PATH_MAX];
	struct stat info;
	if (lstat(path, &info) < 0)
		return;
	if (!S_ISLNK(info.st_mode)) {
		bind_path(path, MS_RDONLY | MS_NODEV);
		return;
	}
	ssize_t length = readlink(path, text, sizeof text - 1);
	in_root(target, path);
	if (length < 0)
		fail("cannot read the link '%s'", path);
	text[length] = '\0';
	if (symlink(text, target) < 0)
		fail("cannot make the link '%s' in the view", path);
}

static void mount_at(const char *type, const char *path, unsigned long flags, const char *options)
{
	char target[PATH_MAX];
	in_root(target, path);
	if (mkdir(target, 0755) < 0 && errno != EEXIST)
		fail("cannot make '%s' in the view", path);
	if (mount(type, target, type, MS_NOSUID | MS_NODEV | MS_NOEXEC | flags, options) < 0)
		fail("cannot mount %s", path);
}

/* A kernel before 5.8 knows hidepid only as a number, and not subset. The pid namespace is the program's own anyway. What
 * serves a share ends without /proc/sys; it makes that read-only (share.c). */
static void mount_proc(int share)
{
	static const char *const usual[] = {"hidepid=invisible,subset=pid", "hidepid=2", NULL};
	static const char *const whole[] = {"hidepid=invisible", "hidepid=2", NULL};
	const char *const *options = share ? whole : usual;
	char target[PATH_MAX];
	in_root(target, "/proc");
	if (mkdir(target, 0755) < 0)
		fail("cannot make /proc in the view");
	for (size_t i = 0; options[i]; i++)
		if (mount("proc", target, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, options[i]) == 0)
			return;
	fail("cannot mount /proc");
}

static void bind_if_there(const char *path, unsigned long flags)
{
	if (access(path, F_OK) == 0)
		bind_path(path, flags);
}

static void make_view(const Spec *spec)
{
	static const char *const tops[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
	static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/urandom"};
	char path[PATH_MAX];

	if (snprintf(root, sizeof root, "%s/" LAUNCH_ROOT_DIR, spec->run_dir) >= (int)sizeof root / 2) {
		errno = ENAMETOOLONG;
		fail("cannot use '%.100s' as run directory", spec->run_dir);
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail("cannot make the mounts private");
	if (mkdir(root, 0700) < 0 && errno != EEXIST)
		fail("cannot make '%s'", root);
	if (mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,nr_inodes=4k,mode=755") < 0)
		fail("cannot mount the root of the view");

	bind_path("/usr", MS_RDONLY | MS_NODEV);
	for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
		mirror_top(tops[i]);
	in_root(path, "/etc");
	if (mkdir(path, 0755) < 0)
		fail("cannot make /etc in the view");
	bind_if_there("/etc/ld.so.cache", MS_RDONLY | MS_NODEV | MS_NOEXEC);
	bind_if_there("/etc/localtime", MS_RDONLY | MS_NODEV | MS_NOEXEC); /* for a guest's clock in local time */
	if (spec->network_host) {
		bind_if_there("/etc/resolv.conf", MS_RDONLY | MS_NODEV | MS_NOEXEC);
		bind_if_there("/etc/hosts", MS_RDONLY | MS_NODEV | MS_NOEXEC);
	}
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
		bind_path(devices[i], 0);
	in_root(path, "/dev/fd");
	if (symlink("/proc/self/fd", path) < 0)
		fail("cannot make /dev/fd in the view");
	mount_proc(spec->share != NULL);
	mount_at("tmpfs", "/tmp", 0, "size=16m,nr_inodes=1k,mode=1777");
	const char *refused = spec->share ? share_bind(spec, root) : NULL;
	if (refused)
		fail("%s", refused);
	for (size_t i = 0; i < spec->bind_count; i++)
		bind_path(spec->binds[i].path, MS_NODEV | (spec->binds[i].writable ? 0 : MS_RDONLY));

	/* pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one and is taken off. */
	if (chdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		fail("cannot change to the view");
	if (umount2(".", MNT_DETACH) < 0)
		fail("cannot detach the host's files");
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
		fail("cannot mount / read-only");
	if (chdir("/") < 0)
		fail("cannot change to the root of the view");
}

static void set_limits(const Spec *spec)
{
	struct rlimit none = {0, 0}, files;
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		fail("cannot switch core dumps off");
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	if (spec->lock_memory && setrlimit(RLIMIT_MEMLOCK, &all) < 0)
		fail("cannot lift the limit of locked memory");
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		fail("cannot read the limit of open files");
	if (spec->share) {
		/* A descriptor for each file that the guest remembers. */
		struct rlimit many = {SHARE_FILES, SHARE_FILES};
		if (setrlimit(RLIMIT_NOFILE, &many) == 0)
			return;
	}
	if (files.rlim_max > 65536)
		files.rlim_max = 65536;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		fail("cannot set the limit of open files");
}

static void drop_privileges(const Spec *spec)
{
	/* A session keyring that nobody else has. A kernel without keys has none to protect. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		fail("cannot leave the session keyring");
	const char *refused = spec->share ? share_confine() : NULL;
	if (refused)
		fail("%s", refused);
	for (int capability = 0; !spec->share && prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		if (prctl(PR_CAPBSET_DROP, capability) < 0)
			fail("cannot drop capability %d", capability);
	if (setgroups(group_count, groups) < 0)
		fail("cannot leave the groups");
	if (setresgid(spec->uid, spec->uid, spec->uid) < 0 || setresuid(spec->uid, spec->uid, spec->uid) < 0)
		fail("cannot become uid %u", (unsigned)spec->uid);
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct nothing[_LINUX_CAPABILITY_U32S_3] = {0};
	if (!spec->share && syscall(SYS_capset, &header, nothing) < 0)
		fail("cannot drop the capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail("cannot set no_new_privs");
}

/* Closes the gaps between the program's descriptors. `status` stays: it closes at exec. */
static void close_others(const Spec *spec)
{
	unsigned from = 3;
	for (size_t i = 0; i <= spec->fd_count; i++) {
		unsigned next = i < spec->fd_count ? (unsigned)spec->fds[i] : UINT_MAX;
		unsigned status = (unsigned)status_fd;
		if (from <= status && status < next) {
			if (from < status && syscall(SYS_close_range, from, status - 1, 0) < 0)
				fail("cannot close descriptors");
			from = status + 1;
		}
		if (from < next && syscall(SYS_close_range, from, next == UINT_MAX ? next : next - 1, 0) < 0)
			fail("cannot close descriptors");
		from = next + 1;
	}
}

void cage_enter(const Spec *spec, int go, int status)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin", home[] = "HOME=/tmp", temporary[] = "TMPDIR=/tmp",
		    locale[] = "LC_ALL=C.UTF-8";
	static char *const environment[] = {path, home, temporary, locale, NULL};
	char byte;
	int namespaces = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | (spec->network_host ? 0 : CLONE_NEWNET);

	status_fd = status;
	const char *refused = group_join_tasks(spec);
	if (refused)
		fail("cannot join the control group by '%s'", refused);
	umask(022); /* for what is made in the view; the program gets a stricter one */
	if (unshare(namespaces) < 0)
		fail("cannot make namespaces");
	make_view(spec);
	set_limits(spec);
	umask(077);
	drop_privileges(spec);
	/* An end of the pipe without a byte: the parent has died or given up. */
	if (read(go, &byte, 1) != 1)
		_exit(CAGE_FAILED);
	close_others(spec);
	if (spec->filter_length) {
		struct sock_fprog filter = {(unsigned short)spec->filter_length, spec->filter};
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0)
			fail("cannot set the seccomp filter");
	}
	execve(spec->program, spec->argv, environment);
	fail("cannot execute '%s'", spec->program);
}
