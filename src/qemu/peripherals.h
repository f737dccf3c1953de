/* Devices that a guest has at most one of, or that have a fixed place: graphics, watchdog, sound, random numbers,
 * vsock, serial ports. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

#include "qemu/command.h"

enum { QEMU_SERIAL_PORTS = 4 };

/* A device of the fixed layout, "driver" at an address of pcie.0. */
json_object *qemu_fixed_device(const char *driver, const char *id, const char *addr);
/* The arguments of -device; NULL: the guest has none. */
json_object *qemu_display_device(json_object *vm);
json_object *qemu_watchdog_device(json_object *vm);
json_object *qemu_rng_device(json_object *vm);
json_object *qemu_vsock_device(json_object *vm, int fd);
json_object *qemu_serial_device(guint port); /* from 1 */
json_object *qemu_sound_device(json_object *vm);
json_object *qemu_sound_codec(json_object *vm); /* what hangs on an HDA controller */
guint qemu_serial_count(json_object *vm);
/* The chardev and the socket of a serial port, from 1: "serial", "serial2"…; caller frees. */
char *qemu_serial_name(guint port);
/* What QEMU calls the watchdog's action. */
const char *qemu_watchdog_action(json_object *vm);
/* ERROR_INVALID where fields do not fit together. */
gboolean qemu_check_peripherals(json_object *vm, GError **error);
/* Whether these drivers (of QemuHost) have all that the document asks for; the error lists what there is instead. */
gboolean qemu_check_drivers(json_object *vm, const char *const *drivers, GError **error);
/* Drivers that a QEMU may lack (packages split them off, builds leave them out), NULL-terminated. */
extern const char *const qemu_optional_drivers[];
