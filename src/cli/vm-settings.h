/* What is set of a guest beyond what is printed of each. */
#pragma once
#include "cli/output.h"
#include "schema/schema.h"

/* Prints a section of them, if there are any. */
void vm_settings_print(json_object *vm);
/* "  limit_iops=500" for each limit that a disk or network card has. */
void vm_settings_add_limits(GString *line, json_object *entry, const Table *table);
