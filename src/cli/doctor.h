/* Doing without a daemon that does not answer on this host. */
#pragma once
#include "cli/command.h"

/* Whether anybody answers: one that hangs is found out before it is asked for what takes its time. */
gboolean doctor_reaches(Cli *cli, GError **error);
/* Whether the error is that of a daemon of this host which does not answer; says so, and gives its run directory, which
 * the caller frees. */
gboolean doctor_stands_in(Cli *cli, const GError *error, char **ret_run);
/* Where yado-doctor is; NULL with the error, also for who is not root. Caller frees. */
char *doctor_program(GError **error);
