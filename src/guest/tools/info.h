/* What a guest says of itself. */
#pragma once
#include "guest/vm.h"

/* As guest_info_table; what the agent does not say is null. New reference. */
json_object *tools_info(Vm *vm, GError **error);
/* Array of guest_filesystem_table; new reference. */
json_object *tools_filesystems(Vm *vm, GError **error);
/* The same of answers: guest-get-fsinfo's, the hardware's document, and query-pci's (may be NULL). Pure. */
json_object *tools_read_filesystems(json_object *fsinfo, json_object *hardware, json_object *pci);
/* The tools whose commands guest-info does not name or does not enable: array of names. Pure. */
json_object *tools_disabled(json_object *guest_info);
