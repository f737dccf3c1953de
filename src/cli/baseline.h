/* Commands of the group `node` about CPU features. */
#pragma once
#include "cli/command.h"

Exit cpu_features_exec(Cli *cli, Arguments *arguments);
Exit baseline_exec(Cli *cli, Arguments *arguments);
