/* Following a task to its end. */
#pragma once
#include "cli/command.h"

/* Shows the task's progress until it has ended (a line redrawn on a terminal; elsewhere its steps with --verbose) and
 * its outcome. Ctrl-C leaves the task running. *ret_task (may be NULL) gets the ended task, a new reference. */
Exit progress_follow(Cli *cli, gint64 task, json_object **ret_task);
/* The exit code and, unless --quiet, the line that tells how an ended task ended. */
Exit progress_outcome(Cli *cli, json_object *task);
gboolean progress_has_ended(json_object *task);
