/* Being in control groups before the program begins. */
#pragma once
#include <sys/types.h>

#include "spec.h"

/* fork(2) of a child that is in the version 2 group from its first instruction on; group NULL: that of its parent. */
pid_t group_fork(const char *group);
/* The calling process, which has one thread, moves itself into its groups of version 1. NULL, or the path of the first
 * one that cannot be joined, with errno. */
const char *group_join_tasks(const Spec *spec);
