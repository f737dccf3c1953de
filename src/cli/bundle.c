/* yado support-bundle: what a report of a fault needs, in a file of the caller's. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "base/units.h"
#include "cli/ask.h"
#include "cli/doctor.h"
#include "cli/download.h"
#include "cli/messages/doctor.h"
#include "cli/messages/files.h"

enum { BUNDLE_MS = 90000, FILE_MODE = 0600 };

const Option bundle_options[] = {
	{"force", 'f', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_force)},
	{"node", 0, "NODE", NULL, COMPLETE_NODE, TEXT(m_opt_doctor_node)},
	{0}};

/* Lets yado-doctor write into the file. */
static gboolean make_here(int file, const char *part, gpointer run, GError **error)
{
	g_autofree char *program = doctor_program(error);
	const char *const argv[] = {program, "--bundle", "--run", run, NULL};
	const ProcessFd fds[] = {{file, STDOUT_FILENO}};
	pid_t pid;
	int status = 0;
	(void)part;
	if (!program || !process_spawn(argv, fds, G_N_ELEMENTS(fds), &pid, error))
		return FALSE;
	fd_auto int pidfd = process_open(pid, process_start_time(pid));
	gboolean in_time = pidfd < 0 || process_wait(pidfd, BUNDLE_MS);
	if (!in_time)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, in_time ? 0 : WNOHANG) < 0 && errno == EINTR)
		;
	if (in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return TRUE;
	error_set(error, in_time ? ERROR_FAILED : ERROR_TIMEOUT, NULL, "%s", T(m_doctor_failed));
	return FALSE;
}

static char *usual_name(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *time = g_date_time_format(now, "%Y%m%d-%H%M%S");
	return g_strdup_printf("yado-support-%s.tar.gz", time);
}

static gboolean save(Cli *cli, const Arguments *arguments, const char *path, GError **error)
{
	g_autofree char *from = ask_path("/nodes/", arguments_get(arguments, "node", "self"), "/support-bundle");
	g_autofree char *full = g_strconcat("/api/v1", from, NULL), *run = NULL;
	g_autoptr(GError) failure = NULL;
	g_autoptr(Reply) reply = NULL;
	if (doctor_reaches(cli, &failure))
		reply = client_request(cli->client, "GET", full, NULL, NULL, NULL, 0, BUNDLE_MS, &failure);
	if (reply)
		return download_save(cli, path, reply, path, FILE_MODE, error);
	if (doctor_stands_in(cli, failure, &run))
		return download_write(path, FILE_MODE, make_here, run, error);
	g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}

Exit bundle_exec(Cli *cli, Arguments *arguments)
{
	g_autofree char *usual = usual_name();
	const char *given = arguments_word(arguments, 0), *path = given ? given : usual;
	g_autoptr(GError) error = NULL;
	struct stat info;
	if (lstat(path, &info) == 0 && !arguments_has(arguments, "force"))
		return usage_error(T(m_file_exists_hint), T(m_file_exists), path);
	if (!save(cli, arguments, path, &error))
		return report(error);
	g_autofree char *size = units_format_size(stat(path, &info) == 0 ? (guint64)info.st_size : 0);
	if (!cli->quiet)
		fprintf(stderr, T(m_bundle_made), path, size);
	return EXIT_DONE;
}
