/* What a command is: an entry in a const table, found by its words, run with its parsed arguments.
 *
 * Each group of commands has one file with one `const Command NAME_commands[]`. main.c finds the entry by the words
 * of the command line, arguments.c takes the options out, help.c and completion.c read the same entries. */
#pragma once
#include <glib.h>
#include <stdio.h>

#include "base/client.h"
#include "cli/text.h"
#include "schema/flags.h"

/* Exit codes, as `yado help exit-codes` and docs/command.md describe them. */
typedef enum Exit {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,
	EXIT_USAGE = 2,
	EXIT_MISSING = 3,
	EXIT_CONFLICT = 4,
	EXIT_UNREACHABLE = 5,
	EXIT_TASK_FAILED = 6,
	EXIT_TIMED_OUT = 7,
	EXIT_INTERRUPTED = 130,
} Exit;

/* What stands in a place of the command line, for completion. */
typedef enum Complete {
	COMPLETE_NOTHING,
	COMPLETE_VM,
	COMPLETE_IMAGE,
	COMPLETE_STORAGE,
	COMPLETE_MAPPING,
	COMPLETE_TASK,
	COMPLETE_NODE,
	COMPLETE_REVISION,
	COMPLETE_FILE,
	COMPLETE_RECIPE,
	COMPLETE_PRESET,
	COMPLETE_REMOTE,
	COMPLETE_USER,
	COMPLETE_ROLE,
	COMPLETE_TOKEN,
	COMPLETE_SESSION,
	COMPLETE_HELP, /* names of groups and topics */
} Complete;

typedef struct Option {
	const char *name;          /* without dashes; the last entry's is NULL */
	char letter;               /* 0: none */
	const char *value;         /* what the help calls its value ("FILE"); NULL: takes none */
	const char *const *values; /* the only values allowed; may be NULL */
	Complete complete;
	Text help;
} Option;

typedef struct Command Command;
typedef struct Resource Resource;

typedef struct Arguments {
	const Command *command;
	GPtrArray *words;    /* positional, owned strings */
	GHashTable *options; /* name -> value, "" for those that take none */
	GPtrArray *flags;    /* the table's flags as they were written, owned strings */
} Arguments;

/* The whole call: global options and the connection, made when it is first needed. */
typedef struct Cli {
	const char *socket, *remote, *token, *token_file, *fingerprint; /* as given; NULL: not given */
	char *csrf;      /* signed in with a password; NULL: by token or socket */
	gboolean silent; /* asks nothing: for completion */
	gboolean json, plan, no_wait, quiet, verbose, yes;
	const char *if_rev; /* NULL: not given */
	const char *idempotency_key; /* of the first POST; NULL: not given */
	guint posts;                 /* sent so far */
	char **fields;      /* columns chosen; NULL: the usual ones */
	Client *client;
} Cli;

struct Command {
	const char *name;  /* NULL ends the table */
	const char *alias; /* may be NULL */
	const char *usage; /* positional arguments, "ID…" */
	Text help;
	guint min_words, max_words;
	Complete complete;     /* of the first word, and of the following ones if there may be more than two */
	const Option *options; /* may be NULL */
	const Resource *resource; /* of the shared functions of resource.c */
	const Table *table;    /* its flags are the command's; may be NULL */
	FlagsMode mode;
	gboolean named;   /* the first word is the document's name: no --name */
	gboolean changes; /* takes --plan, --no-wait, --if-rev */
	Exit (*exec)(Cli *cli, Arguments *arguments);
	/* more help, which only the daemon knows; silent if that cannot be asked. May be NULL */
	void (*explain)(Cli *cli);
};

typedef struct Group {
	const char *name; /* "" is that of commands without a group; NULL ends the table */
	Text help;
	const Command *commands;
} Group;

extern const Group groups[];
extern const Option global_options[], change_options[], console_options[], vnc_options[], shutdown_options[],
	firmware_setup_options[], upgrade_hardware_options[], stats_options[], doctor_options[], bundle_options[];
