/* What this node's QEMU and CPU can do: asked of the real programs, cached for the boot (RUNDIR/qemu.json). */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "qemu/qmp.h"

typedef struct QemuHost {
	char *program;           /* absolute path of qemu-system-x86_64 */
	char *version;           /* "7.2.15" */
	char *newest_machine;    /* "pc-q35-7.2": what "q35" stands for */
	char **machines;         /* q35 machine types, newest first */
	char **cpu_models;
	char **drivers;          /* of qemu_optional_drivers (peripherals.h) those that it has */
	gboolean kvm;            /* the probe ran guest code under KVM */
	char *acceleration_reason; /* what was seen, for people */
} QemuHost;
void qemu_host_free(QemuHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QemuHost, qemu_host_free)

/* Asks QEMU (-M none over QMP) and runs the acceleration probe: a few instructions of 64-bit guest code under KVM,
 * with a deadline of 3 s; never decided by the device's presence. The cache is valid for the same boot and the same
 * QEMU binary (path, size, mtime). probe_rom: path of the probe's firmware image. Blocks. */
QemuHost *qemu_host_probe(const char *run_dir, const char *probe_rom, GError **error);
/* Asks a QEMU without a machine, which is started and ended for that. Blocks. */
typedef gboolean (*QemuQuestions)(Qmp *qmp, gpointer data, GError **error);
gboolean qemu_host_ask(const char *program, gboolean kvm, QemuQuestions questions, gpointer data, GError **error);
gboolean qemu_host_has_machine(const QemuHost *host, const char *machine);
/* Whether the first of two machine versions ("pc-q35-7.2") came before the other. */
gboolean qemu_machine_is_older(const char *machine, const char *other);
