/* The acceleration probe.
 *
 * That /dev/kvm opens says little: there are hosts (nested ones most of all) where KVM makes a VM in which guest code
 * never gets anywhere, or where QEMU aborts. So the probe runs a guest: a 64 KiB firmware that goes to long mode,
 * computes, writes a word to the debug console and resets, which with -no-reboot ends QEMU. It takes the model "host",
 * as guests do. */
#include "qemu/acceleration.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"

static const char expected[] = "long-mode\n";

/* The first line of what QEMU said, without its own name; else how it ended. */
static char *dup_cause(const char *message)
{
	static const char *const openings[] = {"qemu-system-x86_64: ", "error: "};
	for (guint i = 0; i < G_N_ELEMENTS(openings); i++) {
		const char *found = strstr(message, openings[i]);
		if (found)
			message = found + strlen(openings[i]);
	}
	return g_strndup(message, strcspn(message, "\r\n"));
}

gboolean qemu_acceleration_run(const char *program, const char *probe_rom, const char *accel, guint timeout_ms,
			       char **ret_reason)
{
	gboolean kvm = g_str_equal(accel, "kvm");
	const char *name = kvm ? "KVM" : "TCG";
	const char *const argv[] = {
		program, "-nodefaults", "-no-user-config", "-machine", "q35", "-accel", accel,
		"-cpu", kvm ? "host" : "max", "-m", "16", "-display", "none", "-no-reboot", "-bios", probe_rom,
		"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
		"-chardev", "stdio,id=out,signal=off", "-device", "isa-debugcon,iobase=0xe9,chardev=out", NULL};
	g_autofree char *output = NULL;
	g_autoptr(GError) error = NULL;
	gint64 started = g_get_monotonic_time();

	if (!process_run(argv, timeout_ms, &output, &error)) {
		g_autofree char *cause = dup_cause(error->message);
		*ret_reason = error->code == ERROR_TIMEOUT
				      ? g_strdup_printf("%s opens, but guest code did not run to its end within %u s",
							name, timeout_ms / 1000)
				      : g_strdup_printf("QEMU cannot run a guest under %s: %s", name, cause);
		return FALSE;
	}
	if (!g_str_equal(output, expected)) {
		*ret_reason =
			g_strdup_printf("%s opens, but guest code went wrong before it reached 64-bit mode", name);
		return FALSE;
	}
	*ret_reason = g_strdup_printf("64-bit guest code ran under %s in %" G_GINT64_FORMAT " ms", name,
				      (g_get_monotonic_time() - started) / 1000);
	return TRUE;
}

gboolean qemu_acceleration_probe_kvm(const char *program, const char *probe_rom, guint timeout_ms, char **ret_reason)
{
	fd_auto int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		*ret_reason = g_strdup("/dev/kvm does not exist (virtualization is off in the firmware, not offered by "
				       "the machine that this one runs on, or the modules kvm_intel or kvm_amd are not "
				       "loaded)");
		return FALSE;
	}
	if (fd < 0) {
		*ret_reason = g_strdup_printf("/dev/kvm cannot be opened: %s", g_strerror(errno));
		return FALSE;
	}
	return qemu_acceleration_run(program, probe_rom, "kvm", timeout_ms, ret_reason);
}
