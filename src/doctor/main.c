/* yado-doctor: looks at the host and prints what it finds as JSON, or makes a support bundle. Started by yadod for the API,
 * and by the command when yadod does not answer: a program of its own, so that what hangs or fails in it harms neither.
 *
 *   yado-doctor [--state DIR] [--run DIR] [--daemon PID] [--only A,B] [--no-measure]
 *   yado-doctor --bundle …      the bundle (tar.gz) on standard output
 *   yado-doctor --root DIR …    another host, recorded as a directory tree */
#include <glib.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "doctor/bundle.h"
#include "doctor/check.h"
#include "doctor/measure.h"

typedef struct Options {
	char *root, *state, *run, *only, *measure, *measure_speed;
	int daemon;
	gboolean bundle, no_measure, version;
} Options;

static gboolean parse(int *argc, char ***argv, Options *options, GError **error)
{
	GOptionEntry entries[] = {
		{"state", 0, 0, G_OPTION_ARG_FILENAME, &options->state, "State directory (default: as RUN says)", "DIR"},
		{"run", 0, 0, G_OPTION_ARG_FILENAME, &options->run, "Run directory (default /run/yado)", "DIR"},
		{"daemon", 0, 0, G_OPTION_ARG_INT, &options->daemon, "Process of the yadod that asks", "PID"},
		{"only", 0, 0, G_OPTION_ARG_STRING, &options->only, "Only these checks", "A,B"},
		{"no-measure", 0, 0, G_OPTION_ARG_NONE, &options->no_measure, "Do not try how quick disks are", NULL},
		{"bundle", 0, 0, G_OPTION_ARG_NONE, &options->bundle, "Write a support bundle", NULL},
		{"root", 0, 0, G_OPTION_ARG_FILENAME, &options->root, "A recorded host", "DIR"},
		{"measure", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &options->measure, "", "DIR"},
		{"measure-speed", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &options->measure_speed, "", "DIR"},
		{"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version", NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- looks at a host of Yado");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, argc, argv, error))
		return FALSE;
	if (*argc > 1)
		error_set(error, ERROR_INVALID, NULL, "unexpected argument '%s'", (*argv)[1]);
	return *argc == 1;
}

/* Which state directory belongs to the run directory: as yadod has written there (guest/run/run-directory.c). */
static char *find_state(const char *run)
{
	g_autofree char *path = g_build_filename(run, "state", NULL);
	g_autofree char *text = NULL;
	if (!file_read(path, 65536, &text, NULL, NULL))
		return g_strdup("/var/lib/yado");
	json_auto json_object *claim = json_parse(text, strlen(g_strchomp(text)), NULL);
	return g_strdup(json_get_str(claim, "state", "/var/lib/yado"));
}

/* {"unknown","known"} for a check that there is not, which is no failure of this program's. */
static json_object *refuse(const char *id)
{
	g_autoptr(GString) known = g_string_new("there are:");
	json_object *refusal = json_object_new_object();
	for (const Check *const *table = check_tables; *table; table++)
		for (const Check *check = *table; check->id; check++)
			g_string_append_printf(known, "%s %s", known->str[known->len - 1] == ':' ? "" : ",", check->id);
	json_set_str(refusal, "unknown", id);
	json_set_str(refusal, "known", known->str);
	return refusal;
}

static int print_checks(const Host *host, const char *only)
{
	g_auto(GStrv) ids = only ? g_strsplit(only, ",", -1) : NULL;
	char **id = ids;
	while (id && *id && check_find(*id))
		id++;
	json_object *result = id && *id ? refuse(*id) : checks_run(host, (const char *const *)ids);
	printf("%s\n", json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN));
	return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	Options options = {0};
	struct rlimit no_core = {0};
	g_autoptr(GError) error = NULL;
	setlocale(LC_ALL, "C.UTF-8");
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_CORE, &no_core); /* it would hold what was read */
	if (!parse(&argc, &argv, &options, &error)) {
		fprintf(stderr, "yado-doctor: %s\n", error->message);
		return 2;
	}
	if (options.version) {
		printf("yado-doctor %s\n", YADO_VERSION);
		return 0;
	}
	if (options.measure || options.measure_speed)
		return measure_main(options.measure ? options.measure : options.measure_speed, options.measure_speed != NULL);
	g_autofree char *run = g_strdup(options.run ? options.run : "/run/yado");
	g_autofree char *state = options.state ? g_strdup(options.state) : find_state(run);
	Host host = {
		.root = options.root ? options.root : "",
		.state = state,
		.run = run,
		.recorded = options.root != NULL,
		.daemon = options.daemon,
		.measure = !options.no_measure,
	};
	int status = options.bundle ? bundle_write(&host, STDOUT_FILENO) : print_checks(&host, options.only);
	/* Not exit(): threads that hang must not be waited for, nor what they use taken away. */
	_exit(status);
}
