/* What the parts of the command line (command.c, machine.c) share. */
#pragma once
#include "qemu/command.h"

void command_add(QemuCommand *command, const char *option, const char *value /* NULL: it has none */);
void command_addf(QemuCommand *command, const char *option, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* In QEMU's comma lists a doubled comma stands for itself. */
char *command_dup_escaped(const char *value);

/* --- machine.c --- */
gboolean command_add_machine(QemuCommand *command, json_object *vm, gboolean kvm, GError **error);
