/* The system call filter of guests and workers: what a program that only reads and writes descriptors never needs.
 *
 * It is a deny-list, as the programs behind it (QEMU's block layer, curl's many libraries) use too much of the rest to
 * be listed safely. "kill" is for what no honest program in a cage calls; "refuse" (EPERM) for what libraries try and
 * do without. The uid without capabilities already refuses most of this; the filter takes the kernel's code behind
 * these calls out of reach, where most of its privilege bugs were. */
#include "sandbox/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

/* Changing what the machine is: modules, kexec, reboot, swap, clocks, quotas, accounting, host names, port access. */
static const char *const machine[] = {
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"swapon",
	"swapoff",
	"settimeofday",
	"clock_settime",
	"clock_adjtime",
	"adjtimex",
	"quotactl",
	"quotactl_fd",
	"acct",
	"sethostname",
	"setdomainname",
	"iopl",
	"ioperm",
	"syslog",
	"vhangup",
	"lookup_dcookie",
	"nfsservctl",
};

/* Leaving or changing the view: mounts, roots, namespaces, files by handle. */
static const char *const view[] = {
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"setns",
	"unshare",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"move_mount",
	"open_tree",
	"mount_setattr",
	"name_to_handle_at",
	"open_by_handle_at",
};

/* Looking into or steering other processes, and the kernel's programmable parts. */
static const char *const others[] = {
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"kcmp",
	"pidfd_getfd",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"fanotify_init",
	"move_pages",
	"migrate_pages",
};

/* Keys and io_uring: libraries ask for them and go on without. */
static const char *const optional[] = {
	"keyctl",
	"add_key",
	"request_key",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"personality",
	"setuid",
	"setgid",
	"setreuid",
	"setregid",
	"setresuid",
	"setresgid",
	"setfsuid",
	"setfsgid",
	"setgroups",
	"mknod",
	"mknodat",
};

/* Choosing NUMA nodes for one's own memory. */
static const char *const placing[] = {
	"mbind",
	"set_mempolicy",
	"set_mempolicy_home_node",
};

static const struct {
	const char *const *names;
	gsize count;
	guint32 action;
} calls[] = {
	{machine, G_N_ELEMENTS(machine), SCMP_ACT_KILL_PROCESS},
	{view, G_N_ELEMENTS(view), SCMP_ACT_KILL_PROCESS},
	{others, G_N_ELEMENTS(others), SCMP_ACT_KILL_PROCESS},
	{optional, G_N_ELEMENTS(optional), SCMP_ACT_ERRNO(EPERM)},
	{placing, G_N_ELEMENTS(placing), SCMP_ACT_ERRNO(EPERM)},
};

/* What a program does that serves files (virtiofsd): it becomes who has asked, and changes its root when it begins. */
static gboolean serves(const char *call)
{
	static const char *const needed[] = {"chroot", "unshare", "setresuid", "setresgid", "setgroups", "mknod", "mknodat", NULL};
	return g_strv_contains(needed, call);
}

/* No file that runs with the rights of its owner or group: root of a guest would leave one for a user of the host. */
static int add_no_set_id(scmp_filter_ctx filter)
{
	static const struct {
		int call;
		guint mode; /* which argument */
		int flags;  /* which argument says O_CREAT; -1: there is none */
	} makers[] = {
		{SCMP_SYS(chmod), 1, -1},  {SCMP_SYS(fchmod), 1, -1}, {SCMP_SYS(fchmodat), 2, -1}, {452 /* fchmodat2 */, 2, -1},
		{SCMP_SYS(mkdir), 1, -1},  {SCMP_SYS(mkdirat), 2, -1}, {SCMP_SYS(mknod), 1, -1},   {SCMP_SYS(mknodat), 2, -1},
		{SCMP_SYS(creat), 1, -1},  {SCMP_SYS(open), 2, 1},     {SCMP_SYS(openat), 3, 2},
	};
	static const unsigned bits[] = {S_ISUID, S_ISGID};
	int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0);
	for (guint i = 0; i < G_N_ELEMENTS(makers); i++)
		for (guint j = 0; j < G_N_ELEMENTS(bits) && result == 0; j++) {
			struct scmp_arg_cmp conditions[] = {
				SCMP_CMP(makers[i].mode, SCMP_CMP_MASKED_EQ, bits[j], bits[j]),
				SCMP_CMP((guint)makers[i].flags, SCMP_CMP_MASKED_EQ, O_CREAT, O_CREAT)};
			result = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), makers[i].call,
							makers[i].flags < 0 ? 1 : 2, conditions);
		}
	return result;
}

