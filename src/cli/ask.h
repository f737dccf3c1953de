/* Asking the daemon: one call that connects, sends, and on failure prints the error and gives the exit code. */
#pragma once
#include "cli/command.h"
#include "cli/messages/shared.h"

enum { ASK_TIMEOUT_MS = 30000 };

/* The reply, or NULL after printing; *ret_exit is then the exit code. `body` is borrowed and may be NULL. Adds ?plan=1
 * and if-match where they were asked for. `path` is below /api/v1 ("/vms/100"). */
Reply *ask(Cli *cli, const char *method, const char *path, json_object *body, Exit *ret_exit);
/* As ask(), with descriptors lent and without printing: error is the caller's. */
Reply *ask_quietly(Cli *cli, const char *method, const char *path, json_object *body, const int *fds, guint fd_count,
		   GError **error);
/* Connects if that was not done. */
Client *ask_client(Cli *cli, GError **error);
/* What stands there, for a view of its own; new reference. NULL: *ret_exit says how it went (as JSON it is printed). */
json_object *ask_to_show(Cli *cli, const char *path, Exit *ret_exit);
/* All items of a list, page after page, as {"items":[…]}; new reference, NULL after printing. */
json_object *ask_list(Cli *cli, const char *path, Exit *ret_exit);
/* "/vms/" + the escaped id + suffix; caller frees. */
char *ask_path(const char *prefix, const char *id, const char *suffix);
/* The path of a list with a filter of docs/api.md (NULL or empty: none), and the option by which people give one;
 * caller frees. */
char *ask_filtered(const char *path, const char *filter);
#define OPTION_FILTER {"filter", 0, "TERMS", NULL, COMPLETE_NOTHING, TEXT(m_opt_filter)}
/* The command that runs: errors name its flags. */
void ask_for(const Command *command);
/* The flag that gives that field of the API ("cpu.cores"); caller frees. NULL if none does. */
char *flag_of_field(const char *path);
/* Prints "yado: message (--flag)" and "  → hint"; the exit code that fits. */
Exit report(const GError *error);

/* The usual end of a change: prints the plan, follows the task, or prints what came back. `table` describes the
 * fields (may be NULL), `done` is said when no task was needed (may be NULL). Takes over the reply. */
Exit finish(Cli *cli, Reply *reply, const Table *table, const char *done);
