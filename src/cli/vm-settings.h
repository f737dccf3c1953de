/* What is set of a guest beyond what is printed of each. */
#pragma once
#include "cli/output.h"
#include "schema/schema.h"

/* Prints a section of them, if there are any. */
void vm_settings_print(json_object *vm);
/* "  limit_iops=500" for each limit that a disk or network card has. */
void vm_settings_add_limits(GString *line, json_object *entry, const Table *table);
/* A line for each setting of the guest (as the API describes it) that does nothing, behind `mark`; without those that
 * `before`, the same guest earlier (NULL: leave none out), had as well. */
void vm_settings_print_no_effect(json_object *vm, json_object *before, const char *mark);
