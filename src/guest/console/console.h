/* The serial consoles, one a port: one connection to QEMU, a ring of the last 64 KiB, any number of readers, one
 * writer. */
#pragma once
#include "guest/vm.h"

/* Connects to the guest's serial sockets; TRUE also if the guest has no serial port. */
gboolean console_open(Vm *vm, GError **error);
/* Ends all clients and the connections. */
void console_close(Vm *vm);
/* A new client of a port (from 1): a stream socket (caller's to close or send away) that begins with the ring's
 * content. A writer is refused with ERROR_CONFLICT "in use by X" unless take_over, which makes the former writer a
 * reader. */
int console_attach(Vm *vm, guint port, const char *user, gboolean writer, gboolean take_over, GError **error);
char *console_dup_writer(Vm *vm, guint port); /* NULL if there is none */

/* A socket that speaks RFB with the guest's display; the caller's. */
int vnc_attach(Vm *vm, GError **error);
