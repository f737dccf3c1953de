/* Commands of `yado vm` about what a guest is handed. */
#pragma once
#include "cli/command.h"

extern const Option user_data_options[], guest_password_options[], answers_options[];
Exit vm_user_data_exec(Cli *cli, Arguments *arguments);
Exit vm_password_exec(Cli *cli, Arguments *arguments);
Exit vm_answers_exec(Cli *cli, Arguments *arguments);
Exit vm_handed_exec(Cli *cli, Arguments *arguments);
/* vm.c: says how many of the guest's changes wait for its next start, and which of its settings do nothing, besides
 * those of which that was so before (the guest as the API described it; NULL: all are told). */
void vm_tell_outcome(Cli *cli, const char *path, const char *id, json_object *before);
