/* /nodes/{}/doctor and /nodes/{}/support-bundle: what yado-doctor finds. It is a program of its own, so that what hangs or
 * fails in it does not do so here; one answer serves all who ask while it is being found. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/bulk.h"
#include "api/route.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"

enum { LOOK_MS = 28000, BUNDLE_MS = 55000, REAP_MS = 1000, MESSAGE_MAX = 400 };

static gboolean check_node(Call *call, GError **error)
{
	if (g_str_equal(call->args[0], "self") || g_str_equal(call->args[0], call->services->node))
		return TRUE;
	error_set(error, ERROR_NOT_FOUND, "'yado node list' shows what there is", "there is no node '%s'", call->args[0]);
	return FALSE;
}

/* What every run is told. */
typedef struct Program {
	char *path, *pid;
} Program;

static gboolean program_find(Program *program, GError **error)
{
	program->path = process_find_program("yado-doctor", error);
	program->pid = g_strdup_printf("%d", (int)getpid());
	return program->path != NULL;
}

static void program_clear(Program *program)
{
	g_free(program->path);
	g_free(program->pid);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Program, program_clear)

static gboolean check_only(Call *call, json_object *result, GError **error)
{
	const char *unknown = json_get_str(result, "unknown", NULL);
	if (!unknown)
		return TRUE;
	error_set_field(error, ERROR_INVALID, "only", json_get_str(result, "known", NULL), "there is no check '%s' on node '%s'",
			unknown, call->services->node);
	return FALSE;
}

/* --- The doctor: one run at a time, for all who ask for the same --- */

typedef struct Look {
	guint refs;
	char *only;
	gboolean done;
	char *text; /* once it is done; NULL: `error` */
	GError *error;
} Look;

static GMutex lock; /* guards what follows and every Look */
static GCond changed;
static Look *present;

static void look_unref_locked(Look *look)
{
	if (--look->refs > 0)
		return;
	g_free(look->only);
	g_free(look->text);
	g_clear_error(&look->error);
	g_free(look);
}

static char *run_doctor(Call *call, const char *only, GError **error)
{
	g_auto(Program) program = {0};
	char *output = NULL;
	if (!program_find(&program, error))
		return NULL;
	const char *const argv[] = {program.path, "--run", call->services->run_dir, "--daemon", program.pid,
				    *only ? "--only" : NULL, only, NULL};
	return process_run(argv, LOOK_MS, &output, error) ? output : NULL;
}

/* Joins the run at work if it is for the same; begins one when none is. NULL past the request's deadline. New reference. */
static Look *look_get(Call *call, const char *only, gboolean *ret_mine)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	while (present && !g_str_equal(present->only, only))
		if (!g_cond_wait_until(&changed, &lock, call->request->deadline_us))
			return NULL;
	*ret_mine = !present;
	if (!present) {
		present = g_new0(Look, 1);
		present->refs = 1;
		present->only = g_strdup(only);
	}
	present->refs++;
	return present;
}

static void look_do(Call *call, Look *look)
{
	GError *error = NULL;
	char *text = run_doctor(call, look->only, &error);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	look->text = text;
	look->error = error;
	look->done = TRUE;
	present = NULL;
	look_unref_locked(look);
	g_cond_broadcast(&changed);
}

/* A copy of what was found; gives the reference back. */
static char *look_wait(Call *call, Look *look, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	while (!look->done && g_cond_wait_until(&changed, &lock, call->request->deadline_us))
		;
	char *text = g_strdup(look->text);
	if (look->error)
		g_propagate_error(error, g_error_copy(look->error));
	else if (!look->done)
		error_set(error, ERROR_TIMEOUT, "try again", "the doctor has not come to an end in time");
	look_unref_locked(look);
	return text;
}

static gboolean get_doctor(Call *call, GError **error)
{
	const char *only = call_query(call, "only");
	gboolean mine;
	if (!check_node(call, error))
		return FALSE;
	Look *look = look_get(call, only ? only : "", &mine);
	if (!look) {
		error_set(error, ERROR_TIMEOUT, "try again", "the doctor is still at work for somebody else");
		return FALSE;
	}
	if (mine)
		look_do(call, look);
	g_autofree char *text = look_wait(call, look, error);
	json_auto json_object *result = text ? json_parse(text, strlen(g_strchomp(text)), error) : NULL;
	if (!result || !check_only(call, result, error))
		return FALSE;
	json_set_str(result, "node", call->services->node);
	return answer_json(call, 200, json_object_get(result));
}

/* --- The support bundle --- */

