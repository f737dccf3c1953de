/* yado vm renew-identity. */
#pragma once
#include "cli/command.h"

extern const Option renew_options[];
Exit renew_identity_exec(Cli *cli, Arguments *arguments);