static int add_families(scmp_filter_ctx filter, SeccompKind kind)
{
	guint32 refuse = SCMP_ACT_ERRNO(EAFNOSUPPORT);
	if (kind != SECCOMP_GUEST && kind != SECCOMP_GUEST_PLACED)
		return seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
	int result = seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_NETLINK));
	for (guint family = 0; family < AF_NETLINK && result == 0; family++)
		if (family != AF_UNIX)
			result = seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, family));
	return result != 0 ? result
			   : seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
					      SCMP_A2(SCMP_CMP_NE, NETLINK_KOBJECT_UEVENT));
}

/* A worker's network namespace is empty, yet packet, netlink and other families are kernel code of their own; only Unix
 * sockets are of use. clone() may make threads and processes but no namespace; clone3() hides its flags in memory,
 * where a filter cannot look, and C libraries fall back to clone() on ENOSYS. */
static int add_conditions(scmp_filter_ctx filter, SeccompKind kind)
{
	int result = add_families(filter, kind);
	if (kind == SECCOMP_SHARE && result == 0)
		result = add_no_set_id(filter);
	static const unsigned long namespaces[] = {
		CLONE_NEWNS,
		CLONE_NEWCGROUP,
		CLONE_NEWUTS,
		CLONE_NEWIPC,
		CLONE_NEWUSER,
		CLONE_NEWPID,
		CLONE_NEWNET,
	};
	for (guint i = 0; i < G_N_ELEMENTS(namespaces) && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	/* What may call unshare() at all uses it for its threads' own working directories. */
	for (guint i = 0; i < G_N_ELEMENTS(namespaces) && kind == SECCOMP_SHARE && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(unshare), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	return result != 0 ? result : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int add_rules(scmp_filter_ctx filter, SeccompKind kind)
{
	for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
		if (kind == SECCOMP_GUEST_PLACED && calls[i].names == placing)
			continue;
		for (gsize j = 0; j < calls[i].count; j++) {
			if (kind == SECCOMP_SHARE && serves(calls[i].names[j]))
				continue;
			int number = seccomp_syscall_resolve_name(calls[i].names[j]);
			/* An old libseccomp does not know the newest calls. */
			if (number == __NR_SCMP_ERROR)
				continue;
			/* virtiofsd tries whether it could have userfaultfd(), and goes on without. */
			gboolean tried = kind == SECCOMP_SHARE && g_str_equal(calls[i].names[j], "userfaultfd");
			int result = seccomp_rule_add(filter, tried ? SCMP_ACT_ERRNO(EPERM) : calls[i].action, number, 0);
			if (result != 0)
				return result;
		}
	}
	return add_conditions(filter, kind);
}

gboolean seccomp_filter(SeccompKind kind, GBytes **ret_bpf, GError **error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	fd_auto int fd = memfd_create("seccomp", MFD_CLOEXEC);
	int result = !filter  ? -ENOMEM
		     : fd < 0 ? -errno
			      : seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (result == 0)
		result = add_rules(filter, kind);
	if (result == 0)
		result = seccomp_export_bpf(filter, fd);
	if (filter)
		seccomp_release(filter);
	guint8 data[65536];
	ssize_t length = result == 0 ? pread(fd, data, sizeof data, 0) : -1;
	if (length <= 0) {
		error_set_errno(error, result ? -result : EIO, "cannot make the system call filter");
		return FALSE;
	}
	*ret_bpf = g_bytes_new(data, (gsize)length);
	return TRUE;
}