/* It holds what is configured on the whole node: who gets it may see all of that. */
static gboolean check_rights(Call *call, GError **error)
{
	static const Privilege all[] = {PRIVILEGE_VM_READ, PRIVILEGE_IMAGE_READ, PRIVILEGE_STORAGE_READ, PRIVILEGE_HISTORY_READ};
	for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
		if (call->principal->kind == PRINCIPAL_ROOT || rights_allow(call->rights, all[i], "/", NULL))
			continue;
		error_set(error, ERROR_FORBIDDEN, "have an administrator make the bundle",
			  "a support bundle holds the whole configuration: it also needs '%s' on '/'", privileges[all[i]].name);
		return FALSE;
	}
	return TRUE;
}

/* Waits for the process's end, and ends it past the time. */
static gboolean wait_child(pid_t pid, GError **error)
{
	fd_auto int pidfd = process_open(pid, process_start_time(pid));
	gboolean in_time = pidfd < 0 || process_wait(pidfd, BUNDLE_MS);
	int status = 0;
	if (!in_time) {
		process_signal(pidfd, SIGKILL);
		process_wait(pidfd, REAP_MS);
	}
	while (waitpid(pid, &status, in_time ? 0 : WNOHANG) < 0 && errno == EINTR)
		;
	if (!in_time)
		error_set(error, ERROR_TIMEOUT, "run 'yado support-bundle' on the host itself, as root",
			  "the support bundle was not made within %d s", BUNDLE_MS / 1000);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		error_set(error, ERROR_FAILED, "the log of yadod says more", "yado-doctor ended before the support bundle was made");
	else
		return TRUE;
	return FALSE;
}

/* In memory: the disks may be full, and nothing is left behind. */
static int make_bundle(Call *call, GError **error)
{
	g_auto(Program) program = {0};
	if (!program_find(&program, error))
		return -1;
	fd_auto int file = memfd_create("support-bundle", MFD_CLOEXEC);
	if (file < 0) {
		error_set_errno(error, errno, "cannot make a file in memory");
		return -1;
	}
	const char *const argv[] = {program.path, "--bundle", "--run", call->services->run_dir, "--daemon", program.pid, NULL};
	const ProcessFd fds[] = {{file, STDOUT_FILENO}};
	pid_t pid;
	return process_spawn(argv, fds, G_N_ELEMENTS(fds), &pid, error) && wait_child(pid, error) ? fd_steal(&file) : -1;
}

static gboolean get_bundle(Call *call, GError **error)
{
	static gint making;
	struct stat info;
	if (!check_node(call, error) || !check_rights(call, error))
		return FALSE;
	if (!g_atomic_int_compare_and_exchange(&making, 0, 1)) {
		error_set(error, ERROR_TOO_MANY, "try again in a minute", "a support bundle is being made already");
		return FALSE;
	}
	fd_auto int file = make_bundle(call, error);
	g_atomic_int_set(&making, 0);
	if (file < 0)
		return FALSE;
	if (fstat(file, &info) < 0 || lseek(file, 0, SEEK_SET) < 0) {
		error_set_errno(error, errno, "cannot send the support bundle");
		return FALSE;
	}
	g_autofree char *path = g_strconcat("/nodes/", call->services->node, NULL);
	int socket = bulk_send(call, file, (guint64)info.st_size, PRIVILEGE_NODE_MANAGE, path, error);
	if (socket < 0)
		return FALSE;
	g_autofree char *disposition =
		g_strdup_printf("attachment; filename=\"yado-support-%s.tar.gz\"", call->services->node);
	answer_header(call, "content-type", "application/octet-stream");
	answer_header(call, "content-disposition", disposition);
	json_set_int(call->response->head, "content_length", (gint64)info.st_size);
	call->response->fds[call->response->fd_count++] = socket;
	call->response->status = 200;
	return TRUE;
}

const Route doctor_routes[] = {
	{"GET", "/nodes/{}/doctor", get_doctor, "what is wrong or missing on a node, what that costs, and how to get it",
	 PRIVILEGE_NODE_READ, SCOPE_NODE, .query = "only", .answer = ANSWER_DOCUMENT, .result = &doctor_table,
	 .summary_ja = "ノードの診断: 問題や不足、その影響と対処"},
	{"GET", "/nodes/{}/support-bundle", get_bundle, "what a report of a fault needs, without secrets (tar.gz)",
	 PRIVILEGE_NODE_MANAGE, SCOPE_NODE, .answer = ANSWER_BYTES, .audited = TRUE,
	 .summary_ja = "不具合報告用の情報（秘密は含まない。tar.gz）"},
	{NULL},
};
