/* Whether guest code really runs under an accelerator. */
#pragma once
#include <glib.h>

/* Runs the probe's firmware (probe.S) under accel "kvm" or "tcg"; TRUE if its 64-bit code ran to its end within the
 * deadline. *ret_reason says for people what was seen, in either case; caller frees. Blocks. */
gboolean qemu_acceleration_run(const char *program, const char *probe_rom, const char *accel, guint timeout_ms,
			       char **ret_reason);
/* The same for KVM, after a look at /dev/kvm, which gives a better reason where it is missing or closed. */
gboolean qemu_acceleration_probe_kvm(const char *program, const char *probe_rom, guint timeout_ms, char **ret_reason);
