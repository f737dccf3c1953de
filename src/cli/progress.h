/* Following a task to its end. */
#pragma once
#include "cli/command.h"

/* Shows the task's progress until it has ended (a line redrawn on a terminal; elsewhere, with --verbose, its log) and
 * its outcome. Ctrl-C leaves the task running. *ret_task (may be NULL) gets the ended task, a new reference. */
Exit progress_follow(Cli *cli, gint64 task, json_object **ret_task);
/* The exit code and, unless --quiet, the line that tells how an ended task ended. */
Exit progress_outcome(Cli *cli, json_object *task);
gboolean progress_has_ended(json_object *task);
/* A task's log ("/tasks/7/log") from line *next on, page by page, the last of them empty; *next is then the line after
 * the last. FALSE after printing why. */
gboolean progress_read_log(Cli *cli, const char *path, gint64 *next, void (*take)(json_object *page, gpointer data),
			   gpointer data, Exit *ret_exit);