extern const Option exec_options[], get_file_options[], put_file_options[], agent_password_options[], freeze_options[];
extern const Command vm_commands[], image_commands[], preset_commands[], storage_commands[], mapping_commands[],
	task_commands[], node_commands[], history_commands[], user_commands[], role_commands[], token_commands[],
	session_commands[], access_commands[], audit_commands[], remote_commands[], top_commands[];
/* Commands that stand in more than one table. */
Exit console_exec(Cli *cli, Arguments *arguments);
Exit vnc_exec(Cli *cli, Arguments *arguments);
Exit vm_power_exec(Cli *cli, Arguments *arguments);
Exit vm_question_exec(Cli *cli, Arguments *arguments);
Exit vm_answer_exec(Cli *cli, Arguments *arguments);
Exit vm_firmware_setup_exec(Cli *cli, Arguments *arguments);
Exit vm_upgrade_hardware_exec(Cli *cli, Arguments *arguments);
Exit vm_show_exec(Cli *cli, Arguments *arguments);
Exit vm_stats_exec(Cli *cli, Arguments *arguments);
Exit devices_exec(Cli *cli, Arguments *arguments);
/* vm-exec.c, vm-file.c, vm-guest.c */
Exit vm_exec_exec(Cli *cli, Arguments *arguments);
Exit vm_get_file_exec(Cli *cli, Arguments *arguments);
Exit vm_put_file_exec(Cli *cli, Arguments *arguments);
Exit vm_guest_info_exec(Cli *cli, Arguments *arguments);
Exit vm_filesystems_exec(Cli *cli, Arguments *arguments);
Exit vm_set_password_exec(Cli *cli, Arguments *arguments);
Exit vm_sync_time_exec(Cli *cli, Arguments *arguments);
Exit vm_guest_task_exec(Cli *cli, Arguments *arguments);
Exit whoami_exec(Cli *cli, Arguments *arguments);
Exit doctor_exec(Cli *cli, Arguments *arguments);
Exit bundle_exec(Cli *cli, Arguments *arguments);
Exit events_exec(Cli *cli, Arguments *arguments);
Exit help_exec(Cli *cli, Arguments *arguments);
Exit version_exec(Cli *cli, Arguments *arguments);
Exit completion_exec(Cli *cli, Arguments *arguments);
Exit complete_exec(Cli *cli, Arguments *arguments);
Exit manual_exec(Cli *cli, Arguments *arguments);
Exit catalogue_exec(Cli *cli, Arguments *arguments);

/* --- arguments.c --- */
/* Splits what follows the command's own words; NULL after printing what is wrong. */
Arguments *arguments_parse(const Command *command, char *const *words);
void arguments_free(Arguments *arguments);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Arguments, arguments_free)
const char *arguments_word(const Arguments *arguments, guint index); /* NULL past the end */
gboolean arguments_has(const Arguments *arguments, const char *option);
const char *arguments_get(const Arguments *arguments, const char *option, const char *fallback);
/* A number within bounds; FALSE after printing what is wrong. Untouched when the option was not given. */
gboolean arguments_number(const Arguments *arguments, const char *option, gint64 min, gint64 max, gint64 *inout_value);
/* The document or merge patch that the table's flags make; NULL after printing what is wrong. New reference. */
json_object *arguments_document(const Arguments *arguments, json_object *current);
const Option *option_find(const Option *options, const char *name, gsize length);
const Option *option_find_letter(const Option *options, char letter);

/* --- help.c --- */
typedef struct ExitHelp {
	Exit code;
	Text help;
} ExitHelp;
extern const ExitHelp exit_helps[]; /* the last entry's text is NULL */
/* "-o, --output FORMAT"; caller frees. */
char *option_label(const Option *option);
/* What it is for and, in parentheses, the values it takes; caller frees. */
char *option_help(const Option *option);
void help_print_command(const char *group, const Command *command);
void help_print_group(const Group *group, gboolean as_error);
void help_print_all(gboolean as_error);
const Group *group_find(const char *name);
const Command *command_find(const Group *group, const char *name);
/* The group that holds the command's entry. */
const Group *command_group(const Command *command);

/* Prints "yado: …" and the way to the help, and is EXIT_USAGE. */
Exit usage_error(const char *hint, const char *format, ...) G_GNUC_PRINTF(2, 3);
